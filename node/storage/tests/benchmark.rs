//! Measurements, not checks: `cargo test --release --lib storage::tests::benchmark -- --ignored --nocapture
//! --test-threads 1`. `EPOCA_BENCH_DIR` names a folder on the disk to measure.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::protocol::Append;
use crate::storage::tests::support::*;

const EMPTY: Append = Append { truncate_from: None, entries: Vec::new(), forged: false };

/// CPU time of this process, over all threads.
fn cpu() -> Duration {
    use nix::sys::resource::{UsageWho, getrusage};
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() as u64 * 1_000_000 + time.tv_usec() as u64;
    Duration::from_micros(micros(usage.user_time()) + micros(usage.system_time()))
}

fn report(what: &str, count: u64, measure: impl FnOnce()) {
    let (begun, used) = (Instant::now(), cpu());
    measure();
    let (took, used) = (begun.elapsed(), cpu() - used);
    let per = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
    println!(
        "{what:<52} {:>9.0}/s  {:>7.2} µs  CPU {:>6.2} µs",
        count as f64 / took.as_secs_f64(),
        per(took),
        per(used)
    );
}

fn chain_of(count: u64, keys: u64) -> Chain {
    let mut chain = Chain::default();
    chain.open(1);
    for number in 1..count {
        chain.put(1, &format!("key-{:012}", (number * 7_919) % keys), [b'v'; 256]);
    }
    chain
}

fn folder() -> Folder {
    match std::env::var("EPOCA_BENCH_DIR") {
        Ok(path) => Folder::within(&path),
        Err(_) => Folder::new(),
    }
}

#[test]
#[ignore = "a measurement"]
fn append_and_flush() {
    for (batch, count) in [(1, 4_000), (8, 30_000), (64, 200_000), (256, 400_000)] {
        let (folder, chain) = (folder(), chain_of(count, 10_000));
        let mut opened = folder.open();
        let path = folder.path().join("by-hand");
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        report(&format!("the limit: write + fdatasync, batches of {batch}"), count, || {
            for entries in chain.entries.chunks(batch) {
                let bytes: Vec<u8> = entries.iter().flat_map(|entry| entry.body.iter().copied()).collect();
                file.write_all(&bytes).unwrap();
                file.sync_data().unwrap();
            }
        });
        report(&format!("append + flush, batches of {batch}"), count, || {
            for entries in chain.entries.chunks(batch) {
                store(&mut opened, &Append { entries: entries.to_vec(), ..EMPTY });
            }
        });
    }
}

#[test]
#[ignore = "a measurement"]
fn apply() {
    for keys in [100, 10_000, 1_000_000] {
        for (batch, count) in [(1, 20_000), (8, 50_000), (64, 100_000), (256, 200_000)] {
            let (folder, chain) = (folder(), chain_of(count, keys));
            let opened = folder.open();
            report(&format!("apply, {keys} keys, batches of {batch}"), count, || {
                for from in (1..=count).step_by(batch as usize) {
                    opened.database.apply(&chain.apply(from, (from + batch - 1).min(count))).unwrap();
                }
            });
        }
    }
}

#[test]
#[ignore = "a measurement"]
fn reads() {
    let (folder, count) = (folder(), 200_000);
    let chain = chain_of(count, 10_000);
    let opened = folder.open();
    opened.database.apply(&chain.apply(1, count)).unwrap();
    report("read a key", count, || {
        for number in 0..count {
            let key = format!("key-{:012}", (number * 31) % 10_000);
            assert!(opened.database.read(key.as_bytes()).unwrap().is_some());
        }
    });
}

#[test]
#[ignore = "a measurement"]
fn restart() {
    for keys in [10_000, 1_000_000] {
        let (mut folder, count) = (folder(), 1_000_000);
        folder.tail_entries = 16_384;
        folder.tail_bytes = 16 << 20;
        let chain = chain_of(count, keys);
        let mut opened = folder.open();
        for entries in chain.entries.chunks(1024) {
            opened.log.append(&Append { entries: entries.to_vec(), ..EMPTY }).unwrap();
        }
        flush(&mut *opened.log);
        opened.log.record_commit(chain.last().unwrap()).unwrap();
        drop(opened);
        let index = crate::storage::log::scan(&folder.path().join("log")).unwrap().unwrap().replay.index;
        println!("index: {:.2} bytes of memory an entry", index.memory() as f64 / count as f64);
        report(&format!("open with a rebuild, {keys} keys"), count, || drop(folder.open()));
        let opened = folder.open();
        report("close", 1, || opened.database.close().unwrap());
        drop(opened);
        report("open after a clean end", count, || drop(folder.open()));
    }
}

/// The cost of `record_commit` for the event loop while another file is synced continuously.
#[test]
#[ignore = "a measurement"]
fn record_commit() {
    let (folder, count) = (folder(), 20_000);
    let chain = chain_of(count, 1000);
    let mut opened = folder.open();
    let mut times = Vec::new();
    for entries in chain.entries.chunks(4) {
        opened.log.append(&Append { entries: entries.to_vec(), ..EMPTY }).unwrap();
        let flushed = start_flush(&mut *opened.log);
        let begun = Instant::now();
        opened.log.record_commit(entries[0].point()).unwrap();
        times.push(begun.elapsed());
        flushed.recv().unwrap().unwrap();
    }
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("record_commit: p50 {:?}, p99 {:?}, p99.9 {:?}, most {:?}", at(0.5), at(0.99), at(0.999), at(1.0));
}

/// The cost of recovery after an unclean shutdown with a million entries, a snapshot of nearly all of them, and a log
/// compacted after it.
#[test]
#[ignore = "a measurement"]
fn restart_from_a_snapshot() {
    use crate::storage::tests::snapshots::{base_of, bytes_of};
    for keys in [10_000, 1_000_000] {
        let (folder, count) = (folder(), 1_000_000);
        let chain = chain_of(count, keys);
        let mut opened = folder.open();
        for entries in chain.entries.chunks(1024) {
            opened.log.append(&Append { entries: entries.to_vec(), ..EMPTY }).unwrap();
        }
        flush(&mut *opened.log);
        opened.log.record_commit(chain.entries[count as usize - 50_001].point()).unwrap();
        drop(opened);
        let mut opened = folder.open();
        let before = bytes_of(&folder.path().join("log"));
        let base = base_of(&chain, count - 50_000);
        report(&format!("take a snapshot, {keys} keys"), keys, || {
            let mut dump = opened.database.begin_snapshot().unwrap();
            opened.snapshots.take(&base, &mut *dump).unwrap();
        });
        opened.log.compact(&base_of(&chain, count - 60_000)).unwrap();
        flush(&mut *opened.log);
        opened.log.record_commit(chain.last().unwrap()).unwrap();
        drop(opened);
        let log = bytes_of(&folder.path().join("log"));
        let snapshot = bytes_of(&folder.path().join("snapshot"));
        println!("log {before} bytes before and {log} after, snapshot {snapshot}");
        report(&format!("open after an unclean end, {keys} keys"), count, || drop(folder.open()));
    }
}

#[test]
#[ignore = "a measurement"]
fn large_values() {
    let (folder, count) = (folder(), 60_u64);
    let mut chain = Chain::default();
    chain.open(1);
    for number in 1..count {
        chain.put(1, &format!("large-{number}"), vec![number as u8; 1 << 20]);
    }
    let mut opened = folder.open();
    report("append and flush values of 1 MiB", count, || {
        for entry in &chain.entries {
            store(&mut opened, &Append { entries: vec![entry.clone()], ..EMPTY });
        }
    });
    report("apply values of 1 MiB", count, || {
        (1..=count).for_each(|number| drop(opened.database.apply(&chain.apply(number, number)).unwrap()));
    });
    report("digest of 1 MiB", count, || {
        chain.entries.iter().for_each(|entry| assert_ne!(blake3::hash(&entry.body).as_bytes(), &[0; 32]));
    });
    report("checksum of 1 MiB", count, || {
        chain.entries.iter().for_each(|entry| assert_ne!(crc32fast::hash(&entry.body), 1));
    });
}
