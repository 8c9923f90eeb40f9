//! A leader without a quorum: its uncommitted entries grow up to a bound, then it refuses writes.

use std::time::Duration;

use bytes::Bytes;
use epoca::protocol::NodeId;
use epoca::protocol::trace::RuleSelection;
use epoca::verify::patience::on_this_machine;
use futures_util::future::join_all;

use crate::overload::{Memory, Tally, alone, assert_bounded, connected, goes_on, put_until, started_with};

const CONNECTIONS: usize = 20;
const CLIENTS_OF_EACH: usize = 100;
/// Two thousand of these are twice the leader's bound on uncommitted bytes.
const VALUE_BYTES: usize = 64 << 10;
/// The leader keeps uncommitted entries once in memory, besides what is in flight to disk and peers.
const MOST_MIB: u64 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn trap_48_writes_that_pile_up_without_a_majority_are_refused_as_overloaded_and_memory_stays_bounded() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    // Long enough that the leader keeps its role while the writes accumulate.
    let election_timeout = on_this_machine(Duration::from_secs(15));
    let cluster = started_with(folder.path(), Some(election_timeout.as_millis() as u64), &[]).await;
    let control = cluster.client(crate::support::patient()).unwrap();
    for replica in [2, 3, 4] {
        control.cut(NodeId(1), NodeId(replica)).await.unwrap();
    }
    let memory = Memory::watch(&cluster);
    // A leader without a quorum steps down, and responds, within two election timeouts.
    let kept = 2 * election_timeout;
    let leader = cluster.addresses()[0].clone();
    let work = (0..CONNECTIONS).map(|connection| {
        let leader = leader.clone();
        tokio::spawn(async move {
            let client = connected(&leader).await;
            let of_one = (0..CLIENTS_OF_EACH).map(|number| {
                let mut client = client.clone();
                let value = Bytes::from(vec![number as u8; VALUE_BYTES]);
                async move { put_until(kept, &mut client, format!("{connection}-{number}"), value).await }
            });
            join_all(of_one).await
        })
    });
    let mut tally = Tally::default();
    for one in join_all(work).await {
        one.expect("no client panics").into_iter().for_each(|other| tally.add(other));
    }
    let memory = memory.most();
    println!("{tally:?}, MiB at most {memory:?}");
    assert_eq!((tally.hanging, tally.confirmed), (0, 0), "nothing is confirmed without a majority: {tally:?}");
    assert_eq!(tally.answered(), (CONNECTIONS * CLIENTS_OF_EACH) as u64);
    let bound = (64 << 20) / VALUE_BYTES as u64;
    assert!((bound - 20..=bound).contains(&tally.unknown), "64 MiB are taken: {tally:?}");
    assert!(tally.overloaded >= 900, "{tally:?}");
    let said = tally.said.unwrap_or_default();
    assert!(
        said.contains("wait to be committed") && said.contains("try again"),
        "it says what is the matter and what to do: {said}"
    );
    assert_bounded(&memory, MOST_MIB);
    control.clear_rules(&RuleSelection::All).await.unwrap();
    goes_on(&cluster).await;
    cluster.stop().await;
}
