//! Where the body of a committed entry is in the files of a log. For tools that damage a stopped node on purpose.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::protocol::{LogPoint, Position};
use crate::storage::StorageError;
use crate::storage::log::reader::read_entry;
use crate::storage::log::record::BODY_AT;
use crate::storage::log::segment::segment_path;
use crate::storage::log::{commit_path, log_folder, read_commit, scan};

/// The bytes of an entry's body in a file.
pub(crate) struct StoredBody {
    pub entry: LogPoint,
    pub path: PathBuf,
    pub bytes: Range<u64>,
}

/// The body of a committed entry in the middle of the log in a data folder; `None` if no committed entry has a body.
/// Only reads, so a node may use the folder meanwhile.
pub(crate) fn committed_body(folder: &Path) -> Result<Option<StoredBody>, StorageError> {
    let (log, commit) = (log_folder(folder), commit_path(folder));
    let (Some(scanned), Some(committed)) = (scan(&log)?, read_commit(&commit)?) else { return Ok(None) };
    let index = &scanned.replay.index;
    let (first, last) = (index.first().0, committed.position.0);
    let middle = first + last.saturating_sub(first).div_ceil(2);
    // Openings of later epochs have no body.
    for position in (middle..=last).chain(first..middle).map(Position) {
        let Some(location) = index.location(position) else { continue };
        let entry = read_entry(&log, location, position)?;
        if !entry.body.is_empty() {
            let start = u64::from(location.byte) + BODY_AT as u64;
            let bytes = start..start + entry.body.len() as u64;
            return Ok(Some(StoredBody { entry: entry.point(), path: segment_path(&log, location.segment), bytes }));
        }
    }
    Ok(None)
}
