//! Clients that do not read their responses: an observer, a watch, a stream of writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use epoca::protocol::Change;
use epoca::verify::patience::Patience;
use epoca::wire::proto;
use epoca::wire::proto::client_client::ClientClient;
use epoca::wire::proto::control_client::ControlClient;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;

use crate::overload::{HANGS, Memory, alone, assert_bounded, connected, goes_on, started, throughput};
use crate::support::patient;

const CLIENTS: usize = 64;
const OBSERVERS: usize = 16;
const WATCHES: usize = 50;
/// Streams of writes with unread responses, and the writes that each would send without a bound.
const STREAMS: usize = 3;
const WRITES_OF_EACH: u64 = 200_000;
const MOST_MIB: u64 = 600;

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_never_read_cost_a_bounded_memory_and_the_others_little() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path(), 2_000).await;
    let memory = Memory::watch(&cluster);
    let client = cluster.client(patient()).unwrap();
    let leader = cluster.addresses()[0].clone();
    throughput(&client, CLIENTS, Duration::from_secs(1)).await;
    let without = throughput(&client, CLIENTS, Duration::from_secs(2)).await;

    let mut held = Vec::new();
    for _ in 0..OBSERVERS {
        let mut control = ControlClient::connect(format!("http://{leader}")).await.unwrap();
        held.push(control.observe(proto::ObserveRequest { tail: 0 }).await.unwrap().into_inner());
    }
    let mut control = ControlClient::connect(format!("http://{leader}")).await.unwrap();
    let refused = control.observe(proto::ObserveRequest { tail: 0 }).await.expect_err("there are enough");
    assert!(refused.message().contains("too many watch this node"), "{refused}");

    let mut watches = Vec::new();
    for _ in 0..WATCHES {
        let request = proto::WatchRequest { prefix: Bytes::new(), from: Some(1) };
        watches.push(connected(&leader).await.watch(request).await.unwrap().into_inner());
    }
    let (mut streams, sent) = (Vec::new(), Arc::new(AtomicU64::new(0)));
    for number in 0..STREAMS {
        streams.push(deaf_stream(&leader, number, Arc::clone(&sent)).await);
    }
    until_it_stands(&sent).await;
    let all = STREAMS as u64 * WRITES_OF_EACH;
    let taken = sent.load(Ordering::Relaxed);
    assert!(taken < all, "the node stops reading a stream with unread responses: {taken} of {all}");
    let with = throughput(&client, CLIENTS, Duration::from_secs(2)).await;
    let memory = memory.most();
    println!(
        "with deaf clients {with:.0}/s, without {without:.0}/s: {:.2}; {taken} writes taken; MiB at most {memory:?}",
        with / without
    );
    assert_bounded(&memory, MOST_MIB);
    // With sixteen observers the node produces every event, whether they read it or not.
    assert!(with > 0.2 * without, "{with:.0}/s with deaf clients, {without:.0}/s without");
    drop((held, watches, streams));
    goes_on(&cluster).await;
    cluster.stop().await;
}

/// A stream that writes as fast as flow control allows and reads no response.
async fn deaf_stream(
    address: &str,
    stream: usize,
    sent: Arc<AtomicU64>,
) -> tonic::Streaming<proto::TaggedWriteResponse> {
    let (writes, queued) = mpsc::channel(16);
    tokio::spawn(async move {
        for tag in 0..WRITES_OF_EACH {
            let (key, value) = (Bytes::from(format!("s{stream}-{}", tag % 1_000)), Bytes::from(vec![b'v'; 1_000]));
            let write = Some(Change::Put { key, value }.into());
            if writes.send(proto::TaggedWrite { tag, write }).await.is_err() {
                return;
            }
            sent.fetch_add(1, Ordering::Relaxed);
        }
    });
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("it is an address");
    let channel = endpoint.initial_stream_window_size(65_535).connect().await.expect("it takes a connection");
    ClientClient::new(channel).write_stream(ReceiverStream::new(queued)).await.expect("it takes a stream").into_inner()
}

/// Waits until the streams send nothing more.
async fn until_it_stands(sent: &AtomicU64) {
    const STANDS: Duration = Duration::from_millis(500);
    let patience = Patience::of(HANGS);
    let (mut last, mut still) = (0, Patience::of(STANDS));
    while !still.is_over() {
        assert!(!patience.is_over(), "it goes on and on: {last} writes");
        let now = sent.load(Ordering::Relaxed);
        if now != last {
            (last, still) = (now, Patience::of(STANDS));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
