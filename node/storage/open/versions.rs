//! The format versions of all files in a data folder, read before anything is written.
//!
//! A folder with a file of another version is refused and stays exactly as it is: no lock, no changed permissions, no
//! finished quarantine. Only versions are compared here; missing and damaged files are left to their readers.
//! Incomplete files (`.tmp`) are not read: they hold nothing that counts.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::storage::StorageError;
use crate::storage::database::{clean_path, format_path, sled_folder};
use crate::storage::format::FileKind;
use crate::storage::log::{base_path, commit_path, log_folder, read_commit, segment_paths};
use crate::storage::open::identity::Identity;
use crate::storage::quarantine::label_paths;
use crate::storage::snapshot::snapshot_paths;

/// Longer than any beginning of a file.
const BYTES_MAX: u64 = 256;

/// Fails for the first file of a version that this program does not read. The folder may be missing.
pub(crate) fn check_versions(folder: &Path) -> Result<(), StorageError> {
    let log = log_folder(folder);
    let single = [
        (FileKind::Identity, Identity::path(folder)),
        (FileKind::LogBase, base_path(&log)),
        (FileKind::Database, format_path(&sled_folder(folder))),
        (FileKind::CleanMark, clean_path(folder)),
    ];
    let of_kind = |kind: FileKind, paths: Vec<PathBuf>| paths.into_iter().map(move |path| (kind, path));
    let files = single
        .into_iter()
        .chain(of_kind(FileKind::Segment, segment_paths(&log)?))
        .chain(of_kind(FileKind::Snapshot, snapshot_paths(folder)?))
        .chain(of_kind(FileKind::QuarantineLabel, label_paths(folder)?));
    for (kind, path) in files {
        check(kind, &path)?;
    }
    read_commit(&commit_path(folder)).map(drop)
}

fn check(kind: FileKind, path: &Path) -> Result<(), StorageError> {
    let mut beginning = Vec::new();
    match File::open(path).and_then(|file| file.take(BYTES_MAX).read_to_end(&mut beginning)) {
        Ok(_) => kind.check(path, &beginning).map(drop),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StorageError::io("read", path, &error)),
    }
}
