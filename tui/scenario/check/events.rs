//! Expectations about events: that one happened, that none did, that they came in the right order.

use std::collections::BTreeSet;

use epoca::protocol::trace::{Event, Fact, Value};
use epoca::protocol::{Epoch, LogPoint, NodeId};

use super::{Scene, Seen, entry_text, nameless, not_yet};
use crate::command::columns::cut;
use crate::command::grammar::Node;
use crate::scenario::listener::{Heard, Mark};
use crate::scenario::names::{Entry, Names};
use crate::scenario::script::{EntryRef, FieldPattern, FieldValue, NodeRef, Nodes, Pattern};
use crate::scenario::report_events::{Evidence, Verdict};

/// How much of an event's text is kept as evidence.
const TEXT_MAX: usize = 240;

impl Scene<'_> {
    pub(super) fn fact(&self, nodes: &Nodes, pattern: &Pattern) -> Seen {
        let heard = self.ears.heard();
        let these = match self.names.these(nodes, &heard) {
            Ok(these) => these,
            Err(why) => return nameless(why),
        };
        let mut evidence = Vec::new();
        for node in &these {
            let mut events = heard.since(self.since).filter(|event| event.node == *node);
            match events.find(|event| matches(pattern, event, self.names, &heard)) {
                Some(event) => evidence.push(of_event(event)),
                None if *nodes == Nodes::Any => continue,
                None => return missing(&heard, *node, pattern, self.since),
            }
            if *nodes == Nodes::Any {
                break;
            }
        }
        if evidence.is_empty() { not_yet(format!("no node has told {}", pattern.fact)) } else { Seen::Yes(evidence) }
    }

    pub(super) fn no_fact(&self, nodes: &Nodes, pattern: &Pattern, over: bool) -> Seen {
        let heard = self.ears.heard();
        let these = match self.names.these(nodes, &heard) {
            Ok(these) => these,
            Err(why) => return nameless(why),
        };
        let mut events = heard.since(self.since).filter(|event| these.contains(&event.node));
        if let Some(event) = events.find(|event| matches(pattern, event, self.names, &heard)) {
            return Seen::No(Verdict::Fail, format!("{} told {}", event.node, event.fact));
        }
        if heard.lost > 0 {
            return Seen::No(Verdict::Unknown, format!("{} events were not heard", heard.lost));
        }
        if !over {
            return not_yet("the time is not over");
        }
        let last = |node: &NodeId| heard.node(*node).map_or(0, |seen| seen.state.event);
        let none = |node: &NodeId| Evidence {
            node: Some(*node),
            event: Some(last(node)),
            rule: "state",
            text: format!("no {} up to this event", pattern.fact),
            entries: Vec::new(),
            fact: None,
        };
        Seen::Yes(these.iter().map(none).collect())
    }

    pub(super) fn leader(&self, not: Option<&NodeRef>) -> Seen {
        let heard = self.ears.heard();
        let not = match not.map(|not| self.names.node(not)).transpose() {
            Ok(not) => not,
            Err(why) => return nameless(why),
        };
        let Some((leader, state)) = heard.leader() else { return not_yet("nobody leads") };
        if Some(leader) == not {
            return not_yet(format!("{leader} leads still"));
        }
        let committed = state.committed.filter(|committed| Some(committed.id.epoch) == state.epoch);
        let Some(committed) = committed else { return not_yet(format!("{leader} has committed nothing in its epoch")) };
        let text = format!("leads epoch {}, committed up to {committed}", state.epoch.map_or(0, |epoch| epoch.0));
        let mut evidence = vec![Evidence {
            node: Some(leader),
            event: Some(state.event),
            rule: "state",
            text,
            entries: Vec::new(),
            fact: None,
        }];
        let mut elections = heard.since(self.since).filter(|event| event.node == leader);
        let elected =
            elections.find(|event| matches!(&event.fact, Fact::Elected { epoch, .. } if Some(*epoch) == state.epoch));
        evidence.extend(elected.map(of_event));
        Seen::Yes(evidence)
    }

    /// The leader's own events say in which order it counted, committed and ordered.
    pub(super) fn majority_first(&self, of: &EntryRef) -> Seen {
        let heard = self.ears.heard();
        let entry = match self.names.entries(of, &heard) {
            Ok(entries) => entries[0].clone(),
            Err(why) => return not_yet(why),
        };
        let reaches = |point: &LogPoint| point.id >= entry.id;
        let committed = heard
            .since(self.since)
            .find(|event| matches!(&event.fact, Fact::Committed { up_to, .. } if reaches(up_to)));
        let Some(committed) = committed else { return not_yet(format!("nobody has committed {}", entry.id)) };
        let leader = committed.node;
        let of_leader: Vec<&Event> = heard.since(self.since).filter(|event| event.node == leader).collect();
        let counted: Vec<&&Event> = of_leader.iter().filter(|event| counts(event, &entry)).collect();
        let before: Vec<_> = counted.into_iter().filter(|event| event.number < committed.number).collect();
        let who: BTreeSet<NodeId> = before.iter().filter_map(|event| counted_from(event)).collect();
        let quorum = before.iter().find_map(|event| match &event.fact {
            Fact::Counted { quorum, .. } => Some(*quorum),
            _ => None,
        });
        if quorum.is_none_or(|quorum| (who.len() as u64) < quorum) {
            return Seen::No(Verdict::Fail, format!("{leader} committed {} with acks of {who:?} alone", entry.id));
        }
        let ordered = |event: &&&Event| matches!(&event.fact, Fact::Ordered { up_to, .. } if *up_to >= entry.id);
        let orders: Vec<_> = of_leader.iter().filter(ordered).collect();
        if let Some(early) = orders.iter().find(|order| order.number < committed.number) {
            return Seen::No(Verdict::Fail, format!("ordered before it was committed: {}", early.fact));
        }
        if orders.is_empty() {
            return not_yet(format!("{leader} has not ordered the commit"));
        }
        let chain = before.into_iter().copied().chain([committed]).chain(orders.into_iter().copied());
        let mut evidence: Vec<Evidence> = chain.map(of_event).collect();
        evidence[0].entries.push(entry_text(&entry));
        Seen::Yes(evidence)
    }
}

fn counts(event: &Event, entry: &Entry) -> bool {
    matches!(&event.fact, Fact::Counted { up_to: Some(up_to), .. } if up_to.id >= entry.id)
}

fn counted_from(event: &Event) -> Option<NodeId> {
    if let Fact::Counted { from, .. } = &event.fact { Some(*from) } else { None }
}

fn missing(heard: &Heard, node: NodeId, pattern: &Pattern, since: Mark) -> Seen {
    let missed = heard.node(node).is_none_or(|seen| seen.missed_since(since)) || heard.lost > 0;
    let verdict = if missed { Verdict::Unknown } else { Verdict::Fail };
    let missed = if missed { "; not all of its events were heard" } else { "" };
    Seen::NotYet(verdict, format!("{node} has not told {}{missed}", pattern.fact))
}

pub(super) fn of_event(event: &Event) -> Evidence {
    let mut text = event.fact.to_string();
    if let Some((_, fact)) = text.split_once(' ') {
        text = cut(fact, TEXT_MAX);
    }
    let mut entries = Vec::new();
    for (_, value) in event.fact.fields() {
        match value {
            Value::Point(point) => entries.push(point.to_string()),
            Value::Entries(previews) => {
                entries.extend(previews.iter().take(8).map(|preview| entry_text(&Entry::of(preview))))
            }
            _ => {}
        }
    }
    Evidence {
        node: Some(event.node),
        event: Some(event.number),
        rule: event.fact.rule(),
        text,
        entries,
        fact: Some(event.fact.clone()),
    }
}

fn matches(pattern: &Pattern, event: &Event, names: &Names, heard: &Heard) -> bool {
    if event.fact.name() != pattern.fact {
        return false;
    }
    let fields = event.fact.fields();
    let fits = |wanted: &FieldPattern| {
        let found = fields.iter().find(|(name, _)| *name == wanted.name);
        found.is_some_and(|(_, value)| value_fits(value, wanted, names, heard))
    };
    pattern.fields.iter().all(fits)
}

fn value_fits(value: &Value, wanted: &FieldPattern, names: &Names, heard: &Heard) -> bool {
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
        Value::Entry(id) => entries_of(wanted, names, heard).iter().any(|entry| match wanted.at_least {
            true => *id >= entry.id,
            false => *id == entry.id,
        }),
        Value::Point(point) => entries_of(wanted, names, heard).iter().any(|entry| match wanted.at_least {
            true => point.id >= entry.id,
            false => entry.is(*point),
        }),
        Value::Entries(previews) => {
            let entries = entries_of(wanted, names, heard);
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

fn entries_of(wanted: &FieldPattern, names: &Names, heard: &Heard) -> Vec<Entry> {
    match &wanted.value {
        FieldValue::Entry(entry) => names.entries(entry, heard).unwrap_or_default(),
        FieldValue::Word(word) => names.entries(&EntryRef::Name(word.clone()), heard).unwrap_or_default(),
        FieldValue::Node(_) => Vec::new(),
    }
}
