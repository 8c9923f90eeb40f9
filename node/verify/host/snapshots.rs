//! The part of a host that takes snapshots, reads and writes the parts of their files, and installs them.
//!
//! The bytes of a file are computed from the id of its snapshot, so a host that has received all of them in order has
//! this snapshot, and a file with a wrong part is detected. What a file stands for is in [`TakenSnapshots`].

use std::collections::VecDeque;

use crate::protocol::{Base, ChunkOutcome, Digest, Input, LogPoint, Output, ReadSnapshot, SnapshotId, WriteSnapshot};
use crate::verify::host::database::Database;
use crate::verify::host::disk::SnapshotFile;
use crate::verify::host::{Checked, Effect, Host, Work};
use crate::verify::invariants::Violation;
use crate::verify::rng::mix;

/// All snapshots that any host of a cluster has taken.
#[derive(Clone, Debug, Default)]
pub struct TakenSnapshots(Vec<SnapshotFile>);

impl TakenSnapshots {
    fn find(&self, id: SnapshotId) -> Option<&SnapshotFile> {
        self.0.iter().find(|file| file.id == id)
    }
}

/// What a host was asked to do about snapshots and has not done.
#[derive(Clone, Debug, Default)]
pub(super) struct SnapshotWork {
    /// A snapshot is to be taken once the database has applied up to the base.
    due: Option<Base>,
    /// The snapshot that is being written: the database was copied at the right moment.
    taking: Option<SnapshotFile>,
    reads: VecDeque<ReadSnapshot>,
    writes: VecDeque<WriteSnapshot>,
    /// To be installed once everything that was handed to the database is applied.
    install: Option<SnapshotId>,
    /// What was received of snapshots that are not complete. It lies on the disk and outlives the process.
    received: Vec<(SnapshotId, Vec<u8>)>,
}

impl SnapshotWork {
    /// The process ends.
    pub(super) fn stop(&mut self) {
        *self = SnapshotWork { received: std::mem::take(&mut self.received), ..SnapshotWork::default() };
    }

    /// The data folder is emptied.
    pub(super) fn forget_received(&mut self) {
        self.received.clear();
    }

    pub(super) fn queue(&mut self, output: Output) -> Effect {
        match output {
            Output::TakeSnapshot(base) => {
                self.due = Some(base);
                Effect::Queued(Work::TakeSnapshot)
            }
            Output::ReadSnapshot(read) => {
                self.reads.push_back(read);
                Effect::Queued(Work::ReadSnapshot)
            }
            Output::WriteSnapshot(part) => {
                self.writes.push_back(part);
                Effect::Queued(Work::WriteSnapshot)
            }
            Output::InstallSnapshot(snapshot) => {
                self.install = Some(snapshot);
                Effect::Queued(Work::InstallSnapshot)
            }
            _ => unreachable!("not an output about snapshots"),
        }
    }
}

impl Host {
    /// Copies the database if a snapshot is due and the database is at its entry. True if it did: the file is being
    /// written from now on. The driver calls it after each apply, because later entries are not in the snapshot.
    pub fn begin_snapshot(&mut self) -> bool {
        let applied = self.database.applied();
        let Some(base) = self.snapshots.due.take_if(|base| Some(base.last) == applied) else { return false };
        let database = self.database.without_history();
        let id = SnapshotId { point: base.last, bytes: database.file_bytes(), digest: digest(base.last, &database) };
        self.snapshots.taking = Some(SnapshotFile { id, base, database });
        true
    }

    /// The snapshot that is being written is durable.
    pub fn end_snapshot(&mut self, taken: &mut TakenSnapshots) -> Option<Input> {
        let file = self.snapshots.taking.take()?;
        let id = file.id;
        taken.0.push(file.clone());
        self.disk.add_snapshot(file);
        Some(Input::SnapshotTaken(id))
    }

    /// Answers the oldest request for a part of a snapshot; `fails`: as if the file could not be read now.
    pub fn read_snapshot(&mut self, fails: bool) -> Option<Input> {
        let ReadSnapshot { read, snapshot, offset, bytes_max } = self.snapshots.reads.pop_front()?;
        let end = snapshot.bytes.min(offset.saturating_add(bytes_max));
        let readable = !fails && self.disk.snapshot_of(snapshot).is_some();
        let bytes = readable.then(|| (offset..end).map(|at| byte(snapshot, at)).collect::<Vec<u8>>().into());
        Some(Input::SnapshotRead { read, bytes })
    }

    /// Whether a part of a snapshot is to be read.
    pub fn has_snapshot_reads(&self) -> bool {
        !self.snapshots.reads.is_empty()
    }

    /// Writes the oldest part that was received. The flag says that the file was begun before a restart and continues.
    pub fn write_snapshot(&mut self, taken: &TakenSnapshots) -> Checked<Option<(Input, bool)>> {
        let Some(WriteSnapshot { snapshot, offset, bytes }) = self.snapshots.writes.pop_front() else {
            return Ok(None);
        };
        let id = self.id();
        let received = &mut self.snapshots.received;
        let is_longer = |(known, content): &(SnapshotId, Vec<u8>)| *known == snapshot && content.len() > bytes.len();
        let resumed = offset == 0 && received.iter().any(is_longer);
        if offset == 0 && !resumed {
            *received = vec![(snapshot, Vec::new())];
        }
        let Some((_, content)) = received.iter_mut().find(|(known, _)| *known == snapshot) else {
            return Err(out_of_order(format!("{id} continues a snapshot that it has not begun")));
        };
        if !resumed {
            if content.len() as u64 != offset {
                let length = content.len();
                return Err(out_of_order(format!(
                    "{id} writes at offset {offset} of a snapshot with {length} bytes so far"
                )));
            }
            content.extend_from_slice(&bytes);
        }
        let length = content.len() as u64;
        let written = if length < snapshot.bytes { ChunkOutcome::UpTo(length) } else { self.complete(snapshot, taken) };
        Ok(Some((Input::SnapshotWritten { snapshot, written }, resumed)))
    }

    /// All bytes of the snapshot were received: they are the file of a snapshot that was taken, or damaged.
    fn complete(&mut self, snapshot: SnapshotId, taken: &TakenSnapshots) -> ChunkOutcome {
        let received = &mut self.snapshots.received;
        let is_right = |(known, content): &(SnapshotId, Vec<u8>)| {
            *known == snapshot && (0..).zip(content).all(|(at, found)| *found == byte(snapshot, at))
        };
        let right = received.iter().any(is_right);
        received.retain(|(known, _)| *known != snapshot);
        match taken.find(snapshot).filter(|_| right).cloned() {
            Some(file) => {
                let base = file.base.clone();
                self.disk.add_snapshot(file);
                ChunkOutcome::Complete(base)
            }
            None => ChunkOutcome::Damaged,
        }
    }

    /// A power loss leaves only the beginning of what was received of snapshots, in percent.
    pub fn keep_received(&mut self, percent: u64) {
        for (_, content) in &mut self.snapshots.received {
            content.truncate(content.len() * percent as usize / 100);
        }
    }

    /// Whether a snapshot can be installed now.
    pub fn can_install(&self) -> bool {
        self.snapshots.install.is_some() && self.applies.is_empty()
    }

    /// Replaces the database by that of the snapshot. Returns where the database is then.
    pub fn install_snapshot(&mut self) -> Checked<Option<(Input, LogPoint)>> {
        let Some(snapshot) = self.snapshots.install.take_if(|_| self.applies.is_empty()) else { return Ok(None) };
        let (id, applied) = (self.id(), self.database.applied());
        let Some(file) = self.disk.snapshot_of(snapshot) else {
            let text = format!("{id} has no durable snapshot of {}", snapshot.point);
            return Err(Violation::of("a snapshot that is installed is durable", text));
        };
        if applied.is_some_and(|applied| applied.position >= snapshot.point.position) {
            let text = format!("{id} has applied {applied:?} but installs a snapshot of {}", snapshot.point);
            return Err(Violation::of("the applied mark never goes back", text));
        }
        self.database = file.database.clone();
        Ok(Some((Input::SnapshotInstalled(snapshot), snapshot.point)))
    }
}

fn out_of_order(text: String) -> Box<Violation> {
    Violation::of("a snapshot is written in order", text)
}

/// Equal data at an equal entry have an equal digest.
fn digest(point: LogPoint, database: &Database) -> Digest {
    let mut digest = [0; 16];
    digest[..8].copy_from_slice(&database.hash().to_le_bytes());
    digest[8..].copy_from_slice(&point.position.0.to_le_bytes());
    Digest(digest)
}

/// The whole content of a snapshot's file.
pub fn snapshot_content(snapshot: SnapshotId) -> Vec<u8> {
    (0..snapshot.bytes).map(|at| byte(snapshot, at)).collect()
}

fn byte(snapshot: SnapshotId, at: u64) -> u8 {
    let mut seed = [0; 8];
    seed.copy_from_slice(&snapshot.digest.0[..8]);
    mix(u64::from_le_bytes(seed) ^ snapshot.point.position.0 ^ at << 20) as u8
}
