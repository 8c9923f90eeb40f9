//! What a node's host does about snapshots: takes them, reads and writes the parts of their files, installs them.
//!
//! A file's bytes are made from what identifies the snapshot, so whoever has all of them in order has this snapshot, and
//! nobody can have put it together wrongly.

use crate::protocol::{ChunkOutcome, Digest, Input, LogPoint, NodeId, Output, ReadSnapshot, SnapshotId, WriteSnapshot};
use crate::verify::dice::mix;
use crate::verify::simulator::database::Database;
use crate::verify::simulator::disk::SnapshotFile;
use crate::verify::simulator::queue::Due;
use crate::verify::simulator::world::{Simulation, Step, wrong};

/// How many times longer than an apply the writing of a snapshot may take.
const SLOWER: u64 = 20;

impl Simulation<'_> {
    pub(super) fn on_snapshot(&mut self, node: NodeId, output: Output) {
        let most = self.disk.read_most_micros;
        let soon = self.now + 1 + self.dice.below(most);
        let host = self.host(node);
        let run = host.run;
        match output {
            Output::TakeSnapshot(base) => {
                host.snapshot_due = Some(base);
                self.begin_snapshot(node);
            }
            Output::ReadSnapshot(read) => {
                host.snapshot_reads.push_back(read);
                self.queue.put(soon, Due::SnapshotRead { node, run });
            }
            Output::WriteSnapshot(part) => {
                host.snapshot_writes.push_back(part);
                self.queue.put(soon, Due::SnapshotWritten { node, run });
            }
            Output::InstallSnapshot(snapshot) => {
                host.install_due = Some(snapshot);
                self.begin_install(node);
            }
            _ => unreachable!("it has nothing to do with snapshots"),
        }
    }

    /// Begins to write a snapshot if one is due and the database is where it must be.
    pub(super) fn begin_snapshot(&mut self, node: NodeId) {
        let host = self.host(node);
        let applied = host.database.applied();
        let Some(base) = host.snapshot_due.take_if(|base| Some(base.last) == applied) else { return };
        let (run, database) = (host.run, host.database.without_changes());
        let id = SnapshotId { point: base.last, bytes: database.bytes(), digest: digest(base.last, &database) };
        host.taking = Some(SnapshotFile { id, base, database });
        let at = self.now + 1 + self.dice.below(self.disk.apply_most_micros * SLOWER);
        self.queue.put(at, Due::SnapshotTaken { node, run });
    }

    pub(super) fn snapshot_taken(&mut self, node: NodeId) -> Step {
        let Some(file) = self.host(node).taking.take() else { return Ok(()) };
        let id = file.id;
        self.snapshots.push(file.clone());
        self.host(node).disk.keep_snapshot(file);
        self.step(node, Input::SnapshotTaken(id))
    }

    pub(super) fn snapshot_read(&mut self, node: NodeId) -> Step {
        let damaged = self.disk.snapshots_lost_in;
        let damaged = damaged > 0 && self.dice.one_in(damaged);
        let host = self.host(node);
        let Some(ReadSnapshot { read, snapshot, offset, bytes_max }) = host.snapshot_reads.pop_front() else {
            return Ok(());
        };
        let end = snapshot.bytes.min(offset.saturating_add(bytes_max));
        // It cannot be read now; a start can. A file that is gone for good, and then a power cut, is a node that does not start.
        let there = !damaged && host.disk.snapshot_of(snapshot).is_some();
        let bytes = there.then(|| (offset..end).map(|at| byte(snapshot, at)).collect::<Vec<u8>>().into());
        self.step(node, Input::SnapshotRead { read, bytes })
    }

    pub(super) fn snapshot_written(&mut self, node: NodeId) -> Step {
        let host = &mut self.hosts[node.0 as usize - 1];
        let Some(WriteSnapshot { snapshot, offset, bytes }) = host.snapshot_writes.pop_front() else { return Ok(()) };
        let longer = |(known, content): &(SnapshotId, Vec<u8>)| *known == snapshot && content.len() > bytes.len();
        let goes_on = offset == 0 && host.incoming.iter().any(longer);
        if offset == 0 && !goes_on {
            host.incoming = vec![(snapshot, Vec::new())];
        }
        let Some((_, content)) = host.incoming.iter_mut().find(|(known, _)| *known == snapshot) else {
            return Err(wrong(
                "a snapshot is written in order",
                format!("{node} goes on with one that it has not begun"),
            ));
        };
        if !goes_on && content.len() as u64 != offset {
            let text = format!("{node} writes at {offset} of a snapshot of which it has {} bytes", content.len());
            return Err(wrong("a snapshot is written in order", text));
        }
        // The first part finds what was received before a restart.
        if goes_on {
            self.stats.snapshots_resumed += 1;
        } else {
            content.extend_from_slice(&bytes);
        }
        let received = content.len() as u64;
        if received < snapshot.bytes {
            return self.step(node, Input::SnapshotWritten { snapshot, written: ChunkOutcome::UpTo(received) });
        }
        let whole = (0..).zip(content.iter()).all(|(at, found)| *found == byte(snapshot, at));
        host.incoming.retain(|(known, _)| *known != snapshot);
        let file = self.snapshots.iter().find(|file| file.id == snapshot).filter(|_| whole).cloned();
        let written = match file {
            Some(file) => {
                let base = file.base.clone();
                self.host(node).disk.keep_snapshot(file);
                ChunkOutcome::Complete(base)
            }
            None => ChunkOutcome::Damaged,
        };
        self.step(node, Input::SnapshotWritten { snapshot, written })
    }

    /// Begins to replace the database, once all that was handed to it is applied.
    pub(super) fn begin_install(&mut self, node: NodeId) {
        let host = self.host(node);
        if host.install_due.is_none() || host.applying || !host.applies.is_empty() {
            return;
        }
        let run = host.run;
        let at = self.now + 1 + self.dice.below(self.disk.apply_most_micros * SLOWER);
        self.queue.put(at, Due::SnapshotInstalled { node, run });
    }

    pub(super) fn snapshot_installed(&mut self, node: NodeId) -> Step {
        let host = self.host(node);
        let Some(snapshot) = host.install_due.take() else { return Ok(()) };
        let Some(file) = host.disk.snapshot_of(snapshot) else {
            return Err(wrong(
                "a snapshot that is installed is durable",
                format!("{node} has none of {}", snapshot.point),
            ));
        };
        let applied = host.database.applied();
        if applied.is_some_and(|applied| applied.position >= snapshot.point.position) {
            let text = format!("{node} has applied {applied:?} and installs a snapshot of {}", snapshot.point);
            return Err(wrong("the applied mark never goes back", text));
        }
        host.database = file.database.clone();
        self.truth.on_installed(&self.hosts[node.0 as usize - 1], snapshot.point)?;
        self.step(node, Input::SnapshotInstalled(snapshot))
    }
}

/// Equal content at an equal point has an equal digest.
fn digest(point: LogPoint, database: &Database) -> Digest {
    let mut digest = [0; 16];
    digest[..8].copy_from_slice(&database.hash().to_le_bytes());
    digest[8..].copy_from_slice(&point.position.0.to_le_bytes());
    Digest(digest)
}

fn byte(snapshot: SnapshotId, at: u64) -> u8 {
    let mut seed = [0; 8];
    seed.copy_from_slice(&snapshot.digest.0[..8]);
    mix(u64::from_le_bytes(seed) ^ snapshot.point.position.0 ^ at << 20) as u8
}
