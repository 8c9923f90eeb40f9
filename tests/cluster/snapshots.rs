//! Snapshots on real processes with small limits: a replica that lacks compacted entries, crashes, disk use.

use std::path::{Path, PathBuf};

use epoca::client::{Client, Options};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::{Cluster, Launched, epoca, patient, until};

/// A snapshot every 40 entries, and a log that keeps 5 before it.
const SMALL: [&str; 4] = ["--snapshot-entries", "40", "--snapshot-margin", "5"];

/// Writes `count` times over ten keys, several writes at once.
fn write(cluster: &Cluster, prefix: &'static str, count: u64, value_bytes: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let addresses = cluster.addresses();
    runtime.block_on(async {
        let options = Options { timeout: patient(), ..Options::default() };
        let client = Client::connect(&addresses, options).await.expect("it answers");
        let put = |number: u64| {
            let client = client.clone();
            async move {
                let value = format!("{number:value_bytes$}");
                client.put(format!("{prefix}-{}", number % 10).into(), value.into()).await.expect("it is written");
            }
        };
        for begin in (0..count).step_by(20) {
            let writes: JoinSet<()> = (begin..count.min(begin + 20)).map(put).collect();
            writes.join_all().await;
        }
    });
}

fn position(node: &Value, what: &str) -> u64 {
    node[what]["position"].as_u64().unwrap_or(0)
}

fn caught_up(cluster: &Cluster) -> bool {
    let nodes = cluster.status();
    let last = nodes.iter().map(|node| position(node, "committed")).max();
    nodes.iter().all(|node| Some(position(node, "applied")) == last)
}

/// The values that a node returns from its own final database for ten reads.
fn records(cluster: &Cluster, prefix: &str, node: &str) -> Vec<Value> {
    let get = |number: u64| {
        let key = format!("{prefix}-{number}");
        cluster.json(0, &["get", &key, "--node", node, "--consistency", "local"])
    };
    (0..10).map(get).collect()
}

fn folder_of(cluster: &Cluster, node: u64) -> PathBuf {
    cluster.data().join(format!("n{node}"))
}

fn bytes_of(folder: &Path) -> u64 {
    let Ok(files) = std::fs::read_dir(folder) else { return 0 };
    files.map(|file| file.expect("it can be listed").metadata().map_or(0, |file| file.len())).sum()
}

#[test]
fn a_replica_that_was_off_during_many_writes_comes_back_through_a_snapshot() {
    let cluster = Cluster::start(&SMALL);
    write(&cluster, "before", 10, 1);
    cluster.text(0, &["fault", "kill", "4"]);
    write(&cluster, "while", 120, 1);
    until("the leader's log begins after the replica's end", || position(&cluster.status()[0], "purged") > 20);
    cluster.text(0, &["fault", "restart", "4"]);
    until("every node has caught up", || caught_up(&cluster));
    let node = &cluster.status()[3];
    assert!(position(node, "purged") > 20, "it got a snapshot: {node}");
    assert_eq!(records(&cluster, "while", "4"), records(&cluster, "while", "1"));
    write(&cluster, "after", 3, 1);
    until("every node has caught up", || caught_up(&cluster));
    // The installed snapshot survives a restart.
    cluster.text(0, &["fault", "kill", "4"]);
    cluster.text(0, &["fault", "restart", "4"]);
    until("every node has caught up", || caught_up(&cluster));
    assert_eq!(records(&cluster, "while", "4"), records(&cluster, "while", "1"));
}

#[test]
fn a_log_that_was_cut_is_shown_from_where_it_begins() {
    let cluster = Cluster::start(&SMALL);
    write(&cluster, "x", 100, 1);
    until("the log was cut", || position(&cluster.status()[0], "purged") > 20);
    let log = cluster.json(0, &["log", "--node", "1"]);
    assert!(log[0]["position"].as_u64() > Some(20), "{}", log[0]);
    let said = cluster.text(0, &["status"]);
    assert!(said.contains("n1: the log begins after e1·o"), "{said}");
}

#[test]
fn a_node_killed_again_and_again_while_it_takes_and_installs_snapshots_loses_nothing() {
    let cluster = Cluster::start(&SMALL);
    for round in 0..6 {
        let victim = if round % 2 == 0 { "4" } else { "3" };
        cluster.text(0, &["fault", "kill", victim]);
        write(&cluster, "round", 60, 1);
        cluster.text(0, &["fault", "restart", victim]);
        // The kill may interrupt the recovery of the node or the leader's transfer to it.
        cluster.text(0, &["fault", "kill", victim]);
        cluster.text(0, &["fault", "restart", victim]);
    }
    until("every node has caught up", || caught_up(&cluster));
    for node in ["2", "3", "4"] {
        assert_eq!(records(&cluster, "round", node), records(&cluster, "round", "1"), "n{node}");
    }
}

/// The number of bytes of an incomplete snapshot that the node has received.
fn received(cluster: &Cluster, node: u64) -> u64 {
    let Ok(files) = std::fs::read_dir(folder_of(cluster, node).join("snapshot")) else { return 0 };
    let files = files.filter_map(Result::ok).filter(|file| file.file_name().to_string_lossy().ends_with(".tmp"));
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).max().unwrap_or(0)
}

#[test]
fn a_node_killed_while_it_receives_a_snapshot_continues_there() {
    // About five megabytes, at two parts a second.
    let cluster = Cluster::start(&[&SMALL[..], &["--snapshot-bytes-per-second", "1000000"]].concat());
    cluster.text(0, &["fault", "kill", "4"]);
    let large = ["a", "b", "c", "d", "e", "f", "g", "h"];
    large.into_iter().for_each(|prefix| write(&cluster, prefix, 10, 60_000));
    until("the leader's log begins after the replica's end", || position(&cluster.status()[0], "purged") > 20);
    cluster.text(0, &["fault", "restart", "4"]);
    until("half of it is there", || received(&cluster, 4) > 2_500_000);
    cluster.text(0, &["fault", "kill", "4"]);
    cluster.text(0, &["fault", "restart", "4"]);
    until("every node has caught up", || caught_up(&cluster));
    let log = std::fs::read_to_string(cluster.data().join("n4.log")).expect("it has a log");
    let goes_on = log.lines().find_map(|line| line.split_once("continues at byte ")?.1.split(' ').next()?.parse().ok());
    assert!(goes_on > Some(2_000_000_u64), "{goes_on:?} in {log}");
    for prefix in ["a", "h"] {
        assert_eq!(records(&cluster, prefix, "4"), records(&cluster, prefix, "1"));
    }
}

#[test]
fn disk_use_is_bounded_under_an_overwrite_load() {
    let limits = ["--snapshot-entries", "2000", "--snapshot-bytes", "400000", "--snapshot-margin", "100"];
    let cluster = Cluster::start(&limits);
    let mut most = 0;
    for _ in 0..4 {
        write(&cluster, "x", 1_500, 1_000);
        until("every node has caught up", || caught_up(&cluster));
        for node in 1..=4 {
            let folder = folder_of(&cluster, node);
            most = most.max(bytes_of(&folder.join("log")) + bytes_of(&folder.join("snapshot")));
        }
    }
    // The clients wrote 6 MB; the log keeps some hundred entries, and there are two snapshots of ten keys.
    assert!(most < 2_000_000, "{most} bytes of log and snapshots");
    let node = &cluster.status()[1];
    assert!(position(node, "purged") > 4_000, "{node}");
}

#[test]
fn a_backup_is_restored_as_a_new_cluster_with_all_final_data() {
    let cluster = Cluster::start(&[]);
    write(&cluster, "x", 60, 3);
    let file = cluster.data().join("all.backup");
    let path = file.to_str().expect("a path of text");
    let said = cluster.json(0, &["backup", path]);
    assert_eq!(said["last"]["position"].as_u64(), Some(position(&cluster.status()[0], "applied")), "{said}");
    assert!(cluster.text(1, &["backup", path]).contains("exists already"));
    write(&cluster, "x", 10, 5);
    let before: Vec<Value> = (0..10).map(|number| Value::from(format!("{:3}", number + 50))).collect();

    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("restored");
    let restored = epoca(["restore", path, data.to_str().expect("a path of text"), "--output", "json"]);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert_eq!(epoca(["restore", path, data.to_str().expect("text")]).code, Some(1), "never over another");
    let mut launched = Launched::start(&data, &["--base-port", "0"]);
    launched.wait_until_ready();
    let get = |number: u64| {
        let said = epoca(["get", &format!("x-{number}"), "--output", "json", "--data", data.to_str().expect("text")]);
        assert_eq!(said.code, Some(0), "{said:?}");
        said.json()["value"].clone()
    };
    assert_eq!((0..10).map(get).collect::<Vec<_>>(), before);
    let put = epoca(["put", "x-0", "new", "--data", data.to_str().expect("text")]);
    assert_eq!(put.code, Some(0), "{put:?}");
}

#[test]
fn a_damaged_backup_is_refused_and_restores_nothing() {
    let cluster = Cluster::start(&[]);
    write(&cluster, "x", 20, 30);
    let file = cluster.data().join("all.backup");
    let path = file.to_str().expect("a path of text");
    cluster.json(0, &["backup", path, "--node", "2"]);
    assert!(cluster.text(0, &["inspect", path]).contains("a complete backup"));
    let mut bytes = std::fs::read(&file).expect("it was written");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).expect("it can be written");
    assert!(cluster.text(1, &["inspect", path]).contains("damaged"));
    let data = cluster.data().join("restored");
    let said = epoca(["restore", path, data.to_str().expect("a path of text")]);
    assert_eq!((said.code, data.exists()), (Some(1), false), "{said:?}");
    assert!(said.err.contains("all.backup is not a complete backup"), "{said:?}");
    let nowhere = epoca(["restore", "no-such-file", data.to_str().expect("a path of text")]);
    assert!(nowhere.err.starts_with("epoca: could not read no-such-file: "), "{nowhere:?}");
}

fn snapshots_of(cluster: &Cluster, node: u64) -> Vec<String> {
    let files = std::fs::read_dir(folder_of(cluster, node).join("snapshot")).expect("it can be listed");
    files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn backups_one_after_the_other_leave_no_snapshots_at_the_node() {
    let cluster = Cluster::start(&["--nodes", "1"]);
    for number in 0..8 {
        write(&cluster, "x", 10, 10_000);
        let file = cluster.data().join(format!("backup-{number}"));
        cluster.json(0, &["backup", file.to_str().expect("a path of text")]);
    }
    until("two snapshots are left", || snapshots_of(&cluster, 1).len() <= 2);
    let cluster = cluster.start_again(&[]);
    assert!(snapshots_of(&cluster, 1).len() <= 2, "{:?}", snapshots_of(&cluster, 1));
}

#[test]
fn the_log_before_a_snapshot_is_bounded_in_bytes_too() {
    let cluster =
        Cluster::start(&["--nodes", "1", "--snapshot-bytes", "2000000", "--snapshot-margin-bytes", "1000000"]);
    // Far fewer entries than the margin.
    for prefix in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        write(&cluster, prefix, 10, 60_000);
    }
    let node = || cluster.status()[0].clone();
    until("the log begins later", || position(&node(), "purged") > 20);
    assert!(snapshots_of(&cluster, 1).len() <= 2, "{:?}", snapshots_of(&cluster, 1));
    // The margin still applies after a restart.
    let before = position(&node(), "purged");
    let cluster = cluster.start_again(&["--snapshot-bytes", "2000000", "--snapshot-margin-bytes", "1000000"]);
    for prefix in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        write(&cluster, prefix, 20, 60_000);
    }
    until("it begins later still", || position(&cluster.status()[0], "purged") > before + 20);
}
