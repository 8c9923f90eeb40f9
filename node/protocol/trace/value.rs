//! The values that facts are made of: few kinds, so that one encoding serves wire, recording and test.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::apply::Write;
use crate::command::Command;
use crate::entry::{Entry, Kind};
use crate::types::{EntryId, Epoch, LogPoint, NodeId};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Value {
    Number(u64),
    Text(Cow<'static, str>),
    Node(NodeId),
    Epoch(Epoch),
    Entry(EntryId),
    Point(LogPoint),
    Numbers(Vec<u64>),
    Nodes(Vec<NodeId>),
    Entries(Vec<Preview>),
    Rows(Vec<FinalRow>),
    /// An `Option` that is `None`.
    Nothing,
}

/// An entry as the screen shows it: where it is and the beginning of what it holds.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Preview {
    pub point: LogPoint,
    pub kind: Kind,
    pub forged: bool,
    /// [`Preview::start`] of the key; `None` for an opening, or where values are not shown.
    pub key: Option<Bytes>,
    /// Likewise of the value; `None` for a delete too.
    pub value: Option<Bytes>,
}

impl Preview {
    pub const BYTES_MAX: usize = 64;

    pub fn of(entry: &Entry, forged: bool) -> Preview {
        let command = (entry.kind == Kind::Command).then(|| Command::decode(&entry.body)).flatten();
        let (key, value) = command.map(|command| command.change.shown()).unzip();
        let (key, value) = (key.map(start), value.flatten().map(start));
        Preview { point: entry.point(), kind: entry.kind, forged, key, value }
    }

    /// As much of a key or value as a preview holds.
    pub fn start(bytes: &[u8]) -> &[u8] {
        whole_characters(bytes, Preview::BYTES_MAX)
    }
}

/// A row of the final database as the screen shows it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FinalRow {
    /// Whole: two keys with the same beginning are two rows.
    pub key: Bytes,
    /// At most [`Preview::BYTES_MAX`] bytes of the value; `None` if the key was deleted.
    pub value: Option<Bytes>,
    /// How many bytes the whole value has.
    pub value_bytes: u64,
    /// The entry that wrote or deleted it.
    pub entry: EntryId,
}

impl FinalRow {
    pub fn new(key: &Bytes, value: Option<&Bytes>, entry: EntryId) -> FinalRow {
        let value_bytes = value.map_or(0, |value| value.len() as u64);
        let value = value.cloned().map(start);
        FinalRow { key: Bytes::copy_from_slice(key), value, value_bytes, entry }
    }

    /// The row after a change of one key.
    pub fn of(write: &Write) -> FinalRow {
        FinalRow::new(&write.key, write.record.as_ref().map(|(value, _)| value), write.id)
    }

    /// About how much memory it takes besides its own size.
    pub fn bytes(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, |value| value.len())
    }
}

fn start(bytes: Bytes) -> Bytes {
    // A copy: a preview must not keep a whole message alive.
    Bytes::copy_from_slice(Preview::start(&bytes))
}

/// At most so many bytes from the beginning. A character that ends beyond them is left out: cut in two it would be no
/// text any more. Bytes that are no text are cut where the limit is.
pub fn whole_characters(bytes: &[u8], most: usize) -> &[u8] {
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

/// The types that a fact's fields may have.
pub(super) trait Field: Sized {
    fn to_value(&self) -> Value;
    fn from_value(value: Value) -> Option<Self>;

    /// What the field is where a recording from before it existed has none; `None` if that cannot be known.
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

/// `e1·o2:x=1`, `e1·o3:x` for a delete, `e1·o0:opening`; a `!` before a forged one.
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
