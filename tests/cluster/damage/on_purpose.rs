//! `fault damage N`: one bit of a node's stored log is flipped between a kill and a restart.

use crate::damage::{a_replica, comes_back, folder, has, log_file, written};
use crate::members::{incarnation, leadership, members, voters};
use crate::support::{Cluster, epoca, until};

#[test]
fn a_bit_is_turned_in_the_middle_and_two_of_four_nodes_come_back_one_after_the_other() {
    let cluster = written("4");
    for node in [a_replica(&cluster), leadership(&cluster).0.as_u64().expect("a node")] {
        let old = incarnation(&cluster, node);
        let before = std::fs::read(log_file(&folder(&cluster, node))).expect("it exists");
        let said = cluster.json(0, &["fault", "damage", &node.to_string()]);
        let aside = log_file(&folder(&cluster, node).join("quarantine-1"));
        until("its folder is moved aside", || aside.exists());
        let after = std::fs::read(aside).expect("it exists");
        let turned = before.iter().zip(&after).map(|(one, other)| (one ^ other).count_ones()).sum::<u32>();
        assert_eq!(turned, 1, "{said}");
        let (entry, message) = (format!("e{}·o{}", said["epoch"], said["offset"]), said["message"].to_string());
        assert!(message.contains(&entry) && message.contains("rejoins as a learner"), "{said}");
        assert!(said["position"].as_u64().is_some_and(|position| (10..=20).contains(&position)), "{said}");
        comes_back(&cluster, node, &old, 4);
    }
}

#[test]
fn a_lost_quorum_of_damaged_disks_is_reported() {
    let cluster = written("3");
    let leader = leadership(&cluster).0.as_u64().expect("a node");
    let others: Vec<String> = (1..=3).filter(|node| *node != leader).map(|node| node.to_string()).collect();
    for node in &others {
        cluster.text(0, &["fault", "kill", node]);
    }
    // Otherwise the leader could begin to replace one of them while it still hears the other.
    until("no node leads", || cluster.status().iter().all(|node| node["role"] != "leader"));
    for node in &others {
        let said = cluster.text(0, &["fault", "damage", node]);
        assert!(said.contains("only 1 of 3 voters run with intact disks where 2 are a majority"), "{said}");
        // A node with a new folder responds, too, and knows no members.
        assert!((0..10).all(|_| members(&cluster) == voters(&[1, 2, 3])));
    }
    until("a node reports it", || cluster.text(0, &["status"]).contains("a quorum of disks is lost"));
    let refused = cluster.json(1, &["fault", "damage", &others[0]]);
    assert_eq!(refused["error"]["code"], "nothing_stored", "its new folder is empty: {refused}");
    assert_eq!(cluster.epoca(&["put", "x", "1", "--timeout", "1"]).code, Some(4), "no leader accepts it");
    assert!(has(&cluster, leader, "k19", "19"), "the disk that is left has everything");
}

#[test]
fn a_disk_that_is_damaged_a_fourth_time_within_an_hour_is_called_broken() {
    let cluster = written("3");
    let node = a_replica(&cluster);
    for time in 1..=3 {
        cluster.text(0, &["fault", "damage", &node.to_string()]);
        let aside = folder(&cluster, node).join(format!("quarantine-{time}/why.txt"));
        until("its folder is moved aside", || aside.exists());
        until("it is a voter again", || members(&cluster) == voters(&[1, 2, 3]));
        until("it has everything", || has(&cluster, node, "k19", "19"));
    }
    let said = cluster.json(1, &["fault", "damage", &node.to_string()]);
    let message = said["error"]["message"].to_string();
    assert_eq!(said["error"]["code"], "ended", "{said}");
    assert!(message.contains("the disk is broken") && message.contains("3 times within an hour"), "{said}");
    assert!(log_file(&folder(&cluster, node)).exists(), "the fourth one stays where it is");
    cluster.json(0, &["put", "x", "without it"]);
}

#[test]
fn what_cannot_be_damaged_is_refused_and_nothing_is_done_to_it() {
    let code = |cluster: &Cluster, node: &str| cluster.json(1, &["fault", "damage", node])["error"]["code"].clone();
    let alone = written("1");
    let pids = alone.pids();
    assert_eq!(code(&alone, "1"), "damaged_alone");
    assert_eq!(code(&alone, "9"), "unknown_node");
    assert_eq!(alone.pids(), pids, "it was not even killed");
    drop(alone);
    let cluster = Cluster::start(&["--nodes", "3"]);
    let pids = cluster.pids();
    assert_eq!(code(&cluster, "2"), "lab_only");
    assert_eq!(cluster.pids(), pids);
    // Only a launcher may touch a process and its folder.
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let by_hand = ["--connect", &cluster.addresses().join(","), "--data", elsewhere.path().to_str().expect("text")];
    let said = epoca(["fault", "damage", "2", "--output", "json"].iter().chain(&by_hand));
    assert_eq!((said.code, &said.error().0[..]), (Some(1), "no_launcher"), "{said:?}");
}
