//! Quarantine: the whole content of a damaged data folder is moved aside. Nothing is deleted.
//!
//! ```text
//! DIR/lock                    stays: a process uses the folder
//! DIR/quarantine-1/why.txt    the label: what was found, when, and whose folder it was
//! DIR/quarantine-1/…          identity, log, commit, snapshots, final database, as they were
//! ```
//!
//! During the move the label is called `moving`. It is durable before the first file moves, so a start after a crash
//! finds it and finishes the move before it opens anything. Afterwards `DIR` is empty: a node that starts on it is a
//! new one with a new incarnation, and has promised and acked nothing.

mod label;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::protocol::NodeId;
use crate::storage::StorageError;
use crate::storage::disk::{Disk, SystemDisk, write_whole};
use crate::storage::log::{last_readable_list, log_folder};
use crate::storage::open::identity::Identity;
use crate::storage::open::lock::FolderLock;
use crate::storage::open::make_folder;

pub use label::Label;

/// The number of quarantines in an hour. A disk that damages more than this is broken, and a node that returns again
/// and again would only hide it.
const IN_AN_HOUR_MAX: usize = 3;
const HOUR: Duration = Duration::from_secs(3_600);
/// The threads of the node that used the folder may take a moment to release it.
const PATIENCE: Duration = Duration::from_secs(10);

const PREFIX: &str = "quarantine-";
const MOVING: &str = "moving";
const WHY: &str = "why.txt";
const LOCK: &str = "lock";

/// The folder of a quarantine, with its label.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quarantine {
    /// `DIR/quarantine-N`.
    pub folder: PathBuf,
    /// The content of its `why.txt`.
    pub label: Label,
}

/// The label of a damaged folder: owner and members of its cluster, as far as they can be read.
pub fn examine(folder: &Path, node: NodeId, found: &str) -> Label {
    let identity = Identity::read(folder).ok().flatten();
    let list = last_readable_list(&log_folder(folder));
    let cluster = identity.and_then(|identity| identity.cluster);
    Label {
        node,
        incarnation: identity.map(|identity| identity.incarnation),
        cluster: cluster.or(list.as_ref().map(|list| list.membership.cluster)),
        members: list.map(|list| list.membership.members).unwrap_or_default(),
        seconds: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        found: found.to_owned(),
    }
}

/// Moves the content of a data folder aside, durably. Fails if that happened too often lately
/// ([`StorageError::DiskBroken`]).
pub fn quarantine(folder: &Path, label: &Label) -> Result<Quarantine, StorageError> {
    let _lock = FolderLock::take_within(folder, PATIENCE)?;
    quarantine_on(&SystemDisk, folder, label)
}

pub(super) fn quarantine_on(disk: &dyn Disk, folder: &Path, label: &Label) -> Result<Quarantine, StorageError> {
    let known = quarantines(folder)?;
    let lately = |other: &&Quarantine| label.seconds.saturating_sub(other.label.seconds) < HOUR.as_secs();
    let lately = known.iter().filter(lately).count();
    if lately >= IN_AN_HOUR_MAX {
        return Err(StorageError::DiskBroken { folder: folder.into(), times: lately, found: label.found.clone() });
    }
    let aside = folder.join(format!("{PREFIX}{}", numbers(folder)?.last().map_or(1, |last| last + 1)));
    make_folder(disk, &aside)?;
    let moving = aside.join(MOVING);
    write_whole(disk, &moving, label.encode().as_bytes()).map_err(|error| failed("write", &moving, &error))?;
    go_on(disk, folder)?;
    Ok(Quarantine { folder: aside, label: label.clone() })
}

/// Finishes an interrupted move, if there is one.
pub(super) fn go_on(disk: &dyn Disk, folder: &Path) -> Result<(), StorageError> {
    let Some(aside) = unfinished(folder)? else { return Ok(()) };
    for name in names(folder)? {
        if name == LOCK || number_of(&name).is_some() {
            continue;
        }
        let (from, to) = (folder.join(&name), aside.join(&name));
        disk.rename(&from, &to).map_err(|error| failed("move", &from, &error))?;
    }
    // The new names are durable before the removal of the old ones, and both before the label says that the move is
    // done.
    disk.sync_folder(&aside).map_err(|error| failed("sync folder", &aside, &error))?;
    disk.sync_folder(folder).map_err(|error| failed("sync folder", folder, &error))?;
    let (moving, why) = (aside.join(MOVING), aside.join(WHY));
    disk.rename(&moving, &why).map_err(|error| failed("name", &why, &error))?;
    disk.sync_folder(&aside).map_err(|error| failed("sync folder", &aside, &error))
}

/// The folder of an interrupted move.
fn unfinished(folder: &Path) -> Result<Option<PathBuf>, StorageError> {
    let mut folders = numbers(folder)?.into_iter().map(|number| folder.join(format!("{PREFIX}{number}")));
    Ok(folders.rfind(|aside| aside.join(MOVING).is_file()))
}

/// All quarantines of a data folder, oldest first.
pub(super) fn quarantines(folder: &Path) -> Result<Vec<Quarantine>, StorageError> {
    let read = |number: u64| {
        let folder = folder.join(format!("{PREFIX}{number}"));
        // A folder without a label is of no use here, and stays as it is.
        let label = Label::decode(&std::fs::read_to_string(folder.join(WHY)).ok()?)?;
        Some(Quarantine { folder, label })
    };
    Ok(numbers(folder)?.into_iter().filter_map(read).collect())
}

/// The labels of all quarantines of a data folder, also of one whose move is not finished.
pub(super) fn label_paths(folder: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let folders = numbers(folder)?.into_iter().map(|number| folder.join(format!("{PREFIX}{number}")));
    Ok(folders.flat_map(|aside| [aside.join(WHY), aside.join(MOVING)]).collect())
}

/// The numbers of the quarantine folders, in order.
fn numbers(folder: &Path) -> Result<Vec<u64>, StorageError> {
    let mut numbers: Vec<u64> = names(folder)?.iter().filter_map(|name| number_of(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix(PREFIX)?.parse().ok()
}

/// The names in a folder. The folder may be missing.
fn names(folder: &Path) -> Result<Vec<String>, StorageError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("read folder", folder, &error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| failed("read folder", folder, &error))?.file_name();
        // All names of a data folder are text.
        names.extend(name.into_string());
    }
    names.sort_unstable();
    Ok(names)
}

fn failed(action: &'static str, path: &Path, error: &io::Error) -> StorageError {
    StorageError::io(action, path, error)
}
