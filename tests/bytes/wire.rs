//! Messages from other nodes, and observations of a node.

use bolero::check;
use epoca::client::Note;
use epoca::protocol::trace::{Belief, Event, Fact, NodeState, Preview, RoleName};
use epoca::protocol::{Digest, EntryId, Envelope, Kind, LogPoint, NodeId, Position, Time};
use epoca::wire::convert::{NodeSnapshot, Observation};
use epoca::wire::proto;
use prost::Message;

use crate::samples::{self, encoded};
use crate::spoil::spoil;

#[test]
fn an_envelope_decodes_whole_or_is_refused() {
    let samples = samples::envelopes();
    check!().with_iterations(20_000).for_each(|input: &[u8]| {
        let Ok(decoded) = proto::Envelope::decode(&spoil(input, &samples)[..]) else { return };
        match Envelope::try_from(decoded) {
            Ok(envelope) => {
                let again = Envelope::try_from(proto::Envelope::from(envelope.clone()));
                assert_eq!(again, Ok(envelope));
            }
            Err(refusal) => assert!(refusal.to_string().starts_with("malformed message"), "{refusal}"),
        }
    });
}

fn preview(offset: u64) -> Preview {
    let point = LogPoint { id: EntryId::new(1, offset), position: Position(offset + 1), digest: Digest([3; 16]) };
    Preview { point, kind: Kind::Command, forged: false, key: None, value: None }
}

fn snapshot() -> NodeSnapshot {
    let mut snapshot = NodeState::new(NodeId(1));
    snapshot.role = RoleName::Leader;
    snapshot.tail = (0..5).map(preview).collect();
    snapshot.committed = Some(preview(2).point);
    snapshot
        .beliefs
        .insert(NodeId(2), Belief { matched: Some(preview(1).point), next: Some(Position(3)), snapshot: None });
    NodeSnapshot {
        snapshot,
        time: Time(1),
        pid: 2,
        notes: vec![Note::Logged { text: "n".into() }],
        lab: true,
        cluster: None,
    }
}

fn observations() -> Vec<Vec<u8>> {
    let point = preview(3).point;
    let facts = vec![
        Fact::Proposed { entry: vec![preview(5)] },
        Fact::Counted { from: NodeId(2), up_to: Some(point), matches: vec![4, 2], quorum: 2, commit: 2 },
        Fact::Resynced { to: NodeId(2), sync: Some(point), by: "runs".into(), resync: 1, resent: 2 },
        Fact::Pushed { to: NodeId(2), number: 1, prev: None, first: point.id, last: point.id, count: 1, resync: 0 },
        Fact::Truncated { from: point.id, count: 1, forged: 0, last: None, committed: None, why: "conflict".into() },
        Fact::Held { from: NodeId(2), up_to: point.id, confirmed: None },
        Fact::Finalized { up_to: point, count: 1 },
        Fact::Elected { epoch: epoca::protocol::Epoch(2), votes: vec![NodeId(1)], quorum: 2 },
    ];
    let event = |(number, fact)| Event { node: NodeId(1), number: number as u64 + 1, time: Time(1), fact };
    let all = Observation::Events(facts.iter().cloned().enumerate().map(event).collect());
    let each = facts.into_iter().enumerate().map(|fact| Observation::Events(vec![event(fact)]));
    let others = [all, Observation::Snapshot(Box::new(snapshot())), Observation::Lost(3)];
    each.chain(others).map(|observation| encoded(&proto::Observation::from(observation))).collect()
}

/// Watchers fold any observation of a node.
#[test]
fn an_observation_is_folded_or_refused() {
    let samples = observations();
    check!().with_iterations(20_000).for_each(|input: &[u8]| {
        let Ok(decoded) = proto::Observation::decode(&spoil(input, &samples)[..]) else { return };
        let mut state = snapshot().snapshot;
        match Observation::from_wire(NodeId(1), decoded) {
            Ok(Observation::Events(events)) => events.iter().for_each(|event| _ = state.fold(&event.fact)),
            Ok(Observation::Snapshot(node)) => {
                let mut told = node.snapshot;
                told.fold(&Fact::Proposed { entry: vec![preview(9)] });
            }
            Ok(Observation::Lost(_)) => {}
            Err(refusal) => assert!(!refusal.to_string().is_empty()),
        }
    });
}
