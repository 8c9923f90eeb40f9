//! Version compatibility: a node refuses files of a newer format without changing them, and nodes of two adjacent
//! versions run in one cluster.

mod previous;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::members::hand::{Hand, free_address};
use crate::support::{Cluster, epoca, epoca_until_it_ends, until};

/// Contents and modes of everything below a folder.
fn content(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("it exists") {
        let path = entry.expect("it can be listed").path();
        let mode = path.metadata().expect("it exists").permissions().mode();
        if path.is_dir() {
            found.extend(content(&path));
            found.insert(path, (mode, Vec::new()));
        } else {
            let bytes = fs::read(&path).expect("it can be read");
            found.insert(path, (mode, bytes));
        }
    }
    found
}

/// Rewrites the format version of a binary file to a newer one.
fn make_newer(path: &Path, version: u32) {
    let mut file = fs::read(path).expect("it exists");
    file[8..12].copy_from_slice(&version.to_le_bytes());
    let checksum = crc32fast::hash(&file[..12]);
    file[12..16].copy_from_slice(&checksum.to_le_bytes());
    fs::write(path, file).expect("it can be written");
}

#[test]
fn a_node_refuses_a_folder_of_a_newer_version_and_changes_nothing_though_others_have_its_data() {
    let cluster = Cluster::start(&["--nodes", "3"]);
    for number in 0..5 {
        cluster.json(0, &["put", &format!("k{number}"), "v"]);
    }
    let data = cluster.end();
    let folder = data.path().join("n3");
    make_newer(&folder.join("log/00000001.log"), 9);
    // A node that found damage would quarantine the folder, since it has peers, and would also restrict the modes.
    fs::set_permissions(folder.join("identity"), fs::Permissions::from_mode(0o644)).expect("the mode can be set");
    let before = content(&folder);
    let data = folder.to_str().expect("a path of text");
    let peers = ["--peer", "1=127.0.0.1:1", "--peer", "2=127.0.0.1:2"];
    let node = ["node", "--id", "3", "--listen", "127.0.0.1:0", "--data", data];
    let said = epoca_until_it_ends([&node[..], &peers].concat());
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("log/00000001.log has format version 9; this epoca reads up to 1"), "{said:?}");
    assert!(said.err.contains("use a newer epoca"), "{said:?}");
    let said = epoca_until_it_ends(["inspect", data]);
    assert!(said.code == Some(1) && said.err.contains("has format version 9"), "{said:?}");
    assert!(content(&folder) == before, "something was changed");
}

/// Nodes 1 to 3, each with its own options.
fn three(options: [&[&str]; 3]) -> Vec<Hand> {
    let addresses: Vec<String> = (0..3).map(|_| free_address()).collect();
    let start = |id: usize| {
        let others = (1..=3).filter(|other| *other != id);
        let peers: Vec<String> = others.map(|other| format!("{other}={}", addresses[other - 1])).collect();
        let words = peers.iter().flat_map(|peer| ["--peer", peer]).chain(["--lab"]);
        Hand::start_at(id as u64, &addresses[id - 1], &words.chain(options[id - 1].iter().copied()).collect::<Vec<_>>())
    };
    (1..=3).map(start).collect()
}

const OLDER: [&str; 2] = ["--feature-level-max", "1"];

/// A cluster in which n3 runs an older version works, and uses newer features once n3 is upgraded.
#[test]
fn nodes_of_two_versions_run_side_by_side_and_the_feature_level_rises_when_all_have_it() {
    let mut nodes = three([&[], &[], &OLDER]);
    let at = nodes[0].address.clone();
    let run = |words: &[&str]| epoca([words, &["--connect", &at, "--output", "json"]].concat());
    let member = |id: usize, field: &str| run(&["member", "list"]).json()[id - 1][field].clone();
    until("a write is confirmed", || run(&["put", "x", "1"]).code == Some(0));
    until("n3 answers", || member(3, "feature_level_max") == 1);
    assert_eq!((member(1, "feature_level"), member(1, "feature_level_max")), (1.into(), 2.into()));
    let said = epoca(["member", "list", "--connect", &at]);
    let said = said.out + &said.err;
    assert!(said.contains("feature level 1") && said.contains("n3 supports feature levels up to 1"), "{said}");
    let status = run(&["status"]).json();
    assert_eq!((&status[2]["feature_level"], &status[2]["feature_level_max"]), (&1.into(), &1.into()));
    let said = epoca(["status", "--connect", &at]);
    let said = said.out + &said.err;
    assert!(said.contains("n1: feature level 1 is in force, and it supports up to 2"), "{said}");
    let batch = ["batch", "put a 1", "put b 2"];
    let refused = run(&batch);
    assert_eq!((refused.code, refused.error().0), (Some(1), "feature_level".to_owned()), "{refused:?}");

    let older = nodes.pop().expect("n3");
    nodes.push(older.start_again(&["--lab"]));
    until("the level has risen", || member(3, "feature_level") == 2);
    until("a batch is confirmed", || run(&batch).code == Some(0));
    until("n3 has it", || run(&["get", "b", "--node", "3", "--consistency", "local"]).code == Some(0));

    // Now the older version neither starts on the folder of n3 nor can join.
    let newer = nodes.pop().expect("n3");
    nodes.push(newer.start_again(&["--lab", "--feature-level-max", "1"]));
    let says = "is of a cluster at feature level 2; this epoca supports up to 1: use a newer epoca";
    until("n3 refuses by name and level", || nodes[2].log().contains(says));
    let fourth = Hand::start(4, &["--join", &at, "--lab", "--feature-level-max", "1"]);
    let says = "n4 supports feature levels up to 1, and 2 is in force in the cluster: use a newer epoca for n4";
    until("n4 is refused by name and level", || fourth.log().contains(says));
    assert_eq!(run(&["put", "x", "2"]).code, Some(0), "the others go on");
}
