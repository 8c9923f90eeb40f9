//! Expectations about logs, as the nodes' own events describe them.

use epoca::protocol::trace::{NodeState, Preview};
use epoca::protocol::{Epoch, NodeId};

use super::{Judge, Observation, entry_text, not_yet, unbound};
use crate::lang::Localized;
use crate::scenario::excerpt::state_of;
use crate::scenario::messages;
use crate::scenario::names::{Entry, content};
use crate::scenario::report_events::{Evidence, EvidenceKind, Verdict};
use crate::scenario::script::{EntryRef, EntryState, Nodes};

impl Judge<'_> {
    pub fn holds(&self, nodes: &Nodes, entries: &[EntryRef], state: Option<EntryState>) -> Observation {
        self.each_log(nodes, entries, |node, log, entries| {
            let mut texts = Vec::new();
            for entry in entries {
                let Some(preview) = log.tail.iter().find(|preview| entry.is(preview.point)) else {
                    return Err(messages::log_lacks(node, &entry_text(entry)));
                };
                let found = state_of(preview, log);
                if state.is_some_and(|wanted| !includes(found, wanted)) {
                    return Err(messages::entry_at_node(&entry_text(entry), found, node));
                }
                texts.push(messages::entry_in_state(&text_of(preview), found));
            }
            Ok(texts)
        })
    }

    pub(super) fn lacks(&self, nodes: &Nodes, entries: &[EntryRef]) -> Observation {
        self.each_log(nodes, entries, |node, log, entries| {
            match entries.iter().find(|entry| log.tail.iter().any(|preview| entry.is(preview.point))) {
                Some(entry) => Err(messages::log_has(node, &entry_text(entry))),
                None => Ok(entries.iter().map(|entry| messages::no_entry(&entry_text(entry))).collect()),
            }
        })
    }

    /// The log has exactly these numbers of entries of each epoch.
    pub(super) fn log_is(&self, nodes: &Nodes, runs: &[(Option<Epoch>, u64)]) -> Observation {
        self.each_log(nodes, &[], |node, log, _| {
            let mut found: Vec<(Epoch, u64)> = Vec::new();
            for preview in &log.tail {
                match found.last_mut().filter(|last| last.0 == preview.point.id.epoch) {
                    Some(last) => last.1 += 1,
                    None => found.push((preview.point.id.epoch, 1)),
                }
            }
            let texts = found.iter().map(|(epoch, count)| format!("{epoch}:{count}")).collect::<Vec<_>>();
            let fits = |(found, wanted): (&(Epoch, u64), &(Option<Epoch>, u64))| {
                wanted.0.is_none_or(|epoch| epoch == found.0) && found.1 == wanted.1
            };
            match found.len() == runs.len() && found.iter().zip(runs).all(fits) {
                true => {
                    let last = log.last().map(messages::ends_with);
                    Ok(texts.into_iter().map(Localized::from).chain(last).collect())
                }
                false => Err(messages::log_is(node, &texts.join(" "))),
            }
        })
    }

    /// The logs have the same last entry by id and digest, and all of it is final.
    pub(super) fn logs_equal(&self, nodes: &Nodes) -> Observation {
        let first = {
            let observed = self.observed;
            let ids = match self.names.nodes_of(nodes, observed) {
                Ok(ids) => ids,
                Err(why) => return unbound(why),
            };
            ids.first().and_then(|node| observed.node(*node)).and_then(|node| node.state.last())
        };
        let Some(first) = first else { return not_yet(messages::no_log()) };
        self.each_log(nodes, &[], |node, log, _| match (log.last(), log.applied) {
            (Some(last), _) if last != first => Err(messages::logs_differ(node, last, first)),
            (Some(last), Some(applied)) if applied == last => Ok(vec![messages::ends_with_all_final(last)]),
            (last, applied) => Err(messages::not_all_final(node, last, applied)),
        })
    }

    /// Evaluates each node's log. All must fit, or one with `Nodes::Any`.
    fn each_log(
        &self,
        nodes: &Nodes,
        entries: &[EntryRef],
        fits: impl Fn(NodeId, &NodeState, &[Entry]) -> Result<Vec<Localized>, Localized>,
    ) -> Observation {
        let observed = self.observed;
        let ids = match self.names.nodes_of(nodes, observed) {
            Ok(ids) => ids,
            Err(why) => return unbound(why),
        };
        let known = match self.names.all_entries(entries, observed) {
            Ok(known) => known,
            Err(why) => return not_yet(why),
        };
        let mut evidence = Vec::new();
        for id in ids {
            let Some(node) = observed.node(id) else {
                return Observation::NotYet(Verdict::Unknown, messages::never_observed(id));
            };
            if self.names.is_stale(id, node) {
                return not_yet(messages::not_observed_since_start(id));
            }
            match fits(id, &node.state, &known) {
                Ok(entries) => {
                    evidence.push(Evidence {
                        kind: EvidenceKind::State,
                        node: Some(id),
                        event: Some(node.state.event),
                        text: messages::its_log(node.live),
                        entries,
                        fact: None,
                    });
                    if *nodes == Nodes::Any {
                        return Observation::Met(evidence);
                    }
                }
                Err(_) if *nodes == Nodes::Any => {}
                Err(why) => return not_yet(why),
            }
        }
        if evidence.is_empty() { not_yet(messages::no_node_matches()) } else { Observation::Met(evidence) }
    }
}

/// Whether an entry in the state `found` is also in the state `wanted`: a final entry is committed.
fn includes(found: EntryState, wanted: EntryState) -> bool {
    found == wanted || (wanted == EntryState::Committed && found == EntryState::Final)
}

fn text_of(preview: &Preview) -> Localized {
    let (point, content) = (preview.point.to_string(), content(preview));
    if preview.forged { messages::forged(&point, &content) } else { format!("{point} {content}").into() }
}
