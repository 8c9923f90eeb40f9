//! Expectations about answers: the outcome of an operation, and the result of a read.

use std::time::Duration;

use bytes::Bytes;
use epoca::client::Consistency;
use epoca::protocol::trace::Fact;
use epoca::protocol::{EntryId, NodeId};
use epoca::verify::patience::on_this_machine;

use super::{CheckContext, Judge, Observation, entry_text, not_yet, unbound};
use crate::command::text::shown_short;
use crate::command::{Exit, Outcome};
use crate::lang::Localized;
use crate::scenario::messages;
use crate::scenario::names::Operation;
use crate::scenario::report_events::{Evidence, EvidenceKind, Verdict};
use crate::scenario::script::{EntryRef, Nodes, OperationEnd, Reader};
use crate::scenario::target_cluster::with_timeout;
use crate::words::client_error;

/// The deadline of one read. Reads are repeated until the expectation's time is over.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// How many columns of a value are shown.
const COLUMNS: usize = 40;

impl Judge<'_> {
    pub(super) fn outcome(&self, of: &str, wanted: OperationEnd) -> Observation {
        let operation = match self.names.operation(of) {
            Ok(operation) => operation,
            Err(why) => return unbound(why),
        };
        let Some((outcome, took)) = operation.answer() else {
            return not_yet(messages::still_in_flight(&operation.line));
        };
        let found = match outcome.exit {
            Exit::Done | Exit::OutputFailed => OperationEnd::Confirmed,
            Exit::Unknown => OperationEnd::Unknown,
            Exit::NotDone | Exit::Usage | Exit::Unreachable => OperationEnd::Refused,
        };
        let text = messages::of_command(&operation.line, &summary(&outcome));
        if found == wanted {
            return Observation::Met(vec![self.answered(of, &text, took)]);
        }
        // An unknown outcome where a definite one is needed leaves the verdict unknown.
        let verdict = if found == OperationEnd::Unknown { Verdict::Unknown } else { Verdict::Fail };
        Observation::Refuted(verdict, text)
    }

    fn answered(&self, of: &str, text: &Localized, took: Duration) -> Evidence {
        Evidence { text: messages::after(text, took), entries: self.entry_texts(of), ..Evidence::default() }
    }

    fn entry_texts(&self, operation: &str) -> Vec<Localized> {
        let reference = EntryRef::Name(operation.to_owned());
        let entries = self.names.entries(&reference, self.observed).unwrap_or_default();
        entries.iter().map(|entry| entry_text(entry).into()).collect()
    }

    pub(super) fn unconfirmed(&self, of: &str, is_over: bool) -> Observation {
        let operation = match self.names.operation(of) {
            Ok(operation) => operation,
            Err(why) => return unbound(why),
        };
        if let Some((outcome, _)) = operation.answer().filter(|(outcome, _)| outcome.exit == Exit::Done) {
            return Observation::Refuted(Verdict::Fail, messages::of_command(&operation.line, &summary(&outcome)));
        }
        let observed = self.observed;
        let entries = self.names.entries(&EntryRef::Name(of.to_owned()), observed).unwrap_or_default();
        let committed = observed.since(self.since).find(|event| match &event.fact {
            Fact::Committed { up_to, .. } | Fact::Finalized { up_to, .. } => {
                entries.iter().any(|entry| up_to.id >= entry.id)
            }
            _ => false,
        });
        if let Some(event) = committed {
            return Observation::Refuted(Verdict::Fail, messages::reported(event.node, &event.fact.to_string()));
        }
        if !is_over {
            return not_yet(messages::time_not_over());
        }
        let entries = entries.iter().map(|entry| entry_text(entry).into()).collect();
        Observation::Met(vec![unconfirmed(operation, entries)])
    }
}

impl CheckContext<'_> {
    pub(super) async fn reads(&self, by: &Reader, key: &str, value: Option<&str>) -> Observation {
        let client = match with_timeout(self.client(), on_this_machine(READ_TIMEOUT)) {
            Ok(client) => client,
            Err(error) => return Observation::Refuted(Verdict::Unknown, client_error(&error)),
        };
        let nodes = match by {
            Reader::Client => vec![None],
            Reader::Local(nodes) => match self.names.nodes_of(nodes, &self.listener.observed()) {
                Ok(nodes) => nodes.into_iter().map(Some).collect(),
                Err(why) => return unbound(why),
            },
        };
        let one_suffices = *by == Reader::Local(Nodes::Any);
        let mut evidence = Vec::new();
        for node in nodes {
            let consistency = if node.is_some() { Consistency::Local } else { Consistency::Linearizable };
            let record = match client.get(Bytes::copy_from_slice(key.as_bytes()), consistency, node).await {
                Ok(record) => record,
                Err(error) => {
                    let why = messages::cannot_read(node, &client_error(&error));
                    return Observation::NotYet(Verdict::Unknown, why);
                }
            };
            let found = record.as_ref().map(|record| &record.value[..]);
            if found == value.map(str::as_bytes) {
                evidence.push(answered_read(node, key, found, record.as_ref().map(|record| record.id)));
                if one_suffices {
                    return Observation::Met(evidence);
                }
            } else if !one_suffices {
                let found = found.map(|found| shown_short(found, COLUMNS));
                return not_yet(messages::read_differs(node, key, value, found.as_deref()));
            }
        }
        if evidence.is_empty() { not_yet(messages::no_node_reads()) } else { Observation::Met(evidence) }
    }
}

/// The evidence of an answered read, at a node or, without one, through the leader. `entry` wrote the value.
pub fn answered_read(node: Option<NodeId>, key: &str, found: Option<&[u8]>, entry: Option<EntryId>) -> Evidence {
    let written_by = entry.map(|entry| messages::written_by(key, entry));
    let found = match found {
        Some(value) => messages::value_of(key, &shown_short(value, COLUMNS)),
        None => messages::not_found(key),
    };
    Evidence {
        kind: EvidenceKind::Read,
        node,
        text: messages::read(node.is_some(), &found),
        entries: written_by.into_iter().collect(),
        ..Evidence::default()
    }
}

fn unconfirmed(operation: &Operation, entries: Vec<Localized>) -> Evidence {
    let answer = operation.answer().map(|(outcome, _)| summary(&outcome));
    let text = messages::unanswered(&operation.line, answer.as_ref(), operation.begun.elapsed());
    Evidence { text, entries, ..Evidence::default() }
}

/// An outcome in one line.
pub fn summary(outcome: &Outcome) -> Localized {
    match &outcome.lines[..] {
        [] => messages::done(),
        [line] => line.text.clone(),
        [first, ..] => messages::and_more(&first.text),
    }
}
