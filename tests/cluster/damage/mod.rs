//! Damaged disks: a node that finds damage on its own disk moves its data aside and returns as a new member.

mod database;

mod disks;

mod files;

mod old_copy;

mod on_purpose;

mod reads;

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::members::{IMPATIENT, incarnation, leadership, members, voters};
use crate::support::{Cluster, until};

/// A cluster with some entries in every log.
pub fn written(size: &str) -> Cluster {
    let cluster = Cluster::start(&[&["--lab", "--nodes", size], &IMPATIENT[..]].concat());
    for number in 0..20 {
        cluster.json(0, &["put", &format!("k{number}"), &number.to_string()]);
    }
    cluster
}

/// A cluster with compacted logs.
pub fn compacted() -> Cluster {
    let small = ["--snapshot-entries", "40", "--snapshot-margin", "5"];
    let cluster = Cluster::start(&[&["--lab", "--nodes", "3"], &small[..], &IMPATIENT].concat());
    for number in 0..100 {
        cluster.json(0, &["put", &format!("k{}", number % 10), &number.to_string()]);
    }
    let has_given_up = |cluster: &Cluster| {
        cluster.status().iter().all(|node| node["purged"]["position"].as_u64().is_some_and(|position| position > 40))
    };
    until("each log has given up its beginning", || has_given_up(&cluster));
    cluster
}

/// For a cluster of [`compacted`].
pub fn has_everything(cluster: &Cluster, node: u64) -> bool {
    (90..100).all(|number| has(cluster, node, &format!("k{}", number % 10), &number.to_string()))
}

pub fn folder(cluster: &Cluster, node: u64) -> PathBuf {
    cluster.data().join(format!("n{node}"))
}

pub fn log_file(folder: &Path) -> PathBuf {
    folder.join("log/00000001.log")
}

/// Flips a bit in the middle of a file, or flips it back.
pub fn flip(file: &Path) {
    flip_at(file, std::fs::metadata(file).expect("it exists").len() / 2);
}

/// Flips a bit in every 256 bytes of a file.
pub fn flip_all_over(file: &Path) {
    (0..std::fs::metadata(file).expect("it exists").len()).step_by(256).for_each(|byte| flip_at(file, byte));
}

/// Flips a bit of this text in a file.
pub fn flip_in(file: &Path, text: &str) {
    let bytes = std::fs::read(file).expect("it exists");
    let found = bytes.windows(text.len()).position(|window| window == text.as_bytes());
    flip_at(file, found.expect("the text is in it") as u64);
}

/// The rest of the file is left alone: a process may be writing it.
pub fn flip_at(file: &Path, byte: u64) {
    let file = OpenOptions::new().read(true).write(true).open(file).expect("it can be written");
    let mut found = [0];
    file.read_exact_at(&mut found, byte).expect("it is so long");
    file.write_all_at(&[found[0] ^ 0x10], byte).expect("it can be written");
}

pub fn a_replica(cluster: &Cluster) -> u64 {
    let (leader, _) = leadership(cluster);
    (1..=3).find(|node| leader != *node).expect("one of them does not lead")
}

pub fn has(cluster: &Cluster, node: u64, key: &str, value: &str) -> bool {
    let node = node.to_string();
    let said = cluster.epoca(&["get", key, "--node", &node, "--consistency", "local", "--output", "json"]);
    said.code == Some(0) && said.json()["value"] == value
}

/// The node was quarantined, is a voter with a new folder, and has all data.
#[track_caller]
pub fn comes_back(cluster: &Cluster, node: u64, old: &str, size: u64) {
    until("it is a member with a new folder", || incarnation(cluster, node) != old);
    until("it is a voter again", || members(cluster) == voters(&(1..=size).collect::<Vec<_>>()));
    cluster.json(0, &["put", "last", "of all"]);
    until("it has the last write", || has(cluster, node, "last", "of all"));
    assert!((0..20).all(|number| has(cluster, node, &format!("k{number}"), &number.to_string())));
    let why = folder(cluster, node).join("quarantine-1/why.txt");
    let why = std::fs::read_to_string(why).expect("a reason is reported");
    assert!(why.contains(old) && why.contains("is damaged"), "{why}");
    let notes = cluster.json(0, &["status"])[node as usize - 1]["notes"].clone();
    assert!(notes[0].as_str().is_some_and(|note| note.starts_with("quarantined: ")), "{notes}");
}
