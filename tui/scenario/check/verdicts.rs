//! Verdicts over all observations: the invariants, the linearizability of the load's operations, and that no confirmed
//! write was lost.

use std::collections::BTreeMap;

use epoca::client::LogLine;
use epoca::protocol::EntryId;
use epoca::verify::linearizability::{self, Action, Failure};

use super::{CheckContext, Observation, not_yet};
use crate::lang::Localized;
use crate::scenario::load::LoadResult;
use crate::scenario::messages;
use crate::scenario::report_events::{Evidence, EvidenceKind, Verdict};
use crate::words::client_error;

/// How many entries of a log are read at most.
const ENTRIES_MAX: u64 = 1_000_000;

impl CheckContext<'_> {
    pub(super) fn invariants(&self) -> Observation {
        let observed = self.listener.observed();
        if let Some(violation) = observed.violations.first() {
            let text = messages::violation(violation.invariant, &violation.to_string());
            return Observation::Refuted(Verdict::Fail, text);
        }
        let evidence = observed.nodes().iter().map(|(id, node)| Evidence {
            kind: EvidenceKind::State,
            node: Some(*id),
            event: Some(node.state.event),
            text: messages::invariants_hold(node.pid),
            ..Evidence::default()
        });
        Observation::Met(evidence.collect())
    }

    pub(super) fn linearizable(&self) -> Observation {
        let result = match self.result() {
            Ok(result) => result,
            Err(observation) => return observation,
        };
        match linearizability::check(&result.history) {
            Ok(placed) => {
                Observation::Met(vec![answer(messages::linearized(placed, result.history.len(), result.unknown()))])
            }
            Err(failure @ Failure::GaveUp { .. }) => Observation::Refuted(Verdict::Unknown, failure.to_string().into()),
            Err(failure) => Observation::Refuted(Verdict::Fail, failure.to_string().into()),
        }
    }

    pub(super) async fn kept(&self) -> Observation {
        let result = match self.result() {
            Ok(result) => result,
            Err(observation) => return observation,
        };
        let Some(from) = result.confirmed.iter().map(|(_, written)| written.position.0).min() else {
            return Observation::Refuted(Verdict::Unknown, messages::no_write_confirmed());
        };
        let mut evidence = Vec::new();
        for (node, _) in self.client().nodes() {
            let lines = match self.client().read_log(node, from, ENTRIES_MAX).await {
                Ok((lines, _)) => lines,
                Err(error) => return Observation::NotYet(Verdict::Unknown, client_error(&error)),
            };
            let lines: BTreeMap<EntryId, &LogLine> = lines.iter().map(|line| (line.point.id, line)).collect();
            let missing = result.confirmed.iter().find(|(operation, written)| {
                !lines.get(&written.id).is_some_and(|line| {
                    line.committed && line.point.position == written.position && is_write(line, &operation.action)
                })
            });
            if let Some((operation, written)) = missing {
                return not_yet(messages::confirmed_write_missing(node, &operation.to_string(), written.id));
            }
            evidence.push(Evidence {
                kind: EvidenceKind::Read,
                node: Some(node),
                text: messages::has_all_confirmed(result.confirmed.len()),
                ..Evidence::default()
            });
        }
        Observation::Met(evidence)
    }

    pub(super) fn confirms(&self, writes: u64, before: u64) -> Observation {
        let Some(load) = self.load else { return Observation::Refuted(Verdict::Unknown, messages::no_load()) };
        match load.confirmed() - before {
            confirmed if confirmed >= writes => {
                Observation::Met(vec![answer(messages::confirmed_meanwhile(confirmed))])
            }
            confirmed => not_yet(messages::writes_confirmed(confirmed, writes)),
        }
    }

    fn result(&self) -> Result<&LoadResult, Observation> {
        let none = || Observation::Refuted(Verdict::Unknown, messages::no_finished_load());
        self.load_result.ok_or_else(none)
    }
}

fn answer(text: Localized) -> Evidence {
    Evidence { text, ..Evidence::default() }
}

fn is_write(line: &LogLine, action: &Action) -> bool {
    match action {
        Action::Put(value) | Action::CompareAndSet { value, .. } => line.value.as_ref() == Some(value),
        Action::Delete => line.value.is_none(),
        Action::Get(_) => false,
    }
}
