//! What commands say and how they end, on a healthy cluster.

use serde_json::json;

use crate::support::{Cluster, epoca, epoca_with_input};

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
fn completions_end_in_order_when_nobody_reads_them() {
    use std::process::{Command, Stdio};

    let mut child = Command::new(crate::support::EXECUTABLE);
    let mut child = child.args(["completions", "fish"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let said = child.wait_with_output().unwrap();
    assert!(said.status.success() && said.stderr.is_empty(), "{said:?}");
}
