//! Damage is not absence: corrupt data is refused by name, only data that was never acked is dropped.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::protocol::{Append, Entry, LogPoint, Position, Promise};
use crate::storage::log::{Scanned, scan};
use crate::storage::tests::support::*;
use crate::storage::{StorageError, StoredBody, committed_body};

/// The log's recovered state.
#[derive(PartialEq, Eq, Debug)]
struct Memory {
    promise: Option<Promise>,
    last: Option<LogPoint>,
    forged_from: Option<Position>,
}

impl Memory {
    fn of(scanned: &Scanned) -> Memory {
        let replay = &scanned.replay;
        Memory { promise: replay.promise, last: replay.last(), forged_from: replay.forged_from }
    }
}

/// A log with every kind of record, in several segments, each operation flushed; returns for each flush the lengths of
/// the segments and the expected state.
fn written(folder: &mut Folder, segment_bytes: u32) -> Vec<(Vec<u64>, Memory)> {
    folder.segment_bytes = segment_bytes;
    let mut opened = folder.open();
    let mut flushed = Vec::new();
    let mut note = |opened: &mut crate::storage::Opened| {
        flush(&mut *opened.log);
        let log = folder.path().join("log");
        flushed.push((lengths(&log), Memory::of(&scan(&log).unwrap().unwrap())));
    };
    note(&mut opened);
    let mut chain = Chain::default();
    chain.open(1).put(1, "x", "1").put(1, "y", "ends in zeros\0\0\0\0\0\0\0\0");
    opened.log.save_promise(promise(1, Some(1))).unwrap();
    opened.log.append(&chain.from(1)).unwrap();
    note(&mut opened);
    chain.put(1, "forged", "666");
    opened.log.append(&Append { forged: true, ..chain.from(4) }).unwrap();
    note(&mut opened);
    opened.log.save_promise(promise(5, None)).unwrap();
    note(&mut opened);
    chain.truncate(3);
    chain.open(5).put(5, "x", "2");
    opened.log.append(&Append { truncate_from: Some(Position(3)), ..chain.from(3) }).unwrap();
    note(&mut opened);
    chain.delete(5, "x");
    opened.log.append(&chain.from(5)).unwrap();
    note(&mut opened);
    flushed
}

fn segments(log: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(log).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

fn lengths(log: &Path) -> Vec<u64> {
    segments(log).iter().map(|file| std::fs::metadata(file).unwrap().len()).collect()
}

#[test]
fn trap_09_every_flipped_bit_of_a_log_is_refused_by_file_and_byte() {
    for segment_bytes in [u32::MAX, 150] {
        let mut folder = Folder::new();
        written(&mut folder, segment_bytes);
        let log = folder.path().join("log");
        for file in segments(&log) {
            let whole = std::fs::read(&file).unwrap();
            for bit in 0..whole.len() * 8 {
                let _flipped = Flipped::bit(&file, &whole, bit);
                match scan(&log) {
                    Err(StorageError::Damaged { path, byte, .. }) => {
                        assert!(
                            path == file && byte <= bit as u64 / 8,
                            "bit {bit} of {file:?}: byte {byte} of {path:?}"
                        );
                    }
                    other => {
                        panic!("bit {bit} of {file:?}: {:?}", other.map(|scanned| scanned.map(|s| Memory::of(&s))))
                    }
                }
            }
        }
    }
}

/// A flipped bit of a file, restored when this is dropped.
struct Flipped<'a> {
    file: std::fs::File,
    at: usize,
    whole: &'a [u8],
}

impl<'a> Flipped<'a> {
    fn bit(path: &Path, whole: &'a [u8], bit: usize) -> Flipped<'a> {
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        let at = bit / 8;
        file.write_all_at(&[whole[at] ^ (1 << (bit % 8))], at as u64).unwrap();
        Flipped { file, at, whole }
    }
}

impl Drop for Flipped<'_> {
    fn drop(&mut self) {
        self.file.write_all_at(&self.whole[self.at..=self.at], self.at as u64).unwrap();
    }
}

#[test]
fn trap_09_a_damaged_record_stops_the_node_and_changes_nothing_on_disk() {
    let mut folder = Folder::new();
    written(&mut folder, u32::MAX);
    let file = &segments(&folder.path().join("log"))[0];
    let whole = std::fs::read(file).unwrap();
    // The first records, one in the middle, the last one.
    for byte in [90, whole.len() / 2, whole.len() - 3] {
        let mut damaged = whole.clone();
        damaged[byte] ^= 0x10;
        std::fs::write(file, &damaged).unwrap();
        let error = folder.try_open().err().unwrap();
        let text = error.to_string();
        assert!(matches!(error, StorageError::Damaged { .. }), "{text}");
        assert!(text.contains("00000001.log") && text.contains("record after") | text.contains("before any"), "{text}");
        assert_eq!(std::fs::read(file).unwrap(), damaged);
    }
    std::fs::write(file, &whole).unwrap();
    folder.open();
}

/// The lengths that a power cut leaves, with and without zeros after them.
#[test]
fn a_torn_end_of_any_length_is_dropped_and_no_flushed_operation_with_it() {
    for zeros in [0, 1, 200] {
        let mut folder = Folder::new();
        let flushed = written(&mut folder, u32::MAX);
        let file = &segments(&folder.path().join("log"))[0];
        let whole = std::fs::read(file).unwrap();
        for length in flushed[0].0[0] as usize..=whole.len() {
            let mut torn = whole[..length].to_vec();
            torn.resize(length + zeros, 0);
            std::fs::write(file, &torn).unwrap();
            let scanned = scan(&folder.path().join("log")).unwrap().unwrap();
            let (kept, memory) = flushed.iter().rev().find(|(lengths, _)| lengths[0] as usize <= length).unwrap();
            // Everything synced before is present; later operations may be present as a whole.
            assert!(scanned.length >= kept[0], "{length} bytes");
            let whole_operations = flushed.iter().any(|(lengths, _)| lengths[0] == scanned.length);
            if whole_operations {
                assert_eq!(&Memory::of(&scanned), memory, "{length} bytes");
            }
        }
    }
}

#[test]
fn after_a_torn_end_the_log_continues_after_the_last_complete_operation() {
    let chain = small_chain(6);
    for cut in (1..60).step_by(6) {
        let folder = Folder::new();
        let mut opened = folder.open();
        store(&mut opened, &Append { entries: chain.entries[..5].to_vec(), ..chain.from(1) });
        store(&mut opened, &chain.from(6));
        drop(opened);
        let file = &segments(&folder.path().join("log"))[0];
        let length = std::fs::metadata(file).unwrap().len();
        std::fs::OpenOptions::new().write(true).open(file).unwrap().set_len(length - cut).unwrap();
        let mut opened = folder.open();
        assert_eq!(opened.restored.tail, chain.entries[..5]);
        assert!(opened.notes.iter().any(|note| note.contains("never acked")), "{:?}", opened.notes);
        store(&mut opened, &chain.from(6));
        drop(opened);
        let opened = folder.open();
        assert_eq!(opened.restored.tail, chain.entries);
        assert!(!opened.notes.iter().any(|note| note.contains("never acked")), "{:?}", opened.notes);
    }
}

#[test]
fn a_missing_segment_is_a_loss_whichever_it_is() {
    let mut folder = Folder::new();
    written(&mut folder, 150);
    let log = folder.path().join("log");
    let files = segments(&log);
    assert!(files.len() > 3, "{} segments", files.len());
    for file in &files {
        let whole = std::fs::read(file).unwrap();
        std::fs::remove_file(file).unwrap();
        let error = folder.try_open().err().unwrap();
        assert!(matches!(error, StorageError::LogLost { .. }), "{error}");
        std::fs::write(file, whole).unwrap();
    }
    folder.open();
}

#[test]
fn an_emptied_segment_is_refused_whichever_it_is() {
    let mut folder = Folder::new();
    written(&mut folder, 150);
    for file in segments(&folder.path().join("log")) {
        let whole = std::fs::read(&file).unwrap();
        for left in [0, 40] {
            std::fs::write(&file, &whole[..left]).unwrap();
            let error = folder.try_open().err().unwrap();
            assert!(matches!(error, StorageError::Damaged { .. } | StorageError::LogLost { .. }), "{error}");
        }
        std::fs::write(&file, whole).unwrap();
    }
    folder.open();
}

/// A valid record in the wrong place: checksums do not detect it, but chain and positions do.
#[test]
fn a_record_that_stands_twice_or_not_at_all_is_refused() {
    let folder = Folder::new();
    let chain = small_chain(4);
    let mut opened = folder.open();
    let log = folder.path().join("log");
    let mut ends = vec![lengths(&log)[0] as usize];
    for entry in &chain.entries {
        store(&mut opened, &Append { entries: vec![entry.clone()], ..chain.from(1) });
        ends.push(lengths(&log)[0] as usize);
    }
    drop(opened);
    let file = &segments(&log)[0];
    let whole = std::fs::read(file).unwrap();
    let twice = [&whole[..ends[3]], &whole[ends[2]..]].concat();
    let without = [&whole[..ends[2]], &whole[ends[3]..]].concat();
    for wrong in [twice, without] {
        std::fs::write(file, wrong).unwrap();
        let error = folder.try_open().err().unwrap();
        assert!(matches!(&error, StorageError::Damaged { entry, .. } if entry.contains("e1·o")), "{error}");
    }
}

/// An entry whose digest does not match its content, written with correct checksums.
#[test]
fn a_broken_chain_of_digests_is_refused() {
    let folder = Folder::new();
    let mut chain = small_chain(4);
    let Entry { digest, .. } = &mut chain.entries[3];
    digest.0[5] ^= 1;
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    let broken = opened.log.reader().check_chain().unwrap();
    assert_eq!(broken, crate::protocol::ChainCheck::Broken(chain.entries[3].point()));
    drop(opened);
    let error = folder.try_open().err().unwrap();
    assert!(error.to_string().contains("digest"), "{error}");
}

#[test]
fn trap_08_damage_that_comes_while_the_node_runs_is_an_error_of_the_reader() {
    let folder = Folder::new();
    let chain = small_chain(20);
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    let file = &segments(&folder.path().join("log"))[0];
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
    let reader = opened.log.reader();
    let error = reader.read(Position(1), Position(21), u64::MAX).unwrap_err();
    assert!(matches!(&error, StorageError::Damaged { entry, .. } if entry.contains("position")), "{error}");
    assert!(reader.check_chain().is_err());
}

#[test]
fn the_body_of_an_entry_in_the_middle_of_what_is_committed_is_found_in_its_file() {
    for segment_bytes in [u32::MAX, 400] {
        let mut folder = Folder::new();
        folder.segment_bytes = segment_bytes;
        assert!(committed_body(&folder.path()).unwrap().is_none(), "there is no folder yet");
        let chain = small_chain(20);
        {
            let mut opened = folder.open();
            store(&mut opened, &chain.from(1));
            assert!(committed_body(&folder.path()).unwrap().is_none(), "nothing is committed");
            commit(&mut opened, &chain.apply(1, 15));
        }
        let StoredBody { entry, path, bytes } = committed_body(&folder.path()).unwrap().unwrap();
        assert_eq!(entry, chain.entries[7].point());
        let mut file = std::fs::read(&path).unwrap();
        assert_eq!(file[bytes.start as usize..bytes.end as usize], chain.entries[7].body);
        file[bytes.start as usize] ^= 1;
        std::fs::write(&path, file).unwrap();
        match folder.try_open().err() {
            Some(StorageError::Damaged { entry, what, .. }) => {
                assert!(entry.contains("after e1·o6"), "{entry}");
                assert!(what.contains("checksum"), "{what}");
            }
            other => panic!("it should be damaged, not {other:?}"),
        }
    }
}
