//! The members' addresses in the member list, also after a start at other addresses.

use std::net::TcpListener;

use serde_json::Value;

use crate::members::hand::Hand;
use crate::members::{members, voters};
use crate::support::{Cluster, Launched, epoca, epoca_until_it_ends, until};

/// The addresses in the member list.
fn listed(cluster: &Cluster) -> Vec<String> {
    let list = cluster.json(0, &["member", "list"]);
    let address = |member: &Value| member["address"].as_str().expect("it has one").to_owned();
    list.as_array().expect("it is a list").iter().map(address).collect()
}

#[test]
fn a_start_on_other_ports_puts_the_new_addresses_on_the_member_list() {
    let mut cluster = Cluster::start(&["--nodes", "3"]);
    cluster.json(0, &["put", "x", "1"]);
    let before = cluster.addresses();
    assert_eq!(listed(&cluster), before);
    cluster.launched.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(cluster.launched.wait(), Some(0));
    // Another process has the port of n2 now, so all nodes get other ports.
    let _stranger = TcpListener::bind(&before[1]).expect("it is free again");
    cluster.launched = Launched::start(&cluster.data(), &["--base-port", "0", "--nodes", "3"]);
    cluster.launched.wait_until_ready();
    let now = cluster.addresses();
    assert!(!now.contains(&before[1]), "{now:?}");
    until("the list has where they are now", || listed(&cluster) == now);
    assert_eq!(members(&cluster), voters(&[1, 2, 3]), "nothing else has changed");
    assert_eq!(cluster.json(0, &["get", "x"])["value"], "1");
    // It learns the other addresses from the list alone.
    let node = Hand::start(4, &["--join", &now[0]]);
    until("n4 is a voter", || members(&cluster) == voters(&[1, 2, 3, 4]));
    let said = epoca(["status", "--output", "json", "--connect", &node.address]);
    let known: Vec<Value> =
        said.json().as_array().expect("a list").iter().map(|node| node["address"].clone()).collect();
    assert!(now.iter().all(|address| known.contains(&address.as_str().into())), "{known:?}");
    assert!(!node.log().contains(&before[1]), "{}", node.log());
}

#[test]
fn unreachable_addresses_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("n1");
    let data = data.to_str().expect("it is UTF-8");
    for arguments in [
        &["--listen", "127.0.0.1:0", "--advertise", "0.0.0.0:7101"][..],
        &["--listen", "127.0.0.1:0", "--advertise", "[::]:7101"],
        &["--listen", "0.0.0.0:0"],
        &["--listen", "[::]:0"],
        &["--listen", "127.0.0.1:0", "--peer", "2=0.0.0.0:7102"],
        &["--listen", "127.0.0.1:0", "--join", "127.0.0.1:1,[::]:7102"],
    ] {
        let said = epoca_until_it_ends([&["node", "--id", "1", "--data", data][..], arguments].concat());
        assert!(matches!(said.code, Some(1 | 2)), "{arguments:?}: {said:?}");
        assert!(said.err.contains("every address of this machine"), "{arguments:?}: {said:?}");
        assert!(!folder.path().join("n1").exists(), "{arguments:?}: refused before anything is made");
    }
}

#[test]
fn two_nodes_of_one_address_are_refused_by_a_node() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("n1");
    let data = data.to_str().expect("it is UTF-8");
    for peers in [["2=127.0.0.1:7102", "3=127.0.0.1:7102"], ["2=127.0.0.1:7101", "3=127.0.0.1:7103"]] {
        let words =
            ["node", "--id", "1", "--data", data, "--listen", "127.0.0.1:7101", "--peer", peers[0], "--peer", peers[1]];
        let said = epoca_until_it_ends(words);
        assert!(matches!(said.code, Some(1 | 2)), "{peers:?}: {said:?}");
        assert!(said.err.contains("two nodes have the address 127.0.0.1:710"), "{peers:?}: {said:?}");
    }
}
