//! A process that is killed while it applies: trap 6, with a real SIGKILL at random moments.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::storage::database::DatabaseCopy;
use crate::storage::disk::SystemDisk;
use crate::storage::log::SEGMENT_BYTES;
use crate::storage::open::{OpenOptions, open_on};
use crate::storage::tests::database::{expected, varied_chain};
use crate::storage::tests::support::*;

const FOLDER: &str = "EPOCA_TEST_KILLED_FOLDER";
const ENTRIES: u64 = 4000;

/// Runs in a separate process, which the test below starts and kills.
#[test]
#[ignore = "the other test starts it"]
fn applying_until_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let options = OpenOptions {
        folder: PathBuf::from(folder),
        node: NODE,
        tail_bytes: u64::MAX,
        tail_entries: usize::MAX,
        level_max: crate::protocol::FeatureLevel::NEWEST,
        progress: &|_| {},
    };
    let mut opened = open_on(Arc::new(SystemDisk), SEGMENT_BYTES, &options).unwrap();
    let chain = varied_chain(ENTRIES);
    let mut applied = opened.restored.committed.map_or(0, |point| point.position.0);
    if opened.restored.tail.is_empty() {
        store(&mut opened, &chain.from(1));
    }
    while applied < chain.entries.len() as u64 {
        let to = (applied + 1 + applied % 37).min(chain.entries.len() as u64);
        commit(&mut opened, &chain.apply(applied + 1, to));
        applied = to;
        println!("applied {applied}");
    }
}

#[test]
fn trap_06_killed_between_batches_the_data_are_a_function_of_the_logs_prefix() {
    let folder = Folder::new();
    let chain = varied_chain(ENTRIES);
    let mut before = 0;
    for lines in [3, 20, 1, 9, 14] {
        let told = killed_after(&folder, lines);
        assert!(told > before, "the process applied on where it had been");
        // The data on disk, as far as sled had written it.
        let copy = tempfile::tempdir().unwrap();
        copy_folder(&folder.path().join("final"), copy.path());
        if let Ok(database) = DatabaseCopy::open(copy.path()) {
            let end = database.mark.0.map_or(0, |point| point.position.0) as usize;
            let (records, revision) = expected(&chain.entries[..end]);
            assert!(database.list(None, usize::MAX).unwrap() == (records, false), "up to {end}");
            assert_eq!(database.mark, (chain.entries[..end].last().map(|entry| entry.point()), revision));
        }
        let opened = folder.open();
        let committed = opened.restored.committed.unwrap().position.0;
        assert!(committed >= told, "{committed} committed, readers were sent {told}");
        let (records, revision) = expected(&chain.entries[..committed as usize]);
        assert!(all_records(&opened) == records, "up to {committed}");
        assert_eq!(opened.database.revision(), revision);
        before = committed;
    }
}

/// Starts the process above and kills it after `lines` lines; returns the last applied position that it reported.
fn killed_after(folder: &Folder, lines: usize) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "storage::tests::killed::applying_until_killed", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let told = output.lines().map_while(Result::ok).filter_map(|line| line.strip_prefix("applied ")?.parse().ok());
    let told = told.take(lines).last();
    child.kill().unwrap();
    child.wait().unwrap();
    told.expect("the process applied something")
}
