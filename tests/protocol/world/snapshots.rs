//! What a host does about snapshots: takes them, reads and writes the parts of their files, installs them.
//!
//! A file's bytes are made from what identifies the snapshot: whoever has all of them, in order, has this very snapshot.

use epoca::protocol::{ChunkOutcome, Digest, Input, LogPoint, Output, ReadSnapshot, SnapshotId, WriteSnapshot};

use crate::world::disk::SnapshotFile;
use crate::world::{Database, Host, World};

impl World {
    /// Does the oldest thing that is asked of a node's snapshots, if it can be done yet.
    pub fn snapshot_one(&mut self, id: u64) -> Option<Input> {
        let output = self.host_mut(id).snapshots.pop_front()?;
        match output {
            Output::TakeSnapshot(base) => match self.host_mut(id).begun.take() {
                Some(file) => {
                    self.host_mut(id).disk.keep_snapshot(file.clone());
                    self.snapshots.push(file.clone());
                    Some(Input::SnapshotTaken(file.id))
                }
                None => {
                    self.host_mut(id).snapshots.push_front(Output::TakeSnapshot(base));
                    None
                }
            },
            Output::ReadSnapshot(read) => Some(self.read_snapshot(id, &read)),
            Output::WriteSnapshot(part) => Some(self.write_snapshot(id, &part)),
            Output::InstallSnapshot(snapshot) => self.host_mut(id).install(snapshot),
            _ => unreachable!("it has nothing to do with snapshots"),
        }
    }

    fn read_snapshot(&mut self, id: u64, read: &ReadSnapshot) -> Input {
        let ReadSnapshot { read, snapshot, offset, bytes_max } = *read;
        let end = snapshot.bytes.min(offset + bytes_max);
        let there = self.host(id).disk.snapshot_of(snapshot).is_some();
        let bytes = there.then(|| (offset..end).map(|at| byte(snapshot, at)).collect::<Vec<u8>>().into());
        Input::SnapshotRead { read, bytes }
    }

    fn write_snapshot(&mut self, id: u64, part: &WriteSnapshot) -> Input {
        let WriteSnapshot { snapshot, offset, ref bytes } = *part;
        let host = self.host_mut(id);
        let longer = |(known, content): &(SnapshotId, Vec<u8>)| *known == snapshot && content.len() > bytes.len();
        let goes_on = offset == 0 && host.incoming.iter().any(longer);
        if offset == 0 && !goes_on {
            host.incoming = vec![(snapshot, Vec::new())];
        }
        let content = host.incoming.iter_mut().find(|(known, _)| *known == snapshot);
        let (_, content) = content.expect("a file is begun before it is gone on with");
        // After a restart the first part finds what was received before.
        if !goes_on {
            assert_eq!(content.len() as u64, offset, "the parts of a snapshot are written in order");
            content.extend_from_slice(bytes);
        }
        let received = content.len() as u64;
        if received < snapshot.bytes {
            return Input::SnapshotWritten { snapshot, written: ChunkOutcome::UpTo(received) };
        }
        let whole = (0..).zip(content.iter()).all(|(at, found)| *found == byte(snapshot, at));
        host.incoming.retain(|(known, _)| *known != snapshot);
        let written = match self.snapshots.iter().find(|file| file.id == snapshot).filter(|_| whole).cloned() {
            Some(file) => {
                let base = file.base.clone();
                self.host_mut(id).disk.keep_snapshot(file);
                ChunkOutcome::Complete(base)
            }
            None => ChunkOutcome::Damaged,
        };
        Input::SnapshotWritten { snapshot, written }
    }
}

impl Host {
    /// Whether a part of a snapshot is to be read next.
    pub fn is_asked_for_a_snapshot(&self) -> bool {
        matches!(self.snapshots.front(), Some(Output::ReadSnapshot(_)))
    }

    /// The database is where a snapshot that is due is to be taken: what is applied from now on is not in it.
    pub(super) fn begin_snapshot(&mut self) {
        let applied = self.database.applied();
        let due = self.snapshots.iter().find_map(|output| match output {
            Output::TakeSnapshot(base) if Some(base.last) == applied => Some(base.clone()),
            _ => None,
        });
        if let Some(base) = due {
            let (id, database) = (identify(base.last, &self.database), self.database.clone());
            self.begun = Some(SnapshotFile { id, base, database });
        }
    }

    fn install(&mut self, snapshot: SnapshotId) -> Option<Input> {
        if !self.applies.is_empty() {
            self.snapshots.push_front(Output::InstallSnapshot(snapshot));
            return None;
        }
        let file = self.disk.snapshot_of(snapshot).expect("what is installed is durable");
        let back = self.database.applied().is_some_and(|applied| applied.position >= snapshot.point.position);
        assert!(!back, "a snapshot of {} winds back {:?}", snapshot.point, self.database.applied());
        self.database = file.database.clone();
        Some(Input::SnapshotInstalled(snapshot))
    }
}

/// Equal content at an equal point is an equal file.
fn identify(point: LogPoint, database: &Database) -> SnapshotId {
    let rows = database.records().map(|(key, (value, _))| (key.len() + value.len()) as u64).sum::<u64>();
    let mut digest = point.digest.0;
    digest[0] ^= database.revision() as u8;
    SnapshotId { point, bytes: 40 + rows, digest: Digest(digest) }
}

/// The content of a snapshot's file.
pub fn content(snapshot: SnapshotId) -> Vec<u8> {
    (0..snapshot.bytes).map(|at| byte(snapshot, at)).collect()
}

fn byte(snapshot: SnapshotId, at: u64) -> u8 {
    let index = at as usize % 16;
    snapshot.digest.0[index].wrapping_add(at as u8).wrapping_mul(31)
}
