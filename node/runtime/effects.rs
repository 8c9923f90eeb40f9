//! Carrying out what the core has decided, in order.

use std::sync::Arc;

use crate::protocol::trace::{Fact, RoleName};
use crate::protocol::{Input, NodeId, Output, Position, ReadLog, ReadSnapshot, Rejection, Store, WriteSnapshot};
use crate::runtime::database::Haste;
use crate::runtime::error::NodeError;
use crate::runtime::event_loop::EventLoop;
use crate::runtime::inbox::Done;
use crate::storage::StorageError;

impl EventLoop {
    pub(super) fn carry_out(&mut self, outputs: Vec<Output>) -> Result<(), NodeError> {
        for output in outputs {
            match output {
                Output::Store(operation, store) => {
                    self.flusher.store(operation, &store)?;
                    if let Store::Compact(base) | Store::Replace(base) = store {
                        self.remove_snapshots_before(base.last.position);
                    }
                }
                // The links are told by the list that the core has.
                Output::Send(send) => {
                    if let Some(envelope) = self.flusher.send_after(send.after, send.envelope) {
                        self.send(envelope);
                    }
                }
                Output::Apply(apply) => {
                    self.flusher.record_commit(apply.up_to)?;
                    let leads = self.core.role() == RoleName::Leader;
                    self.applier.apply(apply, if leads { Haste::AtOnce } else { Haste::Soon });
                }
                Output::TakeSnapshot(base) => self.applier.take_snapshot(base),
                Output::ReadSnapshot(read) => self.read_snapshot(read),
                Output::WriteSnapshot(part) => self.write_snapshot(part),
                Output::InstallSnapshot(snapshot) => self.applier.install_snapshot(snapshot),
                Output::ReadLog(read) => self.read_log(read),
                Output::CheckChain => self.check_chain(),
                Output::Answer(request, answer) => self.requests.answer(request, answer),
                Output::Trace(fact) => self.observers.tell(self.clock.own(), fact),
                Output::Members(listed) => self.on_members(listed),
                Output::Rejected { from, why } => self.on_rejection(from, why),
                Output::Damaged(found) => return Err(NodeError::Damaged(found)),
                Output::Fatal(why) => return Err(NodeError::Fatal(why)),
            }
        }
        Ok(())
    }

    fn read_log(&self, read: ReadLog) {
        let (log, done) = (Arc::clone(&self.log_reader), self.done.clone());
        tokio::task::spawn_blocking(move || {
            let entries = log.read(read.from, read.to, read.bytes_max);
            let _ = done.send(entries.map_or_else(Done::Failed, |entries| Done::LogRead(read.read, entries)));
        });
    }

    fn read_snapshot(&self, read: ReadSnapshot) {
        let (snapshots, done) = (Arc::clone(&self.snapshots), self.done.clone());
        tokio::task::spawn_blocking(move || {
            let bytes = snapshots.read(read.snapshot, read.offset, read.bytes_max);
            let _ = done.send(bytes.map_or_else(Done::Failed, |bytes| Done::SnapshotRead(read.read, bytes)));
        });
    }

    fn write_snapshot(&self, part: WriteSnapshot) {
        let (snapshots, done) = (Arc::clone(&self.snapshots), self.done.clone());
        tokio::task::spawn_blocking(move || {
            let written = snapshots.write(&part);
            let told = |written| Done::SnapshotWritten(part.snapshot, written);
            let _ = done.send(written.map_or_else(Done::Failed, told));
        });
    }

    /// The log does not continue them any more.
    fn remove_snapshots_before(&self, position: Position) {
        let (snapshots, done) = (Arc::clone(&self.snapshots), self.done.clone());
        tokio::task::spawn_blocking(move || {
            if let Err(error) = snapshots.remove_before(position) {
                let _ = done.send(Done::Failed(error));
            }
        });
    }

    /// Also while the log is not cut: each backup takes a snapshot.
    pub(super) fn remove_superfluous_snapshots(&self) {
        let (snapshots, done) = (Arc::clone(&self.snapshots), self.done.clone());
        tokio::task::spawn_blocking(move || {
            if let Err(error) = snapshots.remove_superfluous() {
                let _ = done.send(Done::Failed(error));
            }
        });
    }

    fn check_chain(&self) {
        let (log, done) = (Arc::clone(&self.log_reader), self.done.clone());
        tokio::task::spawn_blocking(move || {
            let _ = done.send(log.check_chain().map_or_else(Done::Failed, Done::ChainChecked));
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
            Rejection::EpochOutOfReach => "is refused: its epoch is so far ahead that no elections can have led there",
        };
        self.log_throttle.warn(&format!("a message of {from} to {me} {text}"));
    }

    /// The disk failed: the core tells it to the watchers, and the node stops with the storage's own words. What is
    /// damaged is damaged for good: the core is not even asked.
    pub(super) fn fail(&mut self, error: StorageError) -> Result<(), NodeError> {
        if error.is_damage() {
            self.observers.tell(self.clock.own(), Fact::Damaged { text: error.to_string().into() });
            return Err(error.into());
        }
        // Its outputs end with `Fatal`, whose text is about the same error.
        let _ = self.step(Input::StorageFailed(error.to_string()));
        Err(error.into())
    }
}
