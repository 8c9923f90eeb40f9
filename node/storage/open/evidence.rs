//! Evidence that a log has lost committed entries: something else on the disk remembers more than the log holds.
//!
//! Only durable entries are ever committed. So if the commit point, the final database or an own snapshot names an
//! entry that the log does not have, the log lost it: a torn end is then more than a torn end.

use std::path::{Path, PathBuf};

use crate::protocol::{LogPoint, Position};
use crate::storage::database::{applied_for_certain, point_at};
use crate::storage::log::{LogFiles, Scanned, read_commit};
use crate::storage::open::restored::LogSummary;
use crate::storage::snapshot::SnapshotFolder;
use crate::storage::{LogReader, StorageError};

/// Fails if the log ends before the recorded commit point.
pub(super) fn check_against_commit_point(files: &LogFiles, scanned: &Scanned) -> Result<(), StorageError> {
    match read_commit(&files.commit)? {
        Some(point) if point.position.0 > end_of(scanned) => Err(commit_lost(files, point, None)),
        _ => Ok(()),
    }
}

/// Fails if a log with a torn end ends before what was applied. Logs without a torn end are compared when the final
/// database is opened; with one the check must come before the end is cut off.
pub(super) fn check_against_applied(files: &LogFiles, folder: &Path, scanned: &Scanned) -> Result<(), StorageError> {
    let end = end_of(scanned);
    // An interrupted install: the database holds the snapshot already, the log does not continue it yet.
    let installing = SnapshotFolder::new(folder, files.disk.clone()).newest_received()?;
    match applied_for_certain(folder, scanned.incarnation, Position(end)) {
        Some(applied) if installing < Some(applied.position) => Err(applied_lost(&files.folder, end, applied)),
        _ => Ok(()),
    }
}

/// The recorded commit point, which must be in the log. Entries that were compacted are committed in any case.
pub(super) fn recorded_commit(
    files: &LogFiles,
    log: &dyn LogReader,
    purged: Option<LogPoint>,
) -> Result<Option<LogPoint>, StorageError> {
    let Some(point) = read_commit(&files.commit)? else { return Ok(purged) };
    if purged.is_some_and(|purged| point.position <= purged.position) {
        return Ok(purged);
    }
    match point_at(log, point.position)? {
        Some(found) if found == point => Ok(Some(point)),
        found => Err(commit_lost(files, point, found)),
    }
}

fn end_of(scanned: &Scanned) -> u64 {
    scanned.replay.last().map_or(0, |last| last.position.0)
}

fn commit_lost(files: &LogFiles, point: LogPoint, found: Option<LogPoint>) -> StorageError {
    let found = found.map_or("nothing".to_string(), |found| found.to_string());
    let what = format!("{point} was committed at position {}, there is {found}", point.position);
    StorageError::LogLost { folder: files.folder.clone(), what }
}

pub(crate) fn applied_lost(log_folder: &Path, end: u64, applied: LogPoint) -> StorageError {
    let what = format!(
        "it ends at position {end}, but the final database holds {applied} at position {}, so committed entries are \
         missing",
        applied.position
    );
    StorageError::LogLost { folder: log_folder.to_path_buf(), what }
}

pub(super) fn own_snapshot_lost(
    log_folder: PathBuf,
    summary: &LogSummary,
    path: &Path,
    point: LogPoint,
) -> StorageError {
    let end = summary.last.map_or(0, |last| last.position.0);
    let what = format!(
        "it ends at position {end}, but the snapshot {} holds what was committed up to {point} at position {}",
        path.display(),
        point.position
    );
    StorageError::LogLost { folder: log_folder, what }
}
