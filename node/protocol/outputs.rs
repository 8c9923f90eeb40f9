//! Building of outputs: storage operations, reads, messages, answers, facts.
//!
//! Every rule makes its outputs through these functions, so the numbering of operations and messages and the barrier in
//! front of messages are in one place. Outputs are appended to one list in the order of the calls; the host carries
//! them out in that order.

use std::borrow::Cow;

use crate::core::Core;
use crate::entry::Entry;
use crate::io::{Answer, Append, Output, Promise, ReadId, ReadLog, Refusal, Send, Store};
use crate::message::{Envelope, Message, MessageKind};
use crate::trace::Fact;
use crate::types::{Incarnation, LogPoint, NodeId, Operation, Position, RequestId};

impl Core {
    /// Appends entries and stores them in one operation, after truncating the log behind `keep` if that is given.
    ///
    /// The order matters: the log is truncated and the lists updated before the entries are appended; the store is
    /// output before anything that the new member list causes, so that no push of the leader precedes its own store.
    pub(super) fn store_entries(&mut self, keep: Option<Option<LogPoint>>, entries: Vec<Entry>) {
        let operation = self.next_operation();
        let truncate_from = keep.map(Position::after);
        if let Some(keep) = keep {
            self.log.truncate_after(keep, operation);
        }
        let changes = self.update_lists(keep, &entries);
        for entry in &entries {
            self.log.append(entry.clone(), operation);
        }
        let append = Append { truncate_from, entries, forged: false };
        self.outputs.push(Output::Store(operation, Store::Append(append)));
        if changes {
            self.on_list_changed();
        }
    }

    /// Sets the promise, stores it, and holds back every later message until it is durable. The order is fixed: state,
    /// store, barrier.
    pub(super) fn save_promise(&mut self, promise: Promise) {
        self.promise = Some(promise);
        let operation = self.next_operation();
        self.outputs.push(Output::Store(operation, Store::Promise(promise)));
        self.hold_messages_until(operation);
    }

    /// Every message built from now on waits until the operation is durable.
    pub(super) fn hold_messages_until(&mut self, operation: Operation) {
        self.barrier = Some(operation);
    }

    /// Numbers the next storage operation.
    pub(super) fn next_operation(&mut self) -> Operation {
        self.last_operation.0 += 1;
        self.last_operation
    }

    pub(super) fn last_operation(&self) -> Operation {
        self.last_operation
    }

    /// Numbers the next read.
    pub(super) fn next_read(&mut self) -> ReadId {
        self.last_read += 1;
        ReadId(self.last_read)
    }

    /// Asks the host for entries of the log, positions `from` to `to`, both included.
    pub(super) fn read_log(&mut self, from: u64, to: u64, bytes_max: u64) -> ReadId {
        let read = self.next_read();
        self.outputs.push(Output::ReadLog(ReadLog { read, from: Position(from), to: Position(to), bytes_max }));
        read
    }

    /// The number that the next message will have.
    pub(super) fn next_number(&self) -> u64 {
        self.last_number + 1
    }

    /// Sends a message. It names the barrier, so the host sends it only once all that it claims is durable.
    pub(super) fn send(&mut self, to: NodeId, message: Message) {
        let number = self.next_number();
        self.last_number = number;
        let epoch = self.epoch();
        self.trace(|| Fact::Sent {
            to,
            number,
            kind: message.kind().into(),
            epoch,
            about: message.about(),
            entries: message.entries() as u64,
            bytes: message.bytes() as u64,
        });
        let envelope = Envelope {
            from: self.config.id,
            to,
            number,
            cluster: self.members().map(|listed| listed.membership.cluster),
            incarnation: self.incarnation_for(to, &message),
            epoch: self.epoch(),
            sender: Some(self.config.incarnation),
            process: 0,
            level: self.config.level_max,
            message,
        };
        self.outputs.push(Output::Send(Send { after: self.barrier, envelope }));
    }

    /// The data folder that a message is meant for. A request names the one in this node's list. An answer names the
    /// one that asked: this node's list may be older and name a folder that was replaced since.
    fn incarnation_for(&self, to: NodeId, message: &Message) -> Option<Incarnation> {
        if message.is_request() {
            return self.incarnation_of(to);
        }
        self.asked_by.filter(|(asker, _)| *asker == to).map(|(_, incarnation)| incarnation)
    }

    /// Answers a request of the host. Each request is answered exactly once.
    pub(super) fn answer(&mut self, request: RequestId, answer: Answer) {
        self.outputs.push(Output::Answer(request, answer));
    }

    /// Refuses requests: none of them took effect.
    pub(super) fn refuse(&mut self, requests: Vec<RequestId>, refusal: Refusal) {
        for request in requests {
            self.answer(request, Answer::Refused(refusal));
        }
    }

    pub(super) fn output(&mut self, output: Output) {
        self.outputs.push(output);
    }

    /// Stops the node: an invariant is broken or the disk failed. Going on could lose confirmed writes.
    pub(super) fn fatal(&mut self, why: String) {
        self.outputs.push(Output::Fatal(why));
    }

    /// Stops the node because its own data is damaged; the host moves the folder aside.
    pub(super) fn damaged(&mut self, why: String) {
        self.trace(|| Fact::Damaged { text: why.clone().into() });
        self.outputs.push(Output::Damaged(why));
    }

    /// Emits a fact if a watcher is connected. The closure runs only then, so an unwatched node builds no facts.
    pub(super) fn trace(&mut self, fact: impl FnOnce() -> Fact) {
        if self.watched {
            self.outputs.push(Output::Trace(fact()));
        }
    }

    pub(super) fn is_watched(&self) -> bool {
        self.watched
    }

    /// Traces a message that was dropped, with the reason.
    pub(super) fn trace_dropped(
        &mut self,
        from: NodeId,
        number: u64,
        kind: MessageKind,
        why: impl Into<Cow<'static, str>>,
    ) {
        let to = self.config.id;
        self.trace(|| Fact::Dropped { from, to, number, kind: kind.into(), why: why.into() });
    }
}
