//! Rules of the nodes' gates: they drop, delay, duplicate or hold messages of one kind in one direction; and clearing
//! all rules.

use serde_json::{Value, json};

use crate::support::{Cluster, until};

fn rules(cluster: &Cluster) -> Vec<Value> {
    cluster.json(0, &["fault", "list"])["rules"].as_array().expect("it is a list").clone()
}

#[test]
fn a_link_that_only_loses_acks_lets_entries_through_and_confirms_nothing() {
    // Long, because a leader that hears no acks of a quorum steps down.
    let cluster = Cluster::start(&["--lab", "--election-timeout", "10000"]);
    for from in ["3", "4"] {
        cluster.text(0, &["fault", "drop", from, "1", "ack"]);
    }
    let said = cluster.epoca(&["put", "x", "1", "--timeout", "1"]);
    assert_eq!(said.code, Some(3), "two of four are no quorum, and the outcome is unknown: {said:?}");
    let status = cluster.status();
    for node in &status {
        assert_eq!(node["last"]["offset"], 1, "every node has the entry: {node}");
        assert_eq!(node["committed"]["offset"], 0, "{node}");
    }
    assert_eq!(status[0]["role"], "leader");
    cluster.text(0, &["fault", "heal", "3", "1"]);
    until("the third ack confirms it", || cluster.status()[0]["committed"]["offset"] == 1);
    let drop = json!({"effect": "drop", "from": 4, "to": 1, "kind": "ack", "millis": null});
    assert_eq!(rules(&cluster), [drop]);
}

#[test]
fn a_link_that_is_cut_one_way_lets_the_other_way_through() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.text(0, &["fault", "cut", "1", "4", "--one-way"]);
    cluster.json(0, &["put", "x", "1"]);
    assert_eq!(cluster.status()[3]["last"]["offset"], 0, "nothing comes to n4");
    assert!(cluster.text(0, &["status"]).contains("n4: messages from n1 to n4 are lost"));
    // The other direction is open: messages of n4 reach n1, which steps down when it sees a greater epoch.
    cluster.text(0, &["fault", "cut", "4", "1", "--one-way"]);
    assert!(cluster.text(0, &["fault", "list"]).contains("the link between n1 and n4 is cut"));
    cluster.text(0, &["fault", "heal", "1", "4"]);
    assert_eq!(rules(&cluster), [] as [Value; 0]);
    until("the entry comes", || cluster.status()[3]["last"]["offset"] == 1);
}

#[test]
fn rules_are_in_force_from_the_first_moment_of_a_nodes_next_process() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.text(0, &["fault", "hold", "3", "all"]);
    cluster.text(0, &["fault", "delay", "1", "3", "5", "push"]);
    cluster.text(0, &["fault", "kill", "3"]);
    cluster.text(0, &["fault", "cut", "2", "3"]);
    cluster.text(0, &["fault", "restart", "3"]);
    let waits = || cluster.status()[2]["lab"]["pending"].as_u64() > Some(2);
    until("heartbeats wait", waits);
    let node = &cluster.status()[2];
    assert_eq!(node["leader"], Value::Null, "no message has slipped through: {node}");
    assert_eq!(node["lab"]["rules"].as_array().map(Vec::len), Some(4), "{node}");
    cluster.text(0, &["fault", "release", "3"]);
    until("it follows", || cluster.status()[2]["leader"] == 1);
}

#[test]
fn a_node_that_was_paused_gets_what_was_changed_meanwhile() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.text(0, &["fault", "hold", "4", "push"]);
    cluster.text(0, &["fault", "cut", "3", "4"]);
    cluster.text(0, &["fault", "pause", "4"]);
    cluster.text(0, &["fault", "release", "4", "push"]);
    cluster.text(0, &["fault", "heal", "3", "4"]);
    cluster.text(0, &["fault", "double", "1", "4", "heartbeat"]);
    cluster.text(0, &["fault", "resume", "4"]);
    let double = json!([{"effect": "duplicate", "from": 1, "to": 4, "kind": "heartbeat", "millis": null}]);
    assert_eq!(cluster.status()[3]["lab"]["rules"], double);
}

#[test]
fn late_and_doubled_messages_change_no_outcome() {
    let cluster = Cluster::start(&["--lab"]);
    for to in ["2", "3", "4"] {
        cluster.text(0, &["fault", "double", "1", to]);
        cluster.text(0, &["fault", "delay", to, "1", "30", "ack"]);
    }
    for value in ["1", "2", "3"] {
        cluster.json(0, &["put", "x", value]);
    }
    assert_eq!(cluster.json(0, &["get", "x"])["revision"], 3, "each write is applied once");
}

#[test]
fn clear_removes_every_fault_at_all_nodes() {
    let cluster = Cluster::start(&["--lab"]);
    for fault in [
        &["fault", "hold", "2", "commit-order"][..],
        &["fault", "cut", "1", "3"],
        &["fault", "drop", "1", "4", "push"],
        &["fault", "delay", "1", "2", "100"],
        &["fault", "step", "on"],
        &["fault", "pace", "10"],
    ] {
        cluster.text(0, fault);
    }
    cluster.text(0, &["fault", "clear"]);
    let nothing = json!({"rules": [], "step": false, "pace": 1, "wrong": []});
    assert_eq!(cluster.json(0, &["fault", "list"]), nothing);
    until("nothing waits any more", || cluster.status().iter().all(|node| node["lab"]["pending"] == 0));
    cluster.json(0, &["put", "x", "1"]);
    until("every node has it", || cluster.status().iter().all(|node| node["applied"]["offset"] == 1));
    cluster.text(0, &["fault", "restart", "2"]);
    assert_eq!(cluster.json(0, &["fault", "list"]), nothing, "nothing comes back with a restart");
}

#[test]
fn without_a_launcher_the_nodes_are_asked_themselves() {
    let cluster = Cluster::start(&["--lab"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let addresses = cluster.addresses().join(",");
    let here = |words: &[&str]| {
        let folder = elsewhere.path().to_str().expect("it is UTF-8");
        let said = crate::support::epoca([&["--connect", &addresses, "--data", folder], words].concat());
        assert_eq!(said.code, Some(0), "{words:?}: {said:?}");
    };
    here(&["fault", "drop", "2", "1", "ack"]);
    here(&["fault", "pace", "3"]);
    here(&["fault", "step", "on", "--all"]);
    here(&["fault", "tick", "1"]);
    here(&["fault", "deliver"]);
    assert!(cluster.status().iter().all(|node| node["lab"]["step"] == true));
    here(&["fault", "clear"]);
    assert!(cluster.status().iter().all(|node| node["lab"]["step"] == false && node["lab"]["rules"] == json!([])));
}

#[test]
fn without_a_lab_no_gate_is_touched() {
    let cluster = Cluster::start(&[]);
    for fault in [
        &["fault", "drop", "1", "2", "ack"][..],
        &["fault", "step", "on"],
        &["fault", "pace", "10"],
        &["fault", "tick", "2"],
        &["fault", "clear"],
        &["fault", "wrong", "2", "skip-check"],
        &["fault", "deliver", "1-2-3"],
    ] {
        let said = cluster.epoca(&[fault, &["--output", "json"]].concat());
        assert_eq!((said.code, said.error().0), (Some(1), "lab_only".to_owned()), "{said:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().expect("it is UTF-8");
    let node = ["node", "--id", "1", "--listen", "127.0.0.1:0", "--data", data, "--wrong", "skip-check"];
    let said = crate::support::epoca_until_it_ends(node);
    assert!(said.code == Some(1) && said.err.contains("--lab"), "{said:?}");
}
