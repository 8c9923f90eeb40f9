//! Hostile or broken clients: they send incomplete messages on many streams of many connections, open streams without
//! sending, or do not read the large responses that they requested.

use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use epoca::client::Consistency;
use epoca::protocol::Change;
use epoca::verify::patience::within;
use epoca::wire::proto;
use h2::SendStream;
use h2::client::{ResponseFuture, SendRequest};
use prost::Message;
use tokio::net::TcpStream;
use tonic::codegen::http::{Method, Request};

use crate::overload::{HANGS, Memory, alone, assert_bounded, goes_on, resident_mib, started, throughput};
use crate::support::patient;

const LARGE: usize = 1 << 20;
/// Connections of each kind, and streams per connection: without bounds they would use more than 1 GiB.
const CONNECTIONS: usize = 64;
const STREAMS: usize = 16;
/// 256 MiB each for incomplete requests and for unread responses, plus the node's base use.
const MOST_MIB: u64 = 600;

/// What a client does on each stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Does {
    /// Sends a large write without its last byte.
    SendsHalf,
    /// Sends only the request's headers.
    SendsNothing,
    /// Requests a large value and reads nothing of it.
    ReadsNothing,
    /// The same, except for what the kernel's receive buffer holds.
    ReadsNothingOfTheSocket,
    /// Streams as many writes as flow control allows and reads none of the responses, all of which are refusals.
    WritesOn,
}

/// The open connections; dropping this closes them.
struct Hostile {
    streams: Vec<(ResponseFuture, SendStream<Bytes>)>,
    connection: tokio::task::JoinHandle<()>,
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn call(method: &str) -> Request<()> {
    Request::builder()
        .method(Method::POST)
        .uri(format!("http://epoca/epoca.v1.Client/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .expect("it is a request")
}

fn framed(message: &impl Message) -> Bytes {
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(message.encoded_len() as u32);
    message.encode(&mut framed).expect("the buffer has room");
    framed.freeze()
}

/// A write that is refused at once because it has no key.
fn nameless() -> proto::TaggedWrite {
    let put = Change::Put { key: Bytes::new(), value: vec![0; 20].into() };
    proto::TaggedWrite { tag: 1, write: Some(put.into()) }
}

async fn hostile(address: &str, streams: usize, does: Does) -> Hostile {
    let socket = TcpStream::connect(address).await.expect("it takes a connection");
    let window = if matches!(does, Does::ReadsNothing | Does::WritesOn) { 0 } else { 64 << 20 };
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(window).initial_connection_window_size(1 << 30);
    let (mut requests, connection) = builder.handshake::<_, Bytes>(socket).await.expect("it speaks HTTP/2");
    let connection = tokio::spawn(async move { _ = connection.await });
    let mut open = Vec::new();
    for _ in 0..streams {
        requests = match requests.ready().await {
            Ok(requests) => requests,
            Err(_) => break,
        };
        open.push(begin(&mut requests, does));
    }
    Hostile { streams: open, connection }
}

fn begin(requests: &mut SendRequest<Bytes>, does: Does) -> (ResponseFuture, SendStream<Bytes>) {
    let get = proto::GetRequest { key: "large".into(), ..proto::GetRequest::default() };
    let put = proto::WriteRequest::from(Change::Put { key: "half".into(), value: vec![0; LARGE].into() });
    let method = match does {
        Does::SendsHalf | Does::SendsNothing => "Write",
        Does::ReadsNothing | Does::ReadsNothingOfTheSocket => "Get",
        Does::WritesOn => "WriteStream",
    };
    let (response, mut stream) = requests.send_request(call(method), false).expect("it may be sent");
    let sent = match does {
        Does::SendsNothing => Ok(()),
        Does::SendsHalf => stream.send_data(framed(&put).slice(..LARGE), false),
        Does::ReadsNothing | Does::ReadsNothingOfTheSocket => stream.send_data(framed(&get), true),
        Does::WritesOn => stream.send_data(framed(&nameless()).repeat(100_000).into(), false),
    };
    sent.expect("it is queued");
    (response, stream)
}

/// The status of a call and its message; `None` if the connection was closed.
async fn status(response: ResponseFuture) -> Option<(String, String)> {
    let answer = within(HANGS, response).await.expect("it ends in time").ok()?;
    let header = |name: &str| {
        let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().replace("%20", " ")
    };
    Some((header("grpc-status"), header("grpc-message")))
}

async fn many(address: &str, connections: usize, streams: usize, does: Does) -> Vec<Hostile> {
    let mut all = Vec::new();
    for _ in 0..connections {
        all.push(hostile(address, streams, does).await);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_send_half_a_message_are_cut_off_and_cost_a_bounded_memory() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path(), 5_000).await;
    let memory = Memory::watch(&cluster);
    let address = cluster.addresses()[0].clone();
    let half = many(&address, CONNECTIONS, STREAMS, Does::SendsHalf).await;
    let nothing = many(&address, CONNECTIONS, STREAMS, Does::SendsNothing).await;
    let client = cluster.client(patient()).unwrap();
    let meanwhile = throughput(&client, 16, Duration::from_secs(2)).await;
    assert!(meanwhile > 20.0, "the others go on: {meanwhile:.0}/s");
    // When the budget is used up, this call waits until earlier streams are reset.
    client.put("large".into(), vec![7; LARGE - 100].into()).await.expect("it is confirmed");
    let mut late = 0;
    for mut hostile in half.into_iter().chain(nothing) {
        for (response, _) in hostile.streams.drain(..) {
            let (code, text) = status(response).await.expect("the connection may stay");
            // Most of the incomplete requests were never admitted.
            let waited = code == "8" && text.contains("has had the most incoming messages that it admits");
            assert!(waited || (code == "4" && text.contains("was not complete 10 s after")), "{code}: {text}");
            late += u32::from(!waited);
        }
    }
    let memory = memory.most();
    println!("{meanwhile:.0}/s meanwhile, {late} late, MiB at most {memory:?}");
    assert!(
        late as usize >= CONNECTIONS * STREAMS,
        "every stream that sent nothing, and the halves for which there was room"
    );
    assert_bounded(&memory, MOST_MIB);
    goes_on(&cluster).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_fetch_no_answer_cost_a_bounded_memory_and_their_connections() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path(), 5_000).await;
    let client = cluster.client(patient()).unwrap();
    let large = Bytes::from(vec![7; LARGE - 100]);
    client.put("large".into(), large.clone()).await.expect("it is confirmed");
    let memory = Memory::watch(&cluster);
    let address = cluster.addresses()[0].clone();
    let of_streams = many(&address, CONNECTIONS, STREAMS, Does::ReadsNothing).await;
    let of_socket = many(&address, CONNECTIONS, STREAMS, Does::ReadsNothingOfTheSocket).await;
    let meanwhile = throughput(&client, 16, Duration::from_secs(2)).await;
    assert!(meanwhile > 20.0, "the others go on: {meanwhile:.0}/s");
    // When the budget is used up, this call waits until stalled connections are closed.
    let read = client.get("large".into(), Consistency::Linearizable, None).await.expect("it can be read");
    assert_eq!(read.map(|record| record.value), Some(large));
    let mut refused = 0;
    for mut hostile in of_streams.into_iter().chain(of_socket) {
        for (response, _) in hostile.streams.drain(..) {
            match status(response).await {
                Some((code, text)) if code == "8" => {
                    assert!(text.contains("MiB of answers at this node are unread"), "{text}");
                    refused += 1;
                }
                _ => {}
            }
        }
        let ended = within(HANGS, &mut hostile.connection).await;
        assert!(ended.is_some(), "a client that reads nothing is cut off");
    }
    let memory = memory.most();
    println!("{meanwhile:.0}/s meanwhile, {refused} refused, MiB at most {memory:?}");
    assert!(refused > CONNECTIONS * STREAMS, "there is room for 128 of them: {refused}");
    assert_bounded(&memory, MOST_MIB);
    goes_on(&cluster).await;
    cluster.stop().await;
}

/// Streams of a few connections that use more than half of the node's concurrent calls.
const CROWD: (usize, usize) = (24, 1_000);

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_calls_is_refused_beyond_its_share_and_others_are_served() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let cluster = started(folder.path(), 10_000).await;
    let memory = Memory::watch(&cluster);
    let address = cluster.addresses()[0].clone();
    let crowd = many(&address, CROWD.0, CROWD.1, Does::SendsNothing).await;
    let client = cluster.client(patient()).unwrap();
    let meanwhile = throughput(&client, 16, Duration::from_secs(2)).await;
    assert!(meanwhile > 20.0, "the others go on: {meanwhile:.0}/s");
    let mut refused = 0;
    for mut hostile in crowd {
        for (response, _) in hostile.streams.drain(..) {
            let (code, text) = status(response).await.expect("the connection may stay");
            let full = code == "8" && text.contains("has the most open calls that it admits");
            assert!(full || (code == "4" && text.contains("was not complete")), "{code}: {text}");
            refused += usize::from(full);
        }
    }
    let memory = memory.most();
    println!("{meanwhile:.0}/s meanwhile, {refused} refused, MiB at most {memory:?}");
    assert!(refused > 1_000, "{refused}");
    assert_bounded(&memory, MOST_MIB);
    goes_on(&cluster).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn what_hostile_clients_cost() {
    let _alone = alone().await;
    let number = |name: &str, default: usize| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (connections, streams) = (number("CONNECTIONS", 50), number("STREAMS", 20));
    use Does::{ReadsNothing, ReadsNothingOfTheSocket, SendsHalf, SendsNothing, WritesOn};
    for does in [SendsNothing, SendsHalf, ReadsNothing, ReadsNothingOfTheSocket, WritesOn] {
        if std::env::var("DOES").is_ok_and(|wanted| wanted != format!("{does:?}")) {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let cluster = started(folder.path(), 5_000).await;
        let client = cluster.client(patient()).unwrap();
        client.put("large".into(), vec![7; LARGE - 100].into()).await.expect("it is confirmed");
        let pid = cluster.nodes()[0].pid.expect("it runs");
        let before = resident_mib(pid);
        let all = many(&cluster.addresses()[0], connections, streams, does).await;
        let (mut most, begun) = (0, Instant::now());
        while begun.elapsed() < Duration::from_secs(6) {
            most = resident_mib(pid).max(most);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let with = throughput(&client, 16, Duration::from_secs(1)).await;
        println!("{does:?}: {connections} connections x {streams}: {before} -> {most} MiB, {with:.0}/s meanwhile");
        drop(all);
        goes_on(&cluster).await;
        cluster.stop().await;
    }
}
