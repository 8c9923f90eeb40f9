//! Messages of nonmembers: each is accepted or refused with a reason, and the cluster continues.

use epoca::protocol::{ClusterId, Envelope, Epoch, Message, NodeId, PreVoteAsked, RoundAnswer};
use epoca::wire::proto;
use epoca::wire::proto::control_client::ControlClient;
use epoca::wire::proto::peer_client::PeerClient;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::support::Cluster;

/// The most guests that have a link at the same time.
const GUESTS: u64 = 16;

fn from(from: u64, cluster: Option<ClusterId>) -> Envelope {
    let message = Message::RoundAnswer(RoundAnswer { round: 1, patience_micros: 0 });
    Envelope { cluster, epoch: Some(Epoch(1)), ..Envelope::bare(NodeId(from), NodeId(1), 1, message) }
}

/// A call of another node, which carries that node's address.
fn call<T>(message: T, address: Option<&str>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(address) = address {
        request.metadata_mut().insert("epoca-address", address.parse().expect("it is UTF-8"));
    }
    request
}

struct Visit {
    peer: PeerClient<Channel>,
    cluster: ClusterId,
}

impl Visit {
    async fn to(address: &str) -> Visit {
        let mut control = ControlClient::connect(format!("http://{address}")).await.expect("it exists");
        let status = control.status(proto::StatusRequest {}).await.expect("it answers").into_inner();
        let cluster = status.cluster.expect("it belongs to one");
        let peer = PeerClient::connect(format!("http://{address}")).await.expect("it exists");
        Visit { peer, cluster: ClusterId(cluster[..].try_into().expect("16 bytes")) }
    }

    async fn deliver(&mut self, envelope: Envelope, address: Option<&str>) -> Result<(), Status> {
        self.peer.deliver(call(envelope.into(), address)).await.map(drop)
    }

    async fn open(&mut self, envelope: Envelope, address: Option<&str>) -> Result<(), Status> {
        let messages = tokio_stream::once(proto::Envelope::from(envelope));
        self.peer.replicate(call(messages, address)).await.map(drop)
    }
}

#[track_caller]
fn refused(ended: Result<(), Status>, code: Code, text: &str) {
    let status = ended.expect_err("it is refused");
    assert_eq!(status.code(), code, "{status}");
    assert!(status.message().contains(text), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_non_member_is_one_of_a_few_guests_or_refused_with_a_reason() {
    let cluster = Cluster::start(&["--nodes", "3"]);
    let address = cluster.addresses()[0].clone();
    let mut visit = Visit::to(&address).await;
    let (ours, theirs) = (Some(visit.cluster), Some(ClusterId([9; 16])));
    let here = Some("127.0.0.1:1");

    for stranger in [from(9, None), from(9, theirs)] {
        refused(visit.deliver(stranger.clone(), here).await, Code::PermissionDenied, "n9 is not a member");
        refused(visit.open(stranger, here).await, Code::PermissionDenied, "`epoca member list` shows the members");
    }
    refused(visit.deliver(from(2, theirs), here).await, Code::FailedPrecondition, "belongs to the cluster");
    let astray = Envelope { to: NodeId(7), ..from(9, ours) };
    refused(visit.deliver(astray, here).await, Code::FailedPrecondition, "the message is for n7, but this is n1");
    refused(visit.open(from(9, ours), None).await, Code::ResourceExhausted, "it sent no address");
    refused(visit.deliver(from(9, ours), Some("nowhere")).await, Code::ResourceExhausted, "it sent no address");

    for guest in 100..100 + GUESTS {
        visit.deliver(from(guest, ours), here).await.expect("there is room for a guest");
    }
    refused(visit.deliver(from(9, ours), here).await, Code::ResourceExhausted, "there are too many guests");
    refused(visit.open(from(9, ours), here).await, Code::ResourceExhausted, "there are too many guests");
    visit.open(from(100, ours), here).await.expect("a guest that is known is let in again");
    // A guest's vote is a valid message without effect.
    let asked = PreVoteAsked { epoch: Epoch(50), last: None };
    let asked = Envelope { epoch: Some(Epoch(49)), message: Message::PreVoteAsked(asked), ..from(101, ours) };
    visit.deliver(asked, here).await.expect("it is heard");

    let written = cluster.json(0, &["put", "x", "1"]);
    assert_eq!(written["epoch"], 1, "no leader has stepped down over it: {written}");
    let members = cluster.json(0, &["member", "list"]);
    assert_eq!(members.as_array().map(Vec::len), Some(3), "guests are no members: {members}");
    for status in cluster.status() {
        assert_eq!(status["epoch"], 1, "{status}");
    }
}
