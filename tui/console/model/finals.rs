//! A node's final database as its events tell it: the entries that it made final, one after the other.
//!
//! It reaches back as far as the tail of the log that the node sent, and holds a bounded number of keys; it says so when
//! it may miss some. Values are the beginnings that previews carry.

use std::collections::BTreeMap;

use bytes::Bytes;
use epoca::protocol::trace::{Preview, Snapshot};
use epoca::protocol::{EntryId, Kind, Position};

/// How many keys are kept; beyond it the ones that were written longest ago go.
pub const KEYS_MAX: usize = 10_000;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Final {
    pub value: Bytes,
    pub entry: EntryId,
    position: Position,
}

#[derive(Clone, Debug, Default)]
pub struct Finals {
    keys: BTreeMap<Bytes, Final>,
    /// When each key was written last, to know which go first.
    written: BTreeMap<Position, Bytes>,
    applied: Option<Position>,
    partial: bool,
}

impl Finals {
    pub fn keys(&self) -> &BTreeMap<Bytes, Final> {
        &self.keys
    }

    /// Whether older keys may be missing here.
    pub fn is_partial(&self) -> bool {
        self.partial
    }

    /// Takes what has become final since the last time. What is final is never truncated, so nothing is taken back.
    pub fn advance(&mut self, state: &Snapshot) {
        let Some(applied) = state.applied.map(|point| point.position) else { return };
        if Some(applied) <= self.applied {
            return;
        }
        let first = self.applied.map_or(Position::FIRST, Position::next);
        if state.tail.first().is_some_and(|oldest| oldest.point.position > first) {
            self.partial = true;
        }
        let start = state.tail.partition_point(|preview| preview.point.position < first);
        let end = state.tail.partition_point(|preview| preview.point.position <= applied);
        for preview in state.tail.get(start..end).unwrap_or_default() {
            self.apply(preview);
        }
        self.applied = Some(applied);
    }

    fn apply(&mut self, preview: &Preview) {
        let Some(key) = preview.key.clone().filter(|_| preview.kind == Kind::Command) else { return };
        if let Some(known) = self.keys.remove(&key) {
            self.written.remove(&known.position);
        }
        let Some(value) = preview.value.clone() else { return };
        let position = preview.point.position;
        self.written.insert(position, key.clone());
        self.keys.insert(key, Final { value, entry: preview.point.id, position });
        if self.keys.len() > KEYS_MAX
            && let Some((_, oldest)) = self.written.pop_first()
        {
            self.keys.remove(&oldest);
            self.partial = true;
        }
    }
}
