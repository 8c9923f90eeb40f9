//! Verdicts over everything that was seen: the invariants, the linearizability of the load's operations, and that no
//! confirmed write was lost.

use std::collections::BTreeMap;

use epoca::client::LogLine;
use epoca::protocol::EntryId;
use epoca::verify::linearizability::{self, Action, Failure};

use super::{Scene, Seen, not_yet};
use crate::scenario::load::Worked;
use crate::scenario::report_events::{Evidence, Verdict};

/// How many lines of a log are read at most.
const LINES_MAX: u64 = 1_000_000;

impl Scene<'_> {
    pub(super) fn invariants(&self) -> Seen {
        let heard = self.ears.heard();
        if let Some(violation) = heard.violations.first() {
            return Seen::No(Verdict::Fail, violation.to_string());
        }
        let of_node = |(id, node): (&epoca::protocol::NodeId, &crate::scenario::listener::Node)| Evidence {
            node: Some(*id),
            event: Some(node.state.event),
            rule: "state",
            text: format!("no invariant is broken up to this event of process {}", node.pid),
            entries: Vec::new(),
            fact: None,
        };
        Seen::Yes(heard.nodes().iter().map(of_node).collect())
    }

    pub(super) fn linearizable(&self) -> Seen {
        let worked = match self.worked() {
            Ok(worked) => worked,
            Err(seen) => return seen,
        };
        match linearizability::check(&worked.history) {
            Ok(placed) => Seen::Yes(vec![told(format!(
                "{placed} of {} operations stand in one order, {} of them of unknown outcome",
                worked.history.len(),
                worked.unknown()
            ))]),
            Err(failure @ Failure::GaveUp { .. }) => Seen::No(Verdict::Unknown, failure.to_string()),
            Err(failure) => Seen::No(Verdict::Fail, failure.to_string()),
        }
    }

    pub(super) async fn kept(&self) -> Seen {
        let worked = match self.worked() {
            Ok(worked) => worked,
            Err(seen) => return seen,
        };
        let Some(from) = worked.confirmed.iter().map(|(_, written)| written.position.0).min() else {
            return Seen::No(Verdict::Unknown, "not a single write was confirmed".to_owned());
        };
        let mut evidence = Vec::new();
        for (node, _) in self.client().nodes() {
            let lines = match self.client().read_log(node, from, LINES_MAX).await {
                Ok((lines, _)) => lines,
                Err(error) => return Seen::NotYet(Verdict::Unknown, error.to_string()),
            };
            let lines: BTreeMap<EntryId, &LogLine> = lines.iter().map(|line| (line.point.id, line)).collect();
            if let Some(lost) = worked.confirmed.iter().find(|(operation, written)| {
                !lines.get(&written.id).is_some_and(|line| {
                    line.committed && line.point.position == written.position && is_write(line, &operation.action)
                })
            }) {
                return not_yet(format!("{node} lacks {}, confirmed as {}", lost.0, lost.1.id));
            }
            let text = format!("its log has all {} confirmed writes, committed", worked.confirmed.len());
            evidence.push(Evidence {
                node: Some(node),
                event: None,
                rule: "read",
                text,
                entries: Vec::new(),
                fact: None,
            });
        }
        Seen::Yes(evidence)
    }

    pub(super) fn confirms(&self, writes: u64, before: u64) -> Seen {
        let Some(load) = self.load else { return Seen::No(Verdict::Unknown, "no load runs".to_owned()) };
        match load.confirmed() - before {
            confirmed if confirmed >= writes => {
                Seen::Yes(vec![told(format!("{confirmed} writes were confirmed meanwhile"))])
            }
            confirmed => not_yet(format!("{confirmed} of {writes} writes were confirmed")),
        }
    }

    fn worked(&self) -> Result<&Worked, Seen> {
        let none = || Seen::No(Verdict::Unknown, "no load has run and was stopped".to_owned());
        self.worked.ok_or_else(none)
    }
}

fn told(text: String) -> Evidence {
    Evidence { node: None, event: None, rule: "answer", text, entries: Vec::new(), fact: None }
}

fn is_write(line: &LogLine, action: &Action) -> bool {
    match action {
        Action::Put(value) | Action::CompareAndSet { value, .. } => line.value.as_ref() == Some(value),
        Action::Delete => line.value.is_none(),
        Action::Get(_) => false,
    }
}
