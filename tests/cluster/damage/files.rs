//! The files beside the log: if any of them is damaged or missing, the node rejoins and has all data.

use std::path::Path;

use crate::damage::{a_replica, compacted, flip, flip_at, folder, has, has_everything, log_file, written};
use crate::members::{incarnation, leadership, members, voters};
use crate::support::until;

type Harm = fn(&Path);

/// The damage to a folder, and the expected message.
const HARMS: [(Harm, &str); 3] = [
    (|folder| flip(&folder.join("identity")), "is not the identity of a node"),
    (|folder| flip(&folder.join("log/base")), "the log's beginning is damaged"),
    (|folder| flip_at(&folder.join("log/00000002.log"), 20), "the header is damaged"),
];

#[test]
fn a_node_comes_back_whichever_file_of_its_log_is_damaged() {
    let cluster = compacted();
    let (replica, leader) = (a_replica(&cluster), leadership(&cluster).0.as_u64().expect("a node"));
    let last = (1..=3).find(|node| ![replica, leader].contains(node)).expect("there are three");
    for (node, (harm, said)) in [replica, leader, last].into_iter().zip(HARMS) {
        let (own, old) = (folder(&cluster, node), incarnation(&cluster, node));
        cluster.text(0, &["fault", "kill", &node.to_string()]);
        harm(&own);
        cluster.text(0, &["fault", "restart", &node.to_string()]);
        until("it is a member with a new folder", || incarnation(&cluster, node) != old);
        until("it is a voter again", || members(&cluster) == voters(&[1, 2, 3]));
        until("it has everything", || has_everything(&cluster, node));
        let why = std::fs::read_to_string(own.join("quarantine-1/why.txt")).expect("a reason is reported");
        assert!(why.contains(said), "{why}");
    }
}

#[test]
fn a_commit_point_that_is_lost_costs_nothing() {
    let cluster = compacted();
    let node = a_replica(&cluster);
    let (own, old) = (folder(&cluster, node), incarnation(&cluster, node));
    cluster.text(0, &["fault", "kill", &node.to_string()]);
    std::fs::write(own.join("commit"), "").expect("it can be emptied");
    cluster.text(0, &["fault", "restart", &node.to_string()]);
    until("it has everything", || has_everything(&cluster, node));
    cluster.json(0, &["put", "x", "1"]);
    assert_eq!(incarnation(&cluster, node), old);
    assert!(!own.join("quarantine-1").exists());
}

/// A log's newest file is truncated to less than its header.
#[test]
fn a_node_comes_back_whose_newest_log_file_is_shorter_than_its_header() {
    let cluster = compacted();
    let leader = leadership(&cluster).0.as_u64().expect("a node");
    for (node, left) in [(a_replica(&cluster), 40), (leader, 0)] {
        let (own, old) = (folder(&cluster, node), incarnation(&cluster, node));
        cluster.text(0, &["fault", "kill", &node.to_string()]);
        let files = std::fs::read_dir(own.join("log")).expect("it can be listed").flatten().map(|file| file.path());
        let newest = files.filter(|path| path.extension().is_some_and(|ending| ending == "log")).max();
        shorten(&newest.expect("it has files"), left);
        cluster.text(0, &["fault", "restart", &node.to_string()]);
        until("it is a member with a new folder", || incarnation(&cluster, node) != old);
        until("it is a voter again", || members(&cluster) == voters(&[1, 2, 3]));
        until("it has everything", || has_everything(&cluster, node));
        assert!(own.join("quarantine-1/why.txt").is_file());
    }
}

fn shorten(file: &Path, length: u64) {
    let file = std::fs::OpenOptions::new().write(true).open(file).expect("it can be opened");
    file.set_len(length).expect("it can be shortened");
}

/// Such a node could lead without confirmed entries as soon as the nodes that have them are down.
#[test]
fn a_node_whose_log_was_cut_behind_its_final_database_comes_back_as_a_new_member() {
    let cluster = written("3");
    let node = a_replica(&cluster);
    let (own, old) = (folder(&cluster, node), incarnation(&cluster, node));
    until("its final database is on the disk", || {
        let said = cluster.epoca(&["inspect", own.to_str().expect("a path of text"), "--output", "json"]);
        said.code == Some(0) && said.json()["applied"]["position"].as_u64() >= Some(21)
    });
    cluster.text(0, &["fault", "kill", &node.to_string()]);
    std::fs::remove_file(own.join("commit")).expect("it existed");
    let log = log_file(&own);
    shorten(&log, log.metadata().expect("it exists").len() / 3);
    cluster.text(0, &["fault", "restart", &node.to_string()]);
    until("it is a member with a new folder", || incarnation(&cluster, node) != old);
    until("it is a voter again", || members(&cluster) == voters(&[1, 2, 3]));
    until("it has everything", || {
        (0..20).all(|number| has(&cluster, node, &format!("k{number}"), &number.to_string()))
    });
    let why = std::fs::read_to_string(own.join("quarantine-1/why.txt")).expect("a reason is reported");
    assert!(why.contains("committed entries are missing"), "{why}");
}
