//! Leadership: transferred by command, at a node's shutdown, by priority; manual elections; leases.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::members::hand::{Hand, free_address};
use crate::support::{Cluster, epoca, until};

fn leader(cluster: &Cluster) -> Option<u64> {
    let nodes = cluster.status();
    let leads = nodes.iter().find(|node| node["role"] == "leader");
    leads.and_then(|node| node["id"].as_u64())
}

#[test]
fn leadership_goes_to_the_node_that_is_named() {
    let cluster = Cluster::start(&[]);
    cluster.json(0, &["put", "x", "1"]);
    assert_eq!(cluster.text(0, &["leader", "transfer", "3"]).trim(), "n3 leads");
    assert_eq!(leader(&cluster), Some(3));
    assert_eq!(cluster.text(0, &["leader", "transfer", "n3"]).trim(), "n3 leads already");
    assert_eq!(cluster.json(0, &["put", "y", "2"])["epoch"], 2);
    // The most up-to-date replica.
    assert_eq!(cluster.text(0, &["leader", "transfer"]).trim(), "another node leads");
    assert_ne!(leader(&cluster), Some(3));
    assert_eq!(cluster.json(0, &["get", "x"])["value"], "1");
    assert_eq!(cluster.json(1, &["leader", "transfer", "9"])["error"]["code"], "unknown_node");
}

#[test]
fn writes_during_a_transfer_wait_and_are_not_refused() {
    let cluster = Cluster::start(&[]);
    let addresses = cluster.addresses().join(",");
    let writer = std::thread::spawn(move || {
        (0..200).filter(|n| epoca(["--connect", &addresses, "put", &format!("k{n}"), "v"]).code != Some(0)).count()
    });
    for to in ["2", "3", "4", "1"] {
        cluster.text(0, &["leader", "transfer", to]);
    }
    assert_eq!(writer.join().unwrap(), 0, "a write failed or is unknown");
    assert_eq!(cluster.json(0, &["list"]).as_array().map(Vec::len), Some(200));
}

#[test]
fn a_killed_leader_is_replaced_before_the_election_timeout() {
    let cluster = Cluster::start(&["--election-timeout", "60000"]);
    cluster.json(0, &["put", "x", "1"]);
    let begun = Instant::now();
    kill(Pid::from_raw(cluster.pids()[0]), Signal::SIGKILL).expect("n1 runs");
    until("another node leads", || leader(&cluster).is_some_and(|leader| leader != 1));
    let timeout = cluster.launched.scale.of(Duration::from_secs(60));
    assert!(begun.elapsed() < timeout, "{:?}, of {timeout:?}", begun.elapsed());
    assert_eq!(cluster.json(0, &["put", "y", "2"])["epoch"], 2);
    assert_eq!(cluster.json(0, &["get", "x"])["value"], "1");
}

#[test]
fn a_leader_that_is_asked_to_end_hands_over_first() {
    let cluster = Cluster::start(&["--election-timeout", "10000"]);
    cluster.json(0, &["put", "x", "1"]);
    let begun = Instant::now();
    kill(Pid::from_raw(cluster.pids()[0]), Signal::SIGTERM).expect("n1 runs");
    until("another node leads", || leader(&cluster).is_some_and(|leader| leader != 1));
    // No election timeout has passed.
    let most = cluster.launched.scale.of(Duration::from_secs(8));
    assert!(begun.elapsed() < most, "{:?}, of {most:?}", begun.elapsed());
    assert_eq!(cluster.json(0, &["put", "y", "2"])["epoch"], 2);
}

#[test]
fn a_preferred_node_leads_again_once_it_is_back() {
    let cluster = Cluster::start(&["--lab", "--prefer", "highest", "--election-timeout", "300", "--heartbeat", "50"]);
    until("n4 leads, as is preferred", || leader(&cluster) == Some(4));
    cluster.text(0, &["fault", "kill", "4"]);
    until("n3 leads, the next one", || leader(&cluster) == Some(3));
    cluster.json(0, &["put", "x", "1"]);
    cluster.text(0, &["fault", "restart", "4"]);
    until("n4 leads again", || leader(&cluster) == Some(4));
    assert_eq!(cluster.json(0, &["get", "x"])["value"], "1");
}

#[test]
fn with_manual_elections_only_a_person_makes_a_leader() {
    let cluster = Cluster::start(&["--lab", "--election", "manual", "--election-timeout", "400", "--heartbeat", "50"]);
    let first = cluster.json(0, &["put", "x", "1"])["epoch"].as_u64();
    let leads = leader(&cluster).expect("a node leads");
    cluster.text(0, &["fault", "kill", &leads.to_string()]);
    // Five election timeouts.
    cluster.launched.scale.let_pass(Duration::from_secs(2));
    assert_eq!(leader(&cluster), None);
    let next = 1 + leads % 4;
    // On a busy machine a campaign may fail; the command is then repeated.
    until("the next one leads", || {
        cluster.epoca(&["leader", "transfer", &next.to_string()]);
        leader(&cluster) == Some(next)
    });
    assert!(cluster.json(0, &["put", "y", "2"])["epoch"].as_u64() > first);
}

#[test]
fn a_manual_cluster_that_starts_again_gets_its_first_leader_from_the_launcher() {
    let cluster = Cluster::start(&["--election", "manual"]);
    cluster.json(0, &["put", "x", "1"]);
    let cluster = cluster.start_again(&["--election", "manual"]);
    assert_eq!(cluster.json(0, &["get", "x"])["value"], "1");
}

#[test]
fn reads_by_lease_are_answered_from_any_node() {
    let cluster = Cluster::start(&["--lease", "800"]);
    cluster.json(0, &["put", "x", "1"]);
    for node in ["1", "2", "3"] {
        let read = cluster.json(0, &["get", "x", "--consistency", "lease", "--node", node]);
        assert_eq!(read["value"], "1", "n{node}");
    }
}

#[test]
fn a_lease_that_is_too_long_for_the_election_timeout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("n1");
    let arguments =
        ["node", "--id", "1", "--listen", "127.0.0.1:0", "--lease", "950", "--data", data.to_str().unwrap()];
    let said = epoca(arguments);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("at most 900 ms"), "{}", said.err);
}

#[test]
fn a_quorum_read_sees_what_is_confirmed_though_its_commit_order_is_held() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.json(0, &["put", "x", "1"]);
    for replica in ["2", "3", "4"] {
        cluster.text(0, &["fault", "hold", replica, "commit-order"]);
    }
    cluster.json(0, &["put", "x", "2"]);
    let read = |node: &str| cluster.json(0, &["get", "x", "--consistency", "quorum", "--node", node])["value"].clone();
    // Two replicas alone cannot answer: both have accepted x=2 and neither has applied it. The read falls back to the
    // leader.
    for node in ["1", "2", "3", "4"] {
        assert_eq!(read(node), "2", "n{node}");
    }
    assert_eq!(cluster.json(0, &["get", "x", "--consistency", "local", "--node", "3"])["value"], "1");
    let refused = cluster.json(1, &["get", "x", "--consistency", "quorum", "--replicas", "1"]);
    assert_eq!(refused["error"]["code"], "wrong_replicas");
}

#[test]
fn a_quorum_read_needs_no_leader() {
    let cluster = Cluster::start(&["--lab", "--election", "manual"]);
    cluster.json(0, &["put", "x", "1"]);
    until("all have applied it", || {
        let nodes = cluster.status();
        nodes.iter().all(|node| node["applied"] == nodes[0]["applied"])
    });
    cluster.text(0, &["fault", "kill", "1"]);
    let read = cluster.json(0, &["get", "x", "--consistency", "quorum", "--replicas", "3", "--node", "2"]);
    assert_eq!(read["value"], "1");
}

#[test]
fn a_learner_is_refused_as_a_target_because_it_is_one() {
    let cluster = Cluster::start(&["--nodes", "1"]);
    cluster.text(0, &["member", "add", "--learner"]);
    until("n2 is a learner", || cluster.json(0, &["member", "list"])[1]["kind"] == "learner");
    let said = cluster.epoca(&["leader", "transfer", "2"]);
    assert!(said.code == Some(1) && said.err.contains("learner") && said.err.contains("promote"), "{said:?}");
    assert_eq!(cluster.json(1, &["leader", "transfer", "2"])["error"]["code"], "learner");
}

/// No other node can lead, so a write need not wait for an election timeout.
#[test]
fn a_single_node_leads_immediately_and_again_after_a_restart() {
    let hour = ["--election-timeout", "3600000"];
    let node = Hand::start(1, &hour);
    let takes = |node: &Hand| epoca(["--connect", &node.address, "put", "x", "1"]).code == Some(0);
    until("writes are confirmed", || takes(&node));
    let node = node.start_again(&hour);
    until("writes are confirmed again", || takes(&node));
}

#[test]
fn a_node_listens_at_a_name_and_is_reached_by_it() {
    let node = Hand::start_at(1, &free_address().replace("127.0.0.1", "localhost"), &[]);
    until("writes are confirmed", || epoca(["--connect", &node.address, "put", "x", "1"]).code == Some(0));
    // Not every machine has IPv6 loopback addresses.
    let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
    let address = listener.local_addr().expect("it is bound").to_string();
    drop(listener);
    let node = Hand::start_at(1, &address, &[]);
    until("writes are confirmed", || epoca(["--connect", &node.address, "put", "x", "1"]).code == Some(0));
}
