//! Expectations about events: that one happened, that none did, that they came in the right order.

use std::collections::BTreeSet;

use epoca::protocol::trace::{Event, Fact, Value};
use epoca::protocol::{Epoch, LogPoint, NodeId};

use super::{Judge, Observation, entry_text, not_yet, unbound};
use crate::command::columns::cut;
use crate::command::grammar::Node;
use crate::lang::Localized;
use crate::scenario::listener::{EventMark, ObservedCluster};
use crate::scenario::messages;
use crate::scenario::names::{Entry, Names};
use crate::scenario::report_events::{Evidence, EvidenceKind, Verdict};
use crate::scenario::script::{EntryRef, FieldPattern, FieldValue, NodeRef, Nodes, Pattern};

/// How many columns of an event's text are kept as evidence.
const COLUMNS: usize = 240;
/// How many entries of an event are kept as evidence.
const ENTRIES: usize = 8;

impl Judge<'_> {
    pub(super) fn fact(&self, nodes: &Nodes, pattern: &Pattern) -> Observation {
        let observed = self.observed;
        let ids = match self.names.nodes_of(nodes, observed) {
            Ok(ids) => ids,
            Err(why) => return unbound(why),
        };
        let mut evidence = Vec::new();
        for id in &ids {
            let mut events = observed.since(self.since).filter(|event| event.node == *id);
            match events.find(|event| matches(pattern, event, self.names, observed)) {
                Some(event) => evidence.push(evidence_of(event)),
                None if *nodes == Nodes::Any => continue,
                None => return not_reported(observed, *id, pattern, self.since),
            }
            if *nodes == Nodes::Any {
                break;
            }
        }
        match evidence.is_empty() {
            true => not_yet(messages::no_node_reported(pattern.fact)),
            false => Observation::Met(evidence),
        }
    }

    pub(super) fn no_fact(&self, nodes: &Nodes, pattern: &Pattern, is_over: bool) -> Observation {
        let observed = self.observed;
        let ids = match self.names.nodes_of(nodes, observed) {
            Ok(ids) => ids,
            Err(why) => return unbound(why),
        };
        let mut events = observed.since(self.since).filter(|event| ids.contains(&event.node));
        if let Some(event) = events.find(|event| matches(pattern, event, self.names, observed)) {
            return Observation::Refuted(Verdict::Fail, messages::reported(event.node, &event.fact.to_string()));
        }
        if observed.lost > 0 {
            return Observation::Refuted(Verdict::Unknown, messages::events_lost(observed.lost));
        }
        if !is_over {
            return not_yet(messages::time_not_over());
        }
        let evidence = ids.iter().map(|id| {
            let last = observed.node(*id).map_or(0, |node| node.state.event);
            state_evidence(*id, last, messages::no_fact_up_to_here(pattern.fact))
        });
        Observation::Met(evidence.collect())
    }

    pub(super) fn leader(&self, not: Option<&NodeRef>) -> Observation {
        let observed = self.observed;
        let not = match not.map(|not| self.names.node(not)).transpose() {
            Ok(not) => not,
            Err(why) => return unbound(why),
        };
        let Some((leader, state)) = observed.leader() else { return not_yet(messages::no_leader()) };
        if Some(leader) == not {
            return not_yet(messages::still_leads(leader));
        }
        let committed = state.committed.filter(|committed| Some(committed.id.epoch) == state.epoch);
        let Some(committed) = committed else { return not_yet(messages::nothing_committed(leader)) };
        let mut evidence = vec![state_evidence(leader, state.event, messages::leads(state.epoch, committed))];
        let mut elections = observed.since(self.since).filter(|event| event.node == leader);
        let elected =
            elections.find(|event| matches!(&event.fact, Fact::Elected { epoch, .. } if Some(*epoch) == state.epoch));
        evidence.extend(elected.map(evidence_of));
        Observation::Met(evidence)
    }

    /// The leader's own events must have this order: acks of a majority, then the commit, then the orders.
    pub(super) fn majority_first(&self, of: &EntryRef) -> Observation {
        let observed = self.observed;
        let entry = match self.names.entries(of, observed) {
            Ok(entries) => entries[0].clone(),
            Err(why) => return not_yet(why),
        };
        let reaches = |point: &LogPoint| point.id >= entry.id;
        let committed = observed
            .since(self.since)
            .find(|event| matches!(&event.fact, Fact::Committed { up_to, .. } if reaches(up_to)));
        let Some(committed) = committed else { return not_yet(messages::not_committed(entry.id)) };
        let leader = committed.node;
        let of_leader: Vec<&Event> = observed.since(self.since).filter(|event| event.node == leader).collect();
        let counted = of_leader.iter().filter(|event| counts(event, &entry));
        let before: Vec<_> = counted.filter(|event| event.number < committed.number).collect();
        let acks: BTreeSet<NodeId> = before.iter().filter_map(|event| counted_from(event)).collect();
        let quorum = before.iter().find_map(|event| match &event.fact {
            Fact::Counted { quorum, .. } => Some(*quorum),
            _ => None,
        });
        if quorum.is_none_or(|quorum| (acks.len() as u64) < quorum) {
            let acks: Vec<NodeId> = acks.into_iter().collect();
            let why = messages::committed_without_majority(leader, entry.id, &acks);
            return Observation::Refuted(Verdict::Fail, why);
        }
        let is_order = |event: &&&Event| matches!(&event.fact, Fact::Ordered { up_to, .. } if *up_to >= entry.id);
        let orders: Vec<_> = of_leader.iter().filter(is_order).collect();
        if let Some(early) = orders.iter().find(|order| order.number < committed.number) {
            let why = messages::ordered_before_commit(&early.fact.to_string());
            return Observation::Refuted(Verdict::Fail, why);
        }
        if orders.is_empty() {
            return not_yet(messages::commit_not_ordered(leader));
        }
        let chain = before.into_iter().copied().chain([committed]).chain(orders.into_iter().copied());
        let mut evidence: Vec<Evidence> = chain.map(evidence_of).collect();
        evidence[0].entries.push(entry_text(&entry).into());
        Observation::Met(evidence)
    }
}

fn state_evidence(node: NodeId, event: u64, text: Localized) -> Evidence {
    Evidence { kind: EvidenceKind::State, node: Some(node), event: Some(event), text, ..Evidence::default() }
}

fn counts(event: &Event, entry: &Entry) -> bool {
    matches!(&event.fact, Fact::Counted { up_to: Some(up_to), .. } if up_to.id >= entry.id)
}

fn counted_from(event: &Event) -> Option<NodeId> {
    if let Fact::Counted { from, .. } = &event.fact { Some(*from) } else { None }
}

fn not_reported(observed: &ObservedCluster, node: NodeId, pattern: &Pattern, since: EventMark) -> Observation {
    let is_incomplete = observed.node(node).is_none_or(|known| known.missed_since(since)) || observed.lost > 0;
    let verdict = if is_incomplete { Verdict::Unknown } else { Verdict::Fail };
    Observation::NotYet(verdict, messages::not_reported(node, pattern.fact, is_incomplete))
}

fn evidence_of(event: &Event) -> Evidence {
    let text = event.fact.to_string();
    // The rule comes first, and evidence has it in a field of its own.
    let text = text.split_once(' ').map_or(text.clone(), |(_, fact)| cut(fact, COLUMNS));
    let mut entries: Vec<Localized> = Vec::new();
    for (_, value) in event.fact.fields() {
        match value {
            Value::Point(point) => entries.push(point.to_string().into()),
            Value::Entries(previews) => {
                entries.extend(previews.iter().take(ENTRIES).map(|preview| entry_text(&Entry::of(preview)).into()))
            }
            _ => {}
        }
    }
    Evidence {
        kind: EvidenceKind::Event(event.fact.rule()),
        node: Some(event.node),
        event: Some(event.number),
        text: text.into(),
        entries,
        fact: Some(event.fact.clone()),
    }
}

fn matches(pattern: &Pattern, event: &Event, names: &Names, observed: &ObservedCluster) -> bool {
    if event.fact.name() != pattern.fact {
        return false;
    }
    let fields = event.fact.fields();
    let fits = |wanted: &FieldPattern| {
        let found = fields.iter().find(|(name, _)| *name == wanted.name);
        found.is_some_and(|(_, value)| value_fits(value, wanted, names, observed))
    };
    pattern.fields.iter().all(fits)
}

fn value_fits(value: &Value, wanted: &FieldPattern, names: &Names, observed: &ObservedCluster) -> bool {
    let ordered = |found: u64, wanted: &FieldPattern, prefix: &str| {
        let FieldValue::Word(word) = &wanted.value else { return false };
        let number = word.strip_prefix(prefix).unwrap_or(word).parse::<u64>();
        number.is_ok_and(|number| if wanted.at_least { found >= number } else { found == number })
    };
    match value {
        Value::Number(number) => ordered(*number, wanted, ""),
        Value::Epoch(Epoch(epoch)) => ordered(*epoch, wanted, "e"),
        Value::Text(text) => matches!(&wanted.value, FieldValue::Word(word) if word == text),
        Value::Node(node) => node_of(wanted, names) == Some(*node),
        Value::Nodes(nodes) => node_of(wanted, names).is_some_and(|node| nodes.contains(&node)),
        Value::Entry(id) => entries_of(wanted, names, observed).iter().any(|entry| match wanted.at_least {
            true => *id >= entry.id,
            false => *id == entry.id,
        }),
        Value::Point(point) => entries_of(wanted, names, observed).iter().any(|entry| match wanted.at_least {
            true => point.id >= entry.id,
            false => entry.is(*point),
        }),
        Value::Entries(previews) => {
            let entries = entries_of(wanted, names, observed);
            entries.iter().any(|entry| previews.iter().any(|preview| entry.is(preview.point)))
        }
        Value::Nothing => matches!(&wanted.value, FieldValue::Word(word) if word == "none"),
        Value::Numbers(_) | Value::Rows(_) => false,
    }
}

fn node_of(wanted: &FieldPattern, names: &Names) -> Option<NodeId> {
    match &wanted.value {
        FieldValue::Node(node) => names.node(node).ok(),
        FieldValue::Word(word) => word.parse::<Node>().ok().map(|node| node.0),
        FieldValue::Entry(_) => None,
    }
}

fn entries_of(wanted: &FieldPattern, names: &Names, observed: &ObservedCluster) -> Vec<Entry> {
    match &wanted.value {
        FieldValue::Entry(entry) => names.entries(entry, observed).unwrap_or_default(),
        FieldValue::Word(word) => names.entries(&EntryRef::Name(word.clone()), observed).unwrap_or_default(),
        FieldValue::Node(_) => Vec::new(),
    }
}
