//! The names of a running scenario: the nodes that were chosen, and the operations with their outcomes and entries.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use epoca::protocol::trace::{Fact, Preview};
use epoca::protocol::{EntryId, Epoch, LogPoint, NodeId, Offset};

use super::listener::{EventMark, ObservedCluster, ObservedNode};
use super::messages;
use super::script::{EntryRef, NodeRef, Nodes};
use crate::command::grammar::Fault;
use crate::command::text::shown_short;
use crate::command::{Command, Outcome};
use crate::lang::Localized;

/// How many columns of a key or value are shown.
const COLUMNS: usize = 24;

#[derive(Default)]
pub struct Names {
    pub nodes: BTreeMap<String, NodeId>,
    pub operations: BTreeMap<String, Operation>,
    /// The nodes that the scenario has restarted, each with the number of states that were read by then. A state from
    /// before the restart is not used.
    pub restarted: BTreeMap<NodeId, u64>,
}

/// An operation that was sent.
pub struct Operation {
    pub line: String,
    pub begun: Instant,
    since: EventMark,
    writes: Writes,
    pub answer: Arc<Mutex<Option<(Outcome, Duration)>>>,
}

/// What an operation appends to logs.
enum Writes {
    Nothing,
    /// An entry with this content, at the leader.
    Entry {
        key: Bytes,
        value: Option<Bytes>,
    },
    /// Forged entries, at this node.
    Forged(NodeId),
}

/// An entry by its id and, if it was observed in a log, its position, digest and content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: EntryId,
    pub point: Option<LogPoint>,
    pub content: Option<String>,
}

impl Operation {
    pub fn begin(line: &str, command: &Command, since: EventMark) -> Operation {
        let writes = match command {
            Command::Put(put) => Writes::Entry { key: put.key.clone(), value: put.value.clone() },
            Command::Cas(cas) => Writes::Entry { key: cas.key.clone(), value: cas.value.clone() },
            Command::Delete { key } => Writes::Entry { key: key.clone(), value: None },
            Command::Fault(Fault::Inject(inject)) => Writes::Forged(inject.node.0),
            _ => Writes::Nothing,
        };
        Operation { line: line.to_owned(), begun: Instant::now(), since, writes, answer: Arc::default() }
    }

    /// The same operation, whose answer is told elsewhere.
    pub fn answered_by(self, answer: Arc<Mutex<Option<(Outcome, Duration)>>>) -> Operation {
        Operation { answer, ..self }
    }

    pub fn answer(&self) -> Option<(Outcome, Duration)> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The entries that it appended, as far as they were observed.
    fn entries(&self, observed: &ObservedCluster) -> Vec<Entry> {
        match &self.writes {
            Writes::Nothing => Vec::new(),
            Writes::Forged(node) => {
                let mut of_node = observed.since(self.since).filter(|event| event.node == *node);
                let injected = of_node.find_map(|event| match &event.fact {
                    Fact::Injected { entries } => Some(entries),
                    _ => None,
                });
                injected.map_or_else(Vec::new, |entries| entries.iter().map(Entry::of).collect())
            }
            Writes::Entry { key, value } => {
                let answered = self.answer().and_then(|(outcome, _)| id_of(&outcome));
                let mut proposed = observed.since(self.since).filter_map(|event| match &event.fact {
                    Fact::Proposed { entry } => entry.first(),
                    _ => None,
                });
                let is_it = |preview: &&Preview| match answered {
                    Some(id) => preview.point.id == id,
                    None => {
                        is_preview_of(&preview.key, key)
                            && value.as_ref().is_none_or(|value| is_preview_of(&preview.value, value))
                    }
                };
                let proposed = proposed.find(is_it).map(Entry::of);
                let answered = answered.map(|id| Entry { id, point: None, content: None });
                proposed.or(answered).into_iter().collect()
            }
        }
    }
}

/// Whether a preview, which holds only the beginning of long bytes, is that of `bytes`.
fn is_preview_of(preview: &Option<Bytes>, bytes: &Bytes) -> bool {
    preview.as_ref().is_some_and(|preview| &preview[..] == Preview::start(bytes))
}

/// The id in the answer to a write.
pub fn id_of(outcome: &Outcome) -> Option<EntryId> {
    let number = |name: &str| outcome.json.get(name)?.as_u64();
    Some(EntryId { epoch: Epoch(number("epoch")?), offset: Offset(number("offset")?) })
}

impl Entry {
    pub fn of(preview: &Preview) -> Entry {
        Entry { id: preview.point.id, point: Some(preview.point), content: Some(content(preview)) }
    }

    /// Whether the point of a log is this entry: by id, and by digest if that is known.
    pub fn is(&self, point: LogPoint) -> bool {
        self.id == point.id && self.point.is_none_or(|known| known == point)
    }
}

/// `x=1`, `delete x` or `opening`.
pub fn content(preview: &Preview) -> String {
    let text = |bytes: &Bytes| shown_short(bytes, COLUMNS);
    match (&preview.key, &preview.value) {
        (Some(key), Some(value)) => format!("{}={}", text(key), text(value)),
        (Some(key), None) => format!("delete {}", text(key)),
        (None, _) => preview.kind.name().to_owned(),
    }
}

impl Names {
    /// Notes which known states a command makes obsolete.
    pub fn note(&mut self, command: &Command, states_read: u64) {
        match command {
            Command::Fault(Fault::Restart { node } | Fault::Damage { node }) => {
                self.restarted.insert(node.0, states_read);
            }
            // The last known state of a dead node is used.
            Command::Fault(Fault::Kill { node }) => _ = self.restarted.remove(&node.0),
            _ => {}
        }
    }

    /// Whether the known state of the node is from before its restart.
    pub fn is_stale(&self, id: NodeId, node: &ObservedNode) -> bool {
        self.restarted.get(&id).is_some_and(|states_read| node.is_older_than(*states_read))
    }

    pub fn node(&self, node: &NodeRef) -> Result<NodeId, Localized> {
        match node {
            NodeRef::Id(id) => Ok(*id),
            NodeRef::Name(name) => self.nodes.get(name).copied().ok_or_else(|| messages::no_such_name(name)),
        }
    }

    /// The nodes of a reference. `Any` returns all live nodes, of which one suffices.
    pub fn nodes_of(&self, nodes: &Nodes, observed: &ObservedCluster) -> Result<Vec<NodeId>, Localized> {
        match nodes {
            Nodes::These(these) => these.iter().map(|node| self.node(node)).collect(),
            Nodes::Each | Nodes::Any => Ok(observed.live()),
            Nodes::Replicas => {
                let leader = observed.leader().map(|(id, _)| id);
                Ok(observed.live().into_iter().filter(|node| Some(*node) != leader).collect())
            }
        }
    }

    /// The entries of a reference. An error while they are unknown.
    pub fn entries(&self, entry: &EntryRef, observed: &ObservedCluster) -> Result<Vec<Entry>, Localized> {
        match entry {
            EntryRef::Id(epoch, offset) => {
                Ok(vec![Entry { id: EntryId { epoch: *epoch, offset: *offset }, point: None, content: None }])
            }
            EntryRef::Name(name) => {
                let entries = self.operation(name)?.entries(observed);
                if entries.is_empty() { Err(messages::no_entry_of(name)) } else { Ok(entries) }
            }
        }
    }

    /// The entries of several references.
    pub fn all_entries(&self, entries: &[EntryRef], observed: &ObservedCluster) -> Result<Vec<Entry>, Localized> {
        let mut all = Vec::new();
        for entry in entries {
            all.extend(self.entries(entry, observed)?);
        }
        Ok(all)
    }

    pub fn operation(&self, name: &str) -> Result<&Operation, Localized> {
        self.operations.get(name).ok_or_else(|| messages::no_such_operation(name))
    }

    /// The command with the names of nodes replaced by their numbers.
    pub fn filled(&self, template: &str) -> Result<String, Localized> {
        let mut text = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            text.push_str(before);
            let end = after.find(|character: char| !character.is_ascii_alphanumeric()).unwrap_or(after.len());
            let node = self.node(&NodeRef::Name(after[..end].to_owned()))?;
            text.push_str(&node.0.to_string());
            rest = &after[end..];
        }
        text.push_str(rest);
        Ok(text)
    }
}
