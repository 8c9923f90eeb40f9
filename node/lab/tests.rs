//! Which messages the gate passes, holds and drops.

use bytes::Bytes;

use crate::lab::pending::MESSAGES_MAX;
use crate::lab::{Gate, Handled, Handling, Passage};
use crate::protocol::trace::{Effect, Fact, Lab, LinkRule, MessageId, Pace, RuleSelection};
use crate::protocol::{
    CommitOrder, Digest, EntryId, Envelope, Epoch, Kind, LogPoint, Message, MessageKind, NodeId, Position, Push,
    Pushed, RoundAnswer, Time, VoteAsked,
};

const ME: NodeId = NodeId(2);
const BEGAN: u64 = 1_000_000;

fn message(from: u64, to: u64, number: u64, message: Message) -> Envelope {
    Envelope { epoch: Some(Epoch(1)), ..Envelope::bare(NodeId(from), NodeId(to), number, message) }
}

fn point(offset: u64) -> LogPoint {
    LogPoint { id: EntryId::new(1, offset), position: Position(offset + 1), digest: Digest([0; 16]) }
}

fn order(from: u64, number: u64) -> Envelope {
    message(from, ME.0, number, Message::CommitOrder(CommitOrder { up_to: point(number) }))
}

fn answer(from: u64, to: u64) -> Envelope {
    message(from, to, 5, Message::RoundAnswer(RoundAnswer { round: 1, patience_micros: 0 }))
}

fn id(from: u64, number: u64) -> MessageId {
    MessageId { from: NodeId(from), to: ME, number }
}

/// A watched gate, and the state folded from its facts.
struct Watched {
    gate: Gate,
    seen: Lab,
    now: Time,
}

impl Watched {
    fn new() -> Watched {
        let mut gate = Gate::new(ME, BEGAN);
        gate.watch(true);
        Watched { gate, seen: Lab::default(), now: Time(0) }
    }

    fn incoming(&mut self, envelope: Envelope) -> Passage {
        let passage = self.gate.pass_in(envelope, self.now);
        self.facts();
        passage
    }

    fn passes(&mut self, envelope: Envelope) -> bool {
        let outgoing = envelope.from == ME;
        let wanted = Passage::Passes(envelope.clone());
        wanted == if outgoing { self.gate.pass_out(envelope) } else { self.gate.pass_in(envelope, self.now) }
    }

    fn handle(&mut self, id: MessageId, handling: Handling) -> Handled {
        let handled = self.gate.handle(id, handling, self.now);
        self.facts();
        handled
    }

    fn waiting(&mut self) -> Vec<u64> {
        self.facts();
        self.seen.pending.iter().map(|message| message.id.number).collect()
    }

    /// The facts. Their fold must always equal the gate's own state.
    fn facts(&mut self) -> Vec<Fact> {
        let facts = self.gate.take_facts();
        for fact in &facts {
            self.seen.fold(ME, fact);
        }
        assert_eq!(self.seen, self.gate.state());
        facts
    }
}

fn numbers(envelopes: Option<Vec<Envelope>>) -> Vec<u64> {
    envelopes.expect("something was in force").iter().map(|envelope| envelope.number).collect()
}

const ORDERS: Option<MessageKind> = Some(MessageKind::CommitOrder);
const ALL: RuleSelection = RuleSelection::All;

fn hold(kind: Option<MessageKind>) -> LinkRule {
    LinkRule::hold(ME, kind)
}

fn link(other: u64) -> RuleSelection {
    RuleSelection::Link(NodeId(other), ME)
}

impl Watched {
    fn set(&mut self, rule: LinkRule) -> bool {
        self.gate.set(&rule, false)
    }

    fn cut(&mut self, other: u64) -> bool {
        self.gate.set(&LinkRule::cut(ME, NodeId(other))[0], true)
    }

    fn release(&mut self, kind: Option<MessageKind>) -> Option<Vec<Envelope>> {
        self.gate.clear(&RuleSelection::Rule(hold(kind)), Time(0))
    }
}

#[test]
fn an_open_gate_lets_everything_pass() {
    let mut at = Watched::new();
    assert!(at.passes(order(1, 1)) && at.passes(answer(2, 1)));
    assert_eq!(at.gate.clear(&ALL, Time(0)), None, "nothing is in force");
}

#[test]
fn a_cut_link_drops_both_directions_and_votes_and_no_other_link() {
    let mut at = Watched::new();
    assert!(at.cut(1));
    assert!(!at.cut(1), "it is cut already");
    at.facts();
    let why = |from, to, kind: &'static str| Fact::Dropped {
        from: NodeId(from),
        to: NodeId(to),
        number: 5,
        kind: kind.into(),
        why: "cut".into(),
    };
    assert_eq!(at.gate.pass_out(answer(2, 1)), Passage::Stays);
    assert_eq!(at.facts(), [why(2, 1, "round-answer")]);
    let vote = message(1, 2, 5, Message::VoteAsked(VoteAsked { epoch: Epoch(2), last: None, transfer: false }));
    assert_eq!(at.gate.pass_in(vote, Time(0)), Passage::Stays);
    assert_eq!(at.facts(), [why(1, 2, "vote")]);
    assert!(at.passes(answer(2, 3)) && at.passes(answer(3, 2)));
    assert_eq!(at.gate.cut_off(), [NodeId(1)]);
}

#[test]
fn a_healed_link_lets_everything_pass_again() {
    let mut at = Watched::new();
    at.cut(1);
    at.cut(3);
    at.set(LinkRule::new(Effect::Delay { millis: 5 }, Some(NodeId(1)), Some(ME), None));
    assert!(at.gate.clear(&link(1), Time(0)).is_some());
    assert!(at.gate.clear(&link(1), Time(0)).is_none(), "it is whole already");
    assert!(at.passes(answer(2, 1)) && at.passes(answer(1, 2)));
    assert!(!at.passes(answer(3, 2)), "the other cut stays");
}

#[test]
fn a_one_way_rule_of_a_kind_loses_that_kind_one_way() {
    let mut at = Watched::new();
    let rule = LinkRule::new(Effect::Drop, Some(NodeId(1)), Some(ME), ORDERS);
    assert!(at.set(rule));
    assert!(!at.set(rule), "it is in force already");
    assert!(!at.passes(order(1, 1)));
    assert!(at.passes(answer(1, 2)) && at.passes(order(3, 1)) && at.passes(answer(2, 1)));
    assert_eq!(at.gate.clear(&RuleSelection::Rule(rule), Time(0)), Some(Vec::new()));
    assert!(at.passes(order(1, 2)), "the rule alone is lifted");
    at.facts();
}

#[test]
fn a_rule_without_a_kind_clears_those_of_single_kinds_and_not_the_other_way_round() {
    let mut at = Watched::new();
    let drop = |kind| LinkRule::new(Effect::Drop, Some(NodeId(1)), Some(ME), kind);
    at.set(drop(ORDERS));
    at.cut(1);
    assert!(at.gate.clear(&RuleSelection::Rule(drop(Some(MessageKind::Ack))), Time(0)).is_none());
    assert!(at.gate.clear(&RuleSelection::Rule(drop(None)), Time(0)).is_some());
    assert_eq!(at.gate.state().rules, [drop(None).reversed()]);
    at.facts();
}

#[test]
fn held_messages_wait_in_their_order_and_are_released_in_it() {
    let mut at = Watched::new();
    assert!(at.set(hold(ORDERS)));
    for held in [order(1, 4), order(3, 9), order(1, 7)] {
        assert_eq!(at.incoming(held), Passage::Stays);
    }
    assert!(at.passes(answer(1, 2)), "other kinds pass");
    assert_eq!(at.waiting(), [4, 9, 7]);
    assert_eq!(at.release(Some(MessageKind::Push)), None, "no push is held");
    assert_eq!(numbers(at.release(ORDERS)), [4, 9, 7]);
    assert!(at.facts().contains(&Fact::HoldReleased { kind: "commit-order".into(), messages: 3 }));
    assert!(at.passes(order(1, 9)));
}

#[test]
fn what_leaves_this_node_is_not_held() {
    let mut at = Watched::new();
    at.set(hold(None));
    at.gate.step(true, true);
    assert!(at.passes(answer(2, 3)));
}

#[test]
fn a_message_over_a_cut_link_is_dropped_and_not_held() {
    let mut at = Watched::new();
    at.set(hold(ORDERS));
    at.cut(1);
    assert_eq!(at.incoming(order(1, 1)), Passage::Stays);
    assert_eq!(numbers(at.release(None)), [0; 0]);
}

#[test]
fn in_step_mode_everything_waits_and_is_handled_by_hand() {
    let mut at = Watched::new();
    assert_eq!(at.gate.step(true, true), Some(Vec::new()));
    assert_eq!(at.gate.step(true, true), None, "it is on already");
    for number in 1..=4 {
        at.incoming(order(1, number));
    }
    assert_eq!(at.handle(id(1, 2), Handling::Deliver), Handled::Delivered(Box::new(order(1, 2))));
    assert_eq!(at.handle(id(1, 2), Handling::Deliver), Handled::NoSuch);
    assert_eq!(at.handle(id(1, 1), Handling::Discard), Handled::Done);
    assert_eq!(at.handle(id(1, 3), Handling::Duplicate), Handled::Done);
    assert_eq!(at.waiting(), [3, 4, 3]);
    at.set(hold(ORDERS));
    assert_eq!(numbers(at.gate.step(false, false)), [0; 0], "a hold keeps them back still");
    assert_eq!(numbers(at.gate.clear(&ALL, Time(0))), [3, 4, 3]);
    assert_eq!(at.gate.state(), Lab::default());
}

#[test]
fn a_delayed_message_is_delivered_at_its_time_and_not_before() {
    let mut at = Watched::new();
    at.set(LinkRule::new(Effect::Delay { millis: 20 }, Some(NodeId(1)), Some(ME), None));
    assert_eq!(at.incoming(order(1, 1)), Passage::Stays);
    assert_eq!(at.gate.next_due(), Some(Time(20_000)));
    assert_eq!(at.gate.take_due(Time(19_999)), []);
    assert_eq!(at.gate.take_due(Time(20_000)), [order(1, 1)]);
    assert_eq!((at.waiting(), at.gate.next_due()), (Vec::new(), None));
}

#[test]
fn a_held_message_can_be_delayed_by_hand() {
    let mut at = Watched::new();
    at.gate.step(true, true);
    at.incoming(order(1, 1));
    at.incoming(order(1, 2));
    assert_eq!(at.handle(id(1, 2), Handling::Delay { millis: 5 }), Handled::Done);
    assert_eq!(numbers(at.gate.step(false, false)), [1], "the other waits for its time");
    assert_eq!(at.gate.take_due(Time(5_000)), [order(1, 2)]);
    at.facts();
}

#[test]
fn a_rule_can_double_messages() {
    let mut at = Watched::new();
    at.set(LinkRule::new(Effect::Duplicate, Some(NodeId(1)), Some(ME), ORDERS));
    assert_eq!(at.incoming(order(1, 1)), Passage::PassesTwice(order(1, 1)));
    assert!(at.passes(order(3, 1)));
}

#[test]
fn too_many_messages_discard_the_oldest_and_report_it() {
    let mut at = Watched::new();
    at.set(hold(None));
    let full = MESSAGES_MAX as u64;
    for number in 1..=full {
        at.gate.pass_in(order(1, number), Time(0));
    }
    at.facts();
    at.incoming(order(1, full + 1));
    assert_eq!((at.seen.pending.len(), at.seen.pending[0].id.number), (MESSAGES_MAX, 2));
    at.gate.pass_in(order(1, full + 2), Time(0));
    let why = |fact: &Fact| matches!(fact, Fact::MessageDiscarded { number: 2, why, .. } if why == "no-room");
    assert!(at.facts().iter().any(why));
}

#[test]
fn pushes_are_bounded_in_bytes_too() {
    let mut at = Watched::new();
    at.set(hold(None));
    let body = Bytes::from(vec![0; 40 << 20]);
    for number in 1..=3 {
        let entries = vec![Pushed { id: EntryId::new(1, 1), kind: Kind::Command, body: body.clone() }];
        let push = Push { prev: None, entries, resync: 0, replaces: false, round: 0, acked: None };
        at.incoming(message(1, 2, number, Message::Push(push)));
    }
    assert_eq!(at.waiting(), [3]);
}

#[test]
fn what_waits_says_what_it_is() {
    let mut at = Watched::new();
    at.gate.step(true, true);
    at.now = Time(7);
    let entries = (3..=5).map(|offset| Pushed { id: EntryId::new(2, offset), kind: Kind::Command, body: Bytes::new() });
    let push =
        Push { prev: Some(point(2)), entries: entries.collect(), resync: 0, replaces: false, round: 0, acked: None };
    at.incoming(message(1, 2, 17, Message::Push(push)));
    let message = &at.seen.pending[0];
    assert_eq!((message.kind, &message.what[..]), (MessageKind::Push, "e2·o3..e2·o5 after e1·o2"));
    assert_eq!((message.since, message.id.to_string().as_str()), (BEGAN + 7, "n1→n2 #17"));
}

#[test]
fn rules_can_be_in_force_from_the_start() {
    let elsewhere = LinkRule::hold(NodeId(3), None);
    let mut gate = Gate::new(ME, BEGAN).with(&[hold(ORDERS), elsewhere], true);
    assert_eq!((gate.state().rules, gate.state().frozen), (vec![hold(ORDERS)], true));
    assert_eq!(gate.pass_in(answer(1, 2), Time(0)), Passage::Stays);
    assert!(gate.take_facts().is_empty(), "there is no watcher");
}

fn pace(slowdown: u32) -> Pace {
    Pace::new(slowdown).expect("a pace")
}

impl Watched {
    fn at_pace(slowdown: u32) -> Watched {
        let mut at = Watched::new();
        assert!(at.gate.set_pace(pace(slowdown), Time(0)));
        at.facts();
        at
    }

    /// The numbers of the messages that arrive by then.
    fn arrive(&mut self, millis: u64) -> Vec<u64> {
        let arrived = self.gate.take_due(Time(millis * 1_000));
        self.facts();
        arrived.iter().map(|envelope| envelope.number).collect()
    }
}

#[test]
fn in_slow_motion_a_message_flies_for_a_millisecond_of_the_nodes_time() {
    let mut at = Watched::at_pace(100);
    assert_eq!(at.incoming(order(1, 1)), Passage::Stays);
    assert!(at.passes(answer(2, 3)), "a sent message is in flight at its receiver");
    assert_eq!(at.gate.next_due(), Some(Time(100_000)));
    assert_eq!((at.arrive(99), at.arrive(100)), (vec![], vec![1]));
}

#[test]
fn another_pace_stretches_the_rest_of_a_flight_and_keeps_the_order() {
    let mut at = Watched::at_pace(1_000);
    at.incoming(order(1, 1));
    assert!(at.gate.set_pace(pace(10), Time(500_000)));
    assert!(!at.gate.set_pace(pace(10), Time(500_000)), "it is that already");
    at.now = Time(500_000);
    at.incoming(order(1, 2));
    assert_eq!((at.arrive(504), at.arrive(505), at.arrive(510)), (vec![], vec![1], vec![2]));
}

#[test]
fn rules_apply_when_a_flight_is_over() {
    let mut at = Watched::at_pace(100);
    at.incoming(order(1, 1));
    at.incoming(order(3, 2));
    at.incoming(order(1, 3));
    at.set(hold(ORDERS));
    at.cut(3);
    assert_eq!(at.arrive(100), [0; 0], "one is lost, two are held");
    assert_eq!(at.waiting(), [1, 3]);
    assert_eq!(numbers(at.release(ORDERS)), [1, 3]);
}

#[test]
fn a_delay_is_stretched_and_a_doubled_message_flies_twice() {
    let mut at = Watched::at_pace(10);
    at.set(LinkRule::new(Effect::Delay { millis: 20 }, Some(NodeId(1)), Some(ME), None));
    at.set(LinkRule::new(Effect::Duplicate, Some(NodeId(3)), Some(ME), None));
    at.incoming(order(1, 1));
    assert_eq!(at.incoming(order(3, 2)), Passage::Stays);
    assert_eq!((at.arrive(10), at.arrive(209), at.arrive(210)), (vec![2, 2], vec![], vec![1]));
}

#[test]
fn step_mode_stops_what_is_on_its_way_and_clear_makes_time_real() {
    let mut at = Watched::at_pace(100);
    at.incoming(order(1, 1));
    at.gate.step(true, false);
    assert_eq!(at.arrive(1_000), [0; 0], "it waits for a person");
    assert_eq!(at.handle(id(1, 1), Handling::Deliver), Handled::Delivered(Box::new(order(1, 1))));
    at.gate.step(false, false);
    at.incoming(order(1, 2));
    assert_eq!(at.gate.clear(&ALL, Time(0)), Some(Vec::new()));
    assert_eq!((at.gate.state().pace, at.arrive(1)), (Pace::REAL, vec![2]));
}

#[test]
fn step_mode_may_let_routine_through_unless_every_message_or_a_rule_keeps_it() {
    let mut at = Watched::new();
    assert!(!at.gate.may_let_through(&answer(1, 2)), "nothing waits out of step mode");
    at.gate.step(true, false);
    let vote = message(1, 2, 5, Message::VoteAsked(VoteAsked { epoch: Epoch(2), last: None, transfer: false }));
    assert!(at.gate.may_let_through(&answer(1, 2)) && !at.gate.may_let_through(&vote));
    at.incoming(order(1, 1));
    at.incoming(vote);
    assert_eq!(at.gate.routine(), [order(1, 1)]);
    at.gate.let_through(&order(1, 1));
    assert_eq!((at.waiting(), at.seen.let_through), (vec![5], 1));
    at.cut(1);
    assert!(!at.gate.may_let_through(&answer(1, 2)), "it is lost");
    at.gate.step(true, true);
    assert!(!at.gate.may_let_through(&answer(3, 2)), "every message waits");
}
