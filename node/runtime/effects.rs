//! Executes the outputs of the core, in their order.
//!
//! Two orders are part of the protocol's safety. A message that depends on a [`Store`] leaves only when that store is
//! durable (`flush`). The commit point is written to the log before the entries are applied, so that after a crash the
//! log knows that everything in the database is committed.

use std::sync::Arc;

use crate::protocol::trace::{Fact, RoleName};
use crate::protocol::{Input, NodeId, Output, Position, ReadLog, ReadSnapshot, Rejection, Store, WriteSnapshot};
use crate::runtime::database::ApplyMode;
use crate::runtime::error::NodeError;
use crate::runtime::event_loop::EventLoop;
use crate::runtime::inbox::Completion;
use crate::storage::StorageError;

impl EventLoop {
    /// An error stops the node at once: the remaining outputs, answers among them, are not executed.
    pub(super) fn execute(&mut self, outputs: Vec<Output>) -> Result<(), NodeError> {
        for output in outputs {
            match output {
                Output::Store(operation, store) => {
                    self.flusher.store(operation, &store)?;
                    if let Store::Compact(base) | Store::Replace(base) = store {
                        self.remove_snapshots_before(base.last.position);
                    }
                }
                // A message may have to wait until what it claims is durable.
                Output::Send(send) => {
                    if let Some(envelope) = self.flusher.send_after(send.after, send.envelope) {
                        self.send(envelope);
                    }
                }
                // First the commit point, then the entries: the database never holds what the log does not know to be
                // committed.
                Output::Apply(apply) => {
                    self.flusher.record_commit(apply.up_to)?;
                    let leads = self.core.role() == RoleName::Leader;
                    self.applier.apply(apply, if leads { ApplyMode::Immediate } else { ApplyMode::Gather });
                }
                Output::TakeSnapshot(base) => self.applier.take_snapshot(base),
                Output::ReadSnapshot(read) => self.read_snapshot(read),
                Output::WriteSnapshot(part) => self.write_snapshot(part),
                Output::InstallSnapshot(snapshot) => self.applier.install_snapshot(snapshot),
                Output::ReadLog(read) => self.read_log(read),
                Output::CheckChain => self.check_chain(),
                Output::Answer(request, answer) => self.requests.answer(request, answer),
                Output::Trace(fact) => self.publish(fact),
                Output::Members(listed) => self.on_members(listed),
                Output::Rejected { from, why } => self.on_rejection(from, why),
                Output::Damaged(found) => return Err(NodeError::Damaged(found)),
                Output::Fatal(why) => return Err(NodeError::Fatal(why)),
            }
        }
        Ok(())
    }

    fn read_log(&self, read: ReadLog) {
        let log = Arc::clone(&self.log_reader);
        self.run_blocking(move || {
            let entries = log.read(read.from, read.to, read.bytes_max)?;
            Ok(Some(Completion::LogRead(read.read, entries)))
        });
    }

    fn read_snapshot(&self, read: ReadSnapshot) {
        let snapshots = Arc::clone(&self.snapshots);
        self.run_blocking(move || {
            let bytes = snapshots.read(read.snapshot, read.offset, read.bytes_max)?;
            Ok(Some(Completion::SnapshotRead(read.read, bytes)))
        });
    }

    fn write_snapshot(&self, part: WriteSnapshot) {
        let snapshots = Arc::clone(&self.snapshots);
        self.run_blocking(move || {
            let written = snapshots.write(&part)?;
            Ok(Some(Completion::SnapshotWritten(part.snapshot, written)))
        });
    }

    /// Removes snapshots that the log no longer continues.
    fn remove_snapshots_before(&self, position: Position) {
        let snapshots = Arc::clone(&self.snapshots);
        self.run_blocking(move || snapshots.remove_before(position).map(|()| None));
    }

    /// Needed even if the log is never compacted: each backup takes a snapshot.
    pub(super) fn remove_superfluous_snapshots(&self) {
        let snapshots = Arc::clone(&self.snapshots);
        self.run_blocking(move || snapshots.remove_superfluous().map(|()| None));
    }

    fn check_chain(&self) {
        let log = Arc::clone(&self.log_reader);
        self.run_blocking(move || log.check_chain().map(|check| Some(Completion::ChainChecked(check))));
    }

    /// Runs a job that may block on the disk. Its completion, or its error, comes back through the inbox.
    fn run_blocking(&self, job: impl FnOnce() -> Result<Option<Completion>, StorageError> + Send + 'static) {
        let completions = self.completions.clone();
        tokio::task::spawn_blocking(move || {
            if let Some(completion) = job().unwrap_or_else(|error| Some(Completion::Failed(error))) {
                // The receiver is gone during shutdown.
                let _ = completions.send(completion);
            }
        });
    }

    fn on_rejection(&mut self, from: NodeId, why: Rejection) {
        if why == Rejection::OtherIncarnation {
            self.rejoin();
        }
        let me = self.about.id;
        let text = match why {
            Rejection::OtherNode => "was meant for another node: are two addresses mixed up?",
            Rejection::UnknownPeer => "is refused: the cluster has no such member",
            Rejection::OtherCluster => "is refused: it belongs to another cluster",
            Rejection::OtherIncarnation => {
                "was meant for an earlier data folder of this node: this one was emptied or replaced"
            }
            Rejection::OldIncarnation => "is refused: another data folder is a member under this id",
            Rejection::LevelTooLow => {
                "is refused: it does not support the feature level in force in the cluster; use a newer epoca there"
            }
            Rejection::EpochOutOfReach => "is refused: its epoch is so far ahead that no elections can have led there",
        };
        self.log_throttle.warn(&format!("a message of {from} to {me} {text}"));
    }

    /// The disk failed. The core traces the error for observers, and the node stops with the storage's own message.
    /// For damage the core is not stepped again, so that the node sends no further ack or vote.
    pub(super) fn fail(&mut self, error: StorageError) -> Result<(), NodeError> {
        if error.is_damage() {
            self.publish(Fact::Damaged { text: error.to_string().into() });
            return Err(error.into());
        }
        // Its outputs end with `Fatal`, whose text describes the same error.
        let _ = self.step(Input::StorageFailed(error.to_string()));
        Err(error.into())
    }
}
