//! Folders that a node must not run on: each refusal names the folder and the remedy.

use std::path::Path;

use crate::protocol::{FeatureLevel, NodeId};
use crate::storage::StorageError;
use crate::storage::open::{OpenOptions, open};
use crate::storage::tests::support::*;

/// A folder with a log, closed.
fn used() -> Folder {
    let folder = Folder::new();
    let chain = small_chain(5);
    let mut opened = folder.open();
    opened.log.save_promise(promise(1, Some(1))).unwrap();
    store(&mut opened, &chain.from(1));
    commit(&mut opened, &chain.apply(1, 4));
    opened.database.close().unwrap();
    folder
}

fn refused(folder: &Folder) -> StorageError {
    folder.try_open().err().expect("the folder is refused")
}

/// The end was once truncated without a check whether it had contained committed entries.
#[test]
fn a_log_cut_before_its_commit_point_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    let chain = small_chain(6);
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    opened.log.record_commit(chain.entries[5].point()).unwrap();
    drop(opened);
    let file = folder.path().join("log/00000001.log");
    let whole = std::fs::read(&file).unwrap();
    let cut = &whole[..whole.len() - 40];
    std::fs::write(&file, cut).unwrap();
    let error = folder.try_open().err().unwrap();
    assert!(matches!(&error, StorageError::LogLost { .. }), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), cut);
}

#[test]
fn a_second_process_on_one_folder_is_refused() {
    let folder = used();
    let opened = folder.open();
    let error = refused(&folder);
    assert!(matches!(error, StorageError::InUse { .. }), "{error}");
    // The lock is held until both log and database are closed.
    let database = opened.database.clone();
    drop(opened);
    assert!(matches!(refused(&folder), StorageError::InUse { .. }));
    drop(database);
    folder.open();
}

#[test]
fn the_folder_of_another_node_is_refused() {
    let folder = used();
    let options = OpenOptions {
        folder: folder.path(),
        node: NodeId(2),
        tail_bytes: 0,
        tail_entries: 0,
        level_max: FeatureLevel::NEWEST,
        progress: &|_| {},
    };
    let error = open(&options).err().unwrap();
    assert!(matches!(error, StorageError::OtherNode { found: NODE, expected: NodeId(2), .. }), "{error}");
}

#[test]
fn a_missing_log_with_an_identity_is_a_loss() {
    let folder = used();
    std::fs::remove_dir_all(folder.path().join("log")).unwrap();
    let error = refused(&folder);
    assert!(matches!(error, StorageError::LogLost { .. }), "{error}");
    assert!(error.is_damage() && error.to_string().contains("has promised and acked"), "{error}");
}

#[test]
fn a_missing_identity_with_a_log_is_refused() {
    let folder = used();
    std::fs::remove_file(folder.path().join("identity")).unwrap();
    let error = refused(&folder);
    assert!(matches!(error, StorageError::IdentityLost { .. }), "{error}");
}

#[test]
fn an_older_copy_of_the_log_is_refused_by_the_commit_point_or_the_database() {
    for kept in ["commit", "final.clean"] {
        let folder = Folder::new();
        let chain = small_chain(9);
        let mut opened = folder.open();
        store(&mut opened, &crate::protocol::Append { entries: chain.entries[..3].to_vec(), ..chain.from(1) });
        let older = tempfile::tempdir().unwrap();
        copy_folder(&folder.path().join("log"), older.path());
        store(&mut opened, &chain.from(4));
        commit(&mut opened, &chain.apply(1, 8));
        opened.database.close().unwrap();
        drop(opened);
        copy_folder(older.path(), &folder.path().join("log"));
        let other = if kept == "commit" { "final.clean" } else { "commit" };
        std::fs::remove_file(folder.path().join(other)).unwrap();
        let error = refused(&folder);
        assert!(matches!(error, StorageError::LogLost { .. }), "{kept}: {error}");
    }
}

#[test]
fn the_log_of_another_folder_is_refused() {
    let (folder, other) = (used(), used());
    std::fs::remove_dir_all(folder.path().join("log")).unwrap();
    copy_folder(&other.path().join("log"), &folder.path().join("log"));
    let error = refused(&folder);
    assert!(matches!(&error, StorageError::LogLost { what, .. } if what.contains("incarnation")), "{error}");
}

#[test]
fn a_cluster_is_remembered_and_a_log_without_its_founding_is_a_loss() {
    let folder = used();
    drop(folder.open());
    let identity = std::fs::read_to_string(folder.path().join("identity")).unwrap();
    assert!(!identity.contains("cluster none"), "{identity}");
    let empty = Folder::new();
    drop(empty.open());
    let incarnation = |text: &str| text.lines().find(|line| line.starts_with("incarnation")).unwrap().to_string();
    let of_empty = std::fs::read_to_string(empty.path().join("identity")).unwrap();
    // An empty log with the identity of a node that belongs to a cluster.
    let text = of_empty.replace("cluster none", identity.lines().find(|line| line.starts_with("cluster")).unwrap());
    let (body, _) = text.rsplit_once("checksum").unwrap();
    let text = format!("{body}checksum {:08x}\n", crc32fast::hash(body.as_bytes()));
    assert_eq!(incarnation(&text), incarnation(&of_empty));
    std::fs::write(empty.path().join("identity"), text).unwrap();
    let error = refused(&empty);
    assert!(matches!(&error, StorageError::LogLost { what, .. } if what.contains("founded")), "{error}");
}

#[test]
fn a_path_that_cannot_be_a_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let options = OpenOptions {
        folder: file.join("data"),
        node: NODE,
        tail_bytes: 0,
        tail_entries: 0,
        level_max: FeatureLevel::NEWEST,
        progress: &|_| {},
    };
    let error = open(&options).err().unwrap();
    assert!(error.to_string().contains("file"), "{error}");
}

#[test]
fn errors_of_the_system_that_people_can_mend_have_a_text_of_their_own() {
    let of = |number| StorageError::io("write", Path::new("DIR/log"), &std::io::Error::from_raw_os_error(number));
    assert!(matches!(of(nix::libc::EACCES), StorageError::NoRights { .. }));
    assert!(matches!(of(nix::libc::EROFS), StorageError::NoRights { .. }));
    assert!(matches!(of(nix::libc::ENOSPC), StorageError::DiskFull { .. }));
    assert!(matches!(of(nix::libc::EFBIG), StorageError::DiskFull { .. }));
    assert!(matches!(of(nix::libc::EIO), StorageError::Io { .. }));
    assert!(of(nix::libc::EIO).to_string().contains("DIR/log"));
}
