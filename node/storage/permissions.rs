//! Access to data folders is for the user alone who runs the node: files 0600, folders 0700, whatever the umask is.
//!
//! Files that this crate creates get their mode at once. The embedded database creates its own files by the umask, so
//! each start removes the rights of group and others. Only the known names of a data folder are touched.

use std::fs::{DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

pub(crate) const FILE_MODE: u32 = 0o600;
pub(crate) const FOLDER_MODE: u32 = 0o700;
/// The rights of group and others.
const OTHERS: u32 = 0o077;

/// The names in a data folder, except quarantine folders.
const NAMES: [&str; 7] = ["lock", "identity", "log", "commit", "snapshot", "final", "final.clean"];

pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(FOLDER_MODE).create(path)
}

/// Removes the rights of group and others from everything in a data folder. A file that cannot be changed belongs to
/// another user, who has all rights on it anyway; it stays as it is.
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

/// Symbolic links are not followed: their targets are not in the folder.
fn restrict(path: &Path) {
    let Ok(found) = std::fs::symlink_metadata(path) else { return };
    if found.is_symlink() {
        return;
    }
    remove_rights(path, &found);
    if found.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.for_each(|entry| restrict(&entry.path()));
    }
}

fn remove_rights(path: &Path, found: &Metadata) {
    let mode = found.permissions().mode();
    if mode & OTHERS != 0 {
        // Another user's file, see above.
        let _ = std::fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS));
    }
}
