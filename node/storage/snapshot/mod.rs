//! Snapshots of the final database, each in a file.
//!
//! ```text
//! DIR/snapshot/0000000000100000.snapshot     own, complete and durable; the number is the position of its last entry
//! DIR/snapshot/0000000000100000.received     of another node, complete and durable, not installed yet
//! DIR/snapshot/0000000000100000-DIGEST.tmp   being received; a restart continues after the part that is intact
//! DIR/snapshot/taken-UNIQUE.tmp              being written; removed after a crash
//! ```
//!
//! Order on the disk: a file is written and synced, then it gets its name and the folder is synced. Only then may the
//! log drop entries that it covers. A received snapshot becomes an own one (`.snapshot`) once the log continues it.
//!
//! Why the two names: the entries of an own snapshot were in this log, so a log that does not reach it has lost them. A
//! log that does not reach a received one only lags behind.
//!
//! The newest two snapshots stay, and those that are being read. All others are removed.

mod file;

mod in_use;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::protocol::{Base, ChunkOutcome, LogPoint, Position, SnapshotId, WriteSnapshot};
use crate::storage::disk::{Disk, SystemDisk};
use crate::storage::{Dump, SnapshotStore, StorageError};

use in_use::InUse;

pub(crate) use file::{SnapshotFile, SnapshotWriter};

const ENDING: &str = ".snapshot";
const RECEIVED: &str = ".received";
const TAKEN: &str = "taken-";
/// The newest, and the one before it in case the newest is found damaged.
const KEPT: usize = 2;
const UNFINISHED: &str = ".tmp";
/// A file that is received is synced after every further part of this size: a power cut loses no more.
const SYNC_BYTES: u64 = 8 << 20;

/// The snapshots of a data folder.
#[derive(Clone)]
pub(crate) struct SnapshotFolder {
    pub folder: PathBuf,
    pub disk: Arc<dyn Disk>,
    in_use: Arc<InUse>,
}

impl SnapshotFolder {
    pub(crate) fn new(data: &Path, disk: Arc<dyn Disk>) -> SnapshotFolder {
        SnapshotFolder { folder: data.join("snapshot"), disk, in_use: Arc::default() }
    }

    /// The file of an own snapshot.
    pub(crate) fn path(&self, position: Position) -> PathBuf {
        self.folder.join(format!("{:016}{ENDING}", position.0))
    }

    fn received(&self, position: Position) -> PathBuf {
        self.folder.join(format!("{:016}{RECEIVED}", position.0))
    }

    /// The file of a snapshot, own or received.
    fn file_of(&self, position: Position) -> PathBuf {
        let own = self.path(position);
        if own.exists() { own } else { Some(self.received(position)).filter(|path| path.exists()).unwrap_or(own) }
    }

    /// Whether the snapshot was received and not installed before this start.
    pub(crate) fn is_received(path: &Path) -> bool {
        path.to_string_lossy().ends_with(RECEIVED)
    }

    /// The position of the newest received snapshot.
    pub(crate) fn newest_received(&self) -> Result<Option<Position>, StorageError> {
        Ok(self.positions()?.into_iter().rfind(|position| self.received(*position).exists()))
    }

    /// Makes a received snapshot an own one, after its install.
    pub(crate) fn adopt(&self, path: &Path, position: Position) -> Result<PathBuf, StorageError> {
        self.name(path, self.path(position))?;
        Ok(self.path(position))
    }

    /// The positions of all complete snapshots, in order.
    pub(crate) fn positions(&self) -> Result<Vec<Position>, StorageError> {
        let error = |error| StorageError::io("read folder", &self.folder, &error);
        let files = match std::fs::read_dir(&self.folder) {
            Ok(files) => files,
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(other) => return Err(error(other)),
        };
        let mut positions = Vec::new();
        for file in files {
            let name = file.map_err(error)?.file_name();
            let stem = name.to_str().and_then(|name| name.strip_suffix(ENDING).or(name.strip_suffix(RECEIVED)));
            positions.extend(stem.and_then(|stem| stem.parse().ok()).map(Position));
        }
        positions.sort_unstable();
        positions.dedup();
        Ok(positions)
    }

    /// The snapshots that the log continues, newest first, with their files. Reads only their headers. Damaged ones
    /// stay where they are and become notes.
    pub(crate) fn kept(
        &self,
        purged: Option<LogPoint>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<(SnapshotId, PathBuf)>, StorageError> {
        let first = purged.map_or(Position(0), |purged| purged.position);
        let mut kept = Vec::new();
        for position in self.positions()?.into_iter().rev().filter(|position| *position >= first) {
            let path = self.file_of(position);
            match SnapshotFile::open(&path).and_then(SnapshotFile::unverified_id) {
                Ok(id) if id.point.position == position => kept.push((id, path)),
                Ok(id) => notes.push(format!("{} is not used: it is the snapshot of {}", path.display(), id.point)),
                Err(StorageError::SnapshotDamaged { byte, what, .. }) => {
                    notes.push(format!("the snapshot {} is damaged at byte {byte}: {what}", path.display()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(kept)
    }

    fn write(&self, base: &Base, dump: &mut dyn Dump) -> Result<SnapshotId, StorageError> {
        let unique = getrandom::u64().map_err(|error| StorageError::Io {
            action: "draw a name for a file in",
            path: self.folder.clone(),
            reason: error.to_string(),
        })?;
        let temporary = self.folder.join(format!("{TAKEN}{unique:016x}{UNFINISHED}"));
        let taken = self.write_as(&temporary, base, dump);
        if taken.is_err() {
            // If this fails, the next start removes it.
            let _ = self.disk.remove(&temporary);
        }
        taken
    }

    fn write_as(&self, temporary: &Path, base: &Base, dump: &mut dyn Dump) -> Result<SnapshotId, StorageError> {
        let mut writer = SnapshotWriter::create(&*self.disk, temporary.to_path_buf(), base, dump.revision())?;
        while let Some(rows) = dump.next()? {
            writer.put(&rows)?;
        }
        let id = writer.finish()?;
        self.name(temporary, self.path(id.point.position))?;
        Ok(id)
    }

    /// Renames a durable file, durably.
    fn name(&self, temporary: &Path, path: PathBuf) -> Result<(), StorageError> {
        let renamed = self.disk.rename(temporary, &path).and_then(|()| self.disk.sync_folder(&self.folder));
        renamed.map_err(|error| StorageError::io("name", &path, &error))
    }

    /// The file of a snapshot that is being received.
    fn incoming(&self, snapshot: SnapshotId) -> PathBuf {
        self.folder.join(format!("{:016}-{}{UNFINISHED}", snapshot.point.position.0, snapshot.digest))
    }

    /// Removes incomplete files that a crash left, except the newest one that is being received and is after
    /// `committed`: its leader may continue there.
    pub(crate) fn remove_unfinished(&self, committed: Option<LogPoint>) -> Result<(), StorageError> {
        let newest =
            self.unfinished()?.into_iter().filter(|(position, _)| *position >= Position::after(committed)).max();
        let kept = newest.map(|(_, path)| path);
        let unfinished = self.unfinished()?.into_iter();
        unfinished.filter(|(_, path)| Some(path) != kept.as_ref()).try_for_each(|(_, path)| self.remove(&path))
    }

    /// Removes incomplete received files. A snapshot that is being taken here stays.
    fn remove_received(&self) -> Result<(), StorageError> {
        let is_taken = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(TAKEN));
        let unfinished = self.unfinished()?.into_iter();
        unfinished.filter(|(_, path)| !is_taken(path)).try_for_each(|(_, path)| self.remove(&path))
    }

    /// All incomplete files. Received ones with the position of the snapshot's last entry, others with position 0.
    fn unfinished(&self) -> Result<Vec<(Position, PathBuf)>, StorageError> {
        let error = |error| StorageError::io("read folder", &self.folder, &error);
        let mut found = Vec::new();
        for file in std::fs::read_dir(&self.folder).map_err(error)? {
            let path = file.map_err(error)?.path();
            let name = path.file_name().and_then(|name| name.to_str()?.strip_suffix(UNFINISHED));
            let position =
                name.map(|name| name.split_once('-').and_then(|(number, _)| number.parse().ok()).unwrap_or(0));
            found.extend(position.map(|position| (Position(position), path)));
        }
        Ok(found)
    }

    /// The first part arrived of a snapshot whose reception a restart interrupted. The intact beginning of the file is
    /// synced and counts as received. `None` if there is no more than this part.
    fn resume(&self, part: &WriteSnapshot, path: &Path) -> Result<Option<u64>, StorageError> {
        let error = |error: io::Error| StorageError::io("continue", path, &error);
        if !path.exists() {
            return Ok(None);
        }
        let intact = SnapshotFile::intact_bytes(path)?.min(part.snapshot.bytes);
        if intact <= part.bytes.len() as u64 {
            return Ok(None);
        }
        let mut begins = vec![0; part.bytes.len()];
        File::open(path).and_then(|file| file.read_exact_at(&mut begins, 0)).map_err(error)?;
        if begins != part.bytes {
            return Ok(None);
        }
        let mut file = self.disk.open(path).map_err(error)?;
        file.cut(intact).and_then(|()| file.sync()).map_err(error)?;
        self.disk.sync_folder(&self.folder).map_err(error)?;
        tracing::info!("the snapshot {} continues at byte {intact} of {}", path.display(), part.snapshot.bytes);
        Ok(Some(intact))
    }

    /// Writes a part to the file, and returns how much of the snapshot was received.
    fn put(&self, part: &WriteSnapshot, path: &Path) -> Result<u64, StorageError> {
        let WriteSnapshot { snapshot, offset, bytes } = part;
        let error = |error: io::Error| StorageError::io("write", path, &error);
        let received = offset + bytes.len() as u64;
        let mut file = if *offset == 0 {
            if let Some(received) = self.resume(part, path)? {
                return Ok(received);
            }
            // One at a time: the rest of others is of no use.
            self.remove_received()?;
            let file = self.disk.create(path).map_err(error)?;
            self.disk.sync_folder(&self.folder).map_err(error)?;
            file
        } else {
            self.disk.open(path).map_err(error)?
        };
        file.append(bytes).map_err(error)?;
        if received >= snapshot.bytes || received / SYNC_BYTES > offset / SYNC_BYTES {
            file.sync().map_err(error)?;
        }
        Ok(received)
    }

    fn remove_at(&self, position: Position) -> Result<(), StorageError> {
        self.remove(&self.path(position))?;
        self.remove(&self.received(position))
    }

    fn remove(&self, path: &Path) -> Result<(), StorageError> {
        match self.disk.remove(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StorageError::io("remove", path, &error)),
            _ => Ok(()),
        }
    }
}

impl SnapshotStore for SnapshotFolder {
    fn take(&self, base: &Base, dump: &mut dyn Dump) -> Result<SnapshotId, StorageError> {
        self.write(base, dump)
    }

    fn read(&self, snapshot: SnapshotId, offset: u64, bytes_max: u64) -> Result<Option<Bytes>, StorageError> {
        let path = self.file_of(snapshot.point.position);
        if offset == 0 && !is_intact(&path, snapshot)? {
            return Ok(None);
        }
        let length = bytes_max.min(snapshot.bytes.saturating_sub(offset)) as usize;
        let mut bytes = vec![0; length];
        let read = File::open(&path).and_then(|file| file.read_exact_at(&mut bytes, offset));
        let end = offset + length as u64;
        self.in_use.on_read(snapshot.point.position, read.is_ok() && end < snapshot.bytes);
        match read {
            Ok(()) => Ok(Some(Bytes::from(bytes))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(StorageError::io("read", &path, &error)),
        }
    }

    fn write(&self, part: &WriteSnapshot) -> Result<ChunkOutcome, StorageError> {
        let snapshot = part.snapshot;
        let path = self.incoming(snapshot);
        let received = self.put(part, &path)?;
        if received < snapshot.bytes {
            return Ok(ChunkOutcome::UpTo(received));
        }
        if !is_intact(&path, snapshot)? {
            self.remove(&path)?;
            return Ok(ChunkOutcome::Damaged);
        }
        let base = SnapshotFile::open(&path)?.base;
        self.name(&path, self.received(snapshot.point.position))?;
        Ok(ChunkOutcome::Complete(base))
    }

    fn find(&self, position: Position) -> Result<Option<SnapshotId>, StorageError> {
        let path = self.file_of(position);
        if path.exists() { SnapshotFile::open(&path)?.unverified_id().map(Some) } else { Ok(None) }
    }

    fn open(&self, snapshot: SnapshotId) -> Result<Box<dyn Dump>, StorageError> {
        Ok(Box::new(SnapshotFile::open(&self.file_of(snapshot.point.position))?))
    }

    fn remove_before(&self, position: Position) -> Result<(), StorageError> {
        let positions = self.positions()?;
        positions.into_iter().filter(|found| *found < position).try_for_each(|found| self.remove_at(found))
    }

    fn remove_superfluous(&self) -> Result<(), StorageError> {
        let mut kept = 0;
        for position in self.positions()?.into_iter().rev() {
            if kept >= KEPT {
                if !self.in_use.is_read(position) {
                    self.remove_at(position)?;
                }
            } else if SnapshotFile::open(&self.file_of(position)).is_ok() {
                // A file that cannot be opened is of no use, and does not count as kept.
                kept += 1;
            }
        }
        Ok(())
    }

    fn being_read(&self) -> usize {
        self.in_use.count()
    }
}

/// The files of all complete snapshots in a data folder. The folder may be missing.
pub(crate) fn snapshot_paths(data: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let folder = SnapshotFolder::new(data, Arc::new(SystemDisk));
    let positions = folder.positions()?.into_iter();
    Ok(positions.flat_map(|position| [folder.path(position), folder.received(position)]).collect())
}

/// Whether the file is exactly this snapshot.
fn is_intact(path: &Path, snapshot: SnapshotId) -> Result<bool, StorageError> {
    match SnapshotFile::open(path).and_then(SnapshotFile::verify) {
        Ok(found) => Ok(found == snapshot),
        Err(StorageError::SnapshotDamaged { byte, what, .. }) => {
            tracing::warn!("the snapshot {} is damaged at byte {byte}: {what}", path.display());
            Ok(false)
        }
        Err(_) if !path.exists() => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof)
}
