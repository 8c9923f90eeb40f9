//! Data of an earlier version: a node of this version runs on its folder, and reads its backup, its recording and the
//! launcher's file.
//!
//! A folder beside this file holds what that version wrote, under its name:
//!
//! ```text
//! 0.1.0/data/n1/         n1 of three nodes, closed: a compacted log of several segments in which entries were
//!                        truncated, a snapshot, a final database with a value in pieces, the other two removed
//! 0.1.0/data/nodes.json  which nodes the launcher is to start
//! 0.1.0/backup           a backup of it
//! 0.1.0/recording.jsonl  a recording of its first writes
//! ```
//!
//! Once a version is released its folder stays as it is. The next one is made, before the release, with
//!
//! ```text
//! cargo test --test cluster make_the_data_of_this_version -- --ignored
//! ```
//!
//! which writes the folder of the version in `Cargo.toml`, in place of the one that is there. Add its name to
//! `EARLIER`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::damage::has;
use crate::members::{leadership, members, voters};
use crate::support::{Cluster, EXECUTABLE, Launched, epoca, until};

/// The versions with data here, oldest first.
const EARLIER: [&str; 1] = ["0.1.0"];

/// Longer than one row of the final database.
const LARGE: usize = 5_000;

fn folder_of(version: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/versions").join(version)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("it can be made");
    for entry in fs::read_dir(from).expect("it exists").flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(path, target).expect("it can be copied");
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

/// The last values that the generator below wrote under some of the keys, and the number of keys.
fn expected() -> (Vec<(String, String)>, usize) {
    let mut values: Vec<_> = (0..8).map(|key| (format!("k{key}"), (112 + key).to_string())).collect();
    values.extend([("b1", "1"), ("b2", "2"), ("c", "new"), ("last", "1")].map(|(k, v)| (k.to_owned(), v.to_owned())));
    values.push(("large".to_owned(), "v".repeat(LARGE)));
    let keys = values.len();
    (values, keys)
}

fn value_of(records: &Value, key: &str) -> Option<String> {
    let record = records.as_array()?.iter().find(|record| record["key"] == key)?;
    Some(record["value"].as_str()?.to_owned())
}

fn is_as_expected(records: &Value) {
    let (values, keys) = expected();
    assert_eq!(records.as_array().map(Vec::len), Some(keys), "{records}");
    for (key, value) in values {
        assert_eq!(value_of(records, &key), Some(value), "{key}");
    }
}

#[test]
fn a_node_runs_on_the_folder_of_an_earlier_version() {
    for version in EARLIER {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let data = scratch.path().join("data");
        copy(&folder_of(version).join("data"), &data);
        let inspected = epoca(["inspect", text(&data.join("n1")), "--output", "json"]);
        assert_eq!(inspected.code, Some(0), "{version}: {inspected:?}");
        let inspected = inspected.json();
        is_as_expected(&inspected["database"]);
        assert_eq!(inspected["applied"], inspected["committed"], "{version}");
        let first = inspected["log"][0]["position"].as_u64().expect("the log has entries");
        assert!(first > 1, "{version}: the log was compacted");

        let mut launched = Launched::start(&data, &["--base-port", "0"]);
        launched.wait_until_ready();
        let run = |words: &[&str]| epoca([words, &["--data", text(&data), "--output", "json"]].concat());
        is_as_expected(&run(&["list"]).json());
        assert_eq!(run(&["put", "next", "1"]).code, Some(0), "{version}");
        let status = run(&["status"]).json()[0].clone();
        assert_eq!(status["notes"], Value::Array(Vec::new()), "{version}: nothing was rebuilt or moved aside");
        assert!(status["applied"]["position"].as_u64() > inspected["applied"]["position"].as_u64(), "{version}");
    }
}

#[test]
fn the_backup_and_the_recording_of_an_earlier_version_are_read() {
    for version in EARLIER {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let (backup, data) = (folder_of(version).join("backup"), scratch.path().join("data"));
        let restored = epoca(["restore", text(&backup), text(&data), "--member", "1=127.0.0.1:1"]);
        assert_eq!(restored.code, Some(0), "{version}: {restored:?}");
        let mut launched = Launched::start(&data, &["--base-port", "0"]);
        launched.wait_until_ready();
        is_as_expected(&epoca(["list", "--data", text(&data), "--output", "json"]).json());
        let recording = folder_of(version).join("recording.jsonl");
        let checked = epoca(["replay", text(&recording), "--check", "--output", "json"]);
        assert_eq!(checked.code, Some(0), "{version}: {checked:?}");
        assert!(checked.json()["events"].as_u64() > Some(50), "{version}: {checked:?}");
    }
}

#[test]
#[ignore = "writes the data of this version into the sources"]
fn make_the_data_of_this_version() {
    let target = folder_of(env!("CARGO_PKG_VERSION"));
    if target.exists() {
        fs::remove_dir_all(&target).expect("it can be removed");
    }
    fs::create_dir_all(target.join("data/n1")).expect("it can be made");
    let snapshots = ["--snapshot-entries", "20", "--snapshot-margin", "30"];
    let cluster = Cluster::start(&[&["--lab", "--nodes", "3"], &snapshots[..]].concat());
    record_some_writes(&cluster, &target.join("recording.jsonl"));
    fill(&cluster);
    truncate_at_n1(&cluster);
    for node in ["2", "3"] {
        cluster.text(0, &["member", "remove", node]);
    }
    until("n1 is alone", || members(&cluster) == voters(&[1]));
    cluster.json(0, &["put", "last", "1"]);
    cluster.json(0, &["backup", text(&target.join("backup"))]);
    let data = cluster.end();
    copy(&data.path().join("n1"), &target.join("data/n1"));
    fs::remove_file(target.join("data/n1/lock")).expect("it was copied");
    fs::copy(data.path().join("nodes.json"), target.join("data/nodes.json")).expect("it can be copied");
}

fn record_some_writes(cluster: &Cluster, file: &Path) {
    let mut command = Command::new(EXECUTABLE);
    command.args(["record", text(file), "--seconds", "1", "--data"]).arg(cluster.data());
    let mut recorder = command.env_remove("EPOCA_CONNECT").stdout(Stdio::null()).spawn().expect("it starts");
    for number in 0..3 {
        cluster.json(0, &["put", "k0", &number.to_string()]);
    }
    assert!(recorder.wait().expect("the process can be awaited").success());
}

/// Writes of every kind, enough of them for several snapshots.
fn fill(cluster: &Cluster) {
    cluster.json(0, &["put", "large", &"v".repeat(LARGE)]);
    cluster.json(0, &["put", "gone", "1"]);
    cluster.json(0, &["delete", "gone"]);
    cluster.json(0, &["batch", "put b1 1", "put b2 2"]);
    cluster.json(0, &["put", "c", "old"]);
    cluster.json(0, &["cas", "c", "--expect", "old", "new"]);
    for number in 0..120 {
        cluster.json(0, &["put", &format!("k{}", number % 8), &number.to_string()]);
    }
    until("the first file of n1's log was dropped", || cluster.data().join("n1/log/base").is_file());
}

/// n1 replicates from n2, gets forged entries, and truncates them; then it leads.
fn truncate_at_n1(cluster: &Cluster) {
    let lead = |node: &str| {
        until("it leads", || {
            cluster.epoca(&["leader", "transfer", node]);
            leadership(cluster).0 == node.parse::<u64>().expect("a number")
        });
    };
    lead("2");
    cluster.json(0, &["fault", "inject", "1", "k0", "666"]);
    cluster.json(0, &["put", "k0", "112"]);
    until("n1 has the true value", || has(cluster, 1, "k0", "112"));
    lead("1");
}
