//! Real nodes over loopback gRPC, with in-memory storage.

pub(super) mod memory;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use crate::protocol::trace::{LinkRule, NodeState, Pace, RuleSelection};
use crate::protocol::{Change, FeatureLevel, LogPoint, MessageKind, NodeId, Prefer};
use crate::runtime::error::NodeError;
use crate::runtime::event_loop::StopMode;
use crate::runtime::options::{NodeOptions, SnapshotOptions};
use crate::runtime::start::run_on;
use crate::storage::Opened;
use crate::verify::patience::{Patience, on_this_machine, within};
use crate::wire::convert::{NodeSnapshot, Observation};
use crate::wire::forwarded::forwarded;
use crate::wire::proto;
use crate::wire::proto::client_client::ClientClient;
use crate::wire::proto::control_client::ControlClient;
use crate::wire::proto::{control_response, get_response, write_response};
use crate::wire::refusal::Refusal;

/// Longer than any wait here on an idle machine.
const DEADLINE: Duration = Duration::from_secs(20);

struct Node {
    id: u64,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), NodeError>>,
}

impl Node {
    async fn end(self) {
        let _ = self.stop.send(());
        let ended = within(DEADLINE, self.task).await.expect("the node ends in time");
        ended.expect("the node does not panic").expect("the node ends in order");
    }

    fn channel(&self) -> Channel {
        crate::wire::endpoint::endpoint(NodeId(self.id), &self.address.to_string())
            .expect("it is an address")
            .connect_lazy()
    }

    fn client(&self) -> ClientClient<Channel> {
        ClientClient::new(self.channel())
    }

    fn control(&self) -> ControlClient<Channel> {
        ControlClient::new(self.channel())
    }

    async fn put(&self, key: &'static str, value: &'static str) -> write_response::Outcome {
        self.put_bytes(Bytes::from_static(key.as_bytes()), Bytes::from_static(value.as_bytes())).await
    }

    async fn put_bytes(&self, key: Bytes, value: Bytes) -> write_response::Outcome {
        let put = proto::WriteRequest::from(Change::Put { key, value });
        let response = self.client().write(put).await.expect("the node answers").into_inner();
        response.outcome.expect("the answer says something")
    }

    async fn get(&self, key: &'static str, consistency: proto::Consistency) -> get_response::Outcome {
        let key = Bytes::from_static(key.as_bytes());
        let get = proto::GetRequest { key, consistency: consistency.into(), replicas: 0 };
        let response = self.client().get(get).await.expect("the node answers").into_inner();
        response.outcome.expect("the answer says something")
    }

    /// The value that a linearizable or local read returns.
    async fn value(&self, key: &'static str, consistency: proto::Consistency) -> Option<Bytes> {
        match self.get(key, consistency).await {
            get_response::Outcome::Record(record) => Some(record.value),
            _ => None,
        }
    }

    async fn hold(&self, hold: bool) {
        let me = NodeId(self.id);
        let rule = LinkRule::hold(me, Some(MessageKind::CommitOrder));
        let mut control = self.control();
        let answer = match hold {
            true => control.set_rule(proto::SetRuleRequest { rule: Some((&rule).into()), both_ways: false }).await,
            false => control.clear_rule(proto::ClearRuleRequest::from(&RuleSelection::Rule(rule))).await,
        };
        expect_done(answer.expect("the node answers").into_inner());
    }

    async fn cut(&self, with: u64) -> proto::ControlResponse {
        let [rule, _] = LinkRule::cut(NodeId(self.id), NodeId(with));
        let request = proto::SetRuleRequest { rule: Some((&rule).into()), both_ways: true };
        self.control().set_rule(request).await.expect("the node answers").into_inner()
    }

    async fn heal(&self, with: u64) -> proto::ControlResponse {
        let request = proto::ClearRuleRequest::from(&RuleSelection::Link(NodeId(self.id), NodeId(with)));
        self.control().clear_rule(request).await.expect("the node answers").into_inner()
    }
}

fn expect_done(answer: proto::ControlResponse) {
    assert!(matches!(answer.outcome, Some(control_response::Outcome::Done(_))), "{answer:?}");
}

fn refusal(answer: proto::ControlResponse) -> Refusal {
    match answer.outcome {
        Some(control_response::Outcome::Refused(refusal)) => refusal.try_into().expect("it is well formed"),
        other => panic!("it should be refused, not {other:?}"),
    }
}

/// A cluster on free ports, led by n1.
async fn cluster(size: u64, lab: bool) -> Vec<Node> {
    let mut listeners = Vec::new();
    for id in 1..=size {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        listeners.push((id, listener.local_addr().expect("it is bound"), listener));
    }
    let addresses: Vec<_> = listeners.iter().map(|(id, address, _)| (*id, *address)).collect();
    let nodes: Vec<_> = listeners.into_iter().map(|(id, _, listener)| start(id, listener, &addresses, lab)).collect();
    // A single node elects itself at once.
    if size > 1 {
        expect_done(nodes[0].control().stand(proto::StandRequest {}).await.expect("n1 answers").into_inner());
    }
    eventually("n1 leads", async || matches!(nodes[0].put("first", "1").await, write_response::Outcome::Written(_)))
        .await;
    nodes
}

fn start(id: u64, listener: TcpListener, addresses: &[(u64, SocketAddr)], lab: bool) -> Node {
    start_on(memory::open(id), id, listener, addresses, lab)
}

fn start_on(opened: Opened, id: u64, listener: TcpListener, addresses: &[(u64, SocketAddr)], lab: bool) -> Node {
    let address = listener.local_addr().expect("it is bound");
    let others = addresses.iter().filter(|(other, _)| *other != id);
    let peers = others.map(|(id, address)| (NodeId(*id), address.to_string())).collect();
    let options = NodeOptions { listen: address, peers, lab, ..options(id) };
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let stopped = async {
            let _ = stopped.await;
            StopMode::Immediate
        };
        run_on(&options, opened, listener, stopped).await
    });
    Node { id, address, stop, task }
}

/// Options of a node that knows no other node.
pub(super) fn options(id: u64) -> NodeOptions {
    NodeOptions {
        level_max: FeatureLevel::NEWEST,
        advertise: None,
        join: Vec::new(),
        learner: false,
        wait: false,
        id: NodeId(id),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        peers: Vec::new(),
        data: "memory only".into(),
        lab: false,
        rules: Vec::new(),
        frozen: false,
        every: false,
        pace: Pace::REAL,
        wrong: None,
        heartbeat_ms: 50,
        // Long, so that only the test starts elections.
        election_timeout_ms: on_this_machine(Duration::from_secs(5)).as_millis() as u64,
        manual: false,
        prefer: Prefer::None,
        lease_ms: 0,
        snapshots: SnapshotOptions::default(),
        uncommitted_entries: NodeOptions::UNCOMMITTED_ENTRIES,
    }
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let patience = Patience::of(DEADLINE);
    while !holds().await {
        assert!(!patience.is_over(), "not in time: {what}");
        tokio::task::yield_now().await;
    }
}

async fn end(nodes: Vec<Node>) {
    for node in nodes {
        node.end().await;
    }
}

#[tokio::test]
async fn a_write_to_any_node_is_read_from_every_node() {
    let nodes = cluster(4, false).await;
    for (node, value) in nodes.iter().zip(["a", "b", "c", "d"]) {
        assert!(matches!(node.put("x", value).await, write_response::Outcome::Written(_)));
        for reader in &nodes {
            let read = reader.value("x", proto::Consistency::Linearizable).await;
            assert_eq!(read, Some(Bytes::from_static(value.as_bytes())), "n{} reads", reader.id);
        }
    }
    for node in &nodes {
        eventually("the replica's own database has it", async || {
            node.value("x", proto::Consistency::Local).await == Some(Bytes::from_static(b"d"))
        })
        .await;
    }
    end(nodes).await;
}

#[tokio::test]
async fn trap_45_a_forwarded_write_goes_no_further() {
    let nodes = cluster(3, false).await;
    let put = Change::Put { key: Bytes::from_static(b"k"), value: Bytes::new() };
    let response = nodes[1].client().write(forwarded(put.into())).await.expect("n2 answers").into_inner();
    match response.outcome {
        Some(write_response::Outcome::Refused(refusal)) => {
            assert_eq!(Refusal::try_from(refusal), Ok(Refusal::NotALeader { leader: NodeId(1) }));
        }
        other => panic!("n2 does not lead: {other:?}"),
    }
    end(nodes).await;
}

#[tokio::test]
async fn keys_and_values_out_of_bounds_are_refused_by_code() {
    let nodes = cluster(1, false).await;
    let code = |outcome| match outcome {
        write_response::Outcome::Refused(refusal) => refusal.code(),
        other => panic!("it should be refused, not {other:?}"),
    };
    let node = &nodes[0];
    let key = Bytes::from_static(b"k");
    assert_eq!(code(node.put("", "v").await), proto::RefusalCode::EmptyKey);
    assert_eq!(code(node.put_bytes(vec![1; 4097].into(), key.clone()).await), proto::RefusalCode::KeyTooLarge);
    let too_large = vec![1; (1 << 20) + 1].into();
    assert_eq!(code(node.put_bytes(key.clone(), too_large).await), proto::RefusalCode::ValueTooLarge);
    let largest = node.put_bytes(vec![1; 4096].into(), vec![0xff; 1 << 20].into()).await;
    assert!(matches!(largest, write_response::Outcome::Written(_)), "the limits themselves are fine");
    end(nodes).await;
}

#[tokio::test]
async fn many_writes_are_under_way_on_one_stream() {
    let nodes = cluster(3, false).await;
    let writes = (0..500u64).map(|tag| {
        let put = Change::Put { key: tag.to_string().into(), value: Bytes::new() };
        proto::TaggedWrite { tag, write: Some(put.into()) }
    });
    let mut answers =
        nodes[1].client().write_stream(tokio_stream::iter(writes)).await.expect("n2 takes the stream").into_inner();
    let mut written = std::collections::BTreeSet::new();
    while let Some(answer) = answers.message().await.expect("the stream holds") {
        let outcome = answer.response.and_then(|response| response.outcome);
        assert!(matches!(outcome, Some(write_response::Outcome::Written(_))), "{outcome:?}");
        written.insert(answer.tag);
    }
    assert!(written.into_iter().eq(0..500));
    end(nodes).await;
}

#[tokio::test]
async fn a_cut_link_keeps_a_forwarded_write_from_leaving() {
    let nodes = cluster(4, true).await;
    expect_done(nodes[3].cut(1).await);
    match nodes[3].put("x", "1").await {
        write_response::Outcome::Refused(refusal) => assert_eq!(refusal.code(), proto::RefusalCode::LeaderUnreachable),
        other => panic!("it should be refused, not {other:?}"),
    }
    expect_done(nodes[3].heal(1).await);
    assert!(matches!(nodes[3].put("x", "1").await, write_response::Outcome::Written(_)));
    end(nodes).await;
}

#[tokio::test]
async fn a_held_commit_order_keeps_data_intermediate_until_its_release() {
    let nodes = cluster(4, true).await;
    nodes[1].hold(true).await;
    assert!(matches!(nodes[0].put("x", "1").await, write_response::Outcome::Written(_)));
    let read_log = proto::ReadLogRequest { from: 0, limit: 0 };
    eventually("n2 has it as intermediate data", async || {
        let log = nodes[1].control().read_log(read_log).await.expect("n2 answers").into_inner();
        log.lines
            .last()
            .is_some_and(|line| line.key.as_deref() == Some(b"x") && line.state() == proto::EntryState::Intermediate)
    })
    .await;
    assert_eq!(nodes[1].value("x", proto::Consistency::Local).await, None);
    nodes[1].hold(false).await;
    eventually("it is final at n2", async || nodes[1].value("x", proto::Consistency::Local).await.is_some()).await;
    end(nodes).await;
}

#[tokio::test]
async fn without_a_lab_faults_are_refused_and_values_are_not_shown() {
    let nodes = cluster(3, false).await;
    let mut control = nodes[1].control();
    let inject = proto::InjectRequest { key: Bytes::from_static(b"k"), ..Default::default() };
    assert_eq!(refusal(control.inject(inject).await.expect("n2 answers").into_inner()), Refusal::LabOnly {});
    assert_eq!(refusal(nodes[1].cut(1).await), Refusal::LabOnly {});
    let log = control.read_log(proto::ReadLogRequest { from: 0, limit: 0 }).await.expect("n2 answers").into_inner();
    assert!(log.lines.len() >= 2 && log.lines.iter().all(|line| line.key.is_none() && line.value.is_none()));
    end(nodes).await;
}

/// Observes n1 until its snapshot and the events since show that this entry is final.
async fn watched_until(node: &Node, last: Option<LogPoint>) -> NodeState {
    let mut stream = node.control().observe(proto::ObserveRequest { tail: 0 }).await.expect("n1 answers").into_inner();
    let mut next = async || {
        let wire = stream.message().await.expect("the stream holds").expect("it goes on");
        Observation::from_wire(NodeId(1), wire).expect("it is well formed")
    };
    let Observation::Snapshot(first) = next().await else { panic!("a snapshot comes first") };
    let NodeSnapshot { mut snapshot, .. } = *first;
    assert_eq!(snapshot.event, 0, "an early watcher receives all events since the start");
    while snapshot.applied != last {
        let Observation::Events(events) = next().await else { panic!("nothing is lost") };
        for event in events {
            snapshot.event += 1;
            assert_eq!(event.number, snapshot.event, "numbers have no gaps");
            snapshot.fold(&event.fact);
        }
    }
    snapshot
}

#[tokio::test]
async fn a_watcher_that_folds_events_into_its_snapshot_sees_what_the_node_says_of_itself() {
    let nodes = cluster(3, true).await;
    for value in ["1", "2", "3"] {
        assert!(matches!(nodes[0].put("x", value).await, write_response::Outcome::Written(_)));
    }
    let status = nodes[0].control().status(proto::StatusRequest {}).await.expect("n1 answers").into_inner();
    let (role, epoch) = (status.role(), status.epoch);
    let last = crate::wire::convert::optional_point(status.last).expect("it is well formed");
    let snapshot = watched_until(&nodes[0], last).await;
    assert_eq!(snapshot.last(), last);
    assert_eq!((proto::Role::from(snapshot.role), snapshot.epoch.map(|epoch| epoch.0)), (role, epoch));
    let again = watched_until(&nodes[0], last).await;
    assert_eq!((snapshot.tail, snapshot.beliefs.len()), (again.tail, again.beliefs.len()));
    end(nodes).await;
}

#[tokio::test]
async fn a_node_that_reads_damaged_data_stops_immediately() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let node = start_on(memory::damaged(1), 1, listener, &[], true);
    eventually("n1 leads", async || matches!(node.put("x", "1").await, write_response::Outcome::Written(_))).await;
    // The connection is gone before the node answers.
    let mut control = node.control();
    tokio::spawn(async move { control.read_log(proto::ReadLogRequest { from: 1, limit: 1 }).await });
    let ended = within(DEADLINE, node.task).await.expect("the node ends in time");
    let ended = ended.expect("the node does not panic").expect_err("its data are damaged");
    assert!(ended.damage().is_some(), "{ended}");
}

#[tokio::test]
async fn a_stranger_is_refused_with_a_reason() {
    let nodes = cluster(1, false).await;
    let envelope = proto::Envelope {
        from: 9,
        to: 1,
        number: 1,
        epoch: Some(1),
        message: Some(proto::envelope::Message::VoteAsked(proto::VoteAsked { epoch: 1, last: None, transfer: false })),
        ..Default::default()
    };
    let mut peer = proto::peer_client::PeerClient::new(nodes[0].channel());
    let refused = peer.deliver(envelope).await.expect_err("n9 is no member");
    assert!(refused.message().contains("n9 is not a member"), "{refused}");
    end(nodes).await;
}
