//! The client library and an overloaded cluster: clients retry and each write happens once; a client whose deadline is
//! too short gets the definite answer that its write was not done.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use epoca::client::{Client, ClientError, Consistency, Options};
use epoca::cluster::Cluster;
use epoca::protocol::trace::{LinkRule, RuleSelection};
use epoca::protocol::{Kind, MessageKind, NodeId};
use epoca::verify::patience::{Patience, on_this_machine};
use futures_util::future::join_all;

use crate::overload::{HANGS, alone, goes_on, started_with};
use crate::support::{election_timeout_ms, patient};

/// The leader's bound on uncommitted entries, and the number of concurrent writes.
const BOUND: u64 = 16;
const CLIENTS: usize = 3;
const WRITES_OF_EACH: usize = 200;

fn held_acks() -> LinkRule {
    LinkRule::hold(NodeId(1), Some(MessageKind::Ack))
}

/// A leader whose commit index stands still, because no ack reaches it.
async fn without_acks() -> (Cluster, Client, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let more = ["--uncommitted-entries".to_owned(), BOUND.to_string()];
    let cluster = started_with(folder.path(), election_timeout_ms(20_000), &more).await;
    let client = cluster.client(patient()).unwrap();
    client.set_rule(&held_acks(), false).await.expect("it is a lab");
    (cluster, client, folder)
}

/// Another client, with its own sessions.
fn another(client: &Client, timeout: Duration) -> Client {
    Client::of_nodes(&client.nodes(), Options { timeout, ..client.options().clone() }).expect("they are addresses")
}

/// Waits until the leader refuses writes.
async fn until_full(client: &Client) {
    let asks = another(client, on_this_machine(Duration::from_secs(2))).that_tells_overload();
    let patience = Patience::of(HANGS);
    loop {
        match asks.put(Bytes::from("full"), Bytes::new()).await {
            Err(error) if error.is_overload() => return,
            // The leader appended it: it counts towards the bound.
            Err(ClientError::Unknown { .. }) => {}
            other => panic!("nothing can be confirmed: {other:?}"),
        }
        assert!(!patience.is_over(), "the leader never refuses a write");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_clients_than_a_leader_takes_are_all_confirmed_in_the_end_each_write_once() {
    let _alone = alone().await;
    let (cluster, client, _folder) = without_acks().await;
    let clients: Vec<Client> = (0..CLIENTS).map(|_| another(&client, patient())).collect();
    let put = |number: usize| {
        let client = clients[number % CLIENTS].clone();
        tokio::spawn(async move { client.put(Bytes::from(format!("k{number:03}")), Bytes::from("v")).await })
    };
    let writes: Vec<_> = (0..CLIENTS * WRITES_OF_EACH).map(put).collect();
    until_full(&client).await;
    assert!(writes.iter().all(|write| !write.is_finished()), "no write is refused, and none can be confirmed");
    client.clear_rules(&RuleSelection::Rule(held_acks())).await.expect("it is a lab");
    for write in join_all(writes).await {
        write.expect("no client panics").expect("it is confirmed, after a while");
    }
    let (records, _) = client.list(Bytes::from("k"), 10_000, Consistency::Linearizable, None).await.unwrap();
    assert_eq!(records.len(), CLIENTS * WRITES_OF_EACH);
    assert!(records.iter().all(|record| record.version == 1), "each was applied once");
    let mut tries: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    let (log, _) = client.read_log(NodeId(1), 1, 10_000).await.unwrap();
    for line in log.iter().filter(|line| line.kind == Kind::Command) {
        *tries.entry(line.write.expect("each has a name")).or_default() += 1;
    }
    assert!(tries.values().all(|tries| *tries == 1), "a refused write leaves no entry: {tries:?}");
    goes_on(&cluster).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_deadline_passes_while_the_leader_is_overloaded_was_definitely_not_done() {
    let _alone = alone().await;
    let (cluster, client, _folder) = without_acks().await;
    let taken: Vec<_> = (0..BOUND as usize)
        .map(|number| {
            let client = another(&client, patient());
            tokio::spawn(async move { client.put(Bytes::from(format!("taken{number}")), Bytes::from("v")).await })
        })
        .collect();
    until_full(&client).await;
    let hasty = another(&client, on_this_machine(Duration::from_secs(1)));
    let refused =
        join_all((0..50).map(|number| hasty.put(Bytes::from(format!("late{number}")), Bytes::from("v")))).await;
    for refused in refused {
        let error = refused.expect_err("there is no room");
        assert_eq!(error.code(), "overloaded", "{error}");
        assert!(error.to_string().contains("wait to be committed"), "{error}");
    }
    client.clear_rules(&RuleSelection::Rule(held_acks())).await.expect("it is a lab");
    for write in join_all(taken).await {
        write.expect("no client panics").expect("accepted writes are confirmed, refused ones are accepted now");
    }
    goes_on(&cluster).await;
    let (late, _) = client.list(Bytes::from("late"), 100, Consistency::Linearizable, None).await.unwrap();
    assert!(late.is_empty(), "definitely not done: {late:?}");
    cluster.stop().await;
}
