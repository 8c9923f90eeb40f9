//! A replica that is slow or stopped: the leader's memory stays bounded, and client throughput does not suffer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use epoca::client::Client;
use epoca::cluster::Cluster;
use epoca::protocol::NodeId;
use epoca::verify::patience::Patience;
use epoca::wire::proto;
use epoca::wire::proto::control_client::ControlClient;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::overload::{HANGS, Memory, alone, assert_bounded, goes_on, started, throughput};
use crate::support::patient;

const CLIENTS: usize = 64;
const TURN: Duration = Duration::from_millis(700);
const TURNS: usize = 4;
/// A share of the throughput without the slow replica. Other tests run beside this one, so the bound only excludes a
/// large loss.
const RATIO_LEAST: f64 = 0.5;
const MOST_MIB: u64 = 250;

fn pid_of(cluster: &Cluster, node: NodeId) -> Pid {
    let found = cluster.nodes().into_iter().find(|process| process.id == node).and_then(|process| process.pid);
    Pid::from_raw(found.expect("it runs") as i32)
}

/// Alternates turns with and without the slow replica, so that other load affects both; returns both throughputs.
async fn with_and_without(client: &Client, mut trouble: impl FnMut(bool)) -> (f64, f64) {
    let (mut with, mut without) = (0.0, 0.0);
    throughput(client, CLIENTS, TURN).await;
    for _ in 0..TURNS {
        without += throughput(client, CLIENTS, TURN).await / TURNS as f64;
        trouble(true);
        with += throughput(client, CLIENTS, TURN).await / TURNS as f64;
        trouble(false);
    }
    (with, without)
}

async fn dropped_for(cluster: &Cluster, node: NodeId) -> u64 {
    let mut control = ControlClient::connect(format!("http://{}", cluster.addresses()[0])).await.unwrap();
    let status = control.status(proto::StatusRequest {}).await.unwrap().into_inner();
    status.peers.iter().find(|peer| peer.id == node.0).expect("it is a member").dropped
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_works_only_now_and_then_costs_the_others_little_and_the_leader_no_memory() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path(), 2_000).await;
    let memory = Memory::watch(&cluster);
    let slow = pid_of(&cluster, NodeId(4));
    let (stop, troubled) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let turns = {
        let (stop, troubled) = (Arc::clone(&stop), Arc::clone(&troubled));
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                if troubled.load(Ordering::Relaxed) {
                    kill(slow, Signal::SIGSTOP).expect("the process exists");
                }
                std::thread::sleep(Duration::from_millis(90));
                kill(slow, Signal::SIGCONT).expect("the process exists");
                std::thread::sleep(Duration::from_millis(10));
            }
        })
    };
    let client = cluster.client(patient()).unwrap();
    let (with, without) = with_and_without(&client, |on| troubled.store(on, Ordering::Relaxed)).await;
    stop.store(true, Ordering::Relaxed);
    turns.join().expect("it only sends signals");
    let memory = memory.most();
    println!("with a slow replica {with:.0}/s, without {without:.0}/s: {:.2}; MiB {memory:?}", with / without);
    assert!(with > RATIO_LEAST * without, "{with:.0}/s with a slow replica, {without:.0}/s without");
    assert_bounded(&memory, MOST_MIB);
    goes_on(&cluster).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_never_reads_its_stream_costs_a_bounded_queue_and_what_finds_no_room_is_counted() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path(), 2_000).await;
    let memory = Memory::watch(&cluster);
    let deaf = pid_of(&cluster, NodeId(4));
    let client = cluster.client(patient()).unwrap();
    assert_eq!(dropped_for(&cluster, NodeId(3)).await, 0, "all links have room");
    let signal = |on: bool| kill(deaf, if on { Signal::SIGSTOP } else { Signal::SIGCONT }).expect("the process exists");
    let (with, without) = with_and_without(&client, signal).await;
    signal(true);
    // A full in-flight window fills the sockets; later commit messages fill the queue.
    let large =
        (0..200).map(|number| client.put(Bytes::from(format!("large{number}")), Bytes::from(vec![0; 64 << 10])));
    futures_util::future::join_all(large).await.into_iter().for_each(|written| _ = written.expect("it is confirmed"));
    let patience = Patience::of(HANGS);
    let mut dropped = 0;
    while dropped == 0 && !patience.is_over() {
        throughput(&client, 4, TURN).await;
        dropped = dropped_for(&cluster, NodeId(4)).await;
    }
    signal(false);
    let memory = memory.most();
    println!(
        "with a deaf replica {with:.0}/s, without {without:.0}/s: {:.2}; {dropped} dropped; MiB {memory:?}",
        with / without
    );
    assert!(with > RATIO_LEAST * without, "{with:.0}/s with a deaf replica, {without:.0}/s without");
    assert!(dropped > 0, "its link was full");
    assert_eq!(dropped_for(&cluster, NodeId(3)).await, 0, "the others' links had room");
    assert_bounded(&memory, MOST_MIB);
    goes_on(&cluster).await;
    cluster.stop().await;
}
