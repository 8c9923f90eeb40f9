//! The operations of a tape as a history for the linearizability checker.
//!
//! A tape does not hold every write: other consoles, shells and benches write too. A write that the nodes report and
//! that belongs to no operation of the tape counts as a write of unknown outcome, which may take effect at any time.
//! The check therefore never reports a violation that another client's write explains. If such writes cannot be
//! distinguished because values are not shown (without --lab), the result is unknown.
//!
//! Values are compared by their beginnings, as far as previews hold them. Longer keys are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use epoca::protocol::trace::{Event, Fact, Preview};
use epoca::protocol::{EntryId, Kind, Position};
use epoca::verify::linearizability::{Action, Failure, Operation, check};
use serde_json::Value;

use crate::command::grammar::Consistency;
use crate::command::{Command, Exit, Outcome, parse_line};
use crate::lang::{Localized, Text, text};
use crate::tape::json::bytes;

const NO_FIRST_ENTRY: Text =
    text("the tape does not reach back to the first entry", "a fita não alcança a primeira entrada");
const EVENTS_LEFT_OUT: Text = text("some events were left out of the check", "a verificação deixou eventos de fora");
const VALUES_HIDDEN: Text = text("only lab nodes show values", "só nós com --lab mostram valores");
const TOO_MANY_WRITES: Text = text("other clients wrote too much", "outros clientes escreveram demais");

/// How many operations are checked. Older ones count as those of other clients.
const OPERATIONS_MAX: usize = 1_000;
/// How many different writes of other clients are kept. With more the result is unknown.
const FOREIGN_MAX: usize = 50_000;

/// Whether one order explains the results of all operations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Linearizable {
    /// This many operations have a place in the order.
    Yes(usize),
    /// Why no order explains them.
    No(String),
    /// Why the result is unknown.
    Unknown(Localized),
}

#[derive(Clone, Debug, Default)]
pub struct History {
    /// By number: operations in flight, and operations that have ended.
    operations: BTreeMap<u64, Known>,
    /// The entries of the tape's confirmed writes.
    own: BTreeSet<EntryId>,
    /// Writes that nodes reported and that belong to no operation so far.
    recent: BTreeMap<EntryId, Write>,
    foreign: BTreeSet<Write>,
    /// The first entry of the log was reported, so nothing before it is unknown.
    from_the_start: bool,
    /// Why the result is unknown.
    unknown: Option<Text>,
}

/// A key and its new value, each cut to the length of a preview.
type Write = (Bytes, Option<Bytes>);

#[derive(Clone, Debug)]
struct Known {
    key: Bytes,
    action: KnownAction,
    called: u64,
    end: Option<End>,
}

#[derive(Clone, Debug)]
enum KnownAction {
    Write(Option<Bytes>),
    Read,
}

#[derive(Clone, Debug)]
enum End {
    /// Done at this time, with the result of a read.
    Done(u64, Option<Bytes>),
    /// It may happen, or may have happened.
    Unknown,
}

impl History {
    pub fn on_begin(&mut self, number: u64, at: Duration, line: &str) {
        let Some((key, action)) = operation_of(line) else { return };
        self.operations.insert(number, Known { key, action, called: micros(at), end: None });
        if self.operations.len() > OPERATIONS_MAX
            && let Some((_, Known { key, action: KnownAction::Write(value), .. })) = self.operations.pop_first()
        {
            self.add_foreign((key, value));
        }
    }

    pub fn on_end(&mut self, number: u64, at: Duration, outcome: &Outcome) {
        let Some(known) = self.operations.get_mut(&number) else { return };
        let (written, seen) = result_of(&known.action, outcome);
        let is_open = matches!(known.action, KnownAction::Write(_)) && outcome.exit == Exit::Unknown;
        match (is_open, seen) {
            (true, _) => known.end = Some(End::Unknown),
            (false, Some(seen)) => known.end = Some(End::Done(micros(at), seen)),
            // It was refused or reached no node: it has not happened.
            (false, None) => _ = self.operations.remove(&number),
        }
        if let Some(id) = written {
            self.recent.remove(&id);
            self.own.insert(id);
            if self.own.len() > OPERATIONS_MAX {
                self.own.pop_first();
            }
        }
    }

    pub fn on_event(&mut self, event: &Event) {
        match &event.fact {
            Fact::Proposed { entry: entries } => entries.iter().for_each(|preview| self.on_written(preview)),
            Fact::Injected { entries } => entries.iter().for_each(|preview| self.on_written(preview)),
            _ => {}
        }
    }

    /// Entries from before the tape.
    pub fn on_tail(&mut self, tail: &[Preview]) {
        // Reads may return values from before the tail.
        let lacks = tail.first().is_some_and(|first| first.point.position > Position::FIRST);
        if lacks && !self.from_the_start {
            self.unknown = Some(NO_FIRST_ENTRY);
        }
        tail.iter().for_each(|preview| self.on_written(preview));
    }

    /// Events were left out, so that the result is unknown from now on.
    pub fn left_out(&mut self) {
        self.unknown = Some(EVENTS_LEFT_OUT);
    }

    fn on_written(&mut self, preview: &Preview) {
        self.from_the_start |= preview.point.position == Position::FIRST;
        if preview.kind != Kind::Command || self.own.contains(&preview.point.id) {
            return;
        }
        let Some(key) = preview.key.clone() else {
            self.unknown = Some(VALUES_HIDDEN);
            return;
        };
        self.recent.insert(preview.point.id, (key, preview.value.clone()));
        if self.recent.len() > OPERATIONS_MAX
            && let Some((_, write)) = self.recent.pop_first()
        {
            self.add_foreign(write);
        }
    }

    fn add_foreign(&mut self, write: Write) {
        if self.foreign.len() < FOREIGN_MAX {
            self.foreign.insert(write);
        } else if !self.foreign.contains(&write) {
            self.unknown = Some(TOO_MANY_WRITES);
        }
    }

    /// Searches for an order. The search is bounded, but takes long if many operations were concurrent.
    pub fn order(&self) -> Linearizable {
        let history: Vec<Operation> =
            self.operations.iter().filter_map(|(number, known)| operation(*number, known)).collect();
        if history.is_empty() {
            return Linearizable::Yes(0);
        }
        if let Some(why) = self.unknown {
            return Linearizable::Unknown(why.into());
        }
        let keys: BTreeSet<&Bytes> = history.iter().map(|operation| &operation.key).collect();
        let others = self.recent.values().chain(&self.foreign);
        let others: BTreeSet<&Write> = others.filter(|(key, _)| keys.contains(key)).collect();
        let others = others.into_iter().map(|(key, value)| Operation {
            client: 0,
            key: key.clone(),
            action: value.clone().map_or(Action::Delete, Action::Put),
            called: 0,
            returned: None,
        });
        let all: Vec<Operation> = history.iter().cloned().chain(others).collect();
        match check(&all) {
            Ok(placed) => Linearizable::Yes(placed),
            Err(failure @ Failure::NotLinearizable { .. }) => Linearizable::No(failure.to_string()),
            Err(failure @ Failure::GaveUp { .. }) => Linearizable::Unknown(failure.to_string().into()),
        }
    }
}

/// Whether an operation with this outcome is part of the history.
pub fn is_judged(line: &str, outcome: &Outcome) -> bool {
    operation_of(line).is_some_and(|(_, action)| result_of(&action, outcome).1.is_some())
}

/// The key and the action of a line, if it can be part of the history.
fn operation_of(line: &str) -> Option<(Bytes, KnownAction)> {
    let (key, action) = match parse_line(line) {
        Ok(Command::Put(put)) => match put.value {
            Some(value) if put.file.is_none() && &value[..] != b"-" => (put.key, KnownAction::Write(Some(cut(&value)))),
            _ => return None,
        },
        Ok(Command::Delete { key }) => (key, KnownAction::Write(None)),
        Ok(Command::Get(get)) if get.consistency == Consistency::Linearizable => (get.key, KnownAction::Read),
        _ => return None,
    };
    (key.len() <= Preview::BYTES_MAX).then_some((key, action))
}

/// The entry of a write, and the result of a read. The latter is `None` if the operation is not part of the history.
fn result_of(action: &KnownAction, outcome: &Outcome) -> (Option<EntryId>, Option<Option<Bytes>>) {
    let json = &outcome.json;
    match (action, outcome.exit) {
        (KnownAction::Write(_), Exit::Done) => (entry(json), Some(None)),
        (KnownAction::Read, Exit::Done | Exit::NotDone) => (None, value_of(json)),
        _ => (None, None),
    }
}

fn operation(number: u64, known: &Known) -> Option<Operation> {
    let (action, returned) = match (&known.action, &known.end) {
        (KnownAction::Write(value), end) => {
            let returned = if let Some(End::Done(at, _)) = end { Some(*at) } else { None };
            (value.clone().map_or(Action::Delete, Action::Put), returned)
        }
        (KnownAction::Read, Some(End::Done(at, seen))) => (Action::Get(seen.clone()), Some(*at)),
        (KnownAction::Read, _) => return None,
    };
    Some(Operation { client: number, key: known.key.clone(), action, called: known.called, returned })
}

/// The entry of a confirmed write.
fn entry(json: &Value) -> Option<EntryId> {
    Some(EntryId::new(json["epoch"].as_u64()?, json["offset"].as_u64()?))
}

/// The result of a read. The outer `None`: the answer does not contain it.
fn value_of(json: &Value) -> Option<Option<Bytes>> {
    match json["found"].as_bool()? {
        false => Some(None),
        true => bytes(json.as_object()?, "value")?.map(|value| Some(cut(&value))),
    }
}

fn cut(value: &Bytes) -> Bytes {
    Bytes::copy_from_slice(Preview::start(value))
}

fn micros(at: Duration) -> u64 {
    at.as_micros() as u64
}

#[cfg(test)]
mod tests {
    use epoca::protocol::{Digest, LogPoint, NodeId, Time};
    use serde_json::json;

    use super::*;

    #[derive(Default)]
    struct Sample {
        history: History,
        numbers: u64,
        now: u64,
    }

    impl Sample {
        fn at(&mut self) -> Duration {
            self.now += 1;
            Duration::from_micros(self.now)
        }

        fn done(&mut self, line: &str, outcome: Outcome) {
            self.numbers += 1;
            let at = self.at();
            self.history.on_begin(self.numbers, at, line);
            let at = self.at();
            self.history.on_end(self.numbers, at, &outcome);
        }

        /// A confirmed write at this offset, which a node reports too.
        fn put(&mut self, key: &str, value: &str, offset: u64) {
            self.proposed(key, value, offset);
            self.done(
                &format!("put {key} {value}"),
                Outcome::done(json!({"epoch": 1, "offset": offset, "position": 1})),
            );
        }

        fn get(&mut self, key: &str, value: Option<&str>) {
            let json = json!({"found": value.is_some(), "value": value});
            self.done(&format!("get {key}"), Outcome::done(json));
        }

        fn proposed(&mut self, key: &str, value: &str, offset: u64) {
            let (key, value) = (Bytes::copy_from_slice(key.as_bytes()), Bytes::copy_from_slice(value.as_bytes()));
            let id = EntryId::new(1, offset);
            let point = LogPoint { id, position: Position(offset + 1), digest: Digest([0; 16]) };
            let preview = Preview { point, kind: Kind::Command, forged: false, key: Some(key), value: Some(value) };
            let fact = Fact::Proposed { entry: vec![preview] };
            self.history.on_event(&Event { node: NodeId(1), number: 1, time: Time(0), fact });
        }
    }

    #[test]
    fn a_read_of_an_overwritten_value_has_no_order() {
        let mut sample = Sample::default();
        sample.put("x", "1", 1);
        sample.put("x", "2", 2);
        sample.get("x", Some("2"));
        assert_eq!(sample.history.order(), Linearizable::Yes(3));
        sample.get("x", Some("1"));
        let Linearizable::No(why) = sample.history.order() else { panic!("a stale read") };
        assert!(why.contains("get x returns 1"), "{why}");
    }

    #[test]
    fn a_write_of_another_client_explains_a_read() {
        let mut sample = Sample::default();
        sample.put("x", "1", 1);
        sample.proposed("x", "9", 2);
        sample.get("x", Some("9"));
        assert_eq!(sample.history.order(), Linearizable::Yes(2));
        sample.get("x", Some("8"));
        assert!(matches!(sample.history.order(), Linearizable::No(_)), "no client wrote that");
    }

    #[test]
    fn without_values_the_result_is_unknown() {
        let mut sample = Sample::default();
        sample.put("x", "1", 1);
        let point = LogPoint { id: EntryId::new(1, 2), position: Position(3), digest: Digest([0; 16]) };
        let hidden = Preview { point, kind: Kind::Command, forged: false, key: None, value: None };
        sample.history.on_written(&hidden);
        sample.get("x", None);
        assert!(matches!(sample.history.order(), Linearizable::Unknown(_)));
    }

    #[test]
    fn a_write_of_unknown_outcome_may_or_may_not_be_read() {
        let mut sample = Sample::default();
        sample.put("x", "1", 1);
        sample.done("put x 2", Outcome::error(Exit::Unknown, "unknown", "no answer"));
        sample.get("x", Some("1"));
        sample.get("x", Some("2"));
        assert!(matches!(sample.history.order(), Linearizable::Yes(_)));
        sample.get("x", Some("1"));
        assert!(matches!(sample.history.order(), Linearizable::No(_)));
    }

    #[test]
    fn local_reads_and_refused_writes_are_not_part_of_the_history() {
        let mut sample = Sample::default();
        sample.put("x", "1", 1);
        sample.done("get x --consistency local", Outcome::done(json!({"found": false, "value": null})));
        sample.done("put x 2", Outcome::error(Exit::Unreachable, "no_leader", "no leader"));
        sample.get("x", Some("1"));
        assert_eq!(sample.history.order(), Linearizable::Yes(2));
    }
}
