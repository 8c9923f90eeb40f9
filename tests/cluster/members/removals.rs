//! Removals: of a replica, of the leader, and the behavior of removed nodes.

use std::time::{Duration, Instant};

use bytes::Bytes;
use epoca::client::{Client, Options};
use epoca::protocol::NodeId;
use serde_json::Value;

use crate::members::hand::Hand;
use crate::members::{IMPATIENT, leadership, log_of, members, remove, voters};
use crate::support::{Cluster, epoca, patient, until};

/// Several election timeouts, long enough for a disruptive node to show.
fn let_time_pass(cluster: &Cluster) {
    cluster.launched.scale.let_pass(Duration::from_secs(3));
}

/// A disruptive node raises the epoch with each of its timeouts; one election may happen by chance.
#[track_caller]
fn assert_undisturbed(cluster: &Cluster, before: &(Value, Value)) {
    let after = leadership(cluster);
    let elections = after.1.as_u64().zip(before.1.as_u64()).map(|(after, before)| after - before);
    assert!(
        elections.is_some_and(|elections| elections <= 1),
        "it costs the leaders their places: {before:?}, {after:?}"
    );
}

#[test]
fn a_removed_replica_logs_its_removal_and_disturbs_no_election() {
    let cluster = Cluster::start(&IMPATIENT);
    cluster.json(0, &["put", "x", "1"]);
    let third = cluster.addresses()[2].clone();
    let before = leadership(&cluster);
    let removed = remove(&cluster, "3");
    assert_eq!((&removed["id"], &removed["position"]), (&3.into(), &3.into()), "{removed}");
    assert_eq!(members(&cluster), voters(&[1, 2, 4]));
    until("n3 logs it", || log_of(&cluster, 3).contains("n3 is not a member: it was removed"));
    let asked = epoca(["status", "--connect", &third, "--output", "json"]).json();
    let itself = asked.as_array().expect("a list").iter().find(|node| node["id"] == 3).cloned();
    assert!(itself.is_none_or(|node| node["member"].is_null()), "{asked}");
    let_time_pass(&cluster);
    assert_undisturbed(&cluster, &before);
    cluster.json(0, &["put", "x", "2"]);
    assert_eq!(cluster.json(0, &["get", "x", "--consistency", "quorum"])["value"], "2");
}

#[test]
fn a_leader_that_is_removed_hands_over_first() {
    let cluster = Cluster::start(&["--election-timeout", "3000"]);
    cluster.json(0, &["put", "x", "1"]);
    assert_eq!(leadership(&cluster).0, 1);
    let begun = Instant::now();
    remove(&cluster, "1");
    assert_eq!(members(&cluster), voters(&[2, 3, 4]));
    assert_ne!(leadership(&cluster).0, 1);
    // No election timeout has passed.
    let most = cluster.launched.scale.of(Duration::from_millis(2_900));
    assert!(begun.elapsed() < most, "{:?}, of {most:?}", begun.elapsed());
    until("n1 logs it", || log_of(&cluster, 1).contains("n1 is not a member: it was removed"));
    cluster.json(0, &["put", "x", "2"]);
}

#[test]
fn a_removed_node_that_was_away_returns_and_disturbs_no_election() {
    let cluster = Cluster::start(&["--lab", "--election-timeout", "400", "--heartbeat", "50"]);
    cluster.json(0, &["put", "x", "1"]);
    cluster.text(0, &["fault", "kill", "3"]);
    remove(&cluster, "3");
    // For a while the leader still pushes to the removed node, so that it learns of its removal.
    let_time_pass(&cluster);
    let before = leadership(&cluster);
    cluster.text(0, &["fault", "restart", "3"]);
    // By its own log it is a voter, and it hears no leader.
    until("n3 logs it", || log_of(&cluster, 3).contains("n3 is not a member: it was removed while it was away"));
    let_time_pass(&cluster);
    assert_undisturbed(&cluster, &before);
    cluster.json(0, &["put", "x", "2"]);
    assert_eq!(members(&cluster), voters(&[1, 2, 4]));
}

#[test]
fn a_removed_node_joins_again_on_request() {
    let cluster = Cluster::start(&["--nodes", "3"]);
    let join = ["--join", &cluster.addresses()[0]];
    let node = Hand::start(4, &join);
    until("n4 is a voter", || members(&cluster) == voters(&[1, 2, 3, 4]));
    cluster.json(0, &["member", "remove", "4"]);
    until("n4 logs it", || node.log().contains("n4 is not a member: it was removed"));
    let _node = node.start_again(&join);
    until("n4 is a voter again", || members(&cluster) == voters(&[1, 2, 3, 4]));
}

#[test]
fn a_client_that_knows_one_old_node_learns_the_list_and_survives_its_removal() {
    let cluster = Cluster::start(&[]);
    let addresses = cluster.addresses();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let options = Options { timeout: patient(), ..Options::default() };
    let client = runtime.block_on(Client::connect(&addresses[1..2], options)).expect("it answers");
    let put = |value: &'static str| runtime.block_on(client.put(Bytes::from("x"), Bytes::from(value)));
    put("1").expect("it is written");
    cluster.json(0, &["member", "add"]);
    until("n5 is a voter", || members(&cluster) == voters(&[1, 2, 3, 4, 5]));
    cluster.json(0, &["member", "remove", "2"]);
    cluster.json(0, &["member", "remove", "1"]);
    put("2").expect("it is written");
    let known = || {
        runtime.block_on(client.status()).expect("a node answers");
        client.nodes().into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    until("its book follows the list", || known() == [NodeId(3), NodeId(4), NodeId(5)]);
    let read = runtime.block_on(client.get(Bytes::from("x"), Default::default(), None)).expect("it answers");
    assert_eq!(read.map(|record| record.value), Some(Bytes::from("2")));
}
