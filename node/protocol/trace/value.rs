//! The values of facts' fields. They are of few kinds, so that one encoding serves the wire, recordings and tests.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::apply::Write;
use crate::command::Command;
use crate::entry::{Entry, Kind};
use crate::types::{EntryId, Epoch, LogPoint, NodeId};

/// One value of a fact's field.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Value {
    /// A count, a position, a time or another number.
    Number(u64),
    /// A fixed word, or a text from outside.
    Text(Cow<'static, str>),
    /// A node.
    Node(NodeId),
    /// An epoch.
    Epoch(Epoch),
    /// The id of an entry.
    Entry(EntryId),
    /// An entry with position and digest.
    Point(LogPoint),
    /// Several numbers.
    Numbers(Vec<u64>),
    /// Several nodes.
    Nodes(Vec<NodeId>),
    /// Several entries.
    Entries(Vec<Preview>),
    /// Several rows of the final database.
    Rows(Vec<FinalRow>),
    /// `None` of an optional field.
    Nothing,
}

/// An entry for display: its place and the start of its content.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Preview {
    /// Its place and digest.
    pub point: LogPoint,
    /// What it holds.
    pub kind: Kind,
    /// Whether it was injected by the lab.
    pub forged: bool,
    /// [`Preview::start`] of the key. `None` for other entries than writes, or where values are hidden.
    pub key: Option<Bytes>,
    /// [`Preview::start`] of the value. `None` also for a delete.
    pub value: Option<Bytes>,
}

impl Preview {
    /// The greatest number of bytes of a key or value in a preview.
    pub const BYTES_MAX: usize = 64;

    /// The preview of an entry.
    pub fn of(entry: &Entry, forged: bool) -> Preview {
        let command = (entry.kind == Kind::Command).then(|| Command::decode(&entry.body)).flatten();
        let (key, value) = command.map(|command| command.change.preview()).unzip();
        let (key, value) = (key.map(start), value.flatten().map(start));
        Preview { point: entry.point(), kind: entry.kind, forged, key, value }
    }

    /// The part of a key or value that a preview shows.
    pub fn start(bytes: &[u8]) -> &[u8] {
        utf8_prefix(bytes, Preview::BYTES_MAX)
    }
}

/// A row of the final database for display.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FinalRow {
    /// The complete key: keys with the same beginning must stay different rows.
    pub key: Bytes,
    /// At most [`Preview::BYTES_MAX`] bytes of the value. `None` if the key was deleted.
    pub value: Option<Bytes>,
    /// The length of the complete value, in bytes.
    pub value_bytes: u64,
    /// The entry that wrote or deleted it.
    pub entry: EntryId,
}

impl FinalRow {
    /// The row of a key with this value; `None` for a deleted key.
    pub fn new(key: &Bytes, value: Option<&Bytes>, entry: EntryId) -> FinalRow {
        let value_bytes = value.map_or(0, |value| value.len() as u64);
        let value = value.cloned().map(start);
        FinalRow { key: Bytes::copy_from_slice(key), value, value_bytes, entry }
    }

    /// The row after a change of one key.
    pub fn of(write: &Write) -> FinalRow {
        FinalRow::new(&write.key, write.record.as_ref().map(|(value, _)| value), write.id)
    }

    /// The memory of key and value, in bytes.
    pub fn bytes(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, |value| value.len())
    }
}

fn start(bytes: Bytes) -> Bytes {
    // A copy: a preview must not keep a whole message in memory.
    Bytes::copy_from_slice(Preview::start(&bytes))
}

/// At most `most` bytes from the beginning. A UTF-8 character that would be cut is left out; bytes that are not text
/// are cut at the limit.
pub fn utf8_prefix(bytes: &[u8], most: usize) -> &[u8] {
    if bytes.len() <= most {
        return bytes;
    }
    let cut = &bytes[..most];
    let last = cut.iter().rposition(|byte| byte & 0xc0 != 0x80).unwrap_or(0);
    match std::str::from_utf8(&cut[last..]) {
        Err(error) if error.error_len().is_none() => &cut[..last],
        _ => cut,
    }
}

/// The types of facts' fields.
pub(super) trait Field: Sized {
    /// The value of the field.
    fn to_value(&self) -> Value;
    /// The field from a value; `None` if the value is of another kind.
    fn from_value(value: Value) -> Option<Self>;

    /// The value of a field that a recording of an older version lacks; `None` if it cannot be known.
    fn missing() -> Option<Self> {
        None
    }
}

macro_rules! fields {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl Field for $type {
            fn to_value(&self) -> Value {
                Value::$variant(self.clone())
            }
            fn from_value(value: Value) -> Option<Self> {
                if let Value::$variant(value) = value { Some(value) } else { None }
            }
        }
    )*};
}

fields! {
    u64 => Number, Cow<'static, str> => Text, NodeId => Node, Epoch => Epoch, EntryId => Entry, LogPoint => Point,
    Vec<u64> => Numbers, Vec<NodeId> => Nodes, Vec<Preview> => Entries, Vec<FinalRow> => Rows,
}

impl<T: Field> Field for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Nothing, Field::to_value)
    }

    fn from_value(value: Value) -> Option<Self> {
        if value == Value::Nothing { Some(None) } else { T::from_value(value).map(Some) }
    }

    fn missing() -> Option<Self> {
        Some(None)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => write!(f, "{number}"),
            Value::Text(text) => write!(f, "{text}"),
            Value::Node(node) => write!(f, "{node}"),
            Value::Epoch(epoch) => write!(f, "{epoch}"),
            Value::Entry(id) => write!(f, "{id}"),
            Value::Point(point) => write!(f, "{point}"),
            Value::Numbers(numbers) => list(f, numbers),
            Value::Nodes(nodes) => list(f, nodes),
            Value::Entries(entries) => list(f, entries),
            Value::Rows(rows) => list(f, rows),
            Value::Nothing => write!(f, "-"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, items: &[impl fmt::Display]) -> fmt::Result {
    write!(f, "[")?;
    for (index, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if index == 0 { "" } else { " " })?;
    }
    write!(f, "]")
}

/// `e1·o2:x=1`; `e1·o3:x` for a delete; `e1·o0:opening`; a `!` before a forged one.
impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}:", if self.forged { "!" } else { "" }, self.point.id)?;
        match (&self.key, &self.value) {
            (Some(key), Some(value)) => write!(f, "{}={}", key.escape_ascii(), value.escape_ascii()),
            (Some(key), None) => write!(f, "{}", key.escape_ascii()),
            (None, _) => write!(f, "{}", self.kind.name()),
        }
    }
}

/// `x=1@e1·o2`, `-x@e1·o3` for a deleted key.
impl fmt::Display for FinalRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={}@{}", self.key.escape_ascii(), value.escape_ascii(), self.entry),
            None => write!(f, "-{}@{}", self.key.escape_ascii(), self.entry),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_ends_between_two_characters() {
        let text = "日本語".repeat(10);
        assert_eq!(Preview::start(text.as_bytes()), "日本語".repeat(7).as_bytes());
        for lead in 0..4 {
            let text = "x".repeat(lead) + &"🚀é日".repeat(20);
            let start = std::str::from_utf8(Preview::start(text.as_bytes())).expect("it is text");
            assert!(text.starts_with(start) && start.len() > Preview::BYTES_MAX - 4, "{start}");
        }
        assert_eq!(Preview::start(&[0xff; 100]).len(), Preview::BYTES_MAX);
        assert_eq!(Preview::start(&[0x80; 100]).len(), Preview::BYTES_MAX);
        assert_eq!(Preview::start(b"short"), b"short");
    }
}
