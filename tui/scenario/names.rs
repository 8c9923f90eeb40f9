//! What the names in a scenario stand for once it runs: nodes that were chosen, operations with how they ended and the
//! entries that they made.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use epoca::protocol::trace::{Fact, Preview};
use epoca::protocol::{EntryId, Epoch, LogPoint, NodeId, Offset};

use super::listener::{Heard, Mark, Node};
use super::script::{EntryRef, NodeRef, Nodes};
use crate::command::grammar::Fault;
use crate::command::{Command, Outcome};

#[derive(Default)]
pub struct Names {
    pub nodes: BTreeMap<String, NodeId>,
    pub operations: BTreeMap<String, Operation>,
    /// The nodes that the scenario has started again, and how many states had been read by then: what was known of one
    /// before says nothing about what it has after its start.
    pub started: BTreeMap<NodeId, u64>,
}

/// An operation that was begun.
pub struct Operation {
    pub line: String,
    pub begun: Instant,
    since: Mark,
    makes: Makes,
    pub ended: Arc<Mutex<Option<(Outcome, Duration)>>>,
}

/// What an operation puts into logs.
enum Makes {
    Nothing,
    /// An entry of the leader's with this content.
    Write {
        key: Bytes,
        value: Option<Bytes>,
    },
    /// Forged entries at this node's log.
    Forged(NodeId),
}

/// An entry as it is known: its id, and where it was seen its place and digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: EntryId,
    pub point: Option<LogPoint>,
    pub content: Option<String>,
}

impl Operation {
    pub fn begin(line: &str, command: &Command, since: Mark) -> Operation {
        let makes = match command {
            Command::Put(put) => Makes::Write { key: put.key.clone(), value: put.value.clone() },
            Command::Cas(cas) => Makes::Write { key: cas.key.clone(), value: cas.value.clone() },
            Command::Delete { key } => Makes::Write { key: key.clone(), value: None },
            Command::Fault(Fault::Inject(inject)) => Makes::Forged(inject.node.0),
            _ => Makes::Nothing,
        };
        Operation { line: line.to_owned(), begun: Instant::now(), since, makes, ended: Arc::default() }
    }

    pub fn end(&self) -> Option<(Outcome, Duration)> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The entries that it made, as far as they were seen.
    fn entries(&self, heard: &Heard) -> Vec<Entry> {
        match &self.makes {
            Makes::Nothing => Vec::new(),
            Makes::Forged(node) => {
                let mut of_node = heard.since(self.since).filter(|event| event.node == *node);
                let injected = of_node.find_map(|event| match &event.fact {
                    Fact::Injected { entries } => Some(entries),
                    _ => None,
                });
                injected.map_or_else(Vec::new, |entries| entries.iter().map(Entry::of).collect())
            }
            Makes::Write { key, value } => {
                let told = self.end().and_then(|(outcome, _)| id_of(&outcome));
                let proposed = heard.since(self.since).filter_map(|event| match &event.fact {
                    Fact::Proposed { entry } => entry.first(),
                    _ => None,
                });
                let is_it = |preview: &&Preview| match told {
                    Some(id) => preview.point.id == id,
                    None => {
                        shown_of(&preview.key, key)
                            && value.as_ref().is_none_or(|value| shown_of(&preview.value, value))
                    }
                };
                let mut proposed = proposed;
                let seen = proposed.find(is_it).map(Entry::of);
                let told = told.map(|id| Entry { id, point: None, content: None });
                seen.or(told).into_iter().collect()
            }
        }
    }
}

/// A preview has the beginning of what it shows.
fn shown_of(preview: &Option<Bytes>, whole: &Bytes) -> bool {
    preview.as_ref().is_some_and(|shown| &shown[..] == Preview::start(whole))
}

/// The id that the answer to a write has.
pub fn id_of(outcome: &Outcome) -> Option<EntryId> {
    let number = |name: &str| outcome.json.get(name)?.as_u64();
    Some(EntryId { epoch: Epoch(number("epoch")?), offset: Offset(number("offset")?) })
}

impl Entry {
    pub fn of(preview: &Preview) -> Entry {
        Entry { id: preview.point.id, point: Some(preview.point), content: Some(content(preview)) }
    }

    /// Whether a point in some log is this entry: by id, and by digest where it is known.
    pub fn is(&self, point: LogPoint) -> bool {
        self.id == point.id && self.point.is_none_or(|known| known == point)
    }
}

/// `x=1`, `delete x` or `opening`, as people read it.
pub fn content(preview: &Preview) -> String {
    let text = |bytes: &Bytes| crate::command::text::shown_short(bytes, 24);
    match (&preview.key, &preview.value) {
        (Some(key), Some(value)) => format!("{}={}", text(key), text(value)),
        (Some(key), None) => format!("delete {}", text(key)),
        (None, _) => preview.kind.name().to_owned(),
    }
}

impl Names {
    /// Keeps what a command says about whose state can still be true.
    pub fn note(&mut self, command: &Command, reads: u64) {
        match command {
            Command::Fault(Fault::Restart { node } | Fault::Damage { node }) => _ = self.started.insert(node.0, reads),
            // What it was seen to have last is what counts for a dead node.
            Command::Fault(Fault::Kill { node }) => _ = self.started.remove(&node.0),
            _ => {}
        }
    }

    /// Whether all that is known of the node is from before its start.
    pub fn is_stale(&self, id: NodeId, node: &Node) -> bool {
        self.started.get(&id).is_some_and(|reads| node.is_older_than(*reads))
    }

    pub fn node(&self, node: &NodeRef) -> Result<NodeId, String> {
        match node {
            NodeRef::Id(id) => Ok(*id),
            NodeRef::Name(name) => {
                self.nodes.get(name).copied().ok_or_else(|| format!("no node is called ${name} here"))
            }
        }
    }

    /// The nodes that are meant. `Any` is all that run, of which one is enough.
    pub fn these(&self, nodes: &Nodes, heard: &Heard) -> Result<Vec<NodeId>, String> {
        match nodes {
            Nodes::These(these) => these.iter().map(|node| self.node(node)).collect(),
            Nodes::Each | Nodes::Any => Ok(heard.live()),
            Nodes::Replicas => {
                let leader = heard.leader().map(|(id, _)| id);
                Ok(heard.live().into_iter().filter(|node| Some(*node) != leader).collect())
            }
        }
    }

    /// The entries that are meant; an error while they are not known.
    pub fn entries(&self, entry: &EntryRef, heard: &Heard) -> Result<Vec<Entry>, String> {
        match entry {
            EntryRef::Id(epoch, offset) => {
                Ok(vec![Entry { id: EntryId { epoch: *epoch, offset: *offset }, point: None, content: None }])
            }
            EntryRef::Name(name) => {
                let entries = self.operation(name)?.entries(heard);
                if entries.is_empty() { Err(format!("no entry of {name} was seen")) } else { Ok(entries) }
            }
        }
    }

    pub fn operation(&self, name: &str) -> Result<&Operation, String> {
        self.operations.get(name).ok_or_else(|| format!("no operation is called {name} here"))
    }

    /// The command with the numbers of nodes in the place of their names.
    pub fn filled(&self, template: &str) -> Result<String, String> {
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
