//! What the gate lets pass and what it keeps.

use std::collections::BTreeSet;

use crate::lab::{COMMIT_ORDER, Gate, Passage};
use crate::protocol::trace::Fact;
use crate::protocol::{
    CommitOrder, Digest, EntryId, Envelope, Epoch, LogPoint, Message, NodeId, Position, RoundAnswer, VoteAsked,
};

const ME: NodeId = NodeId(2);

fn message(from: u64, to: u64, message: Message) -> Envelope {
    Envelope {
        from: NodeId(from),
        to: NodeId(to),
        number: 5,
        cluster: None,
        incarnation: None,
        epoch: Some(Epoch(1)),
        message,
    }
}

fn order(from: u64, epoch: u64, position: u64) -> Envelope {
    let up_to = LogPoint { id: EntryId::new(epoch, position), position: Position(position), digest: Digest([0; 16]) };
    Envelope { epoch: Some(Epoch(epoch)), ..message(from, ME.0, Message::CommitOrder(CommitOrder { up_to })) }
}

fn answer(from: u64, to: u64) -> Envelope {
    message(from, to, Message::RoundAnswer(RoundAnswer { round: 1 }))
}

fn passes(gate: &mut Gate, envelope: Envelope) -> bool {
    gate.pass(envelope.clone()) == Passage::Passes(envelope)
}

fn kept(gate: &mut Gate, envelope: Envelope) -> Fact {
    match gate.pass(envelope) {
        Passage::Stays(fault) => fault.fact(),
        Passage::Passes(envelope) => panic!("{envelope:?} passed"),
    }
}

#[test]
fn an_open_gate_lets_everything_pass() {
    let mut gate = Gate::new(ME);
    assert!(passes(&mut gate, order(1, 1, 1)) && passes(&mut gate, answer(2, 1)));
}

#[test]
fn a_cut_link_drops_both_directions_and_votes_and_no_other_link() {
    let mut gate = Gate::new(ME);
    assert!(gate.cut(NodeId(1)));
    assert!(!gate.cut(NodeId(1)), "it is cut already");
    let why = |from, to, kind: &'static str| Fact::Dropped {
        from: NodeId(from),
        to: NodeId(to),
        number: 5,
        kind: kind.into(),
        why: "cut".into(),
    };
    assert_eq!(kept(&mut gate, answer(2, 1)), why(2, 1, "round-answer"));
    let vote = message(1, 2, Message::VoteAsked(VoteAsked { epoch: Epoch(2), last: None }));
    assert_eq!(kept(&mut gate, vote), why(1, 2, "vote"));
    assert!(passes(&mut gate, answer(2, 3)) && passes(&mut gate, answer(3, 2)));
    assert_eq!(gate.cuts(), BTreeSet::from([NodeId(1)]));
}

#[test]
fn a_healed_link_lets_everything_pass_again() {
    let mut gate = Gate::new(ME);
    gate.cut(NodeId(1));
    gate.cut(NodeId(3));
    assert!(gate.heal(NodeId(1)));
    assert!(!gate.heal(NodeId(1)), "it is whole already");
    assert!(passes(&mut gate, answer(2, 1)) && passes(&mut gate, answer(1, 2)));
    assert!(!passes(&mut gate, answer(3, 2)), "the other cut stays");
}

#[test]
fn held_commit_orders_are_counted_and_the_latest_of_each_sender_is_delivered() {
    let mut gate = Gate::new(ME);
    assert!(gate.hold_commit_orders());
    assert!(!gate.hold_commit_orders(), "they are held already");
    assert_eq!(gate.holds(), [COMMIT_ORDER]);
    for held in [order(1, 1, 4), order(1, 1, 7), order(1, 1, 6), order(3, 2, 8)] {
        assert!(matches!(kept(&mut gate, held), Fact::MessageHeld { .. }));
    }
    assert!(passes(&mut gate, answer(1, 2)), "other kinds pass");
    assert_eq!(gate.release_commit_orders(), Some((4, vec![order(1, 1, 7), order(3, 2, 8)])));
    assert_eq!(gate.release_commit_orders(), None);
    assert!(passes(&mut gate, order(1, 1, 9)));
}

#[test]
fn what_leaves_this_node_is_not_held() {
    let mut gate = Gate::new(ME);
    gate.hold_commit_orders();
    let leaving = Envelope { from: ME, to: NodeId(3), ..order(1, 1, 1) };
    assert!(passes(&mut gate, leaving));
}

#[test]
fn an_order_over_a_cut_link_is_dropped_and_not_held() {
    let mut gate = Gate::new(ME);
    gate.hold_commit_orders();
    gate.cut(NodeId(1));
    assert!(matches!(kept(&mut gate, order(1, 1, 1)), Fact::Dropped { .. }));
    assert_eq!(gate.release_commit_orders(), Some((0, Vec::new())));
}
