//! The tape as the console has it: what was recorded so far, where in it the screen stands, and what can be found
//! again.
//!
//! The screen always shows this model. While the past is shown, the present goes on in a model of its own behind it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::protocol::trace::{Fact, NodeState, Preview};

use crate::command::{Exit, Outcome};
use crate::console::model::{Model, NodeView, Presence};
use crate::console::words::{Text, tape as words};
use crate::lang::Localized;
use crate::scenario::Verdict;
use crate::tape::{Limits, Mark, MarkKind, ProcessSeen, Record, Ring, What};

/// How many places to jump to are kept.
const MARKS_MAX: usize = 10_000;

/// How many lines of the events, and rows of the space-time picture, a keyframe keeps.
const FRAME_LINES: usize = 1_000;

/// About what a keyframe takes besides logs, events and operations.
const FRAME_BYTES: usize = 16 << 10;

#[derive(Clone, Debug)]
pub struct Tape {
    pub ring: Ring<Box<Model>>,
    /// The numbers of the records that changed what is seen: one goes from one to the next.
    steps: VecDeque<u64>,
    /// How many of them have fallen off.
    steps_gone: u64,
    marks: VecDeque<Place>,
    pub view: View,
    /// How fast it is played, in percent.
    pub speed: u32,
    /// The recording that is looked at; nothing runs then.
    pub file: Option<String>,
    /// What is being written, if something is.
    pub recording: Option<Recording>,
    /// Records that were not yet taken by whoever writes or checks them.
    fresh: Vec<Arc<Record>>,
    /// Whether somebody takes them.
    pub is_tapped: bool,
    /// How many records are behind the event that shows each finding of the checks, in their order.
    pub found_at: Vec<u64>,
    /// The nodes whose process has ended: only such a one is started again.
    ended: BTreeSet<NodeId>,
    /// What each node told last, by number: where a check that lagged begins anew.
    pub told: BTreeMap<NodeId, u64>,
}

/// Which moment the screen shows.
#[derive(Clone, Debug, Default)]
pub enum View {
    #[default]
    Now,
    Past(Box<Past>),
}

#[derive(Clone, Debug)]
pub struct Past {
    /// So many records have been taken in by what is shown.
    pub at: u64,
    /// What is the case now.
    pub now: Model,
    pub playing: Option<Playing>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Playing {
    /// When the next step comes, by the console's own time.
    pub due: Duration,
}

/// A place to jump to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// How many records are behind it; the last of them is the one that is meant.
    pub at: u64,
    pub kind: PlaceKind,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PlaceKind {
    Epoch(u64),
    Write,
    Killed(NodeId),
    Restarted(NodeId),
    Truncated(NodeId),
    Quarantined(NodeId),
    /// How a scenario has ended.
    Verdict(Verdict),
    Marked(MarkKind),
}

/// A file that is being written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recording {
    pub name: String,
    pub trouble: Option<Localized>,
}

impl Default for Tape {
    fn default() -> Tape {
        Tape {
            ring: Ring::new(Limits::LIVE),
            steps: VecDeque::new(),
            steps_gone: 0,
            marks: VecDeque::new(),
            view: View::Now,
            speed: 100,
            file: None,
            recording: None,
            fresh: Vec::new(),
            is_tapped: false,
            found_at: Vec::new(),
            ended: BTreeSet::new(),
            told: BTreeMap::new(),
        }
    }
}

impl Tape {
    /// An empty tape that takes a whole file in.
    pub fn of_file(name: String) -> Tape {
        Tape { ring: Ring::new(Limits::FILE), file: Some(name), ..Tape::default() }
    }

    /// Takes a record that has been applied to the present.
    pub fn push(&mut self, record: Arc<Record>, is_step: bool) {
        match &record.what {
            What::Observed(node, Observed::Events(events)) => {
                self.told.extend(events.last().map(|last| (*node, last.number)));
            }
            What::Observed(node, Observed::Snapshot { snapshot, .. }) => _ = self.told.insert(*node, snapshot.event),
            _ => {}
        }
        if self.is_tapped {
            self.fresh.push(Arc::clone(&record));
        }
        let kind = place_kind(&record.what).filter(|kind| !self.is_told_again(kind));
        let kind = self.ends(&record.what, kind);
        if is_step || kind.is_some() {
            self.steps.push_back(self.ring.end());
        }
        self.ring.push(record);
        if let Some(kind) = kind {
            self.marks.push_back(Place { at: self.ring.end(), kind });
        }
        self.forget();
    }

    /// A process that runs was not started again if it was only paused, or was first heard of.
    fn ends(&mut self, what: &What, kind: Option<PlaceKind>) -> Option<PlaceKind> {
        match what {
            What::Process(node, ProcessSeen::Killed | ProcessSeen::Ended(_)) => _ = self.ended.insert(*node),
            What::Process(node, ProcessSeen::Running) if !self.ended.remove(node) => return None,
            _ => {}
        }
        kind
    }

    /// A node tells each new watcher that it has begun anew.
    fn is_told_again(&self, kind: &PlaceKind) -> bool {
        let PlaceKind::Quarantined(node) = kind else { return false };
        let mut before = self.marks.iter().rev().map(|place| &place.kind);
        before.find(|before| [kind, &PlaceKind::Restarted(*node)].contains(before)) == Some(kind)
    }

    /// Marks a place that lies behind.
    pub fn mark_at(&mut self, at: u64, kind: PlaceKind) {
        let index = self.marks.partition_point(|place| place.at <= at);
        self.marks.insert(index, Place { at, kind });
        if !self.steps.contains(&(at.saturating_sub(1))) {
            let index = self.steps.partition_point(|step| *step < at.saturating_sub(1));
            self.steps.insert(index, at.saturating_sub(1));
        }
    }

    /// Steps and marks go with their records.
    fn forget(&mut self) {
        let start = self.ring.start();
        while self.steps.front().is_some_and(|step| *step < start) {
            self.steps.pop_front();
            self.steps_gone += 1;
        }
        while self.marks.front().is_some_and(|mark| mark.at <= start) || self.marks.len() > MARKS_MAX {
            self.marks.pop_front();
        }
    }

    pub fn take_fresh(&mut self) -> Vec<Arc<Record>> {
        std::mem::take(&mut self.fresh)
    }

    pub fn marks(&self) -> &VecDeque<Place> {
        &self.marks
    }

    pub fn past(&self) -> Option<&Past> {
        match &self.view {
            View::Now => None,
            View::Past(past) => Some(past),
        }
    }

    /// How many records are behind what is shown.
    pub fn at(&self) -> u64 {
        self.past().map_or(self.ring.end(), |past| past.at)
    }

    /// How many events had changed the screen before a moment.
    pub fn steps_before(&self, at: u64) -> u64 {
        self.steps_gone + self.steps.partition_point(|step| *step < at) as u64
    }

    /// Event k of n, and how many have fallen off.
    pub fn position(&self) -> (u64, u64, u64) {
        (self.steps_before(self.at()), self.steps_gone + self.steps.len() as u64, self.steps_gone)
    }

    /// How many records are behind the given event; the nearest one that is kept.
    pub fn at_step(&self, step: u64) -> Option<u64> {
        let index = step.max(self.steps_gone + 1) - self.steps_gone - 1;
        let index = usize::try_from(index).unwrap_or(usize::MAX).min(self.steps.len().checked_sub(1)?);
        self.steps.get(index).map(|number| number + 1)
    }

    /// When the record before a moment arrived.
    pub fn time(&self, at: u64) -> Option<Duration> {
        self.ring.get(at.checked_sub(1)?).map(|record| record.at)
    }

    /// The nodes that answer as they are now, each with the number of its last event.
    pub fn present_states(&self, shown: &Model) -> Vec<NodeState> {
        let present = self.past().map_or(shown, |past| &past.now);
        let live = present.nodes.iter().filter(|(_, node)| node.presence == Presence::Live);
        let state = |(id, node): (&NodeId, &NodeView)| {
            let event = self.told.get(id).copied().unwrap_or(node.state.event);
            NodeState { event, ..node.state.clone() }
        };
        live.map(state).collect()
    }

    /// Why nothing can be done to the cluster now, if it is so.
    pub fn obstacle(&self) -> Option<Text> {
        match (&self.file, &self.view) {
            (Some(_), _) => Some(words::IS_RECORDING),
            (None, View::Past(_)) => Some(words::IS_PAST),
            (None, View::Now) => None,
        }
    }
}

/// What else names an entry says what it did: a fault in words, a read what it found.
fn is_write(outcome: &Outcome) -> bool {
    let json = &outcome.json;
    let names_entry_alone = json["message"].is_null() && json["found"].is_null();
    outcome.exit == Exit::Done && json["offset"].is_u64() && names_entry_alone
}

fn place_kind(what: &What) -> Option<PlaceKind> {
    match what {
        What::Observed(node, Observed::Events(events)) => match &events.first()?.fact {
            Fact::Elected { epoch, .. } => Some(PlaceKind::Epoch(epoch.0)),
            Fact::Truncated { .. } => Some(PlaceKind::Truncated(*node)),
            Fact::Quarantined { .. } => Some(PlaceKind::Quarantined(*node)),
            _ => None,
        },
        What::Process(node, ProcessSeen::Killed) => Some(PlaceKind::Killed(*node)),
        What::Process(node, ProcessSeen::Running) => Some(PlaceKind::Restarted(*node)),
        What::End { outcome, .. } if is_write(outcome) => Some(PlaceKind::Write),
        // The place of a violation is where the checks say it is.
        What::Mark(mark) if mark.kind == MarkKind::Verdict => {
            Some(verdict_of(mark).map_or(PlaceKind::Marked(mark.kind), |(verdict, _)| PlaceKind::Verdict(verdict)))
        }
        What::Mark(mark) if mark.kind != MarkKind::Violation => Some(PlaceKind::Marked(mark.kind)),
        _ => None,
    }
}

/// The verdict that a mark tells, and the scenario's name.
fn verdict_of(mark: &Mark) -> Option<(Verdict, &str)> {
    let mut words = mark.text.split_whitespace();
    Verdict::from_name(words.next()?).zip(words.next()).filter(|_| mark.kind == MarkKind::Verdict)
}

impl Model {
    /// A scenario's verdict is the last word until something else is asked.
    pub fn on_mark(&mut self, mark: &Mark) {
        if let Some((verdict, name)) = verdict_of(mark) {
            self.verdict = Some((verdict, name.to_owned()));
        }
    }

    /// Something is asked of the cluster.
    pub fn on_begin(&mut self) {
        self.verdict = None;
    }

    /// A keyframe: all that records have made of the model, and about how many bytes that takes.
    pub fn frame(&mut self) -> (Box<Model>, usize) {
        let tape = std::mem::take(&mut self.tape);
        let prompt = std::mem::take(&mut self.prompt);
        let checks = std::mem::take(&mut self.checks);
        let (scenarios, aside) = (std::mem::take(&mut self.scenarios), self.aside.take());
        let timeline = std::mem::take(&mut self.timeline);
        let mut frame = Box::new(self.clone());
        (self.tape, self.prompt, self.checks) = (tape, prompt, checks);
        (self.scenarios, self.aside) = (scenarios, aside);
        frame.timeline = timeline.without(timeline.lines().len().saturating_sub(FRAME_LINES));
        frame.space.keep(FRAME_LINES);
        self.timeline = timeline;
        let tails: usize = frame.nodes.values().map(|node| node.state.tail.len()).sum();
        let keys: usize = frame.nodes.values().map(|node| node.finals.keys().len()).sum();
        let answers: usize = frame.operations.lines() * 100;
        let lines = (frame.timeline.lines().len() + frame.space.rows().len() + frame.story.lines().len()) * 300;
        (frame, FRAME_BYTES + tails * size_of::<Preview>() + keys * 200 + answers + lines)
    }

    /// Takes over what belongs to whoever sits there and not to the cluster: it stays as it is when another moment is
    /// shown. Whoever adds a field decides here which of the two it is.
    pub fn keep_seat_of(&mut self, other: &mut Model) {
        let Model {
            now: _,
            size,
            screen: _,
            mode,
            lang,
            pane,
            dialog,
            is_presenting,
            is_plain,
            nodes: _,
            window,
            timeline: _,
            story,
            space,
            step,
            pulse: _,
            focus,
            operations: _,
            prompt,
            notice,
            scrolled,
            no_launcher: _,
            interrupted,
            burst,
            revision,
            tape,
            checks,
            verdict: _,
            scenarios,
            aside,
            is_aside: _,
        } = other;
        (self.size, self.mode, self.pane, self.dialog) = (*size, *mode, *pane, dialog.take());
        (self.window, self.notice, self.scrolled) = (*window, notice.take(), *scrolled);
        (self.lang, self.focus) = (*lang, *focus);
        (self.is_presenting, self.is_plain) = (*is_presenting, *is_plain);
        (self.story.selected, self.space.selected) = (story.selected, space.selected);
        self.step = std::mem::take(step);
        self.checks = checks.take();
        (self.scenarios, self.aside) = (std::mem::take(scenarios), aside.take());
        (self.prompt, self.tape) = (std::mem::take(prompt), std::mem::take(tape));
        (self.interrupted, self.burst, self.revision) = (*interrupted, *burst, *revision + 1);
    }
}
