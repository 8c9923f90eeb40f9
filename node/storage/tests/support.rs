//! Shared helpers: chained entries, a folder that is opened repeatedly, and waiting for a flush.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;

use crate::protocol::apply::Record;
use crate::protocol::{
    Append, Apply, Change, Command, Entry, EntryId, Epoch, FeatureLevel, Incarnation, Kind, LogPoint, Member,
    Membership, NodeId, Opening, Position, Promise,
};
use crate::storage::disk::{Disk, SystemDisk};
use crate::storage::log::SEGMENT_BYTES;
use crate::storage::open::{OpenOptions, open_on};
use crate::storage::{IntermediateLog, Opened, StorageError};
use crate::verify::patience::Patience;

pub const NODE: NodeId = NodeId(1);

/// A data folder of a test.
pub struct Folder {
    folder: TempDir,
    pub disk: Arc<dyn Disk>,
    pub segment_bytes: u32,
    pub tail_bytes: u64,
    pub tail_entries: usize,
}

impl Folder {
    pub fn new() -> Folder {
        Folder::on(Arc::new(SystemDisk))
    }

    pub fn on(disk: Arc<dyn Disk>) -> Folder {
        Folder { disk, ..Folder::within(std::env::temp_dir()) }
    }

    pub fn within(parent: impl AsRef<Path>) -> Folder {
        let folder = tempfile::tempdir_in(parent).unwrap();
        let disk = Arc::new(SystemDisk);
        Folder { folder, disk, segment_bytes: SEGMENT_BYTES, tail_bytes: u64::MAX, tail_entries: usize::MAX }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn try_open(&self) -> Result<Opened, StorageError> {
        let options = OpenOptions {
            folder: self.path(),
            node: NODE,
            tail_bytes: self.tail_bytes,
            tail_entries: self.tail_entries,
            level_max: FeatureLevel::NEWEST,
            progress: &|_| {},
        };
        open_on(self.disk.clone(), self.segment_bytes, &options)
    }

    /// Removes the final database, so that the next start rebuilds it.
    pub fn lose_database(&self) {
        std::fs::remove_dir_all(self.path().join("final")).unwrap();
    }

    pub fn open(&self) -> Opened {
        self.try_open().unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Makes chained entries, and remembers them.
#[derive(Clone, Default)]
pub struct Chain {
    pub entries: Vec<Entry>,
}

impl Chain {
    pub fn last(&self) -> Option<LogPoint> {
        self.entries.last().map(Entry::point)
    }

    pub fn truncate(&mut self, from: u64) {
        self.entries.truncate(from as usize - 1);
    }

    fn add(&mut self, epoch: u64, kind: Kind, body: Bytes) {
        let last = self.last();
        let offset = last.filter(|last| last.id.epoch == Epoch(epoch)).map_or(0, |last| last.id.offset.0 + 1);
        self.entries.push(Entry::after(last, EntryId::new(epoch, offset), kind, body));
    }

    /// Opens an epoch; the first one founds a cluster of one.
    pub fn open(&mut self, epoch: u64) -> &mut Chain {
        let member = Member::voter(NODE, "127.0.0.1:1".into(), Incarnation([1; 16]));
        let founding = self.entries.is_empty().then(|| Membership::founding(vec![member]));
        self.add(epoch, Kind::Opening, Opening { founding }.encode());
        self
    }

    pub fn put(&mut self, epoch: u64, key: &str, value: impl AsRef<[u8]>) -> &mut Chain {
        let value = Bytes::copy_from_slice(value.as_ref());
        self.change(epoch, Change::Put { key: Bytes::copy_from_slice(key.as_bytes()), value })
    }

    pub fn delete(&mut self, epoch: u64, key: &str) -> &mut Chain {
        self.change(epoch, Change::Delete { key: Bytes::copy_from_slice(key.as_bytes()) })
    }

    /// An encoded command in epoch 1.
    pub fn command(&mut self, command: &Command) -> &mut Chain {
        self.add(1, Kind::Command, command.encode());
        self
    }

    fn change(&mut self, epoch: u64, change: Change) -> &mut Chain {
        self.add(
            epoch,
            Kind::Command,
            Command { session: 1, sequence: self.entries.len() as u64, once: None, change }.encode(),
        );
        self
    }

    /// The entries from a position on, for an append.
    pub fn from(&self, position: u64) -> Append {
        Append { truncate_from: None, entries: self.entries[position as usize - 1..].to_vec(), forged: false }
    }

    pub fn apply(&self, from: u64, to: u64) -> Apply {
        let entries = self.entries[from as usize - 1..to as usize].to_vec();
        Apply { up_to: entries[entries.len() - 1].point(), entries }
    }
}

/// An opening entry and `count` small puts of epoch 1.
pub fn small_chain(count: u64) -> Chain {
    let mut chain = Chain::default();
    chain.open(1);
    for number in 0..count {
        chain.put(1, &format!("key-{}", number % 7), format!("value {number}"));
    }
    chain
}

pub fn promise(epoch: u64, vote: Option<u64>) -> Promise {
    Promise { epoch: Epoch(epoch), vote: vote.map(NodeId) }
}

/// Starts a flush; the result arrives through the channel.
pub fn start_flush(log: &mut dyn IntermediateLog) -> Receiver<Result<(), StorageError>> {
    let (told, wait) = channel();
    let done = Box::new(move |result| {
        // A test that ignores the result has dropped the receiver.
        let _ = told.send(result);
    });
    if let Err(error) = log.flush(done) {
        let (told, wait) = channel();
        told.send(Err(error)).unwrap();
        return wait;
    }
    wait
}

/// The next result; panics when it takes too long.
#[track_caller]
pub fn received<T>(what: &str, from: &Receiver<T>) -> T {
    let patience = Patience::of(Duration::from_secs(60));
    loop {
        match from.recv_timeout(Duration::from_millis(100)) {
            Ok(received) => return received,
            Err(RecvTimeoutError::Timeout) if !patience.is_over() => {}
            Err(why) => panic!("{what}: {why}"),
        }
    }
}

pub fn try_flush(log: &mut dyn IntermediateLog) -> Result<(), StorageError> {
    received("a flush is answered", &start_flush(log))
}

pub fn flush(log: &mut dyn IntermediateLog) {
    try_flush(log).unwrap_or_else(|error| panic!("{error}"));
}

/// Appends and flushes.
pub fn store(opened: &mut Opened, append: &Append) {
    opened.log.append(append).unwrap_or_else(|error| panic!("{error}"));
    flush(&mut *opened.log);
}

/// Records the commit point and applies, like the runtime.
pub fn commit(opened: &mut Opened, apply: &Apply) {
    opened.log.record_commit(apply.up_to).unwrap();
    opened.database.apply(apply).unwrap();
}

/// All entries of the log, as a reader sees them.
pub fn all_entries(opened: &Opened) -> Vec<Entry> {
    opened.log.reader().read(Position(1), Position(u64::MAX), u64::MAX).unwrap()
}

pub fn all_records(opened: &Opened) -> Vec<Record> {
    let (records, more) = opened.database.list(b"", None, usize::MAX).unwrap();
    assert!(!more);
    records
}

/// The files of a folder and its subfolders.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let path = file.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
