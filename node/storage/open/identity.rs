//! The owner of a data folder: node, incarnation and, once known, cluster.
//!
//! ```text
//! epoca data folder, version 1, checksum 1c2f0a77
//! node 3
//! incarnation 5f0c…
//! cluster 8a31…                or: none
//! checksum of the lines before
//! ```
//!
//! `DIR/identity` is text. It is written atomically, after the first file of the log: an identity without a log
//! therefore means a lost log.

use std::path::{Path, PathBuf};

use crate::protocol::{ClusterId, Incarnation, NodeId};
use crate::storage::StorageError;
use crate::storage::disk::{Disk, write_whole};
use crate::storage::format::FileKind;

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

    /// The identity in a folder; `None` if the file is missing.
    pub(crate) fn read(folder: &Path) -> Result<Option<Identity>, StorageError> {
        let path = Identity::path(folder);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StorageError::io("read", &path, &error)),
        };
        FileKind::Identity.check(&path, &bytes)?;
        match String::from_utf8(bytes).ok().as_deref().and_then(Identity::decode) {
            Some(identity) => Ok(Some(identity)),
            None => Err(StorageError::IdentityDamaged { path, what: "its checksum is wrong".into() }),
        }
    }

    pub(crate) fn write(&self, disk: &dyn Disk, folder: &Path) -> Result<(), StorageError> {
        let path = Identity::path(folder);
        write_whole(disk, &path, self.encode().as_bytes()).map_err(|error| StorageError::io("write", &path, &error))
    }

    fn encode(&self) -> String {
        let cluster = self.cluster.map_or("none".to_string(), |cluster| cluster.to_string());
        let title = FileKind::Identity.title();
        let text = format!("{title}\nnode {}\nincarnation {}\ncluster {cluster}\n", self.node.0, self.incarnation);
        let checksum = crc32fast::hash(text.as_bytes());
        format!("{text}checksum {checksum:08x}\n")
    }

    fn decode(text: &str) -> Option<Identity> {
        let mut lines = text.lines().skip(1);
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ').map(str::to_string);
        let node = NodeId(field("node")?.parse().ok()?);
        let incarnation = Incarnation(decode_16(&field("incarnation")?)?);
        let cluster = match field("cluster")?.as_str() {
            "none" => None,
            hexadecimal => Some(ClusterId(decode_16(hexadecimal)?)),
        };
        let identity = Identity { node, incarnation, cluster };
        // Comparing the whole text checks title and checksum, and that nothing follows.
        (identity.encode() == text).then_some(identity)
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
