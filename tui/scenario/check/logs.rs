//! Expectations about logs, as the nodes' own events tell them.

use epoca::protocol::trace::{Preview, Snapshot};
use epoca::protocol::{Epoch, NodeId};

use super::{Scene, Seen, entry_text, nameless, not_yet};
use crate::scenario::excerpt::state_of;
use crate::scenario::names::{Entry, content};
use crate::scenario::script::{EntryRef, EntryState, Nodes};
use crate::scenario::report_events::{Evidence, Verdict};

impl Scene<'_> {
    pub(super) fn holds(&self, nodes: &Nodes, entries: &[EntryRef], state: Option<EntryState>) -> Seen {
        self.each(nodes, entries, |node, log, entries| {
            let mut texts = Vec::new();
            for entry in entries {
                let Some(preview) = log.tail.iter().find(|preview| entry.is(preview.point)) else {
                    return Err(format!("the log of {node} has no {}", entry_text(entry)));
                };
                let found = state_of(preview, log);
                if state.is_some_and(|wanted| !is_so(found, wanted)) {
                    return Err(format!("{} is {} on {node}", entry_text(entry), found.name()));
                }
                texts.push((shown(preview), found));
            }
            Ok(texts.into_iter().map(|(text, state)| format!("{text} {}", state.name())).collect())
        })
    }

    pub(super) fn lacks(&self, nodes: &Nodes, entries: &[EntryRef]) -> Seen {
        self.each(nodes, entries, |node, log, entries| {
            match entries.iter().find(|entry| log.tail.iter().any(|preview| entry.is(preview.point))) {
                Some(entry) => Err(format!("the log of {node} has {}", entry_text(entry))),
                None => Ok(entries.iter().map(|entry| format!("no {}", entry_text(entry))).collect()),
            }
        })
    }

    /// So many entries of each epoch, and nothing else.
    pub(super) fn log_is(&self, nodes: &Nodes, runs: &[(Option<Epoch>, u64)]) -> Seen {
        self.each(nodes, &[], |node, log, _| {
            let mut found: Vec<(Epoch, u64)> = Vec::new();
            for preview in &log.tail {
                match found.last_mut().filter(|last| last.0 == preview.point.id.epoch) {
                    Some(last) => last.1 += 1,
                    None => found.push((preview.point.id.epoch, 1)),
                }
            }
            let texts = found.iter().map(|(epoch, count)| format!("{epoch}:{count}")).collect::<Vec<_>>();
            let last = log.last().map(|last| format!("ends with {last}"));
            let fits = |(found, wanted): (&(Epoch, u64), &(Option<Epoch>, u64))| {
                wanted.0.is_none_or(|epoch| epoch == found.0) && found.1 == wanted.1
            };
            match found.len() == runs.len() && found.iter().zip(runs).all(fits) {
                true => Ok(texts.into_iter().chain(last).collect()),
                false => Err(format!("the log of {node} is {}", texts.join(" "))),
            }
        })
    }

    /// The same last entry by id and digest, all of it final.
    pub(super) fn logs_equal(&self, nodes: &Nodes) -> Seen {
        let first = {
            let heard = self.ears.heard();
            let these = match self.names.these(nodes, &heard) {
                Ok(these) => these,
                Err(why) => return nameless(why),
            };
            these.first().and_then(|node| heard.node(*node)).and_then(|node| node.state.last())
        };
        let Some(first) = first else { return not_yet("there is no log to compare") };
        self.each(nodes, &[], |node, log, _| match (log.last(), log.applied) {
            (Some(last), _) if last != first => {
                Err(format!("the log of {node} ends with {last}, another with {first}"))
            }
            (Some(last), Some(applied)) if applied == last => Ok(vec![format!("ends with {last}, all of it final")]),
            (last, applied) => {
                let shown = |point: Option<_>| {
                    point.map_or("nothing".to_owned(), |point: epoca::protocol::LogPoint| point.to_string())
                };
                Err(format!("{node} has {} and made {} final", shown(last), shown(applied)))
            }
        })
    }

    /// Looks at each node's log; all must fit.
    fn each(
        &self,
        nodes: &Nodes,
        entries: &[EntryRef],
        fits: impl Fn(NodeId, &Snapshot, &[Entry]) -> Result<Vec<String>, String>,
    ) -> Seen {
        let heard = self.ears.heard();
        let these = match self.names.these(nodes, &heard) {
            Ok(these) => these,
            Err(why) => return nameless(why),
        };
        let known: Result<Vec<Vec<Entry>>, String> =
            entries.iter().map(|entry| self.names.entries(entry, &heard)).collect();
        let known: Vec<Entry> = match known {
            Ok(known) => known.into_iter().flatten().collect(),
            Err(why) => return not_yet(why),
        };
        let mut evidence = Vec::new();
        for id in these {
            let Some(node) = heard.node(id) else {
                return Seen::NotYet(Verdict::Unknown, format!("{id} was never heard"));
            };
            if self.names.is_stale(id, node) {
                return not_yet(format!("{id} is not heard since it was started again"));
            }
            match fits(id, &node.state, &known) {
                Ok(entries) => {
                    let text = if node.live { "its log" } else { "its log as it was seen last" }.to_owned();
                    let event = Some(node.state.event);
                    evidence.push(Evidence { node: Some(id), event, rule: "state", text, entries, fact: None });
                    if *nodes == Nodes::Any {
                        return Seen::Yes(evidence);
                    }
                }
                Err(_) if *nodes == Nodes::Any => {}
                Err(why) => return not_yet(why),
            }
        }
        if evidence.is_empty() { not_yet("no node fits") } else { Seen::Yes(evidence) }
    }
}

/// What is final is committed, too.
fn is_so(found: EntryState, wanted: EntryState) -> bool {
    found == wanted || (wanted == EntryState::Committed && found == EntryState::Final)
}

fn shown(preview: &Preview) -> String {
    let forged = if preview.forged { "forged " } else { "" };
    format!("{} {forged}{}", preview.point, content(preview))
}
