//! The output and exit codes of commands on a healthy cluster.

use serde_json::json;

use crate::support::{Cluster, epoca, epoca_with_input, until};

#[test]
fn a_cluster_says_who_its_nodes_are_and_when_it_is_ready() {
    let cluster = Cluster::start(&[]);
    let said = &cluster.launched.said;
    assert_eq!(said.len(), 5, "{said:?}");
    for (line, node) in said.iter().zip(cluster.status()) {
        let id = node["id"].as_u64().unwrap();
        let wanted = format!("n{id}  {}  pid {}  ", node["address"].as_str().unwrap(), node["pid"]);
        assert!(line.starts_with(&wanted) && line.ends_with(&format!("/n{id}")), "{line:?} is not {wanted:?}");
    }
    assert_eq!(said[4], "ready: n1 leads, epoch 1");
}

#[test]
fn writes_and_reads_say_where_the_data_stands() {
    let cluster = Cluster::start(&[]);
    assert_eq!(cluster.json(0, &["put", "x", "1"]), json!({"epoch": 1, "offset": 1, "position": 2}));
    assert_eq!(cluster.json(0, &["put", "y", ""]), json!({"epoch": 1, "offset": 2, "position": 3}));
    let x = json!({"found": true, "value": "1", "epoch": 1, "offset": 1, "revision": 1});
    assert_eq!(cluster.json(0, &["get", "x"]), x);
    assert_eq!(cluster.json(0, &["get", "x", "--node", "n3"]), x);
    assert_eq!(cluster.json(0, &["get", "y"])["value"], "");
    let absent = json!({"found": false, "value": null, "epoch": null, "offset": null, "revision": null});
    assert_eq!(cluster.json(1, &["get", "z"]), absent);
    let listed = json!([
        {"key": "x", "value": "1", "epoch": 1, "offset": 1, "revision": 1},
        {"key": "y", "value": "", "epoch": 1, "offset": 2, "revision": 2},
    ]);
    assert_eq!(cluster.json(0, &["list"]), listed);
    assert_eq!(cluster.json(0, &["list", "y"]).as_array().map(Vec::len), Some(1));
    assert_eq!(cluster.json(0, &["list", "--limit", "1"]).as_array().map(Vec::len), Some(1));
    assert_eq!(cluster.json(0, &["delete", "x"]), json!({"epoch": 1, "offset": 3, "position": 4}));
    assert_eq!(cluster.json(0, &["delete", "was never there"])["offset"], 4);
    assert_eq!(cluster.json(1, &["get", "x"])["found"], false);
}

#[test]
fn people_get_the_value_alone_on_standard_output() {
    let cluster = Cluster::start(&[]);
    assert_eq!(cluster.epoca(&["put", "x", "1"]).out, "confirmed e1·o1 (position 2)\n");
    let got = cluster.epoca(&["get", "x"]);
    assert_eq!((&got.out[..], &got.err[..]), ("1\n", "e1·o1, revision 1\n"));
    let absent = cluster.epoca(&["get", "y"]);
    assert_eq!((absent.code, &absent.out[..], &absent.err[..]), (Some(1), "", "epoca: not found: y\n"));
}

#[test]
fn values_are_bytes_from_arguments_files_and_standard_input() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStrExt;

    let cluster = Cluster::start(&[]);
    let data = cluster.data().into_os_string();
    let with_data = |words: &[&OsStr]| -> Vec<OsString> {
        let words = words.iter().map(|word| word.to_os_string());
        words.chain([OsString::from("--data"), data.clone()]).collect()
    };
    let put = with_data(&["put".as_ref(), OsStr::from_bytes(b"k\xff"), OsStr::from_bytes(b"v\x00\xfe".split_at(1).0)]);
    assert_eq!(epoca(put).code, Some(0));
    let listed = cluster.json(0, &["list"]);
    assert_eq!(listed[0]["key_base64"], "a/8=", "{listed}");

    let piped = epoca_with_input(with_data(&["put".as_ref(), "piped".as_ref(), "-".as_ref()]), b"\x00\xff");
    assert_eq!(piped.code, Some(0), "{piped:?}");
    assert_eq!(cluster.json(0, &["get", "piped"])["value_base64"], "AP8=");
    assert_eq!(cluster.epoca(&["get", "piped"]).out, "\\u{0}\\xff\n");

    let file = cluster.data().join("a value");
    let largest = vec![b'v'; 1 << 20];
    std::fs::write(&file, &largest).unwrap();
    cluster.json(0, &["put", "filed", "--file", file.to_str().unwrap()]);
    assert_eq!(cluster.json(0, &["get", "filed"])["value"].as_str().map(str::len), Some(largest.len()));
}

#[test]
fn a_long_list_is_read_page_by_page() {
    let cluster = Cluster::start(&[]);
    let large = "v".repeat(100_000);
    for number in 0..60 {
        cluster.json(0, &["put", &format!("{number:02}"), &large]);
    }
    let listed = cluster.json(0, &["list"]);
    let keys: Vec<&str> = listed.as_array().unwrap().iter().map(|record| record["key"].as_str().unwrap()).collect();
    let wanted: Vec<String> = (0..60).map(|number| format!("{number:02}")).collect();
    assert_eq!(keys, wanted);
}

#[test]
fn a_list_is_complete_unless_limited_and_then_reports_it() {
    let cluster = Cluster::start(&[]);
    let data = cluster.data().into_os_string().into_string().unwrap();
    for numbers in [0..500, 500..1_000, 1_000..1_500] {
        let lines: String = numbers.map(|number| format!("put k{number:04} {number}\n")).collect();
        let said = epoca_with_input(["batch", "--data", &data], lines.as_bytes());
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    let all = cluster.epoca(&["list", "--output", "json"]);
    let keys: Vec<String> = all.json().as_array().unwrap().iter().map(|record| record["key"].to_string()).collect();
    assert_eq!((keys.len(), all.code, &all.err[..]), (1_500, Some(0), ""));
    assert!(keys.is_sorted());
    let table = cluster.epoca(&["list"]);
    assert_eq!((table.out.lines().count(), &table.err[..]), (1_501, ""));
    assert_eq!(table.out.lines().filter(|line| line.starts_with("key")).count(), 1, "one head");
    for format in ["json", "text"] {
        let some = cluster.epoca(&["list", "k1", "--limit", "5", "--output", format]);
        assert_eq!(some.code, Some(0));
        assert!(some.err.contains("the first 5") && some.err.contains("--limit"), "{some:?}");
    }
    assert_eq!(cluster.json(0, &["list", "k1", "--limit", "5"]).as_array().map(Vec::len), Some(5));
    assert_eq!(cluster.epoca(&["list", "nothing"]).err, "no records\n");
}

#[test]
fn a_log_shows_its_end_and_says_what_is_left_out() {
    let cluster = Cluster::start(&[]);
    let mut last = 0;
    until("there are more than two hundred entries", || {
        cluster.json(0, &["bench", "--seconds", "1", "--clients", "8", "--value-bytes", "1"]);
        last = cluster.status()[0]["last"]["position"].as_u64().unwrap();
        last > 200
    });
    let positions = |words: &[&str]| {
        let said = cluster.epoca(&[&["log", "--node", "1", "--output", "json"], words].concat());
        assert_eq!(said.code, Some(0), "{said:?}");
        let entries = said.json().as_array().unwrap().clone();
        let positions: Vec<u64> = entries.iter().map(|entry| entry["position"].as_u64().unwrap()).collect();
        (positions, said.err)
    };
    let (shown, err) = positions(&[]);
    assert_eq!(shown, (last - 99..=last).collect::<Vec<_>>());
    assert!(err.contains(&format!("entries 1 to {} are left out", last - 100)) && err.contains("--all"), "{err}");
    let (shown, err) = positions(&["--limit", "2"]);
    assert!(shown == [last - 1, last] && err.contains("left out"), "{shown:?} {err}");
    let (shown, err) = positions(&["--from", "5", "--limit", "3"]);
    assert!(shown == [5, 6, 7] && err.contains("--from 8"), "{shown:?} {err}");
    let (shown, err) = positions(&["--from", &(last - 1).to_string()]);
    assert_eq!((shown, &err[..]), (vec![last - 1, last], ""));
    let (shown, err) = positions(&["--all"]);
    assert_eq!((shown, &err[..]), ((1..=last).collect::<Vec<_>>(), ""));
    let text = cluster.epoca(&["log", "--node", "1", "--limit", "2"]);
    assert!(text.out.lines().count() == 3 && text.err.contains("left out"), "{text:?}");
}

#[test]
fn a_value_comes_back_byte_for_byte() {
    use std::process::Command;

    let cluster = Cluster::start(&[]);
    let (data, file) = (cluster.data(), cluster.data().join("a value"));
    let value: Vec<u8> = (0..=255).cycle().take(70_000).chain(*b"\n\n").collect();
    std::fs::write(&file, &value).unwrap();
    cluster.json(0, &["put", "k", "--file", file.to_str().unwrap()]);
    let mut raw = Command::new(crate::support::EXECUTABLE);
    let raw = raw.args(["get", "k", "--raw", "--data"]).arg(&data).output().unwrap();
    assert!(raw.status.success() && raw.stdout == value && raw.stderr.is_empty(), "{:?}", raw.stderr);

    let copy = data.join("a copy");
    let copy_name = copy.to_str().unwrap();
    std::fs::write(&copy, "what was there before").unwrap();
    let absent = cluster.json(1, &["get", "absent", "--file", copy_name]);
    assert_eq!((&absent["found"], std::fs::read(&copy).unwrap()), (&json!(false), b"what was there before".to_vec()));
    let saved = cluster.json(0, &["get", "k", "--file", copy_name]);
    assert_eq!((&saved["found"], &saved["bytes"]), (&json!(true), &json!(value.len())));
    assert_eq!(std::fs::read(&copy).unwrap(), value);
    let beyond = data.join("no folder").join("f");
    assert!(cluster.text(1, &["get", "k", "--file", beyond.to_str().unwrap()]).contains("no folder/f"));
    let both = cluster.epoca(&["get", "k", "--raw", "--output", "json"]);
    assert_eq!((both.code, both.error().0), (Some(2), "usage".to_owned()));
    let absent = cluster.epoca(&["get", "absent", "--raw"]);
    assert_eq!((absent.code, &absent.out[..]), (Some(1), ""));
}

#[test]
fn what_is_typed_beats_the_environment() {
    use std::process::Command;

    let cluster = Cluster::start(&["--lab"]);
    let data = cluster.data().into_os_string().into_string().unwrap();
    let addresses = cluster.addresses().join(",");
    let elsewhere = tempfile::tempdir().unwrap();
    let with = |variable: &str, words: &[&str]| {
        let mut command = Command::new(crate::support::EXECUTABLE);
        let command = command.args(words).env("EPOCA_CONNECT", variable).current_dir(elsewhere.path());
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    assert_eq!(with("127.0.0.1:1", &["put", "x", "1", "--data", &data]).0, Some(0));
    assert_eq!(with("127.0.0.1:1", &["--connect", &addresses, "get", "x"]).1, "1\n");
    assert_eq!(with(&addresses, &["get", "x"]).1, "1\n");
    let (code, _, err) = with(&addresses, &["get", "x", "--data", "there-is-none"]);
    assert!(code == Some(4) && err.contains("there-is-none"), "{err}");
    let (code, _, err) = with("::1:7101", &["get", "x"]);
    assert!(code == Some(2) && err.contains("EPOCA_CONNECT") && err.contains("[::1]:7101"), "{err}");
    let (code, ..) = with("::1:7101", &["get", "x", "--data", &data]);
    assert_eq!(code, Some(0), "it counts for nothing then");

    // A scenario writes and injects faults, so it refuses a cluster that only the environment names.
    let before = cluster.json(0, &["status"])[0]["last"].clone();
    let (code, out, err) = with(&addresses, &["scenario", "run", "normal"]);
    assert!(code == Some(0) && err.contains("EPOCA_CONNECT is not used"), "{out} {err}");
    assert_eq!(cluster.json(0, &["status"])[0]["last"], before);
}

#[test]
fn status_shows_every_node_and_its_log() {
    let cluster = Cluster::start(&[]);
    cluster.json(0, &["put", "x", "1"]);
    let nodes = cluster.status();
    let leader = &nodes[0];
    let keys: Vec<&String> = leader.as_object().unwrap().keys().collect();
    let wanted = [
        "address",
        "applied",
        "committed",
        "disks_lost",
        "epoch",
        "feature_level",
        "feature_level_max",
        "id",
        "last",
        "leader",
        "member",
        "notes",
        "pid",
        "purged",
        "reachable",
        "role",
        "snapshot",
    ];
    assert_eq!(keys, wanted);
    assert_eq!((&leader["role"], &leader["epoch"], &leader["leader"]), (&json!("leader"), &json!(1), &json!(1)));
    assert_eq!(leader["committed"], json!({"epoch": 1, "offset": 1, "position": 2}));
    assert!(nodes[1..].iter().all(|node| node["role"] == "replica" && node["leader"] == 1), "{nodes:?}");
}

#[test]
fn the_log_is_shown_with_values_only_in_a_lab() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.json(0, &["put", "x", "1"]);
    let entry = &cluster.json(0, &["log", "--node", "1", "--from", "2"])[0];
    let digest = entry["digest"].as_str().unwrap_or_default();
    assert!(digest.len() == 32 && digest.bytes().all(|digit| digit.is_ascii_hexdigit()), "{entry}");
    let mut entry = entry.clone();
    entry.as_object_mut().unwrap().remove("digest");
    let wanted = json!({
        "epoch": 1, "offset": 1, "position": 2, "state": "committed", "kind": "command", "key": "x", "value": "1",
    });
    assert_eq!(entry, wanted);

    let cluster = cluster.start_again(&[]);
    let entry = &cluster.json(0, &["log", "--node", "1", "--from", "2", "--limit", "1"])[0];
    assert_eq!((&entry["key"], &entry["value"]), (&json!(null), &json!(null)));
}

#[test]
fn inspect_shows_both_kinds_of_data_of_a_node_that_runs_and_of_one_that_does_not() {
    let cluster = Cluster::start(&[]);
    cluster.json(0, &["put", "x", "1"]);
    let folder = cluster.data().join("n1");
    let inspect = ["inspect", folder.to_str().unwrap()];
    let running = cluster.json(0, &inspect);
    assert_eq!((&running["node"], &running["running"]), (&json!(1), &json!(true)));
    assert_eq!(running["log"][1]["key"], "x");

    let cluster = cluster.start_again(&[]);
    cluster.launched.signal(nix::sys::signal::Signal::SIGTERM);
    let mut cluster = cluster;
    cluster.launched.wait();
    let ended = cluster.json(0, &inspect);
    assert_eq!(ended["running"], false);
    let entry = &ended["log"][1];
    assert_eq!((&entry["epoch"], &entry["offset"], &entry["value"]), (&json!(1), &json!(1), &json!("1")));
    let record = &ended["database"][0];
    assert_eq!((&record["key"], &record["epoch"], &record["offset"]), (&json!("x"), &json!(1), &json!(1)));
    assert_eq!((&ended["log_has_more"], &ended["database_has_more"]), (&json!(false), &json!(false)));
    let cut = cluster.epoca(&[&inspect[..], &["--limit", "1", "--output", "json"]].concat());
    assert_eq!((&cut.json()["log_has_more"], &cut.json()["log"].as_array().map(Vec::len)), (&json!(true), &Some(1)));
    assert!(cut.err.contains("there are more entries: --from 2"), "{cut:?}");
}

#[test]
fn bench_counts_operations_latencies_and_cpu() {
    let cluster = Cluster::start(&[]);
    for op in ["put", "get"] {
        let found = cluster.json(0, &["bench", "--op", op, "--clients", "4", "--seconds", "1", "--value-bytes", "16"]);
        assert!(found["operations"].as_u64() > Some(0), "{found}");
        assert_eq!(found["errors"], 0, "{found}");
        for name in ["operations_per_second", "p50_us", "p90_us", "p99_us", "p999_us", "cpu_us_per_operation"] {
            assert!(found[name].as_f64() > Some(0.0), "{name}: {found}");
        }
    }
}

#[test]
fn completions_and_man_pages_name_the_commands() {
    for words in [&["completions", "bash"][..], &["man"], &["man", "put"]] {
        let said = epoca(words);
        assert!(said.code == Some(0) && said.out.contains("put"), "{said:?}");
    }
}

#[test]
fn completions_end_in_order_when_their_pipe_is_not_read() {
    use std::process::{Command, Stdio};

    let mut child = Command::new(crate::support::EXECUTABLE);
    let mut child = child.args(["completions", "fish"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let said = child.wait_with_output().unwrap();
    assert!(said.status.success() && said.stderr.is_empty(), "{said:?}");
}
