//! Turning one bit of a stored log on purpose, for the lab: in the content of a committed entry, found as a reader finds it.
//!
//! A bit at the very end could pass for what a crash leaves behind, so it is one in the middle of what is committed. What
//! becomes of the node is not known here.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::protocol::{LogPoint, Position};
use crate::storage::StorageError;
use crate::storage::log::reader::read_entry;
use crate::storage::log::record::BODY_AT;
use crate::storage::log::segment::segment_path;
use crate::storage::log::{commit_path, log_folder, read_commit, scan};
use crate::storage::open::identity::Lock;

const BIT: u8 = 0x10;

/// A byte of a committed entry's body.
struct Target {
    entry: LogPoint,
    path: PathBuf,
    byte: u64,
}

/// The entry of a data folder that a turned bit would hit; `None` if nothing in its log is committed. Only reads, so that a
/// node may run on the folder.
pub fn entry_to_harm(folder: &Path) -> Result<Option<LogPoint>, StorageError> {
    Ok(target(folder)?.map(|target| target.entry))
}

/// Turns a bit of that entry, durably. Refused while a node runs on the folder.
pub fn turn_bit(folder: &Path) -> Result<Option<LogPoint>, StorageError> {
    let _lock = Lock::take(folder)?;
    let Some(Target { entry, path, byte }) = target(folder)? else { return Ok(None) };
    turn(&path, byte).map_err(|error| StorageError::io("turn a bit of", &path, &error))?;
    Ok(Some(entry))
}

fn turn(path: &Path, byte: u64) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut found = [0];
    file.read_exact_at(&mut found, byte)?;
    file.write_all_at(&[found[0] ^ BIT], byte)?;
    file.sync_all()
}

fn target(folder: &Path) -> Result<Option<Target>, StorageError> {
    let (log, commit) = (log_folder(folder), commit_path(folder));
    let committed = read_commit(&commit).map_err(|error| StorageError::io("read", &commit, &error))?;
    let (Some(scanned), Some(committed)) = (scan(&log)?, committed) else { return Ok(None) };
    let index = &scanned.replay.index;
    let (first, last) = (index.first().0, committed.position.0);
    let middle = first + last.saturating_sub(first).div_ceil(2);
    // Openings of later epochs have no body.
    for position in (middle..=last).chain(first..middle).map(Position) {
        let Some(place) = index.place(position) else { continue };
        let entry = read_entry(&log, place, position)?;
        if !entry.body.is_empty() {
            let byte = u64::from(place.byte) + (BODY_AT + entry.body.len() / 2) as u64;
            return Ok(Some(Target { entry: entry.point(), path: segment_path(&log, place.segment), byte }));
        }
    }
    Ok(None)
}
