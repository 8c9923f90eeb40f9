//! Power cuts, full disks and failed syncs, on a fault-injecting disk.

use std::sync::Arc;

use crate::protocol::{Append, Entry, Position};
use crate::storage::tests::faulty::FaultyDisk;
use crate::storage::tests::support::*;
use crate::storage::{Opened, StorageError};

fn faulty() -> (FaultyDisk, Folder) {
    let disk = FaultyDisk::default();
    let folder = Folder::on(Arc::new(disk.clone()));
    (disk, folder)
}

fn tail_after_cut(disk: &FaultyDisk, folder: &Folder, opened: Opened, kept: u64) -> Opened {
    drop(opened);
    disk.cut_power(kept);
    folder.open()
}

#[test]
fn trap_01_what_was_acked_is_there_after_a_power_cut() {
    let (disk, folder) = faulty();
    let chain = small_chain(12);
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    let opened = tail_after_cut(&disk, &folder, opened, 0);
    assert_eq!(opened.restored.tail, chain.entries);
}

#[test]
fn trap_01_no_flush_is_answered_as_done_whose_sync_failed() {
    let (disk, folder) = faulty();
    let mut opened = folder.open();
    opened.log.append(&small_chain(3).from(1)).unwrap();
    disk.fail_syncs_after(0);
    assert!(try_flush(&mut *opened.log).is_err());
}

#[test]
fn trap_02_every_flush_is_a_sync_of_the_file_and_without_one_nothing_survives() {
    let (disk, folder) = faulty();
    let chain = small_chain(12);
    let mut opened = folder.open();
    for entry in &chain.entries[..8] {
        let before = disk.file_syncs();
        store(&mut opened, &Append { entries: vec![entry.clone()], ..chain.from(1) });
        assert_eq!(disk.file_syncs(), before + 1);
    }
    opened.log.append(&chain.from(9)).unwrap();
    let opened = tail_after_cut(&disk, &folder, opened, 0);
    assert_eq!(opened.restored.tail, chain.entries[..8]);
}

/// Operations that queue up behind a running sync share the next one.
#[test]
fn trap_02_queued_flushes_share_syncs_and_none_is_answered_before_its_own() {
    let (disk, folder) = faulty();
    let chain = small_chain(200);
    let mut opened = folder.open();
    let before = disk.file_syncs();
    let mut waiting = Vec::new();
    for entry in &chain.entries {
        opened.log.append(&Append { entries: vec![entry.clone()], ..chain.from(1) }).unwrap();
        waiting.push(start_flush(&mut *opened.log));
    }
    for flushed in waiting {
        assert_eq!(flushed.recv().unwrap(), Ok(()));
    }
    let syncs = disk.file_syncs() - before;
    assert!((1..=chain.entries.len() as u64).contains(&syncs), "{syncs} syncs");
    assert_eq!(tail_after_cut(&disk, &folder, opened, 0).restored.tail, chain.entries);
}

#[test]
fn trap_03_no_entry_of_an_epoch_survives_without_the_promise_of_it() {
    for kept in (0..400).step_by(13) {
        let (disk, folder) = faulty();
        let mut chain = small_chain(2);
        let mut opened = folder.open();
        opened.log.save_promise(promise(1, Some(1))).unwrap();
        store(&mut opened, &chain.from(1));
        disk.fail_syncs_after(0);
        chain.open(6).put(6, "x", "1").put(6, "y", "2");
        opened.log.save_promise(promise(6, Some(2))).unwrap();
        opened.log.append(&chain.from(4)).unwrap();
        try_flush(&mut *opened.log).unwrap_err();
        let restored = tail_after_cut(&disk, &folder, opened, kept).restored;
        let promised = restored.promise.unwrap().epoch;
        assert!(restored.tail.iter().all(|entry| entry.id.epoch <= promised), "{kept} bytes kept");
        assert_eq!(restored.tail[..3], chain.entries[..3]);
    }
}

#[test]
fn trap_05_truncation_and_append_are_one_operation_that_is_there_or_not() {
    let (mut whole, mut none) = (0, 0);
    for kept in (0..500).step_by(13) {
        let (disk, folder) = faulty();
        let old = small_chain(8);
        let mut opened = folder.open();
        store(&mut opened, &old.from(1));
        let mut new = old.clone();
        new.truncate(5);
        new.open(3).put(3, "x", "new").put(3, "y", "new");
        disk.fail_syncs_after(0);
        opened.log.append(&Append { truncate_from: Some(Position(5)), ..new.from(5) }).unwrap();
        try_flush(&mut *opened.log).unwrap_err();
        let tail = tail_after_cut(&disk, &folder, opened, kept).restored.tail;
        whole += usize::from(tail == new.entries);
        none += usize::from(tail == old.entries);
        assert!(tail == new.entries || tail == old.entries, "{kept} bytes kept: {tail:?}");
    }
    assert!(whole > 0 && none > 0);
}

/// Unsynced writes of a killed process are read at the next start. The core then treats them as durable, so they must
/// be synced, including the seal of a segment, without which the log would not open.
#[test]
fn what_a_start_has_read_survives_a_power_cut_right_after_it() {
    for syncs in (0..30).step_by(2) {
        let (disk, mut folder) = faulty();
        folder.segment_bytes = 400;
        let chain = small_chain(40);
        let mut opened = folder.open();
        disk.fail_syncs_after(syncs);
        append_until_error(&mut opened, &chain.entries, 0);
        drop(opened);
        disk.mend();
        let opened = folder.open();
        let read = opened.restored.tail.clone();
        let opened = tail_after_cut(&disk, &folder, opened, 0);
        assert_eq!(opened.restored.tail, read, "{syncs} syncs");
    }
}

/// Syncs fail at every possible moment, also during a segment change: nothing acked is lost, and the node continues.
#[test]
fn a_power_cut_at_any_sync_loses_nothing_that_was_acked() {
    for syncs in 0..36 {
        let kept = [0, 30, 10_000][syncs as usize % 3];
        let (disk, mut folder) = faulty();
        folder.segment_bytes = 400;
        let mut chain = small_chain(40);
        let mut opened = folder.open();
        disk.fail_syncs_after(syncs);
        let acked = append_until_error(&mut opened, &chain.entries, 0);
        let mut opened = tail_after_cut(&disk, &folder, opened, kept);
        let tail = opened.restored.tail.clone();
        assert!(tail.len() >= acked, "{syncs} syncs, {kept} bytes: {} of {acked} acked entries", tail.len());
        assert_eq!(tail, chain.entries[..tail.len()]);
        chain.put(1, "more", "entries");
        assert_eq!(append_until_error(&mut opened, &chain.entries, tail.len()), chain.entries.len());
        assert_eq!(tail_after_cut(&disk, &folder, opened, 0).restored.tail, chain.entries);
    }
}

/// Appends and flushes one by one; returns the number of acked entries.
fn append_until_error(opened: &mut Opened, entries: &[Entry], mut acked: usize) -> usize {
    for entry in &entries[acked..] {
        let append = Append { truncate_from: None, entries: vec![entry.clone()], forged: false };
        if opened.log.append(&append).is_err() || try_flush(&mut *opened.log).is_err() {
            break;
        }
        acked += 1;
    }
    acked
}

#[test]
fn a_power_cut_while_a_folder_is_made_leaves_one_that_opens() {
    for syncs in 0..8 {
        for kept in [0, 20, 1000] {
            let (disk, folder) = faulty();
            disk.fail_syncs_after(syncs);
            let made = folder.try_open();
            let incarnation = made.as_ref().ok().map(|opened| opened.incarnation);
            drop(made);
            disk.cut_power(kept);
            let mut opened = folder.open();
            assert!(incarnation.is_none_or(|incarnation| incarnation == opened.incarnation));
            let chain = small_chain(3);
            store(&mut opened, &chain.from(1));
            assert_eq!(tail_after_cut(&disk, &folder, opened, 0).restored.tail, chain.entries);
        }
    }
}

#[test]
fn a_full_disk_is_named_stops_the_log_and_loses_nothing_that_was_acked() {
    for room in (0..1500).step_by(61) {
        let (disk, mut folder) = faulty();
        folder.segment_bytes = 700;
        let chain = small_chain(30);
        let mut opened = folder.open();
        disk.fill_up(room);
        let mut acked = 0;
        let error = chain.entries.iter().find_map(|entry| {
            opened.log.append(&Append { entries: vec![entry.clone()], ..chain.from(1) }).unwrap();
            let flushed = try_flush(&mut *opened.log).err();
            acked += usize::from(flushed.is_none());
            flushed
        });
        let error = error.expect("the disk ran full");
        assert!(matches!(error, StorageError::DiskFull { .. }), "{error}");
        assert!(error.to_string().contains("disk is full"), "{error}");
        let stopped = try_flush(&mut *opened.log).unwrap_err();
        assert!(matches!(stopped, StorageError::Stopped(_)), "{stopped}");
        // Without a power cut, writes that were not acked may be present, too.
        drop(opened);
        disk.mend();
        let tail = folder.open().restored.tail;
        assert!(tail.len() >= acked && tail == chain.entries[..tail.len()], "room for {room} bytes");
    }
}

#[test]
fn a_failed_sync_is_final_even_if_the_next_one_would_work() {
    let (disk, folder) = faulty();
    let chain = small_chain(10);
    let mut opened = folder.open();
    store(&mut opened, &Append { entries: chain.entries[..4].to_vec(), ..chain.from(1) });
    disk.fail_syncs_after(0);
    opened.log.append(&Append { entries: chain.entries[4..5].to_vec(), ..chain.from(1) }).unwrap();
    let error = try_flush(&mut *opened.log).unwrap_err();
    assert!(matches!(&error, StorageError::Io { action: "sync", .. }), "{error}");
    disk.mend();
    opened.log.append(&chain.from(6)).unwrap();
    assert!(matches!(try_flush(&mut *opened.log).unwrap_err(), StorageError::Stopped(_)));
    let opened = tail_after_cut(&disk, &folder, opened, 0);
    assert_eq!(opened.restored.tail, chain.entries[..4]);
}
