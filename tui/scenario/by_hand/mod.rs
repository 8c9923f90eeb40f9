//! Grades by hand: which lines of the assignment's sheet a person has shown with commands of their own.
//!
//! The rules are those of the sheet itself. The person does what the sheet's `do` lines do, in their order, with any
//! keys, values and replicas; the sheet's expectations judge it, with the same code. Items that say `sheet only` are
//! not needed: they make a demonstration stricter than one by hand can be.
//!
//! A write may begin a demonstration of several lines, so each line has several attempts at a time.

mod bind;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use epoca::client::Client;
use epoca::client::watch::Observed;
use epoca::protocol::NodeId;

use super::check::{Disks, Judge, Observation, answered_read};
use super::library;
use super::listener::{EventMark, ObservedCluster};
use super::names::{Names, Operation, id_of};
use super::report_events::{Evidence, EvidenceKind};
use super::script::{Action, Expect, ItemKind, Nodes, Reader, Script};
use crate::command::grammar::{Consistency, Get};
use crate::command::{Command, Outcome, parse_line};
use bind::{Bindings, LEADER};

/// How many attempts of a line are followed. The oldest are given up first.
const ATTEMPTS_MAX: usize = 18;
/// How many events are kept. An attempt that began before them is given up.
const EVENTS_MAX: usize = 20_000;
/// How many answers, and how many answered reads, are remembered.
const ANSWERS_MAX: usize = 64;
/// The pause between two looks at a disk.
const DISK_EVERY: Duration = Duration::from_millis(300);

/// The text of the sheet.
pub fn sheet() -> Arc<Script> {
    static SHEET: LazyLock<Arc<Script>> = LazyLock::new(|| Arc::new(library::find("assignment").unwrap_or_default()));
    SHEET.clone()
}

/// The graded lines of the sheet that have points, by the index of their heading.
pub fn graded_lines(script: &Script) -> impl Iterator<Item = usize> {
    let items = script.items.iter().enumerate();
    items.filter(|(_, item)| matches!(item.kind, ItemKind::Graded { points: Some(_), .. })).map(|(index, _)| index)
}

/// A line that was shown, with its evidence in the order of the sheet.
#[derive(Clone, Debug)]
pub struct Grade {
    pub heading: usize,
    pub evidence: Vec<Evidence>,
}

impl Grade {
    /// The evidence that says most in one line: the last event of a node, or what was read.
    pub fn telling(&self) -> Option<&Evidence> {
        let is_event = |evidence: &&Evidence| matches!(evidence.kind, EvidenceKind::Event(_) | EvidenceKind::Disk);
        self.evidence.iter().rev().find(is_event).or(self.evidence.last())
    }
}

pub struct Grader {
    script: Arc<Script>,
    observed: ObservedCluster,
    lines: Vec<LineState>,
    reads: VecDeque<AnsweredRead>,
    /// The reads that were not answered yet, by the number of the operation.
    asked: BTreeMap<u64, (Get, u64)>,
    answers: BTreeMap<u64, Answer>,
    /// How many commands were run.
    commands: u64,
    /// To look at disks; `None` without nodes, as in a recording.
    disks: Option<(Client, PathBuf)>,
}

type Answer = Arc<Mutex<Option<(Outcome, Duration)>>>;

/// A line of the sheet that was not shown yet.
struct LineState {
    heading: usize,
    /// Its items that are needed by hand.
    needed: Vec<usize>,
    attempts: VecDeque<Attempt>,
}

struct Attempt {
    names: Names,
    bindings: Bindings,
    since: EventMark,
    /// The number of the last command that it took.
    command: u64,
    /// How many of the needed items are done.
    next: usize,
    /// When the next item was reached, and when a disk was looked at for it.
    reached: Instant,
    looked: Option<Instant>,
    evidence: Vec<Evidence>,
}

struct AnsweredRead {
    command: u64,
    key: Bytes,
    /// The asked node; `None` for a linearizable read.
    node: Option<NodeId>,
    outcome: Outcome,
}

impl Grader {
    pub fn new() -> Grader {
        let script = sheet();
        let line = |heading: usize| {
            let end = script.items[heading + 1..].iter().position(|item| super::is_heading(&item.kind));
            let end = end.map_or(script.items.len(), |end| heading + 1 + end);
            let needed = (heading + 1..end).filter(|index| !script.items[*index].sheet_only).collect();
            LineState { heading, needed, attempts: VecDeque::new() }
        };
        let lines = graded_lines(&script).map(line).collect();
        let observed = ObservedCluster::without_invariants(EVENTS_MAX);
        let (reads, asked, answers) = Default::default();
        Grader { script, observed, lines, reads, asked, answers, commands: 0, disks: None }
    }

    /// From now on disks can be looked at.
    pub fn use_disks(&mut self, client: Client, executable: PathBuf) {
        self.disks = Some((client, executable));
    }

    /// Forgets what was observed and every attempt, after events were lost.
    pub fn forget(&mut self) {
        self.observed = ObservedCluster::without_invariants(EVENTS_MAX);
        self.lines.iter_mut().for_each(|state| state.attempts.clear());
    }

    pub fn observe(&mut self, node: NodeId, observed: Observed) {
        self.observed.on_observed(node, observed);
    }

    /// A command of a person begins.
    pub fn begin(&mut self, number: u64, line: &str) {
        let Ok(command) = parse_line(line) else { return };
        self.commands += 1;
        if let Command::Get(get) = &command {
            self.asked.insert(number, (get.clone(), self.commands));
        }
        let answer = Answer::default();
        self.answers.insert(number, answer.clone());
        while self.answers.len() > ANSWERS_MAX {
            self.answers.pop_first();
        }
        let Grader { script, observed, lines, commands, .. } = self;
        for state in lines.iter_mut() {
            let template = |index: Option<&usize>| match &script.items[*index?].kind {
                ItemKind::Do(Action::Command(named)) => Some(named),
                _ => None,
            };
            let operation = || Operation::begin(line, &command, observed.end()).answered_by(answer.clone());
            for attempt in &mut state.attempts {
                let Some(named) = template(state.needed.get(attempt.next)) else { continue };
                if attempt.bindings.take(&named.template, &command, &mut attempt.names, false) {
                    attempt.take(named.name.as_deref(), operation(), *commands);
                }
            }
            let Some(named) = template(state.needed.first()) else { continue };
            // A later command chooses the replica: each one has an attempt until then.
            let chooses = |index: &usize| template(Some(index)).is_some_and(|named| named.template.contains("$a"));
            let is_chosen_later = state.needed[1..].iter().any(chooses) && !named.template.contains("$a");
            let replicas = if is_chosen_later { observed.nodes().len().saturating_sub(1) } else { 1 };
            for turn in 0..replicas {
                let Some(mut fresh) = Attempt::new(observed, turn) else { break };
                if fresh.bindings.take(&named.template, &command, &mut fresh.names, true) {
                    fresh.take(named.name.as_deref(), operation(), *commands);
                    state.attempts.push_back(fresh);
                }
            }
            state.attempts.drain(..state.attempts.len().saturating_sub(ATTEMPTS_MAX));
        }
    }

    /// The outcome of a command of a person.
    pub fn end(&mut self, number: u64, outcome: &Outcome, took: Duration) {
        if let Some(answer) = self.answers.get(&number) {
            *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some((outcome.clone(), took));
        }
        let Some((get, command)) = self.asked.remove(&number) else { return };
        let node = match get.consistency {
            Consistency::Local => get.node.map(|node| node.0),
            _ => None,
        };
        self.reads.push_back(AnsweredRead { command, key: get.key, node, outcome: outcome.clone() });
        self.reads.drain(..self.reads.len().saturating_sub(ANSWERS_MAX));
    }

    /// Takes the attempts as far as what was observed goes, and returns the lines that are shown now.
    pub async fn grade(&mut self) -> Vec<Grade> {
        let Grader { script, observed, lines, reads, disks, .. } = self;
        let mut grades = Vec::new();
        for state in lines.iter_mut() {
            let mut open = VecDeque::new();
            let attempts = std::mem::take(&mut state.attempts).into_iter();
            for mut attempt in attempts.filter(|attempt| observed.keeps(attempt.since)) {
                let context = Context { script, observed, reads, disks: disks.as_ref() };
                if attempt.go_on(&state.needed, &context).await {
                    open.push_back(attempt);
                }
            }
            let is_done = |attempt: &Attempt| attempt.next == state.needed.len();
            match open.iter().position(is_done).and_then(|index| open.remove(index)) {
                Some(shown) => grades.push(Grade { heading: state.heading, evidence: shown.evidence }),
                None => state.attempts = open,
            }
        }
        lines.retain(|state| grades.iter().all(|grade| grade.heading != state.heading));
        grades
    }

    /// Whether an attempt waits for something that no event tells: a disk, or that nothing happens for a while.
    pub fn waits(&self) -> bool {
        let next =
            |state: &LineState, attempt: &Attempt| match &self.script.items[*state.needed.get(attempt.next)?].kind {
                ItemKind::Expect(expectation) => Some(&expectation.what),
                _ => None,
            };
        let waits = |expect: &Expect| {
            matches!(expect, Expect::DiskHolds { .. } | Expect::DiskReads { .. } | Expect::NoFact { .. })
        };
        let mut open = self.lines.iter().flat_map(|state| state.attempts.iter().map(move |attempt| (state, attempt)));
        open.any(|(state, attempt)| next(state, attempt).is_some_and(waits))
    }
}

/// What an attempt is judged by.
struct Context<'a> {
    script: &'a Script,
    observed: &'a ObservedCluster,
    reads: &'a VecDeque<AnsweredRead>,
    disks: Option<&'a (Client, PathBuf)>,
}

impl Attempt {
    /// `None` while no node leads: the names of the sheet have no meaning then. `turn` chooses the node that is `$a`.
    fn new(observed: &ObservedCluster, turn: usize) -> Option<Attempt> {
        let leader = observed.leader()?.0;
        let mut names = Names::default();
        names.nodes.insert(LEADER.to_owned(), leader);
        let mut others: Vec<NodeId> = observed.nodes().keys().copied().filter(|node| *node != leader).collect();
        let turn = turn.min(others.len());
        others.rotate_left(turn);
        names.nodes.extend(('a'..='z').zip(others).map(|(letter, node)| (letter.to_string(), node)));
        let (since, reached) = (observed.end(), Instant::now());
        let (bindings, evidence) = Default::default();
        Some(Attempt { names, bindings, since, command: 0, next: 0, reached, looked: None, evidence })
    }

    fn take(&mut self, name: Option<&str>, operation: Operation, command: u64) {
        self.names.operations.extend(name.map(|name| (name.to_owned(), operation)));
        self.command = command;
        self.step();
    }

    fn step(&mut self) {
        self.next += 1;
        (self.reached, self.looked) = (Instant::now(), None);
    }

    /// Evaluates the next expectations. False if the attempt can no longer succeed.
    async fn go_on(&mut self, needed: &[usize], context: &Context<'_>) -> bool {
        while let Some(index) = needed.get(self.next) {
            let ItemKind::Expect(expectation) = &context.script.items[*index].kind else { return true };
            match self.evaluate(&expectation.what, context).await {
                Observation::Met(evidence) => {
                    self.evidence.extend(evidence);
                    self.step();
                }
                Observation::NotYet(..) => return true,
                Observation::Refuted(..) => return false,
            }
        }
        true
    }

    async fn evaluate(&mut self, expect: &Expect, context: &Context<'_>) -> Observation {
        let judge = Judge { observed: context.observed, names: &self.names, since: self.since };
        if let Some(judged) = judge.judge(expect, self.reached.elapsed()) {
            return judged;
        }
        let not_yet = || Observation::NotYet(super::Verdict::Unknown, Default::default());
        match expect {
            Expect::Reads { by, key, value } => {
                let value = value.as_ref().map(|value| self.bindings.word(value));
                self.read(by, &self.bindings.word(key), value.as_deref(), context).unwrap_or_else(not_yet)
            }
            Expect::DiskHolds { .. } | Expect::DiskReads { .. } => {
                let Some((client, executable)) = context.disks else { return not_yet() };
                // The disk is looked at only for what the node's own events say.
                if let Expect::DiskHolds { node, entries, state } = expect
                    && !matches!(judge.holds(&Nodes::These(vec![node.clone()]), entries, *state), Observation::Met(_))
                {
                    return not_yet();
                }
                if self.looked.is_some_and(|looked| looked.elapsed() < DISK_EVERY) {
                    return not_yet();
                }
                self.looked = Some(Instant::now());
                self.look_at_disk(expect, Disks { client, executable }, context).await
            }
            _ => not_yet(),
        }
    }

    /// The reads of the person since their last command of the sheet; `None` if one is missing or differs.
    fn read(&self, by: &Reader, key: &Bytes, value: Option<&[u8]>, context: &Context<'_>) -> Option<Observation> {
        let nodes = match by {
            Reader::Client => vec![None],
            Reader::Local(Nodes::These(nodes)) => {
                nodes.iter().map(|node| self.names.node(node).ok().map(Some)).collect::<Option<Vec<_>>>()?
            }
            Reader::Local(_) => context.observed.live().into_iter().map(Some).collect(),
        };
        let text = String::from_utf8_lossy(key);
        let evidence = nodes.into_iter().map(|node| {
            let asked = context.reads.iter().rev().filter(|read| read.command > self.command);
            let found = |read: &&AnsweredRead| read.key == key && read.node == node && answers(&read.outcome, value);
            let read = asked.clone().find(found)?;
            Some(answered_read(node, &text, value, id_of(&read.outcome)))
        });
        Some(Observation::Met(evidence.collect::<Option<Vec<_>>>()?))
    }

    async fn look_at_disk(&self, expect: &Expect, disks: Disks<'_>, context: &Context<'_>) -> Observation {
        match expect {
            Expect::DiskHolds { node, entries, state } => {
                let known = self.names.all_entries(entries, context.observed);
                disks.holds(self.names.node(node), known, *state).await
            }
            Expect::DiskReads { node, key, value } => {
                let key = self.bindings.word(key);
                let value = value.as_ref().map(|value| self.bindings.word(value));
                let value = value.as_ref().map(|value| String::from_utf8_lossy(value));
                disks.reads(self.names.node(node), &String::from_utf8_lossy(&key), value.as_deref()).await
            }
            _ => Observation::NotYet(super::Verdict::Unknown, Default::default()),
        }
    }
}

/// Whether a read was answered with this value, or that there is none.
fn answers(outcome: &Outcome, value: Option<&[u8]>) -> bool {
    match value {
        Some(value) => {
            outcome.json["found"] == true && outcome.json["value"].as_str().map(str::as_bytes) == Some(value)
        }
        None => outcome.json["found"] == false,
    }
}
