//! ShiViz's format: the parser's regular expression in the first line, an empty second line (one execution), then for
//! each event its text and, on the next line, its host and vector clock. After the format's description at
//! bestchai.bitbucket.io/shiviz.
//!
//! A host's own count grows by one with each of its events, from 1. A reception joins the clock of the sending with the
//! same sender and number; where the sending was not heard, the reception stands alone. Events that are heard before
//! their cause wait for it, so that every clock is known when it is needed.
//!
//! What repeats beside every heartbeat is left out: it would bury what happened.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};

use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::protocol::trace::{Event, Fact};

use crate::tape::record::{Record, What};

/// Named groups as ShiViz wants them; the host must be a word.
const PARSER: &str = r"(?<event>.*)\n(?<host>\S*) (?<clock>{.*})";

/// How many sendings of a host are remembered.
const SENT_MAX: usize = 100_000;

type Clock = BTreeMap<NodeId, u64>;

pub fn write(records: &[Record], out: &mut dyn Write) -> io::Result<u64> {
    writeln!(out, "{PARSER}\n")?;
    let mut hosts = Hosts::default();
    for record in records {
        if let What::Observed(node, Observed::Events(_)) = &record.what {
            hosts.host(*node);
        }
    }
    for record in records {
        match &record.what {
            What::Observed(_, Observed::Events(events)) => {
                for event in events {
                    hosts.host(event.node).waiting.push_back(event.clone());
                }
                hosts.write_ready(out)?;
            }
            // What was not told before will not be told any more.
            What::Observed(node, Observed::Snapshot { .. } | Observed::Disconnected(_) | Observed::Lost(_)) => {
                hosts.flush(*node, out)?;
                let is_open = matches!(record.what, What::Observed(_, Observed::Snapshot { .. }));
                let host = hosts.host(*node);
                (host.last_sent, host.is_closed) = (0, !is_open);
                host.sent.clear();
                hosts.write_ready(out)?;
            }
            _ => {}
        }
    }
    while let Some(node) = hosts.blocked() {
        hosts.write_first(node, out)?;
        hosts.write_ready(out)?;
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
    /// Heard, and not yet written.
    waiting: VecDeque<Event>,
    /// The clocks with which messages left; none for those that are left out. Bounded, the oldest go first.
    sent: BTreeMap<u64, Option<Clock>>,
    /// The latest message that has left.
    last_sent: u64,
    /// The connection is broken: nobody waits for what it has not told.
    is_closed: bool,
    /// The event before this one told that something new is acked.
    has_acked: bool,
}

impl Host {
    /// Whether the event only repeats what is known: heartbeats, and the acks that answer nothing else.
    fn is_idle(&mut self, fact: &Fact) -> bool {
        let has_acked = std::mem::replace(&mut self.has_acked, matches!(fact, Fact::Acked { .. }));
        match fact {
            Fact::Sent { kind, .. } => kind == "heartbeat" || kind == "ack" && !has_acked,
            Fact::Received { kind, .. } | Fact::Dropped { kind, .. } => kind == "heartbeat",
            _ => false,
        }
    }

    fn sends(&mut self, number: u64, clock: Option<Clock>) {
        self.last_sent = number;
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

    fn write_ready(&mut self, out: &mut dyn Write) -> io::Result<()> {
        while let Some(node) = self.ready() {
            self.write_first(node, out)?;
        }
        Ok(())
    }

    /// A host whose next event has all its causes written.
    fn ready(&self) -> Option<NodeId> {
        let ready = |host: &Host| host.waiting.front().is_some_and(|event| !self.waits(event));
        self.hosts.iter().find(|(_, host)| ready(host)).map(|(node, _)| *node)
    }

    fn blocked(&self) -> Option<NodeId> {
        self.hosts.iter().find(|(_, host)| !host.waiting.is_empty()).map(|(node, _)| *node)
    }

    /// Whether the sending may still be told.
    fn waits(&self, event: &Event) -> bool {
        let Fact::Received { from, number, .. } = &event.fact else { return false };
        self.hosts
            .get(from)
            .is_some_and(|sender| !sender.is_closed && sender.last_sent < *number && *from != event.node)
    }

    fn flush(&mut self, node: NodeId, out: &mut dyn Write) -> io::Result<()> {
        while !self.host(node).waiting.is_empty() {
            self.write_first(node, out)?;
        }
        Ok(())
    }

    fn write_first(&mut self, node: NodeId, out: &mut dyn Write) -> io::Result<()> {
        let Some(event) = self.host(node).waiting.pop_front() else { return Ok(()) };
        let cause = match &event.fact {
            Fact::Received { from, number, .. } => self.hosts.get(from).and_then(|it| it.sent.get(number)).cloned(),
            _ => None,
        };
        let host = self.host(node);
        let is_idle = host.is_idle(&event.fact) || cause == Some(None);
        if is_idle {
            if let Fact::Sent { number, .. } = &event.fact {
                host.sends(*number, None);
            }
            return Ok(());
        }
        for (other, count) in cause.flatten().unwrap_or_default() {
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

    use super::*;

    fn exported(facts: &[(u64, Fact)]) -> String {
        let mut numbers = BTreeMap::new();
        let records: Vec<Record> = facts
            .iter()
            .map(|(node, fact)| {
                let number = numbers.entry(*node).or_insert(0);
                *number += 1;
                let event = Event { node: NodeId(*node), number: *number, time: Time(0), fact: fact.clone() };
                let what = What::Observed(NodeId(*node), Observed::Events(vec![event]));
                Record::new(Duration::ZERO, what)
            })
            .collect();
        let mut out = Vec::new();
        write(&records, &mut out).expect("memory takes all");
        String::from_utf8(out).expect("text")
    }

    fn sent(to: u64, number: u64, kind: &'static str) -> Fact {
        let (epoch, about) = (None, None);
        Fact::Sent { to: NodeId(to), number, kind: kind.into(), epoch, about, entries: 0, bytes: 0 }
    }

    fn received(from: u64, number: u64, kind: &'static str) -> Fact {
        Fact::Received { from: NodeId(from), number, kind: kind.into() }
    }

    #[test]
    fn clocks_follow_from_paired_messages_whatever_order_they_are_heard_in() {
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
