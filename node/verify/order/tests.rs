//! The order of events that arrive over several connections, case by case.

use super::*;
use crate::protocol::{Digest, LogPoint, Position, Time};

const N1: NodeId = NodeId(1);
const N2: NodeId = NodeId(2);

#[derive(Clone, Debug)]
enum Told {
    Joined(Box<NodeState>),
    Event(Event),
    Closed,
    Process(bool),
    Confirmed(EntryId),
    Other,
}

impl Item for Told {
    fn step(&self) -> Step<'_> {
        match self {
            Told::Joined(snapshot) => Step::Joined(snapshot),
            Told::Event(event) => Step::Event(event),
            Told::Closed => Step::Closed,
            Told::Process(is_up) => Step::Process { is_up: *is_up },
            Told::Confirmed(id) => Step::Confirmed(*id),
            Told::Other => Step::Other,
        }
    }

    fn started(&self, _: NodeId) -> Option<Told> {
        Some(Told::Process(true))
    }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn sent(number: u64) -> Fact {
    Fact::Sent { to: N2, number, kind: "ack".into(), epoch: None, about: None, entries: 0, bytes: 0 }
}

fn received(from: NodeId, number: u64) -> Fact {
    Fact::Received { from, number, kind: "ack".into() }
}

fn finalized(epoch: u64, offset: u64) -> Fact {
    let point = LogPoint { id: EntryId::new(epoch, offset), position: Position(1 + offset), digest: Digest([0; 16]) };
    Fact::Finalized { up_to: point, count: 1 }
}

/// An order that receives items at millisecond 0, 1, 2, …, and its output as text.
struct Watcher {
    order: CausalOrder<Told>,
    now: Duration,
    out: Vec<String>,
}

impl Watcher {
    /// n1 and n2 are connected, in the processes 10 and 20.
    fn new() -> Watcher {
        let mut watcher = Watcher { order: CausalOrder::new(PATIENCE), now: Duration::ZERO, out: Vec::new() };
        watcher.joined(N1, 10, Some(0)).joined(N2, 20, Some(0));
        watcher.out.clear();
        watcher
    }

    fn tell(&mut self, lane: Lane, told: Told) -> &mut Watcher {
        self.order.push(self.now, lane, told);
        self.wait(1)
    }

    fn wait(&mut self, time: u64) -> &mut Watcher {
        self.now += millis(time);
        while let Some(Released { item, missing, .. }) = self.order.next(self.now) {
            let text = match item {
                Told::Event(event) => format!("{} {}", event.node, event.fact.name()),
                Told::Joined(snapshot) => format!("{} joined", snapshot.node),
                other => format!("{other:?}"),
            };
            self.out.push(text + &missing.map(|node| format!(" after {node}?")).unwrap_or_default());
        }
        self
    }

    fn joined(&mut self, node: NodeId, process: u64, sent: Option<u64>) -> &mut Watcher {
        let snapshot = NodeState { process, sent, ..NodeState::new(node) };
        self.tell(Lane::Node(node), Told::Joined(Box::new(snapshot)))
    }

    fn event(&mut self, node: NodeId, fact: Fact) -> &mut Watcher {
        self.tell(Lane::Node(node), Told::Event(Event { node, number: 1, time: Time(0), fact }))
    }

    fn out(&mut self) -> Vec<String> {
        std::mem::take(&mut self.out)
    }
}

#[test]
fn a_reception_and_all_behind_it_wait_for_the_sending() {
    let mut watcher = Watcher::new();
    watcher.event(N2, received(N1, 3)).event(N2, sent(1)).event(N1, sent(2));
    assert_eq!(watcher.out(), ["n1 Sent"]);
    watcher.event(N1, sent(3));
    assert_eq!(watcher.out(), ["n1 Sent", "n2 Received", "n2 Sent"]);
}

#[test]
fn a_sending_that_is_not_observed_in_time_is_reported_as_missing() {
    let mut watcher = Watcher::new();
    watcher.event(N2, received(N1, 3)).wait(PATIENCE.as_millis() as u64 - 2);
    assert_eq!(watcher.out(), Vec::<String>::new());
    assert_eq!(watcher.order.due(), Some(millis(2) + PATIENCE));
    watcher.wait(1);
    assert_eq!(watcher.out(), ["n2 Received after n1?"]);
}

#[test]
fn each_item_waits_from_its_own_arrival_so_that_nothing_is_late_by_more_than_the_patience() {
    let mut watcher = Watcher::new();
    watcher.event(N2, received(N1, 3)).wait(100).event(N2, received(N1, 4)).wait(49);
    assert_eq!(watcher.out(), ["n2 Received after n1?"]);
    watcher.wait(100);
    assert_eq!(watcher.out(), ["n2 Received after n1?"]);
}

#[test]
fn the_sending_of_a_closed_connection_is_missing_at_once() {
    let mut watcher = Watcher::new();
    watcher.event(N1, sent(1)).tell(Lane::Node(N1), Told::Closed).event(N2, received(N1, 1));
    watcher.event(N2, received(N1, 2));
    assert_eq!(watcher.out(), ["n1 Sent", "Closed", "n2 Received", "n2 Received after n1?"]);
}

#[test]
fn what_was_sent_before_the_watch_began_is_not_waited_for() {
    let mut watcher = Watcher::new();
    watcher.joined(N1, 10, Some(7)).event(N2, received(N1, 7)).event(N2, received(N1, 8));
    assert_eq!(watcher.out(), ["n1 joined", "n2 Received"]);
    watcher.joined(N1, 10, None).wait(1);
    assert_eq!(watcher.out(), ["n1 joined", "n2 Received"], "of a recording that does not say it, nothing is known");
}

#[test]
fn what_a_restarted_node_sends_waits_for_the_first_word_of_its_new_process() {
    let mut watcher = Watcher::new();
    watcher.event(N1, sent(9)).tell(Lane::Node(N1), Told::Closed);
    watcher.event(N2, Fact::PeerProcess { node: N1, process: 11 }).event(N2, received(N1, 1));
    assert_eq!(watcher.out(), ["n1 Sent", "Closed", "n2 PeerProcess"], "the ninth was of the process before");
    watcher.joined(N1, 11, Some(0));
    assert_eq!(watcher.out(), ["n1 joined"]);
    watcher.event(N1, sent(1));
    assert_eq!(watcher.out(), ["n1 Sent", "n2 Received"]);
}

#[test]
fn what_the_last_process_of_a_restarted_node_sent_waits_for_nothing() {
    let mut watcher = Watcher::new();
    watcher.event(N2, Fact::PeerProcess { node: N1, process: 10 }).joined(N1, 11, Some(0));
    watcher.event(N2, received(N1, 9));
    assert_eq!(watcher.out(), ["n2 PeerProcess", "n1 joined", "n2 Received"]);
}

#[test]
fn what_comes_of_a_node_that_is_expected_waits_for_its_first_word() {
    let mut watcher = Watcher::new();
    let n3 = NodeId(3);
    watcher.order.expect(n3);
    watcher.event(N2, Fact::PeerProcess { node: n3, process: 30 }).event(N2, received(n3, 1));
    assert_eq!(watcher.out(), ["n2 PeerProcess"]);
    watcher.joined(n3, 30, Some(1));
    assert_eq!(watcher.out(), ["n3 joined", "n2 Received"]);
}

#[test]
fn a_process_ends_after_its_last_event_and_is_started_before_its_first() {
    let mut watcher = Watcher::new();
    let launcher = Lane::Launcher(N1);
    watcher.tell(launcher, Told::Process(false)).event(N1, sent(1)).tell(launcher, Told::Process(true));
    assert_eq!(watcher.out(), ["n1 Sent"]);
    watcher.tell(Lane::Node(N1), Told::Closed);
    assert_eq!(watcher.out(), ["Closed", "Process(false)", "Process(true)"]);
    watcher.tell(launcher, Told::Process(false)).joined(N1, 11, Some(0));
    assert_eq!(watcher.out(), ["Process(false)"], "the launcher has not said that it runs");
    watcher.tell(launcher, Told::Process(true));
    assert_eq!(watcher.out(), ["Process(true)", "n1 joined"]);
}

#[test]
fn a_node_that_sends_was_started_whatever_the_launcher_has_reported() {
    let mut watcher = Watcher::new();
    watcher.tell(Lane::Node(N1), Told::Closed).tell(Lane::Launcher(N1), Told::Process(false));
    watcher.joined(N1, 11, Some(0)).wait(PATIENCE.as_millis() as u64);
    assert_eq!(watcher.out(), ["Closed", "Process(false)", "Process(true)", "n1 joined"]);
}

#[test]
fn a_confirmation_waits_until_the_entry_is_final() {
    let mut watcher = Watcher::new();
    watcher.tell(Lane::Client, Told::Confirmed(EntryId::new(2, 1))).tell(Lane::Asked, Told::Other);
    watcher.event(N1, finalized(1, 8)).event(N1, finalized(2, 0));
    assert_eq!(watcher.out(), ["Other", "n1 Finalized", "n1 Finalized"]);
    watcher.event(N2, finalized(2, 1));
    assert_eq!(watcher.out(), ["n2 Finalized", "Confirmed(e2·o1)"]);
}

#[test]
fn what_waits_is_bounded_without_a_clock() {
    let mut order = CausalOrder::new(Duration::MAX);
    for node in [N1, N2] {
        order.push(Duration::ZERO, Lane::Node(node), Told::Joined(Box::new(NodeState::new(node))));
    }
    assert!(order.next(Duration::ZERO).is_some() && order.next(Duration::ZERO).is_some());
    for number in 0..WAITING_MAX as u64 {
        let event = Event { node: N2, number, time: Time(0), fact: received(N1, 1) };
        order.push(Duration::ZERO, Lane::Node(N2), Told::Event(event));
        assert!(order.next(Duration::ZERO).is_none());
    }
    let event = Event { node: N2, number: 0, time: Time(0), fact: received(N1, 1) };
    order.push(Duration::ZERO, Lane::Node(N2), Told::Event(event));
    assert_eq!(order.next(Duration::ZERO).and_then(|released| released.missing), Some(N1));
}
