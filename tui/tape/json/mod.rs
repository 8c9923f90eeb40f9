//! Records as JSON, one object per line, for `jq` and for reading without loss. Each kind of record has a field of its
//! own:
//!
//! ```text
//!   {"at_us":0,"nodes":[{"node":1,"address":"127.0.0.1:7101"},…],"no_launcher":null}
//!   {"at_us":3,"node":1,"snapshot":{…},"time_us":9,"pid":4121,…}
//!   {"at_us":5,"node":1,"event":17,"time_us":11,"rule":"K1","fact":"Committed","fields":{"up_to":{…},"count":1}}
//!   {"at_us":6,"node":1,"lost":12}
//!   {"at_us":7,"node":1,"disconnected":"why"}
//!   {"at_us":8,"node":1,"process":"killed"}
//!   {"at_us":9,"begin":1,"line":"put x 1"}
//!   {"at_us":10,"end":1,"took_us":1940,"exit":"done","lines":[…],"json":{…}}
//!   {"at_us":11,"mark":"bookmark","text":"before the kill","evidence":[{"node":1,"event":17}]}
//! ```
//!
//! Records are in happens-before order. An event whose cause was not observed in time has `"order_unknown_after": N`,
//! the node whose sending is missing before it. `"waited_us"` is how long a record waited for its cause.
//!
//! The lines of an answer have the text in English and, where it differs, in Portuguese: `"text"` and `"text_pt"`.
//!
//! Times are in microseconds: `at_us` since the recording began, `time_us` the node's own time.

mod read;

mod snapshot;

mod values;

use epoca::client::Note;
use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::protocol::trace::{Event, kind_name};
use epoca::verify::invariants::Source;
use serde_json::{Map, Value, json};

use crate::command::{Line, Outcome};
use crate::lang::Lang;
use crate::tape::record::{Mark, ProcessSeen, Record, What};

pub use read::record;
pub use values::bytes;

/// The lines of a record: one, or one for each of its events.
pub fn lines(record: &Record) -> Vec<Value> {
    let mut lines = match line(record.at.as_micros() as u64, &record.what) {
        Value::Array(lines) => lines,
        line => vec![line],
    };
    let waited = record.waited.as_micros() as u64;
    if waited > 0 {
        lines.iter_mut().for_each(|line| line["waited_us"] = json!(waited));
    }
    if let Some(missing) = record.missing {
        lines.iter_mut().for_each(|line| line["order_unknown_after"] = json!(missing.0));
    }
    lines
}

/// An event's line.
pub fn event_line(at_us: u64, event: &Event) -> Value {
    let fields = event.fact.fields().into_iter().map(|(name, value)| (name.to_owned(), values::value(&value)));
    json!({
        "at_us": at_us,
        "node": event.node.0,
        "event": event.number,
        "time_us": event.time.0,
        "rule": event.fact.rule(),
        "fact": event.fact.name(),
        "fields": fields.collect::<Map<_, _>>(),
    })
}

fn line(at: u64, what: &What) -> Value {
    match what {
        What::Nodes { nodes, no_launcher } => {
            let nodes = nodes.iter().map(|(node, address)| json!({"node": node.0, "address": address}));
            json!({"at_us": at, "nodes": nodes.collect::<Vec<_>>(), "no_launcher": no_launcher})
        }
        What::Observed(node, observed) => observed_line(at, *node, observed),
        What::Process(node, seen) => {
            let (word, how) = process(seen);
            let mut line = json!({"at_us": at, "node": node.0, "process": word});
            if let Some(how) = how {
                line["how"] = json!(how);
            }
            line
        }
        What::Begin { number, line } => json!({"at_us": at, "begin": number, "line": line}),
        What::End { number, took, outcome } => {
            let took = took.as_micros() as u64;
            let Outcome { exit, lines, json } = outcome;
            let lines: Vec<_> = lines.iter().map(answer_line).collect();
            json!({"at_us": at, "end": number, "took_us": took, "exit": exit.name(), "lines": lines, "json": json})
        }
        What::Mark(Mark { kind, text, evidence }) => {
            let evidence: Vec<_> = evidence.iter().map(source).collect();
            json!({"at_us": at, "mark": kind.name(), "text": text, "evidence": evidence})
        }
    }
}

fn answer_line(line: &Line) -> Value {
    let (text, portuguese) = (line.text.to(Lang::English), line.text.to(Lang::Portuguese));
    let mut json = json!({"tone": line.tone.name(), "text": text});
    if portuguese != text {
        json["text_pt"] = json!(portuguese);
    }
    json
}

fn observed_line(at: u64, node: NodeId, observed: &Observed) -> Value {
    match observed {
        Observed::Snapshot { snapshot, time, pid, notes, lab } => json!({
            "at_us": at,
            "node": node.0,
            "snapshot": snapshot::snapshot(snapshot),
            "time_us": time.0,
            "pid": pid,
            "notes": notes.iter().map(Note::to_string).collect::<Vec<_>>(),
            "cuts": snapshot.lab.cuts(node).iter().map(|with| with.0).collect::<Vec<_>>(),
            "holds": snapshot.lab.holds().into_iter().map(kind_name).collect::<Vec<_>>(),
            "lab": lab,
        }),
        Observed::Lost(events) => json!({"at_us": at, "node": node.0, "lost": events}),
        Observed::Disconnected(why) => json!({"at_us": at, "node": node.0, "disconnected": why}),
        Observed::Events(events) => events.iter().map(|event| event_line(at, event)).collect(),
    }
}

/// The reference to an event.
pub fn source(source: &Source) -> Value {
    json!({"node": source.node.0, "event": source.number})
}

fn process(seen: &ProcessSeen) -> (&'static str, Option<&str>) {
    match seen {
        ProcessSeen::Running => ("running", None),
        ProcessSeen::Paused => ("paused", None),
        ProcessSeen::Killed => ("killed", None),
        ProcessSeen::Ended(how) => ("ended", Some(how)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use epoca::protocol::trace::{
        Belief, Fact, FinalRow, Lab, MessageId, NodeState, Pace, PendingMessage, Preview, RoleName, Wrong,
    };
    use epoca::protocol::{Digest, EntryId, Epoch, Kind, LogPoint, MessageKind, Position, Time};

    use super::*;
    use crate::command::{Exit, Tone};
    use crate::lang::Localized;
    use crate::tape::record::MarkKind;

    fn point(offset: u64) -> LogPoint {
        LogPoint { id: EntryId::new(2, offset), position: Position(offset + 1), digest: Digest([0xab; 16]) }
    }

    fn preview(offset: u64, value: &'static [u8]) -> Preview {
        let (key, value) = (Some(Bytes::from_static(b"x")), Some(Bytes::from_static(value)));
        Preview { point: point(offset), kind: Kind::Command, forged: offset == 1, key, value }
    }

    fn snapshot() -> Observed {
        let id = MessageId { from: NodeId(2), to: NodeId(1), number: 4 };
        let waits = PendingMessage {
            id,
            kind: MessageKind::Ack,
            what: "up to e1·o1".into(),
            since: 7,
            due: Some(9),
            in_flight: true,
        };
        let rules = vec!["hold * 3 all".parse().expect("a rule")];
        let (pace, wrong) = (Pace::new(30).expect("a pace"), Some(Wrong::SkipCheck));
        let lab = Lab { rules, pending: vec![waits], frozen: true, every: true, let_through: 4, pace, wrong };
        let snapshot = NodeState {
            role: RoleName::Leader,
            epoch: Some(Epoch(2)),
            leader: Some(NodeId(1)),
            tail: vec![preview(0, b"1"), preview(1, &[0xff, 0xfe])],
            committed: Some(point(0)),
            applied: None,
            held: Some(point(1)),
            beliefs: [(NodeId(2), Belief { matched: Some(point(0)), next: Some(Position(2)), snapshot: None })].into(),
            event: 7,
            lab,
            process: 1_700_000_000_000_000,
            sent: Some(12),
            heard: [(NodeId(2), 1_700_000_000_000_001)].into(),
            ..NodeState::new(NodeId(1))
        };
        let notes = vec![Note::Logged { text: "cut a torn record".to_owned() }];
        Observed::Snapshot { snapshot, time: Time(9), pid: 4121, notes, lab: true }
    }

    fn row(key: &'static [u8], value: Option<&'static [u8]>) -> FinalRow {
        let value = value.map(Bytes::from_static);
        FinalRow::new(&Bytes::from_static(key), value.as_ref(), EntryId::new(2, 1))
    }

    fn facts() -> Vec<Fact> {
        vec![
            Fact::Proposed { entry: vec![preview(0, b"1")] },
            Fact::Counted { from: NodeId(2), up_to: None, matches: vec![], quorum: 3, commit: 0 },
            Fact::Elected { epoch: Epoch(2), votes: vec![], quorum: 3 },
            Fact::Elected { epoch: Epoch(2), votes: vec![NodeId(1), NodeId(2)], quorum: 2 },
            Fact::Acked { to: NodeId(1), up_to: Some(EntryId::new(2, 1)), answers: u64::MAX },
            Fact::Committed { up_to: point(1), count: 1 },
            Fact::DiskError { text: "n1".into() },
            Fact::FinalRead { rows: vec![row(b"x", Some(b"1")), row(&[0xff], Some(b""))], keys: Some(301_000) },
            Fact::FinalChanged { rows: vec![row(b"x", None)], keys: None },
            Fact::FinalChanged { rows: Vec::new(), keys: Some(0) },
            Fact::Consistent { from: NodeId(1), epoch: Epoch(2), number: 4, prev: None, entries: Vec::new(), equal: 0 },
        ]
    }

    fn all() -> Vec<What> {
        let node = NodeId(1);
        let event = |(number, fact)| Event { node, number: number as u64 + 1, time: Time(3), fact };
        let events = facts().into_iter().enumerate().map(|it| What::Observed(node, Observed::Events(vec![event(it)])));
        let answer = |exit| {
            let text = Localized::new("no answer", "sem resposta");
            let outcome = Outcome { exit, ..Outcome::error(Exit::Unknown, "unknown", text) };
            Tone::ALL.into_iter().fold(outcome, |outcome, tone| outcome.line(tone, "é"))
        };
        let mut all: Vec<What> = events.collect();
        all.extend([
            What::Nodes { nodes: vec![(node, "a:1".to_owned())], no_launcher: Some("by hand".to_owned()) },
            What::Observed(node, snapshot()),
            What::Observed(node, Observed::Lost(12)),
            What::Observed(node, Observed::Disconnected("gone".to_owned())),
            What::Begin { number: 1, line: "put x 1".to_owned() },
        ]);
        let took = Duration::from_micros(1_940);
        all.extend(Exit::ALL.map(|exit| What::End { number: 1, took, outcome: answer(exit) }));
        let seen = [ProcessSeen::Running, ProcessSeen::Paused, ProcessSeen::Killed, ProcessSeen::Ended("9".to_owned())];
        all.extend(seen.map(|seen| What::Process(node, seen)));
        let evidence = vec![Source { node, number: 17 }];
        all.extend(
            MarkKind::ALL.map(|kind| What::Mark(Mark { kind, text: "t".to_owned(), evidence: evidence.clone() })),
        );
        all
    }

    #[test]
    fn every_record_comes_back_from_its_line() {
        for (index, what) in all().into_iter().enumerate() {
            let written = Record::new(Duration::from_micros(index as u64), what);
            let [line] = &lines(&written)[..] else { panic!("one line") };
            let text = line.to_string();
            let again = record(&text).unwrap_or_else(|why| panic!("{why}: {text}"));
            assert_eq!(again, written, "{text}");
        }
    }

    #[test]
    fn a_line_that_is_no_record_is_refused_with_a_reason() {
        let refused = |line: &str| record(line).expect_err(line);
        assert_eq!(refused("{\"at_us\":1}"), "there is no record of this kind");
        assert!(refused("{\"at_us\":1").contains("EOF"));
        assert_eq!(refused("{\"node\":1,\"lost\":2}"), "at_us is missing or not a number");
        assert_eq!(refused("{\"at_us\":1,\"node\":0,\"lost\":2}"), "node is missing or not a node's number");
        let fact = "{\"at_us\":1,\"node\":1,\"event\":1,\"time_us\":1,\"fact\":\"Killed\",\"fields\":{}}";
        assert_eq!(refused(fact), "the fact Killed is unknown, or lacks a field");
        assert_eq!(refused("{\"at_us\":1,\"node\":1,\"process\":\"odd\"}"), "process has an unknown word");
    }
}
