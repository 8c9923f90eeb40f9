//! Data are for the user alone who runs the node: files 0600, folders 0700, whatever the umask is.
//!
//! What this crate opens gets its mode there. The embedded database opens its own files, and earlier versions followed
//! the umask, so at each start what is there loses the rights of others. Only names that a data folder has are touched.

use std::fs::{DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

pub(crate) const FILE_MODE: u32 = 0o600;
pub(crate) const FOLDER_MODE: u32 = 0o700;
/// Of the group and all others.
const OTHERS: u32 = 0o077;

/// What lies in a data folder; quarantines besides.
const NAMES: [&str; 7] = ["lock", "identity", "log", "commit", "snapshot", "final", "final.clean"];

pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(FOLDER_MODE).create(path)
}

/// Takes the rights of others from all that a data folder holds. What cannot be changed stays as it is: it belongs to
/// another user, who has all rights on it anyway.
pub(crate) fn make_private(data: &Path) {
    let Ok(entries) = std::fs::read_dir(data) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| NAMES.contains(&name) || name.starts_with("quarantine-"));
        if ours {
            restrict(&entry.path());
        }
    }
}

/// Links are not followed: what they name is not in the folder.
fn restrict(path: &Path) {
    let Ok(found) = std::fs::symlink_metadata(path) else { return };
    if found.is_symlink() {
        return;
    }
    take_rights(path, &found);
    if found.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.for_each(|entry| restrict(&entry.path()));
    }
}

fn take_rights(path: &Path, found: &Metadata) {
    let mode = found.permissions().mode();
    if mode & OTHERS != 0 {
        // See above.
        let _ = std::fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS));
    }
}
