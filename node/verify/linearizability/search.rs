//! The search for an order of the operations on one key.
//!
//! It is the search of Wing and Gong (1993) with Lowe's memo (2017). Four properties of the operations keep it small;
//! the tests compare it with a checker that uses none of them. A compare-and-set sees a value, as a get does, and
//! writes another one at the same moment.
//!
//! 1. A get that sees the present value is placed at once: it changes nothing, and it no longer constrains what
//!    follows.
//! 2. A write of unknown outcome matters only if an operation sees it, so it is placed just before that operation, or
//!    never.
//! 3. Of several unknown writes of one value only the one called first is tried, if none of them compares.
//! 4. A value that an operation has yet to see is not overwritten if no write of it is left.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;

use crate::verify::linearizability::{Action, Operation};

/// The search gives up after this many states.
const STATES_MAX: usize = 2_000_000;

/// A number for a value of the key; 0 is "nothing".
type Value = u32;

/// Numbers for the values of one key.
#[derive(Default)]
struct Names<'a>(BTreeMap<&'a Bytes, Value>);

impl<'a> Names<'a> {
    fn of(&mut self, value: Option<&'a Bytes>) -> Value {
        let next = self.0.len() as Value + 1;
        value.map_or(0, |value| *self.0.entry(value).or_insert(next))
    }
}

#[derive(Clone, Copy)]
enum Effect {
    Write(Value),
    Read(Value),
    Swap { from: Value, to: Value },
}

impl Effect {
    fn sees(self) -> Option<Value> {
        match self {
            Effect::Read(value) | Effect::Swap { from: value, .. } => Some(value),
            Effect::Write(_) => None,
        }
    }

    fn writes(self) -> Option<Value> {
        match self {
            Effect::Write(value) | Effect::Swap { to: value, .. } => Some(value),
            Effect::Read(_) => None,
        }
    }
}

struct Completed {
    effect: Effect,
    called: u64,
    returned: u64,
}

struct Unknown {
    effect: Effect,
    value: Value,
    called: u64,
}

pub(super) enum End {
    Stuck { called: u64 },
    GaveUp,
}

/// The next operations of an order: a completed write; an unknown write and the completed operation that sees it; or an
/// unknown write that an unknown compare-and-set sees.
#[derive(Clone, Copy)]
enum Choice {
    Write(usize),
    Seen { write: usize, get: usize },
    Alone { write: usize },
}

/// The search at one key. The completed operations are sorted by call.
pub(super) struct Search {
    completed: Vec<Completed>,
    unknown: Vec<Unknown>,
    /// Some of the unknown writes are compare-and-sets.
    unknown_swaps: bool,
    /// A bit for each placed operation: the completed ones, then the unknown ones.
    placed: Vec<u64>,
    count: usize,
    value: Value,
    /// For each value: how many completed operations have yet to see it, and how many writes of it are left.
    wanted: Vec<u32>,
    writes: Vec<u32>,
    seen: HashSet<(Box<[u64]>, Value)>,
    /// The most operations that any order has placed, and the call of the one that it could not place.
    furthest: (usize, u64),
}

/// A point to backtrack to: the choices that are left, and the operations that were placed to get there.
struct Moment {
    choices: Vec<Choice>,
    value: Value,
    placed: Vec<usize>,
}

impl Search {
    pub(super) fn new(operations: &[&Operation]) -> Search {
        let mut names = Names::default();
        let (mut completed, mut unknown) = (Vec::new(), Vec::new());
        for operation in operations {
            let called = operation.called;
            let effect = match &operation.action {
                Action::Put(value) => Effect::Write(names.of(Some(value))),
                Action::Delete => Effect::Write(names.of(None)),
                Action::CompareAndSet { expected, value } => {
                    Effect::Swap { from: names.of(expected.as_ref()), to: names.of(Some(value)) }
                }
                Action::Get(value) => Effect::Read(names.of(value.as_ref())),
            };
            match (operation.returned, effect.writes()) {
                (Some(returned), _) => completed.push(Completed { effect, called, returned }),
                (None, Some(value)) => unknown.push(Unknown { effect, value, called }),
                (None, None) => {}
            }
        }
        completed.sort_by_key(|operation| operation.called);
        unknown.sort_by_key(|operation| operation.called);
        let mut search = Search::empty(completed, unknown, names.0.len() + 1);
        (0..search.completed.len() + search.unknown.len()).for_each(|index| search.count_left(index, 1));
        search
    }

    fn empty(completed: Vec<Completed>, unknown: Vec<Unknown>, values: usize) -> Search {
        let words = (completed.len() + unknown.len()).div_ceil(64);
        let unknown_swaps = unknown.iter().any(|unknown| unknown.effect.sees().is_some());
        Search {
            completed,
            unknown,
            unknown_swaps,
            placed: vec![0; words],
            count: 0,
            value: 0,
            wanted: vec![0; values],
            writes: vec![0; values],
            seen: HashSet::new(),
            furthest: (0, 0),
        }
    }

    pub(super) fn run(mut self) -> Result<usize, End> {
        let mut moments: Vec<Moment> = Vec::new();
        let mut next = self.begin();
        loop {
            if self.count == self.completed.len() {
                return Ok(self.count);
            }
            if self.seen.len() > STATES_MAX {
                return Err(End::GaveUp);
            }
            moments.push(next);
            next = loop {
                let Some(moment) = moments.last_mut() else { return Err(End::Stuck { called: self.furthest.1 }) };
                let (choice, value) = (moment.choices.pop(), moment.value);
                let Some(choice) = choice else {
                    let moment = moments.pop().expect("there is a last one");
                    moment.placed.into_iter().for_each(|index| self.unplace(index));
                    continue;
                };
                self.value = value;
                if let Some(moment) = self.take(choice) {
                    break moment;
                }
            };
        }
    }

    fn begin(&mut self) -> Moment {
        let mut placed = Vec::new();
        let choices = self.advance(&mut placed);
        Moment { choices, value: self.value, placed }
    }

    /// Places the operations of a choice and all gets that see its value. `None`, with nothing placed, if the state was
    /// visited before or cannot lead to an order.
    fn take(&mut self, choice: Choice) -> Option<Moment> {
        let present = self.value as usize;
        let sees = if let Choice::Write(index) = choice { self.completed[index].effect.sees() } else { None };
        let others = self.wanted[present] - u32::from(sees == Some(self.value));
        if others > 0 && self.writes[present] == 0 {
            self.on_value_lost(self.value);
            return None;
        }
        let mut placed = Vec::new();
        let mut place = |search: &mut Search, index: usize| {
            search.place(index);
            placed.push(index);
        };
        match choice {
            Choice::Write(index) => {
                place(self, index);
                self.value = self.completed[index].effect.writes().expect("the choice is a write");
            }
            Choice::Seen { write, get } => {
                place(self, self.completed.len() + write);
                place(self, get);
                self.value = self.completed[get].effect.writes().unwrap_or(self.unknown[write].value);
            }
            Choice::Alone { write } => {
                place(self, self.completed.len() + write);
                self.value = self.unknown[write].value;
            }
        }
        let choices = self.advance(&mut placed);
        if self.seen.insert((self.placed.clone().into_boxed_slice(), self.value)) {
            return Some(Moment { choices, value: self.value, placed });
        }
        placed.into_iter().for_each(|index| self.unplace(index));
        None
    }

    /// The gets that wait for this value cannot be placed. Remembers one if no order came further.
    fn on_value_lost(&mut self, value: Value) {
        if self.count < self.furthest.0 {
            return;
        }
        let sees = |operation: &Completed| operation.effect.sees() == Some(value);
        let stuck = (0..self.completed.len()).find(|index| !self.is_placed(*index) && sees(&self.completed[*index]));
        self.furthest = (self.count, stuck.map_or(0, |index| self.completed[index].called));
    }

    /// Places every get that sees the present value. Returns the choices, the best last.
    fn advance(&mut self, placed: &mut Vec<usize>) -> Vec<Choice> {
        loop {
            let (candidates, first_return) = self.candidates();
            let sees =
                |index: &usize| matches!(self.completed[*index].effect, Effect::Read(seen) if seen == self.value);
            let Some(get) = candidates.iter().copied().find(sees) else {
                return self.choices(&candidates, first_return);
            };
            self.place(get);
            placed.push(get);
        }
    }

    /// The completed operations that may come next: called before any other that is left has returned.
    fn candidates(&mut self) -> (Vec<usize>, u64) {
        let mut first_return = u64::MAX;
        let mut stuck = 0;
        let mut candidates = Vec::new();
        // Skips the words at the beginning in which all operations are placed.
        let begin = self.placed.iter().take_while(|word| **word == u64::MAX).count() * 64;
        for (index, operation) in self.completed.iter().enumerate().skip(begin) {
            if operation.called > first_return {
                break;
            }
            if !self.is_placed(index) {
                candidates.push(index);
                if operation.returned < first_return {
                    (first_return, stuck) = (operation.returned, operation.called);
                }
            }
        }
        candidates.retain(|index| self.completed[*index].called <= first_return);
        if self.count >= self.furthest.0 {
            self.furthest = (self.count, stuck);
        }
        (candidates, first_return)
    }

    fn choices(&self, candidates: &[usize], first_return: u64) -> Vec<Choice> {
        let mut choices = Vec::new();
        for index in candidates.iter().rev() {
            match self.completed[*index].effect.sees() {
                Some(value) if value != self.value => {
                    let usable = self.usable(first_return).filter(|write| self.unknown[*write].value == value);
                    let few = if self.unknown_swaps { usize::MAX } else { 1 };
                    choices.extend(usable.take(few).map(|write| Choice::Seen { write, get: *index }));
                }
                _ => choices.push(Choice::Write(*index)),
            }
        }
        // The operation that returns first is tried first: it must most often be placed first.
        choices.sort_by_key(|choice| {
            let (Choice::Write(index) | Choice::Seen { get: index, .. }) = choice else {
                return std::cmp::Reverse(u64::MAX);
            };
            std::cmp::Reverse(self.completed[*index].returned)
        });
        if self.unknown_swaps {
            let compared = |value| {
                let waits = |swap: &usize| !self.is_placed(self.completed.len() + swap);
                (0..self.unknown.len()).filter(waits).any(|swap| self.unknown[swap].effect.sees() == Some(value))
            };
            let seen = self.usable(first_return).filter(|write| compared(self.unknown[*write].value));
            // Tried last, so first in the list.
            choices.splice(0..0, seen.map(|write| Choice::Alone { write }).collect::<Vec<_>>());
        }
        choices
    }

    /// The unknown writes that may take effect now.
    fn usable(&self, first_return: u64) -> impl Iterator<Item = usize> {
        (0..self.unknown.len()).filter(move |write| {
            let unknown = &self.unknown[*write];
            let fits = unknown.effect.sees().is_none_or(|from| from == self.value);
            fits && unknown.called <= first_return && !self.is_placed(self.completed.len() + write)
        })
    }

    fn is_placed(&self, index: usize) -> bool {
        self.placed[index / 64] & (1 << (index % 64)) != 0
    }

    fn place(&mut self, index: usize) {
        self.placed[index / 64] |= 1 << (index % 64);
        self.count += usize::from(index < self.completed.len());
        self.count_left(index, -1);
    }

    fn unplace(&mut self, index: usize) {
        self.placed[index / 64] &= !(1 << (index % 64));
        self.count -= usize::from(index < self.completed.len());
        self.count_left(index, 1);
    }

    /// Adds an operation to the counts of what is left, or subtracts it.
    fn count_left(&mut self, index: usize, by: i32) {
        let (sees, writes) = match self.completed.get(index) {
            Some(completed) => (completed.effect.sees(), completed.effect.writes()),
            None => (None, Some(self.unknown[index - self.completed.len()].value)),
        };
        if let Some(value) = sees {
            self.wanted[value as usize] = self.wanted[value as usize].wrapping_add_signed(by);
        }
        if let Some(value) = writes {
            self.writes[value as usize] = self.writes[value as usize].wrapping_add_signed(by);
        }
    }
}
