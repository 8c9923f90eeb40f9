//! A node that is faulty on purpose, to show that the checks find it. The protocol's code is unchanged: messages are
//! rewritten between it and the gate, so that it believes something false.
//!
//! - `skip-check`: the node accepts every push as if it matched. Its own entries stay even if the leader has others in
//!   their places, and its acks name the leader's digests. A forged entry stays, and becomes final.
//! - `commit-alone`: while the node leads it invents the acks of all replicas, so it commits without a quorum.

use std::collections::BTreeMap;

use crate::protocol::trace::{Fact, Wrong};
use crate::protocol::{Ack, Entry, Envelope, LogPoint, LogState, Message, MessageKind, Position, Push};

/// The number of the leader's entries that are remembered: acks concern the latest ones.
const REMEMBERED: usize = 16_384;

/// Stands between the core and the gate.
#[derive(Debug)]
pub struct FaultyNode {
    wrong: Wrong,
    /// The leader's entries at positions where this node may have others. Bound: [`REMEMBERED`].
    leaders: BTreeMap<Position, LogPoint>,
}

/// A message after the rewriting.
pub struct Altered {
    pub envelope: Envelope,
    /// The rewriting, if there was one.
    pub fact: Option<Fact>,
}

impl FaultyNode {
    pub fn new(wrong: Wrong) -> FaultyNode {
        FaultyNode { wrong, leaders: BTreeMap::new() }
    }

    pub fn wrong(&self) -> Wrong {
        self.wrong
    }

    /// Rewrites a message for the core. `newest(n)` returns the last `n` entries of the log, oldest first.
    pub fn incoming(&mut self, mut envelope: Envelope, newest: impl Fn(usize) -> Vec<LogPoint>) -> Altered {
        // The kind before the rewriting: a push that loses all entries would count as a heartbeat.
        let kind = envelope.message.kind();
        let changed = match (self.wrong, &mut envelope.message) {
            (Wrong::SkipCheck, Message::Push(push)) => {
                // The node acks entries that it does not have: the leader would take it for an older copy of itself.
                push.acked = None;
                self.match_anyway(push, newest)
            }
            (Wrong::SkipCheck, Message::CommitOrder(order)) => {
                let here = at(&newest, order.up_to.position);
                here.is_some_and(|here| std::mem::replace(&mut order.up_to, here) != here)
            }
            _ => false,
        };
        self.altered(envelope, kind, changed)
    }

    /// Rewrites a message of the core.
    pub fn outgoing(&mut self, mut envelope: Envelope) -> Altered {
        let changed = match (self.wrong, &mut envelope.message) {
            (Wrong::SkipCheck, Message::Ack(ack)) => self.as_the_leader_has_it(&mut ack.up_to),
            (Wrong::SkipCheck, Message::LogState(state)) => self.log_as_the_leader_has_it(state),
            (Wrong::CommitAlone, Message::Push(push)) => {
                // The invented acks must not accuse a replica.
                push.acked = None;
                false
            }
            _ => false,
        };
        let kind = envelope.message.kind();
        self.altered(envelope, kind, changed)
    }

    /// The ack that a replica would send for a push: the leader under `commit-alone` invents it.
    pub fn made_up_ack(&self, pushed: &Envelope) -> Option<Altered> {
        let Message::Push(push) = &pushed.message else { return None };
        if self.wrong != Wrong::CommitAlone {
            return None;
        }
        let up_to = points(push).last().or(push.prev);
        let message = Message::Ack(Ack { up_to, finalized: None, answers: pushed.number });
        // No message has the number 0, and no sender waits for this one.
        let (from, to, number) = (pushed.to, pushed.from, 0);
        let envelope = Envelope { from, to, number, incarnation: None, sender: None, message, ..pushed.clone() };
        Some(self.altered(envelope, MessageKind::Ack, !push.entries.is_empty()))
    }

    fn altered(&self, envelope: Envelope, kind: MessageKind, changed: bool) -> Altered {
        let fact = changed.then(|| Fact::Rewritten {
            from: envelope.from,
            to: envelope.to,
            number: envelope.number,
            kind: kind.into(),
            how: self.wrong.name().into(),
        });
        Altered { envelope, fact }
    }

    /// Makes the push begin at the end of this log, as if everything before it were equal. True if it was not.
    fn match_anyway(&mut self, push: &mut Push, newest: impl Fn(usize) -> Vec<LogPoint>) -> bool {
        let prev = push.prev.map_or(0, |prev| prev.position.0);
        let theirs: Vec<LogPoint> = push.prev.into_iter().chain(points(push)).collect();
        self.remember(&theirs);
        let Some(last) = newest(1).last().copied() else { return false };
        // Missing entries cannot be invented: the push stays as it is, and the log state goes to the leader.
        let Some(more) = last.position.0.checked_sub(prev) else { return false };
        let here_already = (more as usize).min(push.entries.len());
        let place = Position(prev + here_already as u64);
        let (Some(here), Some(there)) = (at(&newest, place), self.leaders.get(&place)) else { return false };
        if here == *there {
            return false;
        }
        push.prev = Some(here);
        push.entries.drain(..here_already);
        true
    }

    fn remember(&mut self, theirs: &[LogPoint]) {
        self.leaders.extend(theirs.iter().map(|point| (point.position, *point)));
        while self.leaders.len() > REMEMBERED {
            self.leaders.pop_first();
        }
    }

    fn as_the_leader_has_it(&self, point: &mut Option<LogPoint>) -> bool {
        let Some(there) = point.and_then(|point| self.leaders.get(&point.position)) else { return false };
        point.replace(*there) != Some(*there)
    }

    fn log_as_the_leader_has_it(&self, state: &mut LogState) -> bool {
        let mut changed = self.as_the_leader_has_it(&mut state.committed);
        let mut position = 0;
        for run in &mut state.runs {
            position += run.last.0 + 1;
            let there = self.leaders.get(&Position(position)).filter(|there| there.id.epoch == run.epoch);
            if let Some(there) = there {
                changed |= std::mem::replace(&mut run.digest, there.digest) != there.digest;
            }
        }
        changed
    }
}

/// The entries of a push as the leader has them.
fn points(push: &Push) -> impl Iterator<Item = LogPoint> {
    let mut before = push.prev;
    push.entries.iter().map(move |pushed| {
        let point = Entry::after(before, pushed.id, pushed.kind, pushed.body.clone()).point();
        before = Some(point);
        point
    })
}

/// The entry at a position of this log.
fn at(newest: &impl Fn(usize) -> Vec<LogPoint>, position: Position) -> Option<LogPoint> {
    let last = newest(1).last()?.position.0;
    let back = last.checked_sub(position.0)? as usize;
    newest(back + 1).into_iter().find(|point| point.position == position)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::protocol::{CommitOrder, EntryId, Epoch, Kind, NodeId, Pushed};

    const ME: NodeId = NodeId(3);

    fn chain(bodies: &[&'static str]) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for (offset, body) in bodies.iter().enumerate() {
            let before = entries.last().map(Entry::point);
            let id = EntryId::new(1, offset as u64);
            entries.push(Entry::after(before, id, Kind::Command, Bytes::from_static(body.as_bytes())));
        }
        entries
    }

    fn envelope(from: u64, to: u64, message: Message) -> Envelope {
        Envelope { epoch: Some(Epoch(1)), ..Envelope::bare(NodeId(from), NodeId(to), 9, message) }
    }

    fn push(prev: Option<&Entry>, entries: &[Entry]) -> Envelope {
        let pushed = |entry: &Entry| Pushed { id: entry.id, kind: entry.kind, body: entry.body.clone() };
        let entries = entries.iter().map(pushed).collect();
        let prev = prev.map(Entry::point);
        envelope(1, ME.0, Message::Push(Push { prev, entries, resync: 0, replaces: false, round: 0, acked: None }))
    }

    fn newest(log: &[Entry]) -> impl Fn(usize) -> Vec<LogPoint> {
        move |count| log[log.len().saturating_sub(count)..].iter().map(Entry::point).collect()
    }

    #[test]
    fn a_push_over_a_forged_entry_matches_and_the_ack_names_the_leaders_digest() {
        let (leaders, here) = (chain(&["a", "b", "c"]), chain(&["a", "forged"]));
        let mut faulty_node = FaultyNode::new(Wrong::SkipCheck);
        let altered = faulty_node.incoming(push(Some(&leaders[0]), &leaders[1..]), newest(&here));
        assert!(matches!(altered.fact, Some(Fact::Rewritten { number: 9, .. })));
        let Message::Push(taken) = altered.envelope.message else { panic!("it stays a push") };
        assert_eq!((taken.prev, taken.entries.len()), (Some(here[1].point()), 1));

        let ack = Ack { up_to: Some(here[1].point()), finalized: None, answers: 9 };
        let altered = faulty_node.outgoing(envelope(3, 1, Message::Ack(ack)));
        let Message::Ack(ack) = altered.envelope.message else { panic!("it stays an ack") };
        assert_eq!(ack.up_to, Some(leaders[1].point()));

        let order = Message::CommitOrder(CommitOrder { up_to: leaders[1].point() });
        let altered = faulty_node.incoming(envelope(1, 3, order), newest(&here));
        assert_eq!(altered.envelope.message, Message::CommitOrder(CommitOrder { up_to: here[1].point() }));
    }

    #[test]
    fn what_matches_or_is_missing_is_left_as_it_is() {
        let leaders = chain(&["a", "b", "c"]);
        for here in [&leaders[..1], &leaders[..2], &leaders[..3], &[]] {
            let mut faulty_node = FaultyNode::new(Wrong::SkipCheck);
            let asked = push(Some(&leaders[1]), &leaders[2..]);
            let altered = faulty_node.incoming(asked.clone(), newest(here));
            assert!(altered.fact.is_none() && altered.envelope == asked, "{here:?}");
        }
    }

    #[test]
    fn a_lone_leader_makes_up_an_ack_for_each_push() {
        let leaders = chain(&["a", "b"]);
        let faulty_node = FaultyNode::new(Wrong::CommitAlone);
        let altered = faulty_node.made_up_ack(&push(Some(&leaders[0]), &leaders[1..])).expect("it is a push");
        assert_eq!((altered.envelope.from, altered.envelope.to, altered.envelope.number), (ME, NodeId(1), 0));
        let ack = Ack { up_to: Some(leaders[1].point()), finalized: None, answers: 9 };
        assert_eq!(altered.envelope.message, Message::Ack(ack));
        let order = Message::CommitOrder(CommitOrder { up_to: leaders[1].point() });
        assert!(faulty_node.made_up_ack(&envelope(1, 2, order)).is_none());
        assert!(FaultyNode::new(Wrong::SkipCheck).made_up_ack(&push(None, &leaders)).is_none());
    }
}
