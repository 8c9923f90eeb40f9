//! The log as the runtime uses it: flushed entries survive a restart in order, with their marks.

use crate::protocol::{Append, ChainCheck, Position};
use crate::storage::StorageError;
use crate::storage::tests::support::*;

#[test]
fn trap_11_what_was_flushed_is_there_after_a_restart() {
    let folder = Folder::new();
    let mut chain = small_chain(20);
    let mut opened = folder.open();
    assert!(opened.restored.tail.is_empty() && opened.restored.promise.is_none());
    opened.log.save_promise(promise(1, Some(1))).unwrap();
    store(&mut opened, &chain.from(1));
    chain.open(4).put(4, "later", "yes");
    opened.log.save_promise(promise(4, None)).unwrap();
    store(&mut opened, &chain.from(22));
    let incarnation = opened.incarnation;
    drop(opened);

    let opened = folder.open();
    assert_eq!(opened.incarnation, incarnation);
    assert_eq!(opened.restored.promise, Some(promise(4, None)));
    assert_eq!(opened.restored.tail, chain.entries);
    assert_eq!(all_entries(&opened), chain.entries);
    assert_eq!(opened.log.reader().check_chain().unwrap(), ChainCheck::Whole);
    assert!(!opened.restored.lists.is_empty());
    let runs: Vec<_> =
        opened.restored.runs.iter().map(|(run, end)| (run.epoch.0, run.last.0, run.digest, end.0)).collect();
    assert_eq!(runs, [(1, 20, chain.entries[20].digest, 21), (4, 1, chain.entries[22].digest, 23)]);
}

#[test]
fn appended_entries_are_readable_before_they_are_flushed() {
    let folder = Folder::new();
    let chain = small_chain(9);
    let mut opened = folder.open();
    store(&mut opened, &Append { entries: chain.entries[..5].to_vec(), ..chain.from(1) });
    opened.log.append(&chain.from(6)).unwrap();
    assert_eq!(all_entries(&opened), chain.entries);
    let reader = opened.log.reader();
    assert_eq!(reader.read(Position(4), Position(7), u64::MAX).unwrap(), chain.entries[3..7]);
    assert_eq!(reader.read(Position(4), Position(7), 1).unwrap(), chain.entries[3..4]);
    assert!(reader.read(Position(11), Position(20), u64::MAX).unwrap().is_empty());
}

#[test]
fn entries_are_read_across_many_segments() {
    let mut folder = Folder::new();
    folder.segment_bytes = 600;
    let chain = small_chain(200);
    let mut opened = folder.open();
    for position in 1..=chain.entries.len() as u64 {
        opened
            .log
            .append(&Append { entries: vec![chain.entries[position as usize - 1].clone()], ..chain.from(1) })
            .unwrap();
        if position % 3 == 0 {
            flush(&mut *opened.log);
        }
    }
    flush(&mut *opened.log);
    assert_eq!(all_entries(&opened), chain.entries);
    drop(opened);
    let segments = std::fs::read_dir(folder.path().join("log")).unwrap().count();
    assert!(segments > 20, "{segments} segments");
    let opened = folder.open();
    assert_eq!(all_entries(&opened), chain.entries);
    assert_eq!(opened.log.reader().read(Position(100), Position(140), u64::MAX).unwrap(), chain.entries[99..140]);
    assert_eq!(opened.log.reader().check_chain().unwrap(), ChainCheck::Whole);
}

#[test]
fn the_promise_survives_a_restart_and_a_change_of_segment() {
    let mut folder = Folder::new();
    folder.segment_bytes = 300;
    let chain = small_chain(30);
    let mut opened = folder.open();
    opened.log.save_promise(promise(7, Some(3))).unwrap();
    for entry in &chain.entries {
        opened.log.append(&Append { entries: vec![entry.clone()], ..chain.from(1) }).unwrap();
    }
    flush(&mut *opened.log);
    drop(opened);
    assert_eq!(folder.open().restored.promise, Some(promise(7, Some(3))));
}

#[test]
fn truncated_entries_stay_away_and_others_take_their_place() {
    let folder = Folder::new();
    let mut chain = small_chain(10);
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    chain.truncate(6);
    chain.open(3).put(3, "x", "new");
    store(&mut opened, &Append { truncate_from: Some(Position(6)), ..chain.from(6) });
    assert_eq!(all_entries(&opened), chain.entries);
    drop(opened);
    let mut opened = folder.open();
    assert_eq!(opened.restored.tail, chain.entries);
    chain.truncate(1);
    store(&mut opened, &Append { truncate_from: Some(Position(1)), entries: Vec::new(), forged: false });
    drop(opened);
    let opened = folder.open();
    assert!(opened.restored.tail.is_empty() && opened.restored.lists.is_empty());
    assert!(opened.restored.runs.is_empty());
}

#[test]
fn forged_marks_survive_until_the_entries_are_truncated_or_confirmed() {
    let folder = Folder::new();
    let mut chain = small_chain(5);
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    chain.put(1, "x", "666").put(1, "y", "667");
    store(&mut opened, &Append { forged: true, ..chain.from(7) });
    drop(opened);
    let mut opened = folder.open();
    assert_eq!(opened.restored.forged_from, Some(Position(7)));
    let honest = Append { forged: false, ..chain.clone().put(1, "honest", "1").from(9) };
    let error = opened.log.append(&honest).unwrap_err();
    assert!(matches!(error, StorageError::OutOfOrder { .. }), "{error}");
    // A push that confirms one of them by id and digest rewrites it without the mark.
    let confirmed = Append { truncate_from: Some(Position(7)), entries: vec![chain.entries[6].clone()], forged: false };
    store(&mut opened, &confirmed);
    drop(opened);
    let opened = folder.open();
    assert_eq!(opened.restored.forged_from, None);
    assert_eq!(opened.restored.tail, chain.entries[..7]);
}

/// A forged epoch above that of later entries: raft-log made such entries unreadable.
#[test]
fn entries_of_a_smaller_epoch_than_truncated_ones_stay_readable() {
    let mut folder = Folder::new();
    folder.segment_bytes = 500;
    let mut chain = small_chain(3);
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    let mut forged = chain.clone();
    for number in 0..20 {
        forged.put(9, "x", format!("{number}"));
    }
    store(&mut opened, &Append { forged: true, ..forged.from(5) });
    chain.open(5);
    for number in 0..20 {
        chain.put(5, "x", format!("right {number}"));
    }
    store(&mut opened, &Append { truncate_from: Some(Position(5)), ..chain.from(5) });
    assert_eq!(all_entries(&opened), chain.entries);
    drop(opened);
    assert_eq!(folder.open().restored.tail, chain.entries);
}

#[test]
fn the_tail_keeps_its_bounds_but_never_lacks_an_uncommitted_entry() {
    let mut folder = Folder::new();
    let chain = small_chain(100);
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    commit(&mut opened, &chain.apply(1, 60));
    drop(opened);
    let tail_from = |folder: &Folder| {
        let restored = folder.open().restored;
        let first = restored.tail[0].position.0;
        assert_eq!(restored.tail, chain.entries[first as usize - 1..]);
        let before = (first > 1).then(|| chain.entries[first as usize - 2].point());
        assert_eq!(restored.before_tail, before);
        first
    };
    assert_eq!(tail_from(&folder), 1);
    folder.tail_entries = 50;
    assert_eq!(tail_from(&folder), 52);
    folder.tail_entries = 5;
    assert_eq!(tail_from(&folder), 61);
    (folder.tail_entries, folder.tail_bytes) = (usize::MAX, 100);
    assert_eq!(tail_from(&folder), 61);
}

#[test]
fn a_gap_an_oversized_entry_and_a_truncation_of_committed_entries_are_refused() {
    let folder = Folder::new();
    let mut chain = small_chain(10);
    let mut opened = folder.open();
    store(&mut opened, &Append { entries: chain.entries[..6].to_vec(), ..chain.from(1) });
    let mut refused = |append: &Append| {
        let error = opened.log.append(append).unwrap_err();
        assert!(matches!(error, StorageError::OutOfOrder { .. }), "{error}");
    };
    refused(&chain.from(8));
    refused(&Append { truncate_from: Some(Position(8)), ..chain.from(8) });
    chain.put(1, "huge", vec![0; 2 << 20]);
    refused(&chain.from(7));
    opened.log.record_commit(chain.entries[3].point()).unwrap();
    let error = opened.log.append(&Append { truncate_from: Some(Position(4)), ..chain.from(4) }).unwrap_err();
    assert!(matches!(error, StorageError::OutOfOrder { .. }), "{error}");
    let error = opened.log.record_commit(chain.entries[9].point()).unwrap_err();
    assert!(matches!(error, StorageError::OutOfOrder { .. }), "{error}");
    assert_eq!(all_entries(&opened), chain.entries[..6]);
}

#[test]
fn flushes_are_answered_in_order() {
    let folder = Folder::new();
    let chain = small_chain(50);
    let mut opened = folder.open();
    let (told, wait) = std::sync::mpsc::channel();
    for (number, entry) in chain.entries.iter().enumerate() {
        opened.log.append(&Append { entries: vec![entry.clone()], ..chain.from(1) }).unwrap();
        let told = told.clone();
        opened.log.flush(Box::new(move |result| told.send((number, result)).unwrap())).unwrap();
    }
    for number in 0..chain.entries.len() {
        assert_eq!(wait.recv().unwrap(), (number, Ok(())));
    }
}

#[test]
fn a_panic_in_a_flush_callback_reaches_all_others_as_an_error() {
    let folder = Folder::new();
    let chain = small_chain(3);
    let mut opened = folder.open();
    opened.log.append(&chain.from(1)).unwrap();
    opened.log.flush(Box::new(|_| panic!("a panic of the test"))).unwrap();
    let later = try_flush(&mut *opened.log).unwrap_err();
    assert!(matches!(later, StorageError::Stopped(_)), "{later}");
    assert!(matches!(try_flush(&mut *opened.log).unwrap_err(), StorageError::Stopped(_)));
}

#[test]
fn readers_see_a_whole_chain_while_the_loop_appends_and_truncates() {
    let mut folder = Folder::new();
    folder.segment_bytes = 4 << 10;
    let mut chain = small_chain(300);
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    let reader = opened.log.reader();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let reading = std::thread::spawn(move || {
        let mut reads = 0;
        while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            assert_eq!(reader.check_chain().unwrap(), ChainCheck::Whole);
            let entries = reader.read(Position(200), Position(u64::MAX), u64::MAX).unwrap();
            assert!(entries.windows(2).all(|pair| pair[0].position.next() == pair[1].position));
            reads += 1;
        }
        reads
    });
    for epoch in 2..60 {
        let from = 250 + epoch % 40;
        chain.truncate(from);
        chain.open(epoch);
        for number in 0..80 {
            chain.put(epoch, "k", format!("{number}"));
        }
        store(&mut opened, &Append { truncate_from: Some(Position(from)), ..chain.from(from) });
    }
    stop.send(()).unwrap();
    assert!(reading.join().unwrap() > 0);
    assert_eq!(all_entries(&opened), chain.entries);
}
