//! Nodes that join: with `--join`, or waiting until they are added.

use std::time::Duration;

use crate::members::hand::{Hand, free_address};
use crate::members::{IMPATIENT, incarnation, log_of, members, voters};
use crate::support::{Cluster, epoca, epoca_until_it_ends, until};

/// The values that a node returns from its own final database.
fn local(address: &str, key: &str) -> Option<String> {
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let folder = elsewhere.path().to_str().expect("it is UTF-8");
    let status = epoca(["status", "--output", "json", "--connect", address, "--data", folder]);
    let nodes = status.json();
    let node = nodes.as_array()?.iter().find(|node| node["address"] == address)?["id"].to_string();
    let words = ["get", key, "--consistency", "local", "--node", &node, "--connect", address, "--data", folder];
    let said = epoca(words.into_iter().chain(["--output", "json"]));
    said.json()["value"].as_str().map(str::to_owned)
}

#[test]
fn an_empty_node_joins_becomes_a_voter_and_replaces_others() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.json(0, &["put", "x", "1"]);
    // The joining node needs the address of any one member, not of the leader.
    let mut node = Hand::start(5, &["--join", &cluster.addresses()[2]]);
    until("n5 is a voter", || members(&cluster) == voters(&[1, 2, 3, 4, 5]));
    until("n5 has the earlier writes", || local(&node.address, "x").as_deref() == Some("1"));
    let log = node.log();
    assert!(log.contains("was added to the cluster") && log.contains("n5 (joining)"), "{log}");
    cluster.text(0, &["fault", "kill", "2"]);
    cluster.text(0, &["fault", "kill", "3"]);
    cluster.json(0, &["put", "x", "2"]);
    until("n5 has it, too", || local(&node.address, "x").as_deref() == Some("2"));
    node.kill();
    let alone = cluster.epoca(&["put", "x", "3", "--timeout", "1"]);
    assert!(matches!(alone.code, Some(3 | 4)), "two of five are no majority: {alone:?}");
}

#[test]
fn a_node_that_joins_gets_the_snapshot_of_what_the_log_has_given_up() {
    let cluster = Cluster::start(&["--snapshot-entries", "20", "--snapshot-margin", "2"]);
    for number in 0..60 {
        cluster.json(0, &["put", &format!("k{}", number % 7), &number.to_string()]);
    }
    until("the log was compacted", || cluster.status()[0]["purged"]["position"].as_u64() > Some(20));
    let node = Hand::start(7, &["--join", &cluster.addresses().join(",")]);
    until("n7 is a voter", || members(&cluster) == voters(&[1, 2, 3, 4, 7]));
    for number in 53..60 {
        let key = format!("k{}", number % 7);
        until("n7 has all", || local(&node.address, &key) == Some(number.to_string()));
    }
    // Its log starts after a snapshot, which contains the member list.
    let node = node.start_again(&[]);
    cluster.json(0, &["put", "k0", "again"]);
    until("n7 continues without the addresses of the others", || {
        local(&node.address, "k0").as_deref() == Some("again")
    });
}

#[test]
fn a_waiting_node_is_added_by_its_address_and_promoted_on_request() {
    let cluster = Cluster::start(&["--nodes", "3"]);
    cluster.json(0, &["put", "x", "1"]);
    let node = Hand::start(9, &["--wait"]);
    until("n9 waits", || node.log().contains("until `epoca member add` names its address"));
    let added = cluster.json(0, &["member", "add", &node.address, "--learner"]);
    assert_eq!((&added["id"], &added["position"]), (&9.into(), &3.into()), "{added}");
    let with_learner = [voters(&[1, 2, 3]), vec!["n9 learner".to_owned()]].concat();
    until("n9 has all", || local(&node.address, "x").as_deref() == Some("1"));
    assert_eq!(members(&cluster), with_learner, "its kind does not change");
    let again = cluster.json(0, &["member", "add", &node.address]);
    assert_eq!(again["position"], serde_json::Value::Null, "it is so already: {again}");
    cluster.json(0, &["member", "promote", "9"]);
    assert_eq!(members(&cluster), voters(&[1, 2, 3, 9]));
    assert_eq!(cluster.json(1, &["member", "promote", "8"])["error"]["code"], "no_member");
}

#[test]
fn what_cannot_be_added_is_refused_with_a_reason() {
    let cluster = Cluster::start(&["--nodes", "1"]);
    let elsewhere = Cluster::start(&["--nodes", "1"]);
    let theirs = &elsewhere.addresses()[0];
    assert_eq!(cluster.json(1, &["member", "add", theirs])["error"]["code"], "other_cluster");
    assert_eq!(cluster.json(4, &["member", "add", &free_address()])["error"]["code"], "unreachable");
    assert_eq!(cluster.json(2, &["member", "add", "nowhere"])["error"]["code"], "bad_address");
    assert!(cluster.text(2, &["member", "add", "::1:7101"]).contains("write [::1]:7101"));
    assert_eq!(cluster.json(1, &["member", "remove", "1"])["error"]["code"], "last_voter");
    assert_eq!(members(&cluster), voters(&[1]));
    let both = epoca_until_it_ends([
        "node",
        "--id",
        "2",
        "--listen",
        "127.0.0.1:0",
        "--data",
        "x",
        "--wait",
        "--join",
        theirs,
    ]);
    assert_eq!(both.code, Some(2), "{both:?}");
}

#[test]
fn a_joiner_that_dies_immediately_blocks_no_other_node() {
    let cluster = Cluster::start(&IMPATIENT);
    let mut node = Hand::start(5, &["--join", &cluster.addresses()[0], "--learner"]);
    until("n5 is a member", || members(&cluster).contains(&"n5 learner".to_owned()));
    node.kill();
    // A learner counts in no majority: four voters need three, with or without it.
    cluster.json(0, &["put", "x", "1"]);
    // The leader reports n5 as unreachable after an election timeout.
    cluster.launched.scale.let_pass(Duration::from_secs(1));
    let refused = cluster.json(1, &["member", "promote", "5", "--timeout", "1"]);
    assert_eq!(refused["error"]["code"], "not_caught_up");
    cluster.json(0, &["member", "remove", "5"]);
    assert_eq!(members(&cluster), voters(&[1, 2, 3, 4]));
    cluster.json(0, &["put", "x", "2"]);
}

#[test]
fn a_joiner_that_never_becomes_a_voter_blocks_no_later_join() {
    let cluster = Cluster::start(&["--nodes", "2"]);
    let mut dead = Hand::start(5, &["--join", &cluster.addresses()[0], "--learner"]);
    until("n5 is a member", || members(&cluster).contains(&"n5 learner".to_owned()));
    dead.kill();
    let _node = Hand::start(3, &["--join", &cluster.addresses()[0]]);
    until("n3 is a voter", || members(&cluster) == [voters(&[1, 2, 3]), vec!["n5 learner".to_owned()]].concat());
}

#[test]
fn a_wiped_folder_under_an_old_id_is_refused_and_comes_back_as_a_new_member() {
    let cluster = Cluster::start(&["--lab", "--election-timeout", "400", "--heartbeat", "50"]);
    cluster.json(0, &["put", "x", "1"]);
    let old = incarnation(&cluster, 3);
    cluster.text(0, &["fault", "kill", "3"]);
    std::fs::remove_dir_all(cluster.data().join("n3")).expect("it exists");
    cluster.json(0, &["put", "x", "2"]);
    cluster.text(0, &["fault", "restart", "3"]);
    until("n3 is a member with its new folder", || incarnation(&cluster, 3) != old);
    until("n3 is a voter again", || members(&cluster) == voters(&[1, 2, 3, 4]));
    let log = log_of(&cluster, 3);
    assert!(log.contains("emptied or replaced") && log.contains("asks to be added as a new member"), "{log}");
    until("n3 has all", || cluster.json(0, &["get", "x", "--node", "3", "--consistency", "local"])["value"] == "2");
    // n5 counts as a voter now: with two others down, three of four remain.
    cluster.text(0, &["fault", "kill", "4"]);
    cluster.json(0, &["put", "x", "3"]);
}

#[test]
fn clusters_of_every_size_take_writes_on_the_way_up_and_down() {
    let cluster = Cluster::start(&["--nodes", "1"]);
    let mut ids = vec![1];
    for id in 2..=4 {
        cluster.json(0, &["member", "add"]);
        ids.push(id);
        until("the new node is a voter", || members(&cluster) == voters(&ids));
        cluster.json(0, &["put", "size", &id.to_string()]);
    }
    for id in [1, 4, 2] {
        cluster.json(0, &["member", "remove", &id.to_string()]);
        ids.retain(|known| *known != id);
        assert_eq!(members(&cluster), voters(&ids));
        cluster.json(0, &["put", "removed", &id.to_string()]);
    }
    assert_eq!(cluster.json(0, &["get", "size"])["value"], "4");
    assert_eq!(cluster.json(0, &["get", "removed", "--consistency", "quorum"])["value"], "2");
}
