//! Builds logs from the epochs of their entries, the notation of the tables and of the papers' figures.

use bytes::Bytes;

use epoca::protocol::{Change, Command, Entry, EntryId, Kind, LogPoint, Membership, Opening};

/// Distinguishes two entries with the same id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// Equal in all logs that have an entry with this id.
    True,
    Other,
}

/// The log with entries of these epochs. The first entry of an epoch is its opening; the very first one founds the
/// cluster.
pub fn log(epochs: &[u64], founding: &Membership) -> Vec<Entry> {
    let mut entries = Vec::new();
    extend(&mut entries, epochs, Content::True, founding);
    entries
}

pub fn extend(log: &mut Vec<Entry>, epochs: &[u64], content: Content, founding: &Membership) {
    for epoch in epochs {
        let last = log.last().map(Entry::point);
        let id = next_id(last, *epoch);
        let (kind, body) = match id.offset.0 {
            0 if content == Content::True => (Kind::Opening, opening(last.is_none().then_some(founding))),
            _ => (Kind::Command, put(&format!("k{epoch}"), &value(id, content), 0)),
        };
        log.push(Entry::after(last, id, kind, body));
    }
}

/// Expands the tables' runs of epochs: `[[1, 3], [4, 2]]` becomes `[1, 1, 1, 4, 4]`.
pub fn epochs(runs: &[(u64, u64)]) -> Vec<u64> {
    runs.iter().flat_map(|(epoch, count)| std::iter::repeat_n(*epoch, *count as usize)).collect()
}

/// The id of the next entry, if it is of this epoch.
pub fn next_id(last: Option<LogPoint>, epoch: u64) -> EntryId {
    match last {
        Some(last) if last.id.epoch.0 == epoch => EntryId::new(epoch, last.id.offset.0 + 1),
        _ => EntryId::new(epoch, 0),
    }
}

pub fn opening(founding: Option<&Membership>) -> Bytes {
    Opening { founding: founding.cloned() }.encode()
}

/// An encoded write. `sequence` distinguishes equal writes.
pub fn put(key: &str, value: &str, sequence: u64) -> Bytes {
    let change = Change::Put { key: copy(key), value: copy(value) };
    Command { session: 1, sequence, once: None, change }.encode()
}

pub fn delete(key: &str, sequence: u64) -> Bytes {
    Command { session: 1, sequence, once: None, change: Change::Delete { key: copy(key) } }.encode()
}

fn copy(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn value(id: EntryId, content: Content) -> String {
    match content {
        Content::True => id.offset.0.to_string(),
        Content::Other => format!("other-{}", id.offset.0),
    }
}
