//! A cluster of real processes whose gRPC services receive corrupt bytes: each node refuses with a reason and
//! continues.

use std::io::Write;
use std::net::TcpStream;

use bytes::{Buf, BufMut, Bytes};
use epoca::protocol::{Message, Position};
use epoca::verify::rng::Rng;
use epoca::wire::proto;
use epoca::wire::proto::peer_client::PeerClient;
use prost::Message as _;
use tokio::runtime::Runtime;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use crate::samples;
use crate::spoil::spoil;
use crate::support::{Cluster, until};

/// Every unary method, and every streaming method.
const UNARY: [&str; 15] = [
    "Peer/Deliver",
    "Client/Write",
    "Client/Get",
    "Client/List",
    "Control/Status",
    "Control/ReadLog",
    "Control/Stand",
    "Control/SetRule",
    "Control/ClearRule",
    "Control/ListRules",
    "Control/Inject",
    "Control/Members",
    "Control/Join",
    "Control/Promote",
    "Control/NoSuchMethod",
];
const STREAMS: [&str; 3] = ["Peer/Replicate", "Client/WriteStream", "Control/Observe"];

/// Sends raw bytes as the body of any message.
#[derive(Clone, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

fn path(method: &str) -> PathAndQuery {
    format!("/epoca.v1.{method}").parse().expect("it is a path")
}

async fn send(channel: &Channel, method: &str, bytes: Bytes) -> Result<Bytes, Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    grpc.unary(Request::new(bytes), path(method), Raw).await.map(tonic::Response::into_inner)
}

/// Sends a stream of messages; returns the first response, or the error.
async fn send_stream(channel: &Channel, method: &str, messages: Vec<Bytes>) -> Result<Option<Bytes>, Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let request = Request::new(tokio_stream::iter(messages));
    grpc.streaming(request, path(method), Raw).await?.into_inner().message().await
}

struct Hostile {
    cluster: Cluster,
    channels: Vec<Channel>,
    id: Bytes,
    runtime: Runtime,
}

impl Hostile {
    fn start() -> Hostile {
        let cluster = Cluster::start(&[]);
        let runtime = Runtime::new().expect("a runtime starts");
        let _inside = runtime.enter();
        let channel = |address: &String| Endpoint::from_shared(format!("http://{address}")).map(|to| to.connect_lazy());
        let channels: Result<Vec<_>, _> = cluster.addresses().iter().map(channel).collect();
        let channels = channels.expect("they are addresses");
        let status = runtime.block_on(send(&channels[0], "Control/Status", Bytes::new())).expect("n1 answers");
        let status = proto::StatusResponse::decode(status).expect("it is a status");
        let id = status.cluster.expect("the cluster is founded");
        drop(_inside);
        Hostile { cluster, channels, id, runtime }
    }

    /// A message of a member of this cluster.
    fn wire(&self, from: u64, to: u64, epoch: u64, message: Message) -> proto::Envelope {
        let envelope = proto::Envelope::from(samples::envelope(from, to, Some(epoch), message));
        proto::Envelope { cluster: Some(self.id.clone()), ..envelope }
    }

    fn refusal(&self, envelope: proto::Envelope) -> String {
        let mut peer = PeerClient::new(self.channels[1].clone());
        let refused = self.runtime.block_on(peer.deliver(envelope));
        refused.expect_err("it is refused").message().to_owned()
    }

    /// Every node is still the same process and responds, and the cluster confirms a write.
    fn is_unharmed(&self, pids: &[i32]) {
        assert_eq!(self.cluster.pids(), pids);
        // An election may be in progress, because members claimed greater epochs.
        until("a write is confirmed", || self.cluster.epoca(&["put", "after", "1"]).code == Some(0));
        assert_eq!(self.cluster.json(0, &["get", "after"])["value"], "1");
    }
}

/// A member with false committed entries stops a node by design: conflicting committed logs need an operator. These
/// messages leave that case out.
fn without_claims_of_damage(bytes: Vec<u8>) -> Bytes {
    let Ok(mut envelope) = proto::Envelope::decode(&bytes[..]) else { return bytes.into() };
    match &mut envelope.message {
        Some(proto::envelope::Message::Push(push)) => match &mut push.prev {
            Some(prev) => prev.position |= 1 << 40,
            None => push.entries.clear(),
        },
        Some(proto::envelope::Message::LogState(state)) => state.committed = None,
        _ => {}
    }
    samples::encoded(&envelope).into()
}

#[test]
fn messages_of_strangers_and_other_clusters_are_refused_with_the_reason() {
    let hostile = Hostile::start();
    let pids = hostile.cluster.pids();
    for message in samples::messages() {
        let good = hostile.wire(1, 2, 1, message);
        let other_cluster = proto::Envelope { cluster: Some(Bytes::from_static(&[9; 16])), ..good.clone() };
        assert!(hostile.refusal(other_cluster).contains("belongs to the cluster 0909"));
        let stranger = proto::Envelope { from: 77, ..good.clone() };
        assert!(hostile.refusal(stranger).contains("n77 is not a member"));
        let misled = proto::Envelope { to: 3, ..good.clone() };
        assert!(hostile.refusal(misled).contains("is for n3"));
        let from_zero = proto::Envelope { from: 0, ..good.clone() };
        assert!(hostile.refusal(from_zero).contains("`from` is 0"));
        let endless = proto::Envelope { epoch: Some(u64::MAX), ..good };
        assert!(hostile.refusal(endless).contains("`epoch` is 18446744073709551615"));
    }
    hostile.is_unharmed(&pids);
}

#[test]
fn a_message_above_the_limit_is_refused_with_the_limit() {
    let hostile = Hostile::start();
    let pids = hostile.cluster.pids();
    let huge = Bytes::from(vec![0; (4 << 20) + 1]);
    for method in UNARY.iter().filter(|method| !method.ends_with("NoSuchMethod")) {
        let refused =
            hostile.runtime.block_on(send(&hostile.channels[1], method, huge.clone())).expect_err("too large");
        assert_eq!(refused.code(), Code::OutOfRange, "{method}: {refused}");
        assert!(refused.message().contains("4194304"), "{method}: {refused}");
    }
    hostile.is_unharmed(&pids);
}

#[test]
fn a_node_continues_after_corrupt_bytes_on_every_method() {
    let hostile = Hostile::start();
    let pids = hostile.cluster.pids();
    let seed = std::env::var("EPOCA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(41);
    let rng = &mut Rng::new(seed);
    for _ in 0..300 {
        let node = rng.below(4);
        let channel = &hostile.channels[node as usize];
        let messages: Vec<Bytes> = (0..4).map(|_| spoiled(&hostile, node + 1, rng)).collect();
        let first = messages[0].clone();
        hostile.runtime.block_on(async {
            // Accepted or refused, there is a response.
            let _ = send(channel, "Peer/Deliver", first.clone()).await;
            let _ = send(channel, rng.choose(&UNARY), first).await;
            let stream = send_stream(channel, rng.choose(&STREAMS), messages);
            let _ = tokio::time::timeout(std::time::Duration::from_millis(20), stream).await;
        });
    }
    for address in hostile.cluster.addresses() {
        let mut stream = TcpStream::connect(address).expect("the node listens");
        // The node may close the connection as soon as it detects that this is not HTTP/2.
        let _ = stream.write_all(&vec![0xa5; 70_000]);
    }
    hostile.is_unharmed(&pids);
}

/// A member's message with corrupt fields, corrupt bytes, or unchanged.
fn spoiled(hostile: &Hostile, to: u64, rng: &mut Rng) -> Bytes {
    let messages = samples::messages();
    let message = messages[rng.below(messages.len() as u64) as usize].clone();
    let message = match message {
        Message::CommitOrder(mut order) => {
            order.up_to.position = Position(rng.choose(&[1, 2, 3, 1 << 40, u64::MAX >> 1]));
            Message::CommitOrder(order)
        }
        message => message,
    };
    let epoch = rng.choose(&[1, 1, 2, 3, 5, 1 << 33, u64::MAX >> 1]);
    let envelope = hostile.wire(1 + rng.below(4), to, epoch, message);
    let whole = samples::encoded(&envelope);
    let changes: Vec<u8> = (0..rng.below(12)).map(|_| rng.next_u64() as u8).collect();
    without_claims_of_damage(spoil(&[&[0, 0, 0], &changes[..]].concat(), &[whole]))
}
