//! Flipping one bit in the stored log of a stopped node, for the lab: in the body of a committed entry.
//!
//! A damaged bit at the end of a log could look like a torn write, so the bit is in the middle of the committed
//! entries. Left out: what the node does when it finds the damage.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::protocol::LogPoint;
use crate::storage::{FolderLock, StorageError, StoredBody, committed_body};

const BIT: u8 = 0x10;

/// The entry of a data folder that [`flip_bit`] would damage; `None` if none in its log is committed. Only reads, so a
/// node may use the folder meanwhile.
pub(super) fn entry_to_flip(folder: &Path) -> Result<Option<LogPoint>, StorageError> {
    Ok(committed_body(folder)?.map(|body| body.entry))
}

/// Flips a bit of that entry, durably. Fails while a node uses the folder.
pub(super) fn flip_bit(folder: &Path) -> Result<Option<LogPoint>, StorageError> {
    let _lock = FolderLock::take(folder)?;
    let Some(StoredBody { entry, path, bytes }) = committed_body(folder)? else { return Ok(None) };
    let middle = bytes.start + (bytes.end - bytes.start) / 2;
    flip(&path, middle).map_err(|error| StorageError::io("flip a bit of", &path, &error))?;
    Ok(Some(entry))
}

fn flip(path: &Path, byte: u64) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut found = [0];
    file.read_exact_at(&mut found, byte)?;
    file.write_all_at(&[found[0] ^ BIT], byte)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::protocol::{Append, Change, Command, Entry, EntryId, FeatureLevel, Kind, NodeId};
    use crate::storage::{OpenOptions, Opened, open};

    fn open_at(folder: &Path) -> Result<Opened, StorageError> {
        let folder = folder.to_path_buf();
        open(&OpenOptions {
            folder,
            node: NodeId(1),
            tail_bytes: 0,
            tail_entries: 0,
            level_max: FeatureLevel::NEWEST,
            progress: &|_| {},
        })
    }

    /// Five puts of epoch 1.
    fn entries() -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for number in 0..5 {
            let change = Change::Put { key: "k".into(), value: number.to_string().into() };
            let body = Command { session: 0, sequence: 0, once: None, change }.encode();
            let last = entries.last().map(Entry::point);
            entries.push(Entry::after(last, EntryId::new(1, number), Kind::Command, body));
        }
        entries
    }

    fn store(opened: &mut Opened, entries: &[Entry]) {
        let append = Append { truncate_from: None, entries: entries.to_vec(), forged: false };
        opened.log.append(&append).expect("it only fills memory");
        let (done, flushed) = channel();
        opened.log.flush(Box::new(move |result| _ = done.send(result))).expect("it starts");
        flushed.recv().expect("it is answered").expect("the disk has room");
    }

    #[test]
    fn one_bit_of_a_committed_entry_is_flipped_and_found_at_the_next_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        assert_eq!(entry_to_flip(&data), Ok(None), "there is no folder yet");
        let entries = entries();
        {
            let mut opened = open_at(&data).expect("it is new");
            store(&mut opened, &entries);
            assert_eq!(entry_to_flip(&data), Ok(None), "nothing is committed");
            opened.log.record_commit(entries[4].point()).expect("the disk has room");
            assert_eq!(flip_bit(&data), Err(StorageError::InUse { folder: data.clone() }), "a node uses it");
        }
        let file = data.join("log/00000001.log");
        let before = std::fs::read(&file).expect("it is there");
        assert_eq!(flip_bit(&data), Ok(Some(entries[2].point())));
        let after = std::fs::read(&file).expect("it is there");
        let bits: u32 = before.iter().zip(after).map(|(one, other)| (one ^ other).count_ones()).sum();
        assert_eq!(bits, 1);
        assert!(matches!(open_at(&data).err(), Some(StorageError::Damaged { .. })));
        let second = flip_bit(&data);
        assert!(second.as_ref().is_err_and(StorageError::is_damage), "a second bit would show nothing: {second:?}");
    }
}
