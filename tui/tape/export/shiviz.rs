//! ShiViz's format: the parser's regular expression in the first line, an empty second line (one execution), then for
//! each event its text and, on the next line, its host and vector clock. After the format's description at
//! bestchai.bitbucket.io/shiviz.
//!
//! A host's own count grows by one with each of its events, from 1. A reception joins the clock of the sending with the
//! same sender and number. Records are in happens-before order when they are read, so that the sending stands before
//! its reception; a reception whose sending was not observed joins no clock.
//!
//! Heartbeats and acks without news are left out: they would hide everything else.

use std::collections::BTreeMap;
use std::io::{self, Write};

use epoca::client::watch::Observed;
use epoca::protocol::trace::{Event, Fact};
use epoca::protocol::{MessageKind, NodeId};

use crate::tape::record::{Record, What};

/// Named groups as ShiViz requires them. A host must be a word.
const PARSER: &str = r"(?<event>.*)\n(?<host>\S*) (?<clock>{.*})";

/// How many sendings of a host are kept.
const SENT_MAX: usize = 100_000;

type Clock = BTreeMap<NodeId, u64>;

/// Writes all events of the records, which must be in happens-before order. Returns how many were written.
pub fn write(records: &[Record], out: &mut dyn Write) -> io::Result<u64> {
    writeln!(out, "{PARSER}\n")?;
    let mut hosts = Hosts::default();
    for record in records {
        match &record.what {
            What::Observed(_, Observed::Events(events)) => {
                for event in events {
                    hosts.write(event, out)?;
                }
            }
            // A new process numbers its messages from 1 again, and some sendings may not have been observed.
            What::Observed(node, Observed::Snapshot { .. } | Observed::Disconnected(_) | Observed::Lost(_)) => {
                hosts.host(*node).sent.clear();
            }
            _ => {}
        }
    }
    Ok(hosts.written)
}

#[derive(Default)]
struct Hosts {
    hosts: BTreeMap<NodeId, Host>,
    written: u64,
}

#[derive(Default)]
struct Host {
    clock: Clock,
    /// The clocks of the last sendings by their numbers; `None` for a sending that is left out.
    sent: BTreeMap<u64, Option<Clock>>,
    /// The last event was an ack of something new.
    has_acked: bool,
}

impl Host {
    /// Whether the event is left out: a heartbeat, or an ack without news.
    fn is_idle(&mut self, fact: &Fact) -> bool {
        let has_acked = std::mem::replace(&mut self.has_acked, matches!(fact, Fact::Acked { .. }));
        match fact {
            Fact::Sent { kind, .. } => *kind == MessageKind::Heartbeat || *kind == MessageKind::Ack && !has_acked,
            Fact::Received { kind, .. } | Fact::Dropped { kind, .. } => *kind == MessageKind::Heartbeat,
            _ => false,
        }
    }

    fn sends(&mut self, number: u64, clock: Option<Clock>) {
        self.sent.insert(number, clock);
        if self.sent.len() > SENT_MAX {
            self.sent.pop_first();
        }
    }
}

impl Hosts {
    fn host(&mut self, node: NodeId) -> &mut Host {
        self.hosts.entry(node).or_default()
    }

    fn write(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        let node = event.node;
        let sending = match &event.fact {
            Fact::Received { from, number, .. } => self.hosts.get(from).and_then(|it| it.sent.get(number)).cloned(),
            _ => None,
        };
        let host = self.host(node);
        let is_left_out = host.is_idle(&event.fact) || sending == Some(None);
        if is_left_out {
            if let Fact::Sent { number, .. } = &event.fact {
                host.sends(*number, None);
            }
            return Ok(());
        }
        for (other, count) in sending.flatten().unwrap_or_default() {
            let known = host.clock.entry(other).or_default();
            *known = (*known).max(count);
        }
        *host.clock.entry(node).or_default() += 1;
        if let Fact::Sent { number, .. } = &event.fact {
            host.sends(*number, Some(host.clock.clone()));
        }
        let clock: Vec<_> = host.clock.iter().map(|(node, count)| format!("\"{node}\": {count}")).collect();
        writeln!(out, "{}\n{node} {{{}}}", event.fact, clock.join(", "))?;
        self.written += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use epoca::protocol::Time;
    use epoca::protocol::trace::NodeState;

    use super::*;
    use crate::tape::order::sorted;

    /// The export of facts that arrive in this order, sorted as a recording is when it is read.
    fn exported(facts: &[(u64, Fact)]) -> String {
        let joined = [NodeId(1), NodeId(2)].map(|node| What::Observed(node, joined(node)));
        let mut numbers = BTreeMap::new();
        let events = facts.iter().map(|(node, fact)| {
            let number = numbers.entry(*node).or_insert(0);
            *number += 1;
            let event = Event { node: NodeId(*node), number: *number, time: Time(0), fact: fact.clone() };
            What::Observed(NodeId(*node), Observed::Events(vec![event]))
        });
        let records = joined.into_iter().chain(events).map(|what| Record::new(Duration::ZERO, what));
        let mut out = Vec::new();
        write(&sorted(records), &mut out).expect("memory takes all");
        String::from_utf8(out).expect("text")
    }

    /// A node that has sent nothing yet.
    fn joined(node: NodeId) -> Observed {
        let snapshot = NodeState { sent: Some(0), ..NodeState::new(node) };
        Observed::Snapshot { snapshot, time: Time(0), pid: 1, notes: Vec::new(), lab: true }
    }

    fn sent(to: u64, number: u64, kind: &'static str) -> Fact {
        let (epoch, about) = (None, None);
        Fact::Sent { to: NodeId(to), number, kind: kind.into(), epoch, about, entries: 0, bytes: 0 }
    }

    fn received(from: u64, number: u64, kind: &'static str) -> Fact {
        Fact::Received { from: NodeId(from), number, kind: kind.into() }
    }

    #[test]
    fn clocks_follow_from_paired_messages_in_any_order_of_arrival() {
        let facts = [
            (2, received(1, 1, "push")),
            (2, sent(1, 1, "log-state")),
            (1, Fact::TimedOut { why: "asked".into() }),
            (1, sent(2, 1, "push")),
            (1, received(2, 1, "log-state")),
        ];
        let expected = [
            PARSER,
            "",
            "E1 TimedOut why=asked",
            "n1 {\"n1\": 1}",
            "N1 Sent to=n2 number=1 kind=push epoch=- about=- entries=0 bytes=0",
            "n1 {\"n1\": 2}",
            "N2 Received from=n1 number=1 kind=push",
            "n2 {\"n1\": 2, \"n2\": 1}",
            "N1 Sent to=n1 number=1 kind=log-state epoch=- about=- entries=0 bytes=0",
            "n2 {\"n1\": 2, \"n2\": 2}",
            "N2 Received from=n2 number=1 kind=log-state",
            "n1 {\"n1\": 3, \"n2\": 2}",
            "",
        ];
        assert_eq!(exported(&facts), expected.join("\n"));
    }

    #[test]
    fn heartbeats_and_acks_of_nothing_new_are_left_out() {
        let up_to = Some(epoca::protocol::EntryId::new(1, 1));
        let facts = [
            (1, sent(2, 1, "heartbeat")),
            (2, received(1, 1, "heartbeat")),
            (2, sent(1, 1, "ack")),
            (1, received(2, 1, "ack")),
            (2, Fact::Acked { to: NodeId(1), up_to, answers: 1 }),
            (2, sent(1, 2, "ack")),
            (1, received(2, 2, "ack")),
        ];
        let text = exported(&facts);
        let events: Vec<_> = text.lines().skip(2).step_by(2).map(|line| &line[..2]).collect();
        assert_eq!(events, ["A1", "N1", "N2"], "{text}");
    }

    #[test]
    fn a_reception_without_a_sending_stands_alone() {
        let text = exported(&[(2, received(1, 9, "push")), (1, Fact::TimedOut { why: "asked".into() })]);
        assert!(text.contains("N2 Received from=n1 number=9 kind=push\nn2 {\"n2\": 1}\n"), "{text}");
    }
}
