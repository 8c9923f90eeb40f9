//! Reading rows of the final database: records, lists, the mark, the sessions.

use std::path::Path;

use bytes::Bytes;

use crate::protocol::LogPoint;
use crate::protocol::apply::{Record, Session, Sessions};
use crate::storage::database::checksum::Checksum;
use crate::storage::database::files::open;
use crate::storage::database::layout::{
    Head, MARK, SESSION_TABLE, Value, decode_mark, piece_key, record_key, session_id, user_key,
};
use crate::storage::database::tree::Tree;

/// A list ends early after this many bytes of keys and values.
const LIST_BYTES: usize = 4 << 20;

/// A copy of the files of a final database, opened to read it.
pub(crate) struct DatabaseCopy {
    tree: Tree,
    /// The last applied entry, and the revision.
    pub mark: (Option<LogPoint>, u64),
}

impl DatabaseCopy {
    pub(crate) fn open(folder: &Path) -> Result<DatabaseCopy, String> {
        let tree = open(folder)?;
        let (applied, revision, _) = read_mark(&tree)?;
        Ok(DatabaseCopy { tree, mark: (applied, revision) })
    }

    /// Nothing if there is no mark: the creation of the database was interrupted.
    pub(crate) fn list(&self, after: Option<&[u8]>, limit: usize) -> Result<(Vec<Record>, bool), String> {
        if self.mark.0.is_none() {
            return Ok((Vec::new(), false));
        }
        list(&self.tree, b"", after, limit)
    }
}

/// The records of a list, see [`FinalDatabase::list`](crate::storage::FinalDatabase::list).
pub(super) fn list(
    tree: &Tree,
    prefix: &[u8],
    after: Option<&[u8]>,
    limit: usize,
) -> Result<(Vec<Record>, bool), String> {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let from = match after {
        Some(after) if after >= prefix => Excluded(record_key(after)),
        _ => Included(record_key(prefix)),
    };
    let (mut records, mut bytes) = (Vec::new(), 0);
    for pair in tree.range((from, Unbounded)) {
        let (key, value) = pair.map_err(|error| error.to_string())?;
        let Some(key) = user_key(&key).filter(|key| key.starts_with(prefix)) else { break };
        if records.len() == limit || bytes >= LIST_BYTES {
            return Ok((records, true));
        }
        let record = read_record(tree, Bytes::copy_from_slice(key), &value)?;
        bytes += record.key.len() + record.value.len();
        records.push(record);
    }
    Ok((records, false))
}

/// Decodes a record and reads its value from its pieces.
pub(super) fn read_record(tree: &Tree, key: Bytes, bytes: &[u8]) -> Result<Record, String> {
    let head = Head::decode(bytes).ok_or("a record is damaged")?;
    let value = match &head.value {
        Value::Inline(value) => value.clone(),
        Value::Pieces { length } => {
            let mut value = Vec::with_capacity(*length as usize);
            for number in 0..head.value.pieces() {
                let piece = tree.get(piece_key(head.revision, number)).map_err(|error| error.to_string())?;
                value.extend_from_slice(&piece.ok_or("a piece of a value is missing")?);
            }
            Bytes::from(value)
        }
    };
    Ok(head.record(key, value))
}

pub(super) fn read_mark(tree: &Tree) -> Result<(Option<LogPoint>, u64, Checksum), String> {
    match tree.get(MARK).map_err(|error| error.to_string())? {
        None => Ok((None, 0, Checksum::default())),
        Some(bytes) => {
            let (point, revision, sum) = decode_mark(&bytes).ok_or("the mark of the last applied entry is damaged")?;
            Ok((Some(point), revision, sum))
        }
    }
}

pub(super) fn read_sessions(tree: &Tree) -> Result<Sessions, String> {
    const DAMAGED: &str = "the table of sessions is damaged";
    let mut new_from = 0;
    let mut sessions = Vec::new();
    for pair in tree.scan_prefix(SESSION_TABLE) {
        let (key, bytes) = pair.map_err(|error| error.to_string())?;
        if key == SESSION_TABLE {
            new_from = u64::from_le_bytes((*bytes).try_into().map_err(|_| DAMAGED)?);
            continue;
        }
        let session = Session::decode(&bytes);
        sessions.push(session_id(&key).zip(session).ok_or(DAMAGED)?);
    }
    Ok(Sessions::restore(new_from, sessions))
}
