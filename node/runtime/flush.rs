//! Durable before audible: the log, its flushes, and the messages that wait for them.
//!
//! A message that claims something (an ack, a vote, a promise) carries the operation that must be durable first. It
//! leaves from [`Flusher::on_flushed`], never earlier: otherwise a crash could make this node forget what others rely
//! on.
//!
//! One flush is in flight at a time; the next covers everything appended meanwhile. Batches grow with the load, and a
//! single write never waits for others.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::protocol::{Envelope, LogPoint, Operation, Store};
use crate::runtime::inbox::{Completion, CompletionSender};
use crate::storage::{IntermediateLog, StorageError};

pub(super) struct Flusher {
    log: Box<dyn IntermediateLog>,
    completions: CompletionSender,
    /// The last operation appended to the log. `durable` ≤ `in_flight` ≤ `appended`.
    appended: Operation,
    in_flight: Option<Operation>,
    durable: Operation,
    /// Messages by the operation that must be durable before they are sent, in sending order. Bound: [`WAITING_MAX`]
    /// messages in all.
    waiting: BTreeMap<Operation, Vec<Envelope>>,
    waiting_count: usize,
}

/// The most messages that wait for the disk. Beyond it the newest is dropped, which the protocol repairs like a loss
/// on the network. A disk that hangs must not fill the memory.
const WAITING_MAX: usize = 4_096;

impl Flusher {
    pub(super) fn new(log: Box<dyn IntermediateLog>, completions: CompletionSender) -> Flusher {
        let none = Operation(0);
        Flusher {
            log,
            completions,
            appended: none,
            in_flight: None,
            durable: none,
            waiting: BTreeMap::new(),
            waiting_count: 0,
        }
    }

    pub(super) fn store(&mut self, operation: Operation, store: &Store) -> Result<(), StorageError> {
        match store {
            Store::Promise(promise) => self.log.save_promise(*promise)?,
            Store::Append(append) => self.log.append(append)?,
            Store::Compact(base) => self.log.compact(base)?,
            Store::Replace(base) => self.log.replace(base)?,
        }
        self.appended = operation;
        Ok(())
    }

    pub(super) fn record_commit(&mut self, up_to: LogPoint) -> Result<(), StorageError> {
        self.log.record_commit(up_to)
    }

    /// Starts a flush if there is something to flush and none is in flight.
    pub(super) fn start_flush(&mut self) -> Result<(), StorageError> {
        if self.in_flight.is_some() || self.is_durable() {
            return Ok(());
        }
        let operation = self.appended;
        self.in_flight = Some(operation);
        let completions = self.completions.clone();
        let begun = Instant::now();
        self.log.flush(Box::new(move |flushed| {
            let took_micros = begun.elapsed().as_micros() as u64;
            let done = |()| Completion::Flushed(operation, took_micros);
            // The receiver is gone during shutdown.
            let _ = completions.send(flushed.map_or_else(Completion::Failed, done));
        }))
    }

    /// A flush has completed. Returns the messages that may be sent now.
    pub(super) fn on_flushed(&mut self, operation: Operation) -> impl Iterator<Item = Envelope> + use<> {
        self.in_flight = None;
        self.durable = self.durable.max(operation);
        let later = self.waiting.split_off(&Operation(operation.0 + 1));
        let ready = std::mem::replace(&mut self.waiting, later);
        self.waiting_count -= ready.values().map(Vec::len).sum::<usize>();
        ready.into_values().flatten()
    }

    /// Returns the message if it may be sent at once. Otherwise keeps it until its operation is durable, or drops it
    /// if too many wait.
    pub(super) fn send_after(&mut self, after: Option<Operation>, envelope: Envelope) -> Option<Envelope> {
        match after {
            Some(operation) if operation > self.durable => {
                if self.waiting_count < WAITING_MAX {
                    self.waiting_count += 1;
                    self.waiting.entry(operation).or_default().push(envelope);
                }
                None
            }
            _ => Some(envelope),
        }
    }

    pub(super) fn is_durable(&self) -> bool {
        self.durable >= self.appended
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::sync::mpsc;

    use super::*;
    use crate::protocol::{Epoch, Message, NodeId, Promise, RoundAnswer};
    use crate::storage::{FlushDone, LogReader};

    /// A log whose flushes complete on command.
    #[derive(Clone, Default)]
    struct ManualLog {
        flushes: Arc<Mutex<Vec<FlushDone>>>,
    }

    impl ManualLog {
        fn finish_one(&self) {
            let done = self.flushes.lock().expect("no test panics here").remove(0);
            done(Ok(()));
        }

        fn in_flight(&self) -> usize {
            self.flushes.lock().expect("no test panics here").len()
        }
    }

    impl IntermediateLog for ManualLog {
        fn save_promise(&mut self, _: Promise) -> Result<(), StorageError> {
            Ok(())
        }

        fn append(&mut self, _: &crate::protocol::Append) -> Result<(), StorageError> {
            Ok(())
        }

        fn compact(&mut self, _: &crate::protocol::Base) -> Result<(), StorageError> {
            Ok(())
        }

        fn replace(&mut self, _: &crate::protocol::Base) -> Result<(), StorageError> {
            Ok(())
        }

        fn record_commit(&mut self, _: LogPoint) -> Result<(), StorageError> {
            Ok(())
        }

        fn flush(&mut self, done: FlushDone) -> Result<(), StorageError> {
            self.flushes.lock().expect("no test panics here").push(done);
            Ok(())
        }

        fn reader(&self) -> Arc<dyn LogReader> {
            unreachable!("nothing is read here")
        }
    }

    fn flusher() -> (Flusher, ManualLog, mpsc::UnboundedReceiver<Completion>) {
        let (sender, completions) = mpsc::unbounded_channel();
        let log = ManualLog::default();
        (Flusher::new(Box::new(log.clone()), sender), log, completions)
    }

    fn store(flusher: &mut Flusher, operation: u64) {
        let promise = Store::Promise(Promise { epoch: Epoch(1), vote: None });
        flusher.store(Operation(operation), &promise).expect("the log takes it");
    }

    fn flushed(completions: &mut mpsc::UnboundedReceiver<Completion>) -> Operation {
        match completions.try_recv() {
            Ok(Completion::Flushed(operation, _)) => operation,
            _ => panic!("no flush has completed"),
        }
    }

    fn message(number: u64) -> Envelope {
        let message = Message::RoundAnswer(RoundAnswer { round: 1, patience_micros: 0 });
        Envelope::bare(NodeId(1), NodeId(2), number, message)
    }

    #[test]
    fn one_flush_is_in_flight_and_the_next_takes_everything_appended_meanwhile() {
        let (mut flusher, log, mut completions) = flusher();
        store(&mut flusher, 1);
        flusher.start_flush().expect("it starts");
        for operation in 2..=4 {
            store(&mut flusher, operation);
            flusher.start_flush().expect("it waits");
        }
        assert_eq!(log.in_flight(), 1);
        log.finish_one();
        assert_eq!(flushed(&mut completions), Operation(1));
        assert_eq!(flusher.on_flushed(Operation(1)).count(), 0);
        flusher.start_flush().expect("it starts");
        log.finish_one();
        assert_eq!(flushed(&mut completions), Operation(4));
    }

    #[test]
    fn a_message_is_sent_only_after_its_operation_is_durable() {
        let (mut flusher, log, _completions) = flusher();
        store(&mut flusher, 1);
        flusher.start_flush().expect("it starts");
        store(&mut flusher, 2);
        assert_eq!(flusher.send_after(None, message(1)), Some(message(1)), "it claims nothing");
        assert_eq!(flusher.send_after(Some(Operation(2)), message(2)), None);
        assert_eq!(flusher.send_after(Some(Operation(1)), message(3)), None);
        log.finish_one();
        assert_eq!(flusher.on_flushed(Operation(1)).collect::<Vec<_>>(), [message(3)]);
        assert_eq!(flusher.send_after(Some(Operation(1)), message(4)), Some(message(4)));
        assert_eq!(flusher.send_after(Some(Operation(2)), message(5)), None, "appended, and not flushed");
        assert_eq!(flusher.on_flushed(Operation(2)).collect::<Vec<_>>(), [message(2), message(5)]);
        assert!(flusher.is_durable());
    }

    #[test]
    fn a_hanging_disk_holds_no_more_messages_than_the_bound() {
        let (mut flusher, log, _completions) = flusher();
        store(&mut flusher, 1);
        flusher.start_flush().expect("it starts");
        for number in 0..2 * WAITING_MAX as u64 {
            assert_eq!(flusher.send_after(Some(Operation(1)), message(number)), None);
        }
        log.finish_one();
        assert_eq!(flusher.on_flushed(Operation(1)).count(), WAITING_MAX);
        store(&mut flusher, 2);
        flusher.send_after(Some(Operation(2)), message(7));
        assert_eq!(flusher.on_flushed(Operation(2)).collect::<Vec<_>>(), [message(7)], "there is room again");
    }
}
