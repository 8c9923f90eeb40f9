//! Quorum reads while the member list changes.

use crate::members::{leadership, members, remove_within, voters};
use crate::support::{Cluster, until};

/// Two of four voters intersect every majority of four. Once one voter is removed, two of the other three are a
/// majority, and the two that lack the removal need not intersect it. So the removal is committed only when a majority
/// of the four has it.
#[test]
fn a_quorum_read_of_two_misses_nothing_when_the_list_of_four_shrinks() {
    let cluster = Cluster::start(&["--lab", "--election-timeout", "10000"]);
    cluster.json(0, &["put", "x", "1"]);
    until("every node has applied it", || cluster.status().iter().all(|node| node["applied"]["offset"] == 1));
    for node in ["3", "4"] {
        cluster.text(0, &["fault", "hold", node, "all"]);
    }
    let removed = remove_within(&cluster, "4", "1");
    let written = cluster.epoca(&["put", "x", "2", "--timeout", "1"]);
    for _ in 0..20 {
        let read = ["get", "x", "--consistency", "quorum", "--replicas", "2", "--node", "3"];
        let said = cluster.epoca(&[&read[..], &["--output", "json"]].concat());
        if written.code == Some(0) && said.code == Some(0) {
            assert_eq!(said.json()["value"], "2", "x=2 was confirmed before the read, {removed:?}");
        }
    }
    cluster.text(0, &["fault", "clear"]);
    until("n4 is gone", || members(&cluster) == voters(&[1, 2, 3]));
    assert_eq!(leadership(&cluster).0, 1);
    cluster.json(0, &["put", "x", "3"]);
    assert_eq!(cluster.json(0, &["get", "x", "--consistency", "quorum", "--node", "3"])["value"], "3");
    let few = cluster.json(1, &["get", "x", "--consistency", "quorum", "--replicas", "1"]);
    assert_eq!(few["error"]["code"], "wrong_replicas", "{few}");
}

#[test]
fn a_node_with_an_old_list_starts_its_quorum_read_over_with_the_newer_one() {
    let cluster = Cluster::start(&["--lab", "--nodes", "3", "--election-timeout", "10000"]);
    cluster.json(0, &["put", "x", "1"]);
    // n3 receives nothing of what follows; it answers a read by asking the other nodes.
    cluster.text(0, &["fault", "hold", "3", "all"]);
    cluster.json(0, &["member", "add"]);
    until("n4 is a voter", || members(&cluster) == voters(&[1, 2, 3, 4]));
    cluster.json(0, &["put", "x", "2"]);
    for _ in 0..10 {
        assert_eq!(cluster.json(0, &["get", "x", "--consistency", "quorum", "--node", "3"])["value"], "2");
    }
}
