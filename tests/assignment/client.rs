//! Graded: the client. It is a separate process that sends data to the leader and queries it.

use std::collections::BTreeSet;

use epoca::protocol::trace::Fact;

use crate::lab::{DONE, Lab, NOT};

#[test]
fn a_client_and_four_nodes_are_five_processes() {
    let lab = Lab::start();
    let client = lab.client(&["put", "x", "1"]);
    assert_eq!(client.code, Some(DONE), "{client:?}");
    let mut pids: BTreeSet<u32> = lab.pids().into_iter().collect();
    pids.insert(client.pid);
    assert_eq!(pids.len(), 5, "{pids:?}");
    assert!(!pids.contains(&std::process::id()), "and the test is another one");
}

#[test]
fn the_client_sends_data_to_the_leader() {
    let lab = Lab::start();
    let leader = lab.watch(1);
    lab.put("x", "1");
    let proposed = |fact: &Fact| match fact {
        // The first entry opens the epoch; no client sent it.
        Fact::Proposed { entry } => entry.first().filter(|entry| entry.key.is_some()).map(ToString::to_string),
        _ => None,
    };
    assert_eq!(leader.until("the leader has taken the write", proposed), "e1·o1:x=1");
}

#[test]
fn the_client_may_know_any_node_and_its_data_still_reach_the_leader() {
    let lab = Lab::start();
    for node in 1..=4 {
        let connect = lab.address(node);
        let written = lab.json(DONE, &["put", "x", &node.to_string(), "--connect", &connect]);
        assert_eq!(written["offset"], node, "given by the leader in its order");
        assert_eq!(lab.json(DONE, &["get", "x", "--connect", &connect])["value"], node.to_string());
    }
}

#[test]
fn the_client_queries_the_leader() {
    let lab = Lab::start();
    lab.put("x", "1");
    lab.put("x", "2");
    let found = lab.json(DONE, &["get", "x"]);
    assert_eq!((&found["value"], &found["epoch"], &found["offset"]), (&"2".into(), &1.into(), &2.into()));
    assert_eq!(lab.json(NOT, &["get", "y"])["found"], false);
}
