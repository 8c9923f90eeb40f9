//! A damaged final database: rebuilt from snapshot and log while these are intact, otherwise a reason for quarantine.

use std::path::{Path, PathBuf};

use crate::damage::{a_replica, compacted, flip, flip_all_over, folder, has_everything};
use crate::members::{incarnation, members, voters};
use crate::support::until;

fn snapshots(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder.join("snapshot")).expect("it exists");
    files.map(|file| file.expect("it can be listed").path()).collect()
}

#[test]
fn a_database_with_wrong_rows_is_rebuilt_from_the_snapshot_and_the_log() {
    let cluster = compacted();
    let node = a_replica(&cluster);
    let old = incarnation(&cluster, node);
    cluster.text(0, &["fault", "kill", &node.to_string()]);
    flip_all_over(&folder(&cluster, node).join("final/db"));
    cluster.text(0, &["fault", "restart", &node.to_string()]);
    until("it has everything", || has_everything(&cluster, node));
    let notes = cluster.status()[node as usize - 1]["notes"].to_string();
    assert!(notes.contains("the final database was rebuilt from a snapshot"), "{notes}");
    assert_eq!(incarnation(&cluster, node), old);
    assert!(!folder(&cluster, node).join("quarantine-1").exists());
}

#[test]
fn a_database_that_nothing_can_make_good_is_quarantined_and_comes_back_with_everything() {
    let cluster = compacted();
    let node = a_replica(&cluster);
    let old = incarnation(&cluster, node);
    cluster.text(0, &["fault", "kill", &node.to_string()]);
    let own = folder(&cluster, node);
    flip_all_over(&own.join("final/db"));
    snapshots(&own).iter().for_each(|file| flip(file));
    cluster.text(0, &["fault", "restart", &node.to_string()]);
    until("it is a member with a new folder", || incarnation(&cluster, node) != old);
    until("it is a voter again", || members(&cluster) == voters(&[1, 2, 3]));
    until("it has everything", || has_everything(&cluster, node));
    let why = std::fs::read_to_string(own.join("quarantine-1/why.txt")).expect("a reason is reported");
    assert!(why.contains(&old) && why.contains("snapshot") && why.contains("final database"), "{why}");
    assert!(own.join("quarantine-1/final/db").exists(), "nothing was deleted");
}
