//! Ten thousand clients at once.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::future::join_all;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::sync::Barrier;

use crate::overload::{Memory, Tally, alone, assert_bounded, connected, goes_on, put, started};

const CLIENTS: usize = 10_000;
/// The most memory that a node may need while all clients write.
const MOST_MIB: u64 = 400;
/// The same with one connection per client.
const MOST_MIB_OF_CONNECTIONS: u64 = 1_200;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_clients_at_once_each_get_an_answer_and_memory_stays_bounded() {
    crowd(100, 2, MOST_MIB).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes longer, and needs as many file descriptors"]
async fn ten_thousand_connections_at_once_each_get_an_answer_and_memory_stays_bounded() {
    crowd(CLIENTS, 5, MOST_MIB_OF_CONNECTIONS).await;
}

/// All clients, over this number of connections to the leader; each sends its next write as soon as the last is
/// confirmed.
async fn crowd(connections: usize, rounds: usize, most_mib: u64) {
    let _alone = alone().await;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let connections = connections.min(hard as usize - 500);
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path(), 3_000).await;
    let memory = Memory::watch(&cluster);
    let leader = cluster.addresses()[0].clone();
    let begun = Instant::now();
    let all_there = Arc::new(Barrier::new(connections));
    let work = (0..connections).map(|connection| {
        let (leader, all_there) = (leader.clone(), Arc::clone(&all_there));
        tokio::spawn(async move {
            let client = connected(&leader).await;
            all_there.wait().await;
            let of_one = (connection..CLIENTS).step_by(connections).map(|number| {
                let mut client = client.clone();
                async move {
                    let mut tally = Tally::default();
                    for round in 0..rounds {
                        let value = Bytes::from(format!("{round:0100}"));
                        tally.add(put(&mut client, format!("client-{number}"), value).await);
                    }
                    tally
                }
            });
            join_all(of_one).await
        })
    });
    let mut tally = Tally::default();
    for one in join_all(work).await {
        one.expect("no client panics").into_iter().for_each(|other| tally.add(other));
    }
    let seconds = begun.elapsed().as_secs_f64();
    let memory = memory.most();
    println!("{CLIENTS} clients over {connections} connections: {tally:?} in {seconds:.1} s, MiB at most {memory:?}");
    assert_eq!((tally.hanging, tally.answered()), (0, (CLIENTS * rounds) as u64), "{tally:?}");
    assert!(tally.confirmed > 0, "{tally:?}");
    assert_bounded(&memory, most_mib);
    goes_on(&cluster).await;
    cluster.stop().await;
}
