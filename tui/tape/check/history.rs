//! The operations of a tape as a history for the linearizability checker.
//!
//! Not everybody who writes is on the tape: other consoles, shells and benches write too. What the nodes tell to be
//! written and no operation of the tape accounts for counts as a write of unknown outcome that may have taken effect at
//! any time. So nobody is accused whom somebody else's write excuses; where such writes cannot be told apart because
//! values are not shown (no lab), nothing is claimed.
//!
//! Values are compared by their beginning, as far as previews carry them; keys longer than that are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use epoca::protocol::trace::{Event, Fact, Preview};
use epoca::protocol::{EntryId, Kind, Position};
use epoca::verify::linearizability::{Action, Failure, Operation, check};
use serde_json::Value;

use crate::command::grammar::Consistency;
use crate::command::{Command, Exit, Outcome, parse_line};
use crate::tape::json::bytes;

/// How many operations are looked at; older ones count as those of others.
const OPERATIONS_MAX: usize = 1_000;
/// How many different writes of others are remembered; beyond it nothing is claimed.
const FOREIGN_MAX: usize = 50_000;

/// Whether an order explains what all clients saw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Linearizable {
    /// So many operations were placed.
    Yes(usize),
    /// Why no order explains them.
    No(String),
    /// Why it cannot be said.
    Unknown(String),
}

#[derive(Clone, Debug, Default)]
pub struct History {
    /// By number; those that are under way, and those that have ended.
    operations: BTreeMap<u64, Known>,
    /// The entries of writes on the tape that were confirmed.
    own: BTreeSet<EntryId>,
    /// Writes that nodes told and that are not, or not yet, accounted for.
    recent: BTreeMap<EntryId, Write>,
    foreign: BTreeSet<Write>,
    /// The first entry of the log was told: nothing lies before what is known.
    from_the_start: bool,
    /// Why nothing can be claimed.
    unknown: Option<&'static str>,
}

/// A key and its new value, each cut to what a preview carries.
type Write = (Bytes, Option<Bytes>);

#[derive(Clone, Debug)]
struct Known {
    key: Bytes,
    action: Asked,
    called: u64,
    end: Option<End>,
}

#[derive(Clone, Debug)]
enum Asked {
    Write(Option<Bytes>),
    Read,
}

#[derive(Clone, Debug)]
enum End {
    /// Done, at this time; of a read, what it saw.
    Done(u64, Option<Bytes>),
    /// It may happen, or may have happened.
    Unknown,
}

impl History {
    pub fn on_begin(&mut self, number: u64, at: Duration, line: &str) {
        let Some((key, action)) = asked(line) else { return };
        self.operations.insert(number, Known { key, action, called: micros(at), end: None });
        if self.operations.len() > OPERATIONS_MAX
            && let Some((_, Known { key, action: Asked::Write(value), .. })) = self.operations.pop_first()
        {
            self.add_foreign((key, value));
        }
    }

    pub fn on_end(&mut self, number: u64, at: Duration, outcome: &Outcome) {
        let Some(known) = self.operations.get_mut(&number) else { return };
        let (written, seen) = ended(&known.action, outcome);
        let is_open = matches!(known.action, Asked::Write(_)) && outcome.exit == Exit::Unknown;
        match (is_open, seen) {
            (true, _) => known.end = Some(End::Unknown),
            (false, Some(seen)) => known.end = Some(End::Done(micros(at), seen)),
            // Refused, or nobody was there: it has not happened, and says nothing.
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

    /// Entries that were there before: nobody on the tape wrote them.
    pub fn on_tail(&mut self, tail: &[Preview]) {
        // What lies before the tail may be read all the same.
        let lacks = tail.first().is_some_and(|first| first.point.position > Position::FIRST);
        if lacks && !self.from_the_start {
            self.unknown = Some("the tape does not reach back to the first entry");
        }
        tail.iter().for_each(|preview| self.on_written(preview));
    }

    /// Something was not told: from now on nothing can be claimed.
    pub fn left_out(&mut self) {
        self.unknown = Some("some events were too many to check");
    }

    fn on_written(&mut self, preview: &Preview) {
        self.from_the_start |= preview.point.position == Position::FIRST;
        if preview.kind != Kind::Command || self.own.contains(&preview.point.id) {
            return;
        }
        let Some(key) = preview.key.clone() else {
            self.unknown = Some("values are shown by lab nodes alone");
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
            self.unknown = Some("too much was written by others");
        }
    }

    /// Looks for an order. May take long where much was concurrent; the search is bounded.
    pub fn order(&self) -> Linearizable {
        let history: Vec<Operation> =
            self.operations.iter().filter_map(|(number, known)| operation(*number, known)).collect();
        if history.is_empty() {
            return Linearizable::Yes(0);
        }
        if let Some(why) = self.unknown {
            return Linearizable::Unknown(why.to_owned());
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
            Err(failure @ Failure::GaveUp { .. }) => Linearizable::Unknown(failure.to_string()),
        }
    }
}

/// Whether an operation that has ended so is one for which an order is looked for.
pub fn is_judged(line: &str, outcome: &Outcome) -> bool {
    asked(line).is_some_and(|(_, action)| ended(&action, outcome).1.is_some())
}

/// The key of a line and what is done to it, if its order can be judged.
fn asked(line: &str) -> Option<(Bytes, Asked)> {
    let (key, action) = match parse_line(line) {
        Ok(Command::Put(put)) => match put.value {
            Some(value) if put.file.is_none() && &value[..] != b"-" => (put.key, Asked::Write(Some(cut(&value)))),
            _ => return None,
        },
        Ok(Command::Delete { key }) => (key, Asked::Write(None)),
        Ok(Command::Get(get)) if get.consistency == Consistency::Linearizable => (get.key, Asked::Read),
        _ => return None,
    };
    (key.len() <= Preview::BYTES_MAX).then_some((key, action))
}

/// Where it was written, and what a read saw; the outer `None` of the latter if it has not happened, or says nothing.
fn ended(action: &Asked, outcome: &Outcome) -> (Option<EntryId>, Option<Option<Bytes>>) {
    let json = &outcome.json;
    match (action, outcome.exit) {
        (Asked::Write(_), Exit::Done) => (entry(json), Some(None)),
        (Asked::Read, Exit::Done | Exit::Not) => (None, seen(json)),
        _ => (None, None),
    }
}

fn operation(number: u64, known: &Known) -> Option<Operation> {
    let (action, returned) = match (&known.action, &known.end) {
        (Asked::Write(value), end) => {
            let returned = if let Some(End::Done(at, _)) = end { Some(*at) } else { None };
            (value.clone().map_or(Action::Delete, Action::Put), returned)
        }
        (Asked::Read, Some(End::Done(at, seen))) => (Action::Get(seen.clone()), Some(*at)),
        (Asked::Read, _) => return None,
    };
    Some(Operation { client: number, key: known.key.clone(), action, called: known.called, returned })
}

/// Where a confirmed write stands.
fn entry(json: &Value) -> Option<EntryId> {
    Some(EntryId::new(json["epoch"].as_u64()?, json["offset"].as_u64()?))
}

/// What a read saw; the outer `None` if its answer does not tell.
fn seen(json: &Value) -> Option<Option<Bytes>> {
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
    struct Told {
        history: History,
        numbers: u64,
        now: u64,
    }

    impl Told {
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

        /// A write that stands at this offset; a node tells it, too.
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
    fn a_read_of_what_was_overwritten_has_no_order() {
        let mut told = Told::default();
        told.put("x", "1", 1);
        told.put("x", "2", 2);
        told.get("x", Some("2"));
        assert_eq!(told.history.order(), Linearizable::Yes(3));
        told.get("x", Some("1"));
        let Linearizable::No(why) = told.history.order() else { panic!("a stale read") };
        assert!(why.contains("get x sees 1"), "{why}");
    }

    #[test]
    fn what_others_write_excuses_a_read() {
        let mut told = Told::default();
        told.put("x", "1", 1);
        told.proposed("x", "9", 2);
        told.get("x", Some("9"));
        assert_eq!(told.history.order(), Linearizable::Yes(2));
        told.get("x", Some("8"));
        assert!(matches!(told.history.order(), Linearizable::No(_)), "nobody wrote that");
    }

    #[test]
    fn where_values_are_not_shown_nothing_is_claimed() {
        let mut told = Told::default();
        told.put("x", "1", 1);
        let point = LogPoint { id: EntryId::new(1, 2), position: Position(3), digest: Digest([0; 16]) };
        let hidden = Preview { point, kind: Kind::Command, forged: false, key: None, value: None };
        told.history.on_written(&hidden);
        told.get("x", None);
        assert!(matches!(told.history.order(), Linearizable::Unknown(_)));
    }

    #[test]
    fn a_write_of_unknown_outcome_may_or_may_not_be_seen() {
        let mut told = Told::default();
        told.put("x", "1", 1);
        told.done("put x 2", Outcome::error(Exit::Unknown, "unknown", "no answer"));
        told.get("x", Some("1"));
        told.get("x", Some("2"));
        assert!(matches!(told.history.order(), Linearizable::Yes(_)));
        told.get("x", Some("1"));
        assert!(matches!(told.history.order(), Linearizable::No(_)));
    }

    #[test]
    fn local_reads_and_refused_writes_say_nothing() {
        let mut told = Told::default();
        told.put("x", "1", 1);
        told.done("get x --consistency local", Outcome::done(json!({"found": false, "value": null})));
        told.done("put x 2", Outcome::error(Exit::Nobody, "no_leader", "nobody leads"));
        told.get("x", Some("1"));
        assert_eq!(told.history.order(), Linearizable::Yes(2));
    }
}
