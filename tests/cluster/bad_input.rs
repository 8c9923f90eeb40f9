//! Invalid input of every kind: a clear error that names the remedy, the right exit code, and no lost data.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::support::{Cluster, Launched, epoca};

/// Returns the command's error as text and JSON; both must name the same cause.
#[track_caller]
fn refused(cluster: &Cluster, code: i32, words: &[&str]) -> (String, String) {
    let text = cluster.text(code, words);
    let said = cluster.epoca(&[words, &["--output", "json"]].concat());
    assert_eq!(said.code, Some(code), "{said:?}");
    let (name, message) = said.error();
    assert!(!message.is_empty() && !text.is_empty(), "{words:?} fails without a word");
    (name, text)
}

#[test]
fn keys_and_values_out_of_bounds_are_refused_and_nothing_is_lost() {
    let cluster = Cluster::start(&[]);
    cluster.json(0, &["put", "x", "1"]);
    for command in [&["put", "", "1"][..], &["get", ""], &["delete", ""]] {
        assert_eq!(refused(&cluster, 1, command).0, "empty_key");
    }
    let long = "k".repeat(4097);
    let (code, text) = refused(&cluster, 1, &["put", &long, "1"]);
    assert!(code == "key_too_large" && text.contains("4 KiB"), "{text}");
    cluster.json(0, &["put", &long[1..], "1"]);

    let file = cluster.data().join("too large");
    fs::write(&file, vec![0; (1 << 20) + 1]).unwrap();
    let (code, text) = refused(&cluster, 1, &["put", "x", "--file", file.to_str().unwrap()]);
    assert!(code == "value_too_large" && text.contains("1 MiB"), "{text}");
    let (code, text) = refused(&cluster, 1, &["put", "x", "--file", "/there/is/no/such/file"]);
    assert!(code == "unreadable" && text.contains("/there/is/no/such/file"), "{text}");
    assert_eq!(cluster.json(0, &["get", "x"])["value"], "1");
}

#[test]
fn nodes_that_do_not_exist_are_named_with_those_that_do() {
    let cluster = Cluster::start(&["--lab"]);
    let commands = [
        &["fault", "kill", "9"][..],
        &["fault", "cut", "1", "9"],
        &["fault", "hold", "9", "commit-order"],
        &["fault", "inject", "9", "x", "1"],
        &["get", "x", "--node", "9"],
        &["log", "--node", "n9"],
    ];
    for command in commands {
        let (code, text) = refused(&cluster, 1, command);
        assert!(code == "unknown_node" && text.contains("n9") && text.contains("n4"), "{command:?}: {text}");
    }
}

#[test]
fn what_the_grammar_does_not_know_is_a_usage_error() {
    let commands = [
        (&["pat", "x", "1"][..], "put"),
        (&["put", "x"], "<VALUE"),
        (&["fault", "cut", "1"], "<B>"),
        (&["fault", "kill", "three"], "3 or n3"),
        (&["fault", "hold", "1", "everything"], "commit-order"),
        (&["get", "x", "--consistency", "perhaps"], "linearizable"),
        (&["status", "--timeout", "soon"], "seconds"),
    ];
    for (command, expected) in commands {
        let said = epoca(command);
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains(expected), "{said:?}");
        let json = epoca([&["--output", "json"], command].concat());
        assert_eq!((json.code, json.error().0), (Some(2), "usage".to_owned()), "{json:?}");
    }
}

#[test]
fn a_console_without_a_terminal_names_the_command_without_one() {
    for (words, instead) in [(&[][..], "epoca cluster"), (&["demo"], "epoca cluster"), (&["console"], "epoca status")] {
        let folder = tempfile::tempdir().unwrap();
        let connect = ["--connect", "127.0.0.1:1", "--data", folder.path().to_str().unwrap()];
        let said = epoca([&connect, words].concat());
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains("terminal") && said.err.contains(instead), "{said:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "it started something");
    }
}

#[test]
fn an_unreachable_cluster_error_names_the_address_and_how_to_start_one() {
    let said = epoca(["--connect", "127.0.0.1:1", "put", "x", "1"]);
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.err.contains("127.0.0.1:1") && said.err.contains("epoca cluster"), "{said:?}");

    let folder = tempfile::tempdir().unwrap();
    let said = epoca(["--output", "json", "--data", folder.path().to_str().unwrap(), "status"]);
    assert_eq!((said.code, said.error().0), (Some(4), "no_cluster".to_owned()), "{said:?}");

    let said = epoca(["--connect", "no address", "status"]);
    assert!(said.code == Some(2) && said.err.contains("HOST:PORT"), "{said:?}");
}

#[test]
fn an_address_that_is_written_otherwise_is_a_usage_error_that_shows_the_right_form() {
    let node = ["node", "--id", "1", "--data", "/there/is/no/such/folder"];
    let listening = [&node[..], &["--listen", "127.0.0.1:0"]].concat();
    let with = |before: &[&'static str], option: &'static str| [before, &[option]].concat();
    // Each case ends with the option or position of the address.
    let places = [
        with(&["status"], "--connect"),
        with(&node, "--listen"),
        with(&listening, "--advertise"),
        with(&listening, "--join"),
    ];
    let forms =
        [("::1:7101", "[::1]:7101"), ("localhost", "localhost:7101"), ("http://localhost:7101", "localhost:7101")];
    for place in places {
        for (wrong, right) in forms {
            let said = epoca([&place[..], &[wrong]].concat());
            assert!(
                said.code == Some(2) && said.err.contains(&format!("write {right}")),
                "{place:?} {wrong}: {said:?}"
            );
        }
    }
    for place in [with(&listening, "--peer"), with(&["restore", "file", "folder"], "--member")] {
        for (wrong, right) in forms {
            let said = epoca([&place[..], &[&format!("2={wrong}")]].concat());
            assert!(
                said.code == Some(2) && said.err.contains(&format!("write {right}")),
                "{place:?} {wrong}: {said:?}"
            );
        }
    }
}

#[test]
fn a_folder_that_cannot_be_used_stops_the_launcher_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    fs::write(&file, "").unwrap();
    let below = file.join("data");
    let said = epoca(["cluster", "--data", below.to_str().unwrap()]);
    assert!(said.code == Some(1) && said.err.contains("a file/data") && said.err.contains("--data"), "{said:?}");
}

#[test]
fn a_node_on_the_folder_of_another_refuses() {
    let mut cluster = Cluster::start(&[]);
    cluster.launched.signal(nix::sys::signal::Signal::SIGTERM);
    cluster.launched.wait();
    let folder = cluster.data().join("n1");
    let said = epoca(["node", "--id", "2", "--listen", "127.0.0.1:0", "--data", folder.to_str().unwrap()]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("belongs to n1"), "{said:?}");
}

#[test]
fn fresh_deletes_nothing_that_is_not_ours() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("n1")).unwrap();
    fs::write(folder.path().join("n1/letters"), "mine").unwrap();
    let mut launched = Launched::start(folder.path(), &["--fresh", "--base-port", "0"]);
    assert_eq!(launched.wait(), Some(1));
    assert_eq!(fs::read_to_string(folder.path().join("n1/letters")).unwrap(), "mine");
}

#[test]
fn arguments_that_are_not_utf8_are_refused_without_a_panic() {
    let said = epoca([OsStr::new("status"), OsStr::from_bytes(b"\xff\xfe")]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("unexpected argument"), "{said:?}");
}
