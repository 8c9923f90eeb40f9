//! The tape in the model: the recorded events, the moment that is shown, and the marks to jump to.
//!
//! The screen always shows the model that owns the tape. While the past is shown, the present continues in
//! [`Past::now`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::protocol::trace::{Fact, NodeState};

use crate::command::{Exit, Outcome};
use crate::console::model::{Model, NodeView, Obstacle, Presence};
use crate::lang::Localized;
use crate::scenario::Verdict;
use crate::tape::{Limits, Mark, MarkKind, ProcessSeen, Record, Ring, What};

/// Marks that are kept.
const MARKS_MAX: usize = 10_000;

#[derive(Clone, Debug)]
pub struct Tape {
    pub ring: Ring<Box<Model>>,
    /// Numbers of the records that changed the screen. Stepping moves between them.
    steps: VecDeque<u64>,
    /// Number of steps that were dropped.
    steps_gone: u64,
    marks: VecDeque<TapeMark>,
    pub moment: Moment,
    /// Playback speed in percent.
    pub speed: u32,
    /// The name of the recording that is shown; `None` for a live cluster.
    pub file: Option<String>,
    /// The file that is being written.
    pub recording: Option<Recording>,
    /// Records that the sinks have not taken.
    unread: Vec<Arc<Record>>,
    /// Whether sinks take the records.
    pub has_sinks: bool,
    /// For each finding of the checks, in order: the number of records up to the event that shows it.
    pub violations_at: Vec<u64>,
    /// Nodes whose process has ended. Only such a process counts as restarted when it runs.
    ended: BTreeSet<NodeId>,
    /// The number of each node's last event. A check that fell behind resumes there.
    pub last_events: BTreeMap<NodeId, u64>,
}

/// The moment that is shown.
#[derive(Clone, Debug, Default)]
pub enum Moment {
    #[default]
    Now,
    Past(Box<Past>),
}

#[derive(Clone, Debug)]
pub struct Past {
    /// Number of records applied to the shown model.
    pub at: u64,
    /// The present.
    pub now: Model,
    pub playing: Option<Playing>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Playing {
    /// When the next step is due, in the console's time.
    pub due: Duration,
}

/// A position to jump to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TapeMark {
    /// Number of records up to and including the marked one.
    pub at: u64,
    pub kind: TapeMarkKind,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TapeMarkKind {
    Epoch(u64),
    Write,
    Killed(NodeId),
    Restarted(NodeId),
    Truncated(NodeId),
    Quarantined(NodeId),
    /// The verdict of a scenario.
    Verdict(Verdict),
    Marked(MarkKind),
}

/// The recording that is being written.
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
            moment: Moment::Now,
            speed: 100,
            file: None,
            recording: None,
            unread: Vec::new(),
            has_sinks: false,
            violations_at: Vec::new(),
            ended: BTreeSet::new(),
            last_events: BTreeMap::new(),
        }
    }
}

impl Tape {
    /// An empty tape for a recording.
    pub fn of_file(name: String) -> Tape {
        Tape { ring: Ring::new(Limits::FILE), file: Some(name), ..Tape::default() }
    }

    /// Appends a record that was applied to the present.
    pub fn push(&mut self, record: Arc<Record>, is_step: bool) {
        match &record.what {
            What::Observed(node, Observed::Events(events)) => {
                self.last_events.extend(events.last().map(|last| (*node, last.number)));
            }
            What::Observed(node, Observed::Snapshot { snapshot, .. }) => {
                _ = self.last_events.insert(*node, snapshot.event)
            }
            _ => {}
        }
        if self.has_sinks {
            self.unread.push(Arc::clone(&record));
        }
        let kind = mark_kind(&record.what).filter(|kind| !self.is_repeated_quarantine(kind));
        let kind = self.skip_first_start(&record.what, kind);
        if is_step || kind.is_some() {
            self.steps.push_back(self.ring.end());
        }
        self.ring.push(record);
        if let Some(kind) = kind {
            self.marks.push_back(TapeMark { at: self.ring.end(), kind });
        }
        self.forget();
    }

    /// `Running` marks a restart only after the process has ended: not after a pause, and not when it is reported
    /// first.
    fn skip_first_start(&mut self, what: &What, kind: Option<TapeMarkKind>) -> Option<TapeMarkKind> {
        match what {
            What::Process(node, ProcessSeen::Killed | ProcessSeen::Ended(_)) => _ = self.ended.insert(*node),
            What::Process(node, ProcessSeen::Running) if !self.ended.remove(node) => return None,
            _ => {}
        }
        kind
    }

    /// A node reports its quarantine to every new watcher.
    fn is_repeated_quarantine(&self, kind: &TapeMarkKind) -> bool {
        let TapeMarkKind::Quarantined(node) = kind else { return false };
        let mut before = self.marks.iter().rev().map(|place| &place.kind);
        before.find(|before| [kind, &TapeMarkKind::Restarted(*node)].contains(before)) == Some(kind)
    }

    /// Adds a mark at an earlier position.
    pub fn mark_at(&mut self, at: u64, kind: TapeMarkKind) {
        let index = self.marks.partition_point(|place| place.at <= at);
        self.marks.insert(index, TapeMark { at, kind });
        if !self.steps.contains(&(at.saturating_sub(1))) {
            let index = self.steps.partition_point(|step| *step < at.saturating_sub(1));
            self.steps.insert(index, at.saturating_sub(1));
        }
    }

    /// Drops the steps and marks of dropped records.
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

    pub fn take_unread(&mut self) -> Vec<Arc<Record>> {
        std::mem::take(&mut self.unread)
    }

    pub fn marks(&self) -> &VecDeque<TapeMark> {
        &self.marks
    }

    pub fn past(&self) -> Option<&Past> {
        match &self.moment {
            Moment::Now => None,
            Moment::Past(past) => Some(past),
        }
    }

    /// Number of records up to the shown moment.
    pub fn at(&self) -> u64 {
        self.past().map_or(self.ring.end(), |past| past.at)
    }

    /// Number of steps before a position.
    pub fn steps_before(&self, at: u64) -> u64 {
        self.steps_gone + self.steps.partition_point(|step| *step < at) as u64
    }

    /// Current step, number of steps, and how many of them were dropped.
    pub fn position(&self) -> (u64, u64, u64) {
        (self.steps_before(self.at()), self.steps_gone + self.steps.len() as u64, self.steps_gone)
    }

    /// The position after a step, or after the nearest one that is kept.
    pub fn at_step(&self, step: u64) -> Option<u64> {
        let index = step.max(self.steps_gone + 1) - self.steps_gone - 1;
        let index = usize::try_from(index).unwrap_or(usize::MAX).min(self.steps.len().checked_sub(1)?);
        self.steps.get(index).map(|number| number + 1)
    }

    /// Arrival time of the record before a position.
    pub fn time(&self, at: u64) -> Option<Duration> {
        self.ring.get(at.checked_sub(1)?).map(|record| record.at)
    }

    /// The current states of the nodes that answer, with the numbers of their last events.
    pub fn present_states(&self, shown: &Model) -> Vec<NodeState> {
        let present = self.past().map_or(shown, |past| &past.now);
        let live = present.nodes.iter().filter(|(_, node)| node.presence == Presence::Live);
        let state = |(id, node): (&NodeId, &NodeView)| {
            let event = self.last_events.get(id).copied().unwrap_or(node.state.event);
            NodeState { event, ..node.state.clone() }
        };
        live.map(state).collect()
    }

    /// Why the cluster cannot be changed now; `None` if it can.
    pub fn obstacle(&self) -> Option<Obstacle> {
        match (&self.file, &self.moment) {
            (Some(_), _) => Some(Obstacle::Recording),
            (None, Moment::Past(_)) => Some(Obstacle::Past),
            (None, Moment::Now) => None,
        }
    }
}

/// Outcomes of faults and reads also name an entry. They carry a message or `found`.
fn is_write(outcome: &Outcome) -> bool {
    let json = &outcome.json;
    let names_entry_alone = json["message"].is_null() && json["found"].is_null();
    outcome.exit == Exit::Done && json["offset"].is_u64() && names_entry_alone
}

fn mark_kind(what: &What) -> Option<TapeMarkKind> {
    match what {
        What::Observed(node, Observed::Events(events)) => match &events.first()?.fact {
            Fact::Elected { epoch, .. } => Some(TapeMarkKind::Epoch(epoch.0)),
            Fact::Truncated { .. } => Some(TapeMarkKind::Truncated(*node)),
            Fact::Quarantined { .. } => Some(TapeMarkKind::Quarantined(*node)),
            _ => None,
        },
        What::Process(node, ProcessSeen::Killed) => Some(TapeMarkKind::Killed(*node)),
        What::Process(node, ProcessSeen::Running) => Some(TapeMarkKind::Restarted(*node)),
        What::End { outcome, .. } if is_write(outcome) => Some(TapeMarkKind::Write),
        // The mark of a violation is set by the checks.
        What::Mark(mark) if mark.kind == MarkKind::Verdict => Some(
            verdict_of(mark).map_or(TapeMarkKind::Marked(mark.kind), |(verdict, _)| TapeMarkKind::Verdict(verdict)),
        ),
        What::Mark(mark) if mark.kind != MarkKind::Violation => Some(TapeMarkKind::Marked(mark.kind)),
        _ => None,
    }
}

/// The verdict and the name of the scenario in a mark.
fn verdict_of(mark: &Mark) -> Option<(Verdict, &str)> {
    let mut words = mark.text.split_whitespace();
    Verdict::from_name(words.next()?).zip(words.next()).filter(|_| mark.kind == MarkKind::Verdict)
}

impl Model {
    /// A verdict stays on the screen until the next operation.
    pub fn on_mark(&mut self, mark: &Mark) {
        if let Some((verdict, name)) = verdict_of(mark) {
            self.verdict = Some((verdict, name.to_owned()));
        }
    }
}
