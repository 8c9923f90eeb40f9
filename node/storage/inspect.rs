//! Reading a data folder from outside: `epoca inspect DIR`. Nothing is written into the folder; the final database is
//! opened as a copy, because opening it writes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::protocol::apply::Record;
use crate::protocol::{
    ClusterId, Command, Entry, Incarnation, Kind, LogPoint, Membership, NodeId, Opening, Position, Promise,
};
use crate::storage::database::{DatabaseCopy, read_clean, sled_folder};
use crate::storage::log::{Scanned, SegmentReader, Shared, commit_path, log_folder, read_commit, scan};
use crate::storage::open::check_versions;
use crate::storage::open::identity::Identity;
use crate::storage::open::lock::FolderLock;
use crate::storage::open::restored::LogSummary;
use crate::storage::permissions::create_folder;
use crate::storage::{LogReader, StorageError};

/// Bodies read from the log for one page of entries.
const PAGE_BYTES: u64 = 4 << 20;

/// The content of a data folder. Entries and records are read in pages, so large logs can be shown.
pub struct Inspection {
    /// The folder that was read.
    pub folder: PathBuf,
    /// A process uses the folder: the fields below are what it had written at the time of reading.
    pub running: bool,
    /// The owner of the folder.
    pub node: NodeId,
    /// The folder's incarnation.
    pub incarnation: Incarnation,
    /// The cluster of the node; `None` before it was founded.
    pub cluster: Option<ClusterId>,
    /// The last promise: epoch and vote.
    pub promise: Option<Promise>,
    /// The position of the first entry that the log still has; `None` for an empty log.
    pub first: Option<Position>,
    /// The last entry of the log.
    pub last: Option<LogPoint>,
    /// The commit point on disk, by the commit file or the final database.
    pub committed: Option<LogPoint>,
    /// The last entry that the final database on disk holds, if any.
    pub applied: Option<LogPoint>,
    /// The revision of the final database on disk.
    pub revision: u64,
    /// What an operator should know: a torn end, a final database that is missing or cannot be read.
    pub notes: Vec<String>,
    forged_from: Option<Position>,
    log: SegmentReader,
    records: Option<Copy>,
}

/// Which of the assignment's two kinds of data an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryState {
    /// Not known to be committed on this disk.
    Intermediate,
    /// Committed.
    Committed,
}

impl EntryState {
    /// The name for programs; fixed.
    pub const fn name(self) -> &'static str {
        match self {
            EntryState::Intermediate => "intermediate",
            EntryState::Committed => "committed",
        }
    }
}

/// The decoded body of an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EntryContent {
    /// The opening of an epoch.
    Opening(Opening),
    /// The write of a client.
    Command(Command),
    /// A member list.
    Members(Membership),
    /// The body does not decode.
    Unknown,
}

/// An entry with what its log says about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InspectedEntry {
    /// The entry.
    pub entry: Entry,
    /// Whether the lab injected it, and no push has confirmed it since.
    pub forged: bool,
    /// Whether it is committed.
    pub state: EntryState,
    /// What its body holds.
    pub content: EntryContent,
}

/// Reads a data folder without writing into it.
pub fn inspect(folder: &Path) -> Result<Inspection, StorageError> {
    let nothing = || StorageError::NoFolder { folder: folder.to_path_buf() };
    check_versions(folder)?;
    let identity = Identity::read(folder)?.ok_or_else(nothing)?;
    let running = FolderLock::is_taken(folder);
    let mut notes = Vec::new();
    let Scanned { replay, torn_bytes, .. } = scan_patiently(folder, running)?
        .ok_or_else(|| StorageError::LogLost { folder: log_folder(folder), what: "it has no file".into() })?;
    let recorded = read_commit(&commit_path(folder))?;
    let records = copy_database(folder, running, &mut notes)?;
    let (applied, revision) = records.as_ref().map_or((None, 0), |copy| copy.database.mark);
    let summary = LogSummary::of(&replay);
    let end = summary.last.map_or(0, |last| last.position.0);
    let known = [recorded, applied].into_iter().flatten().max_by_key(|point| point.position);
    match known.filter(|point| point.position.0 > end && !running) {
        Some(lost) => notes.push(format!(
            "the log has lost committed entries: it ends at position {end}, but {lost} at position {} was committed",
            lost.position
        )),
        None if torn_bytes > 0 && !running => notes.push(format!(
            "the log's end is torn: {torn_bytes} bytes that were never acked, dropped at the next start"
        )),
        None => {}
    }
    Ok(Inspection {
        folder: folder.to_path_buf(),
        running,
        node: identity.node,
        incarnation: identity.incarnation,
        cluster: identity.cluster.or(summary.lists.current().map(|listed| listed.membership.cluster)),
        promise: summary.promise,
        first: summary.last.map(|_| Position::after(summary.purged())),
        last: summary.last,
        committed: known,
        applied,
        revision,
        notes,
        forged_from: summary.forged_from,
        log: SegmentReader { shared: Arc::new(Shared::new(log_folder(folder), replay.index)) },
        records,
    })
}

impl Inspection {
    /// Entries of the log from `from` on, at most `limit`; fewer if they are large, none at the end.
    pub fn entries(&self, from: Position, limit: usize) -> Result<Vec<InspectedEntry>, StorageError> {
        // The first entries may be compacted.
        let from = from.max(self.first.unwrap_or(from));
        let to = Position(from.0.saturating_add(limit as u64).saturating_sub(1));
        let entries = self.log.read(from, to, PAGE_BYTES)?;
        Ok(entries.into_iter().map(|entry| self.inspected(entry)).collect())
    }

    /// Final records whose key is greater than `after`, in key order, at most `limit`, and whether there are more.
    pub fn records(&self, after: Option<&[u8]>, limit: usize) -> Result<(Vec<Record>, bool), StorageError> {
        let Some(copy) = &self.records else { return Ok((Vec::new(), false)) };
        let listed = copy.database.list(after, limit);
        listed.map_err(|reason| StorageError::Database { folder: sled_folder(&self.folder), reason })
    }

    fn inspected(&self, entry: Entry) -> InspectedEntry {
        let committed = self.committed.is_some_and(|committed| entry.position <= committed.position);
        let content = match entry.kind {
            Kind::Opening => Opening::decode(&entry.body).map(EntryContent::Opening),
            Kind::Command => Command::decode(&entry.body).map(EntryContent::Command),
            Kind::Members => Membership::decode(&entry.body).map(EntryContent::Members),
        };
        InspectedEntry {
            forged: self.forged_from.is_some_and(|forged| entry.position >= forged),
            state: if committed { EntryState::Committed } else { EntryState::Intermediate },
            content: content.unwrap_or(EntryContent::Unknown),
            entry,
        }
    }
}

/// A running node may begin a new segment between two reads: what looks like a loss is then looked at again.
fn scan_patiently(folder: &Path, running: bool) -> Result<Option<Scanned>, StorageError> {
    let mut scanned = scan(&log_folder(folder));
    for _ in 0..if running { 5 } else { 0 } {
        if scanned.is_ok() {
            break;
        }
        scanned = scan(&log_folder(folder));
    }
    scanned
}

/// Opens a copy of the final database. If it cannot be read, that becomes a note: it can be rebuilt from the log.
fn copy_database(folder: &Path, running: bool, notes: &mut Vec<String>) -> Result<Option<Copy>, StorageError> {
    let source = sled_folder(folder);
    if !source.exists() {
        notes.push("there is no final database yet: the next start creates it".into());
        return Ok(None);
    }
    if running {
        notes.push("a process uses this folder: its final database on disk is behind what its readers see".into());
    } else if read_clean(folder).is_none() {
        notes.push("the final database was not closed cleanly: the next start verifies or rebuilds it".into());
    }
    let copy = Temporary::new()?;
    copy_files(&source, &copy.0).map_err(|error| StorageError::io("copy", &source, &error))?;
    match DatabaseCopy::open(&copy.0) {
        Ok(database) => Ok(Some(Copy { database, _folder: copy })),
        Err(reason) => {
            notes.push(format!("the final database cannot be read: {reason}"));
            Ok(None)
        }
    }
}

/// A copy of the final database. Fields are dropped in order: the database before its folder.
struct Copy {
    database: DatabaseCopy,
    _folder: Temporary,
}

/// A folder that is removed when it is dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Result<Temporary, StorageError> {
        let mut random = [0; 8];
        // Without random numbers the process id has to do; a folder that exists already is an error below.
        let _ = getrandom::fill(&mut random);
        let name = format!("epoca-inspect-{}-{:016x}", std::process::id(), u64::from_le_bytes(random));
        let path = std::env::temp_dir().join(name);
        create_folder(&path).map_err(|error| StorageError::io("make folder", &path, &error))?;
        Ok(Temporary(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // A copy left in the system's temporary folder does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    for file in std::fs::read_dir(from)? {
        let file = file?;
        let target = to.join(file.file_name());
        if file.file_type()?.is_dir() {
            create_folder(&target)?;
            copy_files(&file.path(), &target)?;
        } else if let Err(error) = std::fs::copy(file.path(), &target) {
            // A running node removes files of its database at times.
            if error.kind() != std::io::ErrorKind::NotFound {
                return Err(error);
            }
        }
    }
    Ok(())
}
