//! Backups and restores: beside other files, concurrent, interrupted and killed ones; and a cluster on a restored
//! folder.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Cluster, EXECUTABLE, Launched, Said, epoca, epoca_until_it_ends, until};

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).expect("it can be listed");
    let mut names: Vec<_> =
        files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A process, killed when this is dropped.
struct Running(Child);

impl Running {
    fn start(words: &[&str]) -> Running {
        let mut command = Command::new(EXECUTABLE);
        let command = command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Running(command.env_remove("EPOCA_CONNECT").spawn().expect("it starts"))
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id() as i32), signal).expect("the process exists");
    }

    fn wait(&mut self) -> Option<i32> {
        self.0.wait().expect("the process can be awaited").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_backup_leaves_every_file_beside_it_as_it_was() {
    let cluster = Cluster::start(&["--nodes", "1"]);
    cluster.json(0, &["put", "x", "1"]);
    let place = tempfile::tempdir().expect("a temporary folder");
    for other in ["n.partial", "n.1.partial", "n.tmp", ".n.1.partial"] {
        std::fs::write(place.path().join(other), "another file").expect("it can be written");
    }
    cluster.json(0, &["backup", text(&place.path().join("n.1"))]);
    assert_eq!(names(place.path()), [".n.1.partial", "n.1", "n.1.partial", "n.partial", "n.tmp"]);
    for other in ["n.partial", "n.1.partial", "n.tmp", ".n.1.partial"] {
        assert_eq!(std::fs::read(place.path().join(other)).expect("it exists"), b"another file", "{other}");
    }
}

#[test]
fn concurrent_backups_are_all_complete_and_those_of_one_name_do_not_overwrite_each_other() {
    let cluster = Cluster::start(&["--nodes", "1"]);
    let value = "v".repeat(60_000);
    (0..40).for_each(|number| _ = cluster.json(0, &["put", &format!("k{number}"), &value]));
    let (place, data) = (tempfile::tempdir().expect("a temporary folder"), cluster.data());
    let file = |name: &str| place.path().join(name);
    let start = |name: &str| Running::start(&["backup", text(&file(name)), "--data", text(&data)]);
    let mut running = [start("n.1"), start("n.2"), start("n.3"), start("same"), start("same")];
    let codes: Vec<_> = running.iter_mut().map(Running::wait).collect();
    assert_eq!(codes[..3], [Some(0); 3], "{codes:?}");
    // The first one to finish.
    assert!([[Some(0), Some(1)], [Some(1), Some(0)]].contains(&[codes[3], codes[4]]), "{codes:?}");
    assert_eq!(names(place.path()), ["n.1", "n.2", "n.3", "same"]);
    for name in names(place.path()) {
        assert!(cluster.text(0, &["inspect", text(&file(&name))]).contains("a complete backup"), "{name}");
    }
}

#[test]
fn a_backup_that_is_interrupted_leaves_nothing() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let cluster = Cluster::start(&["--nodes", "1", "--lab"]);
        cluster.json(0, &["put", "x", "1"]);
        let (place, data) = (tempfile::tempdir().expect("a temporary folder"), cluster.data());
        let address = &cluster.addresses()[0];
        // The server never responds, so the backup waits with its file created.
        cluster.text(0, &["fault", "pause", "1"]);
        let words = ["--node", "1", "--connect", address, "--timeout", "60", "--data", text(&data)];
        let mut running = Running::start(&[&["backup", text(&place.path().join("n.1"))], &words[..]].concat());
        let begun = std::cell::Cell::new(false);
        until("it has begun, or needs the node for that", || {
            begun.set(!names(place.path()).is_empty());
            begun.get() || running.0.try_wait().expect("the process can be polled").is_some() || {
                // It connects to the node before it creates the file.
                cluster.text(0, &["fault", "resume", "1"]);
                cluster.text(0, &["fault", "pause", "1"]);
                !names(place.path()).is_empty()
            }
        });
        running.signal(signal);
        running.wait();
        assert_eq!(names(place.path()).iter().filter(|name| name.contains("partial")).count(), 0, "{signal}");
        cluster.text(0, &["fault", "resume", "1"]);
    }
}

#[test]
fn a_restore_that_is_killed_leaves_no_folder_that_a_cluster_would_start_on() {
    let cluster = Cluster::start(&["--nodes", "1"]);
    let value = "v".repeat(60_000);
    (0..100).for_each(|number| _ = cluster.json(0, &["put", &format!("k{number}"), &value]));
    let place = tempfile::tempdir().expect("a temporary folder");
    let (file, data) = (place.path().join("all"), place.path().join("data"));
    cluster.json(0, &["backup", text(&file)]);
    let mut words = vec!["restore".to_owned(), text(&file).to_owned(), text(&data).to_owned()];
    for node in 1..=9 {
        words.extend(["--member".to_owned(), format!("{node}=127.0.0.1:{}", 7_000 + node)]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut killed = 0;
    for _ in 0..20 {
        let mut running = Running::start(&words);
        until("it has begun", || names(place.path()).len() > 1);
        running.signal(Signal::SIGKILL);
        running.wait();
        if data.exists() {
            // The command finished before the kill: the restored folder is complete.
            assert_eq!(names(&data).len(), 9);
            std::fs::remove_dir_all(&data).expect("it can be removed");
            continue;
        }
        killed += 1;
        let said = epoca_until_it_ends(["cluster", "--data", text(&data), "--base-port", "0"]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains("interrupted restore") && said.err.contains("data.restoring-"), "{said:?}");
        assert!(!data.exists(), "an empty cluster would be begun in it by the next start");
        let left = names(place.path()).into_iter().find(|name| name.starts_with("data.restoring-"));
        let left = place.path().join(left.expect("something is left"));
        let said = epoca_until_it_ends(["cluster", "--data", text(&left), "--base-port", "0"]);
        assert!(said.code == Some(1) && said.err.contains("interrupted restore"), "{said:?}");
    }
    assert!(killed > 0, "it was never killed half way");
    let said = epoca(&words);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!((names(place.path()), names(&data).len()), (vec!["all".to_owned(), "data".to_owned()], 9));
}

#[test]
fn a_restore_that_is_interrupted_leaves_nothing_of_its_own() {
    let cluster = Cluster::start(&["--nodes", "1"]);
    let value = "v".repeat(60_000);
    (0..100).for_each(|number| _ = cluster.json(0, &["put", &format!("k{number}"), &value]));
    let place = tempfile::tempdir().expect("a temporary folder");
    let (file, data) = (place.path().join("all"), place.path().join("data"));
    cluster.json(0, &["backup", text(&file)]);
    let mut running = Running::start(&["restore", text(&file), text(&data)]);
    until("it has begun", || names(place.path()).len() > 1);
    running.signal(Signal::SIGTERM);
    let code = running.wait();
    // If the command finished before the signal, the backup is complete.
    let expected: &[&str] = if code == Some(0) { &["all", "data"] } else { &["all"] };
    assert_eq!(names(place.path()), expected, "{code:?}");
}

#[test]
fn addresses_at_which_nodes_cannot_be_told_apart_or_reached_are_refused_by_restore() {
    let cluster = Cluster::start(&["--nodes", "1"]);
    cluster.json(0, &["put", "x", "1"]);
    let place = tempfile::tempdir().expect("a temporary folder");
    let (file, data) = (place.path().join("all"), place.path().join("data"));
    cluster.json(0, &["backup", text(&file)]);
    let members = ["--member", "1=127.0.0.1:7101", "--member", "2=127.0.0.1:7101"];
    let said = epoca([&["restore", text(&file), text(&data)], &members[..]].concat());
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("127.0.0.1:7101") && !data.exists(), "{said:?}");
    let said = epoca(["restore", text(&file), text(&data), "--member", "1=0.0.0.0:7101"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("every address of this machine") && !data.exists(), "{said:?}");
}

#[test]
fn a_restored_cluster_has_the_nodes_of_its_folder_and_no_other_number_of_them() {
    let cluster = Cluster::start(&["--nodes", "3"]);
    cluster.json(0, &["put", "x", "1"]);
    let place = tempfile::tempdir().expect("a temporary folder");
    let (file, data) = (place.path().join("all"), place.path().join("data"));
    cluster.json(0, &["backup", text(&file)]);
    let restored = epoca(["restore", text(&file), text(&data)]);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    for nodes in ["2", "4"] {
        let said: Said = epoca_until_it_ends(["cluster", "--data", text(&data), "--base-port", "0", "--nodes", nodes]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains("n1 n2 n3") && said.err.contains("--nodes"), "{said:?}");
    }
    let mut launched = Launched::start(&data, &["--base-port", "0"]);
    launched.wait_until_ready();
    let status = epoca(["status", "--data", text(&data), "--output", "json"]).json();
    assert_eq!(status.as_array().map(Vec::len), Some(3), "{status}");
    assert_eq!(epoca(["get", "x", "--data", text(&data), "--output", "json"]).json()["value"], "1");
    drop(launched);
    // Also after the cluster has run.
    let mut again = Launched::start(&data, &["--base-port", "0"]);
    again.wait_until_ready();
    let status = epoca(["status", "--data", text(&data), "--output", "json"]).json();
    assert_eq!(status.as_array().map(Vec::len), Some(3), "{status}");
}
