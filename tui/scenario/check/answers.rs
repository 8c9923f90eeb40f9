//! Expectations about answers: how an operation ended for its client, and what a read sees.

use std::time::Duration;

use bytes::Bytes;
use epoca::client::{ClientError, Consistency};
use epoca::protocol::NodeId;
use epoca::protocol::trace::Fact;
use epoca::verify::patience::on_this_machine;

use super::{Scene, Seen, entry_text, nameless, not_yet};
use crate::command::text::shown_short;
use crate::command::{Exit, Outcome};
use crate::scenario::names::Operation;
use crate::scenario::script::{Ended, EntryRef, Nodes, Reader};
use crate::scenario::target_cluster::with_timeout;
use crate::scenario::report_events::{Evidence, Verdict};

/// One read; it is asked again until the expectation's time is up.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// What a read of an absent key gives.
const NOT_FOUND: &str = "not found";

impl Scene<'_> {
    pub(super) fn outcome(&self, of: &str, wanted: Ended) -> Seen {
        let operation = match self.names.operation(of) {
            Ok(operation) => operation,
            Err(why) => return nameless(why),
        };
        let Some((outcome, took)) = operation.end() else { return not_yet(format!("{} is under way", operation.line)) };
        let found = match outcome.exit {
            Exit::Done | Exit::NotWritten => Ended::Confirmed,
            Exit::Unknown => Ended::Unknown,
            Exit::Not | Exit::Usage | Exit::Nobody => Ended::Refused,
        };
        let text = format!("{}: {}", operation.line, said(&outcome));
        if found == wanted {
            return Seen::Yes(vec![self.answered(of, text, took)]);
        }
        // A definite answer was needed and there is none.
        Seen::No(if found == Ended::Unknown { Verdict::Unknown } else { Verdict::Fail }, text)
    }

    fn answered(&self, of: &str, text: String, took: Duration) -> Evidence {
        let entries = self.names.entries(&EntryRef::Name(of.to_owned()), &self.ears.heard()).unwrap_or_default();
        Evidence {
            node: None,
            event: None,
            rule: "answer",
            text: format!("{text} after {:.1} ms", took.as_secs_f64() * 1e3),
            entries: entries.iter().map(entry_text).collect(),
            fact: None,
        }
    }

    pub(super) fn unconfirmed(&self, of: &str, over: bool) -> Seen {
        let operation = match self.names.operation(of) {
            Ok(operation) => operation,
            Err(why) => return nameless(why),
        };
        if let Some((outcome, _)) = operation.end().filter(|(outcome, _)| outcome.exit == Exit::Done) {
            return Seen::No(Verdict::Fail, format!("{}: {}", operation.line, said(&outcome)));
        }
        let heard = self.ears.heard();
        let entries = self.names.entries(&EntryRef::Name(of.to_owned()), &heard).unwrap_or_default();
        let committed = heard.since(self.since).find(|event| match &event.fact {
            Fact::Committed { up_to, .. } | Fact::Finalized { up_to, .. } => {
                entries.iter().any(|entry| up_to.id >= entry.id)
            }
            _ => false,
        });
        if let Some(event) = committed {
            return Seen::No(Verdict::Fail, format!("{} told {}", event.node, event.fact));
        }
        if !over {
            return not_yet("the time is not over");
        }
        Seen::Yes(vec![still_open(operation, entries.iter().map(entry_text).collect())])
    }

    pub(super) async fn reads(&self, by: &Reader, key: &str, value: Option<&str>) -> Seen {
        let client = match with_timeout(self.client(), on_this_machine(READ_TIMEOUT)) {
            Ok(client) => client,
            Err(error) => return Seen::No(Verdict::Unknown, error.to_string()),
        };
        let these = match by {
            Reader::Client => vec![None],
            Reader::Local(nodes) => match self.names.these(nodes, &self.ears.heard()) {
                Ok(these) => these.into_iter().map(Some).collect(),
                Err(why) => return nameless(why),
            },
        };
        let mut evidence = Vec::new();
        for node in these {
            let consistency = if node.is_some() { Consistency::Local } else { Consistency::Linearizable };
            let record = match client.get(Bytes::copy_from_slice(key.as_bytes()), consistency, node).await {
                Ok(record) => record,
                Err(error) => return unreadable(node, &error),
            };
            let found = record.as_ref().map(|record| &record.value[..]);
            if found == value.map(str::as_bytes) {
                evidence.push(read(node, key, record.map(|record| (record.value, record.id.to_string()))));
                if *by == Reader::Local(Nodes::Any) {
                    return Seen::Yes(evidence);
                }
            } else if *by != Reader::Local(Nodes::Any) {
                let found = found.map_or(NOT_FOUND.to_owned(), |found| shown_short(found, 40));
                let wanted = value.unwrap_or(NOT_FOUND);
                let who = node.map_or("the client".to_owned(), |node| node.to_string());
                return not_yet(format!("{who} reads {key}: expected: {wanted}; got: {found}"));
            }
        }
        if evidence.is_empty() { not_yet("no node reads it") } else { Seen::Yes(evidence) }
    }
}

fn read(node: Option<NodeId>, key: &str, record: Option<(Bytes, String)>) -> Evidence {
    let how = if node.is_some() { "its own final data" } else { "a linearizable read" };
    let (text, entries) = match record {
        Some((value, id)) => {
            (format!("{how}: {key}={}", shown_short(&value, 40)), vec![format!("{key} written by {id}")])
        }
        // It is evidence only where nothing had to be found.
        None => (format!("{how}: {key}: expected: {NOT_FOUND}; got: {NOT_FOUND}"), Vec::new()),
    };
    Evidence { node, event: None, rule: "read", text, entries, fact: None }
}

fn unreadable(node: Option<NodeId>, error: &ClientError) -> Seen {
    let who = node.map_or("the client".to_owned(), |node| node.to_string());
    Seen::NotYet(Verdict::Unknown, format!("{who} cannot read: {error}"))
}

fn still_open(operation: &Operation, entries: Vec<String>) -> Evidence {
    let how = match operation.end() {
        None => "no answer yet".to_owned(),
        Some((outcome, _)) => said(&outcome),
    };
    let text = format!("{}: {how}, {:.1} s after it was sent", operation.line, operation.begun.elapsed().as_secs_f64());
    Evidence { node: None, event: None, rule: "answer", text, entries, fact: None }
}

/// What an outcome says, in one line.
pub fn said(outcome: &Outcome) -> String {
    match &outcome.lines[..] {
        [] => "done".to_owned(),
        [line] => line.text.clone(),
        [first, ..] => format!("{} …", first.text),
    }
}
