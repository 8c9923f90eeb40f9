//! Whose data folder it is: node, incarnation and, once known, the cluster; and the lock that keeps others out.
//!
//! ```text
//! DIR/identity   text, written whole or not at all, after the first file of the log exists
//! DIR/lock       locked as long as a process runs on the folder
//! ```

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fs4::{FileExt, TryLockError};

use crate::protocol::{ClusterId, Incarnation, NodeId};
use crate::storage::StorageError;
use crate::storage::disk::{Disk, write_whole};
use crate::storage::permissions::FILE_MODE;

const TITLE: &str = "epoca data folder, version 1";

/// A process that was just killed, or somebody who inspects, may hold the lock for a moment.
const PATIENCE: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Identity {
    pub node: NodeId,
    pub incarnation: Incarnation,
    pub cluster: Option<ClusterId>,
}

impl Identity {
    pub(crate) fn path(folder: &Path) -> PathBuf {
        folder.join("identity")
    }

    /// The identity in a folder; `None` if there is none.
    pub(crate) fn read(folder: &Path) -> Result<Option<Identity>, StorageError> {
        let path = Identity::path(folder);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StorageError::io("read", &path, &error)),
        };
        match String::from_utf8(bytes).ok().as_deref().and_then(Identity::decode) {
            Some(identity) => Ok(Some(identity)),
            None => Err(StorageError::IdentityDamaged { path, what: "it is damaged or from another version".into() }),
        }
    }

    pub(crate) fn write(&self, disk: &dyn Disk, folder: &Path) -> Result<(), StorageError> {
        let path = Identity::path(folder);
        write_whole(disk, &path, self.encode().as_bytes()).map_err(|error| StorageError::io("write", &path, &error))
    }

    fn encode(&self) -> String {
        let cluster = self.cluster.map_or("none".to_string(), |cluster| cluster.to_string());
        let text = format!("{TITLE}\nnode {}\nincarnation {}\ncluster {cluster}\n", self.node.0, self.incarnation);
        let checksum = crc32fast::hash(text.as_bytes());
        format!("{text}checksum {checksum:08x}\n")
    }

    fn decode(text: &str) -> Option<Identity> {
        let mut lines = text.lines();
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ').map(str::to_string);
        let version = field("epoca")?;
        let node = NodeId(field("node")?.parse().ok()?);
        let incarnation = Incarnation(decode_16(&field("incarnation")?)?);
        let cluster = match field("cluster")?.as_str() {
            "none" => None,
            hexadecimal => Some(ClusterId(decode_16(hexadecimal)?)),
        };
        let identity = Identity { node, incarnation, cluster };
        // Equal text covers title, checksum and that nothing follows.
        (TITLE.ends_with(&version) && identity.encode() == text).then_some(identity)
    }
}

pub(crate) fn decode_16(hexadecimal: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if hexadecimal.len() != 32 || !hexadecimal.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hexadecimal[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

/// Held as long as a node runs on its folder; the operating system lets go when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(folder: &Path) -> Result<Lock, StorageError> {
        Lock::take_within(folder, PATIENCE)
    }

    pub(crate) fn take_within(folder: &Path, patience: Duration) -> Result<Lock, StorageError> {
        let path = folder.join("lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).open(&path);
        let file = file.map_err(|error| StorageError::io("open", &path, &error))?;
        let begun = Instant::now();
        loop {
            match FileExt::try_lock(&file) {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(TryLockError::WouldBlock) if begun.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(StorageError::InUse { folder: folder.to_path_buf() }),
                Err(TryLockError::Error(error)) => return Err(StorageError::io("lock", &path, &error)),
            }
        }
    }

    /// Whether a process runs on the folder, without writing anything.
    pub(crate) fn is_taken(folder: &Path) -> bool {
        let Ok(file) = File::open(folder.join("lock")) else { return false };
        matches!(FileExt::try_lock_shared(&file), Err(TryLockError::WouldBlock))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::disk::SystemDisk;

    #[test]
    fn an_identity_comes_back_as_it_was_written_and_a_flipped_bit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for cluster in [None, Some(ClusterId([0xAB; 16]))] {
            let identity = Identity { node: NodeId(3), incarnation: Incarnation([7; 16]), cluster };
            identity.write(&SystemDisk, folder.path()).unwrap();
            assert_eq!(Identity::read(folder.path()).unwrap(), Some(identity));
        }
        let path = Identity::path(folder.path());
        let whole = std::fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &flipped).unwrap();
            let refused = Identity::read(folder.path());
            assert!(matches!(refused, Err(StorageError::IdentityDamaged { .. })), "bit {bit}: {refused:?}");
        }
    }
}
