//! Quarantine: a data folder whose content is damaged is moved aside as a whole. Nothing of it is ever deleted.
//!
//! ```text
//! DIR/lock                    stays: it says that a process works here
//! DIR/quarantine-1/why.txt    what was found, when, and whose folder it was
//! DIR/quarantine-1/…          identity, log, commit, snapshots, final database, as they were
//! ```
//!
//! While the move is under way the text is called `moving`. It is durable before the first file moves, so a start after a
//! crash sees it and goes on; only then is anything opened. What is left in `DIR` is an empty folder: whoever starts on it
//! is a new node with a new incarnation, and has promised and acked nothing.

mod label;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::protocol::NodeId;
use crate::storage::StorageError;
use crate::storage::disk::{Disk, SystemDisk, write_whole};
use crate::storage::log::{lists_as_far_as_readable, log_folder};
use crate::storage::open::identity::{Identity, Lock};
use crate::storage::open::make_folder;

pub use label::Label;

/// So many in one hour, and no more: a disk that damages more than this is broken, and a node that comes back again and again
/// would only hide it.
const IN_AN_HOUR_MAX: usize = 3;
const HOUR: Duration = Duration::from_secs(3_600);
/// What read the folder until now may need a moment to let go of it.
const PATIENCE: Duration = Duration::from_secs(10);

const PREFIX: &str = "quarantine-";
const MOVING: &str = "moving";
const WHY: &str = "why.txt";
const LOCK: &str = "lock";

/// A folder of damaged data that was moved aside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quarantine {
    pub folder: PathBuf,
    pub label: Label,
}

/// What is known of a folder whose content is damaged: whose it is and who belongs to its cluster, as far as that can be read.
pub fn examine(folder: &Path, node: NodeId, found: &str) -> Label {
    let identity = Identity::read(folder).ok().flatten();
    let list = lists_as_far_as_readable(&log_folder(folder));
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

/// Moves the content of a data folder aside, durably. Refused once it happens too often.
pub fn quarantine(folder: &Path, label: &Label) -> Result<Quarantine, StorageError> {
    let _lock = Lock::take_within(folder, PATIENCE)?;
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

/// Ends the move that is under way, if there is one.
pub(super) fn go_on(disk: &dyn Disk, folder: &Path) -> Result<(), StorageError> {
    let Some(aside) = unfinished(folder)? else { return Ok(()) };
    for name in names(folder)? {
        if name == LOCK || number_of(&name).is_some() {
            continue;
        }
        let (from, to) = (folder.join(&name), aside.join(&name));
        disk.rename(&from, &to).map_err(|error| failed("move", &from, &error))?;
    }
    // The new names before the old ones are gone for good, and both before the text says that it is done.
    disk.sync_folder(&aside).map_err(|error| failed("sync folder", &aside, &error))?;
    disk.sync_folder(folder).map_err(|error| failed("sync folder", folder, &error))?;
    let (moving, why) = (aside.join(MOVING), aside.join(WHY));
    disk.rename(&moving, &why).map_err(|error| failed("name", &why, &error))?;
    disk.sync_folder(&aside).map_err(|error| failed("sync folder", &aside, &error))
}

/// The folder to which things are being moved.
fn unfinished(folder: &Path) -> Result<Option<PathBuf>, StorageError> {
    let mut folders = numbers(folder)?.into_iter().map(|number| folder.join(format!("{PREFIX}{number}")));
    Ok(folders.rfind(|aside| aside.join(MOVING).is_file()))
}

/// All quarantines of a data folder, oldest first.
pub(super) fn quarantines(folder: &Path) -> Result<Vec<Quarantine>, StorageError> {
    let read = |number: u64| {
        let folder = folder.join(format!("{PREFIX}{number}"));
        // Without its text a folder says nothing that could be used; it stays where it is.
        let label = Label::decode(&std::fs::read_to_string(folder.join(WHY)).ok()?)?;
        Some(Quarantine { folder, label })
    };
    Ok(numbers(folder)?.into_iter().filter_map(read).collect())
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

/// What is in a folder; nothing, if there is none.
fn names(folder: &Path) -> Result<Vec<String>, StorageError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("read folder", folder, &error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| failed("read folder", folder, &error))?.file_name();
        // Nothing of ours has another name.
        names.extend(name.into_string());
    }
    names.sort_unstable();
    Ok(names)
}

fn failed(action: &'static str, path: &Path, error: &io::Error) -> StorageError {
    StorageError::io(action, path, error)
}
