//! A data folder with corrupted files: opening it returns all durable data, or an error that names the file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::time::Duration;

use bolero::check;
use epoca::protocol::{
    Append, Apply, Entry, EntryId, Epoch, FeatureLevel, Kind, LogPoint, NodeId, Opening, Position, Promise,
};
use epoca::storage::{OpenOptions, Opened, StorageError, inspect, open};
use epoca::verify::patience::on_this_machine;
use tempfile::TempDir;

use crate::samples::{command, founding};
use crate::spoil::{Tape, spoil};
use crate::support::copy_folder;

const COMMITTED: usize = 12;

/// A cleanly closed folder, and its contents.
struct Whole {
    folder: TempDir,
    entries: Vec<Entry>,
}

fn open_at(folder: &Path) -> Result<Opened, StorageError> {
    open(&OpenOptions {
        folder: folder.to_owned(),
        node: NodeId(1),
        tail_bytes: u64::MAX,
        tail_entries: usize::MAX,
        level_max: FeatureLevel::NEWEST,
        progress: &|_| {},
    })
}

fn whole() -> &'static Whole {
    static WHOLE: OnceLock<Whole> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut opened = open_at(folder.path()).expect("a new folder opens");
        let entries = entries();
        let promise = Promise { epoch: Epoch(2), vote: Some(NodeId(1)) };
        opened.log.save_promise(promise).expect("it is memory only");
        let append =
            |from: usize, to: usize| Append { truncate_from: None, entries: entries[from..to].to_vec(), forged: false };
        opened.log.append(&append(0, 8)).expect("it is memory only");
        flush(&mut opened);
        opened.log.append(&append(8, entries.len())).expect("it is memory only");
        flush(&mut opened);
        let up_to = entries[COMMITTED - 1].point();
        opened.log.record_commit(up_to).expect("the disk has room");
        let apply = Apply { up_to, entries: entries[..COMMITTED].to_vec() };
        opened.database.apply(&apply).expect("it follows");
        opened.database.close().expect("the disk has room");
        Whole { folder, entries }
    })
}

fn entries() -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for number in 0..16 {
        let last = entries.last().map(Entry::point);
        let (kind, body) = match number {
            0 => (Kind::Opening, Opening { founding: Some(founding()) }.encode()),
            8 => (Kind::Opening, Opening { founding: None }.encode()),
            _ => (Kind::Command, command(&format!("k{}", number % 3), &number.to_string())),
        };
        entries.push(Entry::after(last, EntryId::new(1 + number / 8, number % 8), kind, body));
    }
    entries
}

fn flush(opened: &mut Opened) {
    let (done, flushed) = channel();
    opened.log.flush(Box::new(move |result| _ = done.send(result))).expect("it begins");
    flushed.recv_timeout(on_this_machine(Duration::from_secs(20))).expect("it ends").expect("it is durable");
}

/// All files but the empty lock.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder).expect("it is a folder").flatten() {
        if file.path().is_dir() { found.extend(files(&file.path())) } else { found.push(file.path()) }
    }
    found.retain(|file| !file.ends_with("lock"));
    found.sort();
    found
}

/// An opened folder returns a prefix of what was written; `all` of it unless the log itself was truncated, which looks
/// like the torn end of a write that was never acked.
fn judge(opened: &Opened, entries: &[Entry], all: bool) {
    let tail = &opened.restored.tail;
    assert!(entries.starts_with(tail), "{tail:?} was never written");
    assert!(!all || tail.len() == entries.len(), "{} entries are left", tail.len());
    let committed = opened.restored.committed.map_or(0, |point: LogPoint| point.position.0 as usize);
    assert!(committed <= tail.len() && (committed == 0 || committed == COMMITTED), "{committed} are committed");
    assert_eq!(opened.database.applied(), opened.restored.committed);
}

fn spoiled_folder_opens_or_says_why(input: &[u8], of: fn(&Path) -> bool) {
    let Whole { folder, entries } = whole();
    let mut tape = Tape::new(input);
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let data = scratch.path().join("data");
    copy_folder(folder.path(), &data);
    let candidates: Vec<_> =
        files(&data).into_iter().filter(|file| of(file.strip_prefix(&data).expect("inside"))).collect();
    let file = tape.pick(&candidates);
    let before = fs::read(&file).expect("it can be read");
    let after = spoil(tape.rest(), std::slice::from_ref(&before));
    fs::write(&file, &after).expect("it can be written");

    match inspect(&data) {
        Ok(inspection) => {
            let read = inspection.entries(Position::FIRST, 100);
            assert!(read.is_ok_and(|read| read.len() <= entries.len()));
        }
        Err(refusal) => assert!(refusal.to_string().len() > 20, "{refusal}"),
    }
    let is_log = file.parent().is_some_and(|parent| parent.ends_with("log"));
    match open_at(&data) {
        Ok(opened) => judge(&opened, entries, !is_log || after == before),
        Err(refusal) => {
            let name = file.file_name().expect("it has a name").to_string_lossy().into_owned();
            let text = refusal.to_string();
            assert!(text.len() > 20, "{name}: {text}");
            // A refused folder is unchanged: nothing is repaired by guessing.
            assert!(!is_log || fs::read(&file).expect("it exists") == after, "{name} was changed: {text}");
        }
    }
}

#[test]
fn a_spoiled_log_opens_up_to_a_torn_end_or_is_refused() {
    check!().with_iterations(60).with_max_len(40).for_each(|input: &[u8]| {
        spoiled_folder_opens_or_says_why(input, |file| file.starts_with("log"));
    });
}

#[test]
fn a_spoiled_identity_or_commit_point_opens_with_every_entry_or_is_refused() {
    check!().with_iterations(60).with_max_len(40).for_each(|input: &[u8]| {
        let small = |file: &Path| file.parent() == Some(Path::new(""));
        spoiled_folder_opens_or_says_why(input, small);
    });
}

/// The final database follows from the log: it is rebuilt whatever happened to its files.
#[test]
fn a_spoiled_final_database_is_rebuilt_from_the_log() {
    check!().with_iterations(40).with_max_len(40).for_each(|input: &[u8]| {
        spoiled_folder_opens_or_says_why(input, |file| file.starts_with("final"));
    });
}
