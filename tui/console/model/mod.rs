//! The state of the screen. Only [`crate::console::update`] changes it; views read it.
//!
//! ```text
//!   Msg ──► update(&mut Model, Msg) ──► effects, carried out by the app
//!                     │
//!                   Model ──► view(&Model) ──► screen, drawn only when `revision` has grown
//! ```

mod checks;

mod choice;

pub mod moments;

mod cleaning;
mod filter;

mod demo;

mod forgery;

pub mod grades;

pub mod final_db;

pub mod node;

mod obstacle;

pub mod operations;

mod pane;

pub mod pace;

pub mod prompt;

mod keyframe;

pub mod latency;

pub mod reads;

pub mod scenario;

pub mod space_time;

pub mod step_mode;

pub mod narration;

pub mod log_table;

pub mod tape;

pub mod timeline;

pub mod traffic;

mod long_value;

use std::collections::BTreeMap;
use std::time::Duration;

use epoca::protocol::NodeId;
use epoca::protocol::trace::{Fact, MemberIds};

use crate::console::keys::{FaultKey, Mode};
use crate::lang::{Lang, Text};
use crate::tape::Verdict;

pub use checks::{CheckGroup, CheckState, Inconclusive};
pub use choice::{Choice, NotSelectable};
pub use cleaning::{CLEAN_WITHIN, Cleaning, Unclean};
pub use filter::Filter;
pub use forgery::{DEPTH_MAX, Forgery, ForgeryKind};
pub use grades::{Grades, GradesShown};
pub use latency::CommitLatency;
pub use log_table::LogWindow;
pub use long_value::LongValue;
pub use moments::Changes;
pub use narration::Narration;
pub use node::{NodeView, Presence};
pub use obstacle::Obstacle;
pub use operations::Operations;
pub use pace::PaceAsked;
pub use pane::Pane;
pub use prompt::Prompt;
pub use reads::Reads;
pub use scenario::Scenarios;
pub use space_time::SpaceTime;
pub use step_mode::StepMode;
pub use timeline::{Occurrence, Timeline};

pub use crate::tape::ProcessSeen;

/// What the console is doing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Phase {
    /// The nodes are starting; the progress messages so far.
    Starting(Vec<String>),
    Watching,
    /// The console's own nodes are stopping.
    Ending,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Focus {
    Tab,
    SpaceTime,
}

/// What covers the screen or waits for one more key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Dialog {
    /// `scrolled`: lines above the top of the window.
    Help {
        scrolled: usize,
    },
    Choose {
        fault: FaultKey,
        first: Option<NodeId>,
    },
    /// A conflict before it is made.
    Forge(Forgery),
    Explain(Explained),
    /// The code card of a fact.
    Code(Explained),
    /// The screen of one node.
    Node(NodeId),
    /// What has changed between two moments. `scrolled`: lines above the top of the window.
    Moments {
        changes: Box<Changes>,
        scrolled: usize,
    },
    /// A long value in a view of its own.
    Value(LongValue),
    Palette(Palette),
    /// The graded lines with their evidence. `scrolled`: lines above the top of the window.
    Grades {
        scrolled: usize,
    },
    /// The list of scenarios; `selected` is an index.
    Scenarios {
        selected: usize,
    },
    /// The questions and steps of the tour; `selected` is an index.
    Questions {
        selected: usize,
    },
}

/// The search text of the palette and the selected index.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Palette {
    pub query: String,
    pub selected: usize,
}

/// The fact that is explained, and its node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explained {
    pub node: NodeId,
    pub fact: Fact,
}

/// A one-line message; the next key removes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    pub text: String,
    pub is_bad: bool,
}

/// The answer that stands over a pane until the next command or Esc.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The lines of an operation, by number.
    Operation(u64),
    /// The reads of one key, side by side.
    Reads,
}

#[derive(Clone, Debug)]
pub struct Model {
    /// Time since the console started.
    pub now: Duration,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    pub phase: Phase,
    pub mode: Mode,
    pub lang: Lang,
    pub pane: Pane,
    pub dialog: Option<Dialog>,
    /// The presenter's banner is on.
    pub is_presenting: bool,
    /// Plain view: the tab alone, without frames.
    pub is_plain: bool,
    /// The focused pane fills the screen.
    pub is_zoomed: bool,
    /// The first of two moments that are compared, in records.
    pub first_moment: Option<u64>,
    pub nodes: BTreeMap<NodeId, NodeView>,
    pub window: LogWindow,
    pub timeline: Timeline,
    pub narration: Narration,
    pub space_time: SpaceTime,
    pub latency: CommitLatency,
    pub step_mode: StepMode,
    /// The pace that a key has asked for and no answer has come to yet.
    pub pace_asked: Option<PaceAsked>,
    /// Which of two panes side by side the arrow keys move in.
    pub focus: Focus,
    pub operations: Operations,
    /// The last reads of one key at several nodes.
    pub reads: Reads,
    pub answer: Option<Answer>,
    /// The last command that was run, for the key that repeats it.
    pub last_line: Option<String>,
    /// The command that follows an operation, by number, once that is done.
    pub follow_up: Option<(u64, String)>,
    /// A cleaning that is under way.
    pub cleaning: Option<Cleaning>,
    pub prompt: Prompt,
    pub notice: Option<Notice>,
    /// Lines that the tab is scrolled: up from the newest line for tabs that grow at the end, else down from the top.
    pub scrolled: usize,
    /// What the tabs show; `None` for all of it.
    pub filter: Option<Filter>,
    /// Why processes cannot be killed or started from here; `None` if they can.
    pub no_launcher: Option<String>,
    /// The nodes end with this console.
    pub owns_nodes: bool,
    /// The last key was the one that quits.
    pub quit_asked: bool,
    /// The last key was Ctrl-C.
    pub interrupted: bool,
    /// Number of keys of the current burst that were refused; `None` outside of a burst.
    pub burst: Option<usize>,
    /// Increases with every visible change. A frame drawn at the same revision is up to date.
    pub revision: u64,
    /// The recorded events, and which moment of them is shown.
    pub tape: tape::Tape,
    /// The latest report of the checks.
    pub checks: Option<Verdict>,
    /// The verdict and name of the last scenario, until the next operation begins.
    pub verdict: Option<(crate::scenario::Verdict, String)>,
    pub scenarios: Scenarios,
    /// What was shown by hand.
    pub grades: Grades,
    /// The model of a scenario's own cluster, shown instead of this one.
    pub scenario_cluster: Option<Box<Model>>,
    /// This model is such a cluster.
    pub is_scenario_cluster: bool,
}

/// The membership of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Membership {
    Voter,
    /// Receives everything, counts in no majority.
    Learner,
    /// Removed, or not added yet.
    NonMember,
}

impl Model {
    pub fn new(size: (u16, u16), history: Vec<String>) -> Model {
        Model {
            now: Duration::ZERO,
            size,
            phase: Phase::Starting(Vec::new()),
            mode: Mode::Control,
            lang: Lang::default(),
            pane: Pane::Narration,
            dialog: None,
            is_presenting: false,
            is_plain: false,
            is_zoomed: false,
            first_moment: None,
            nodes: BTreeMap::new(),
            window: LogWindow::Newest,
            timeline: Timeline::default(),
            narration: Narration::default(),
            space_time: SpaceTime::default(),
            latency: CommitLatency::default(),
            step_mode: StepMode::default(),
            pace_asked: None,
            focus: Focus::Tab,
            operations: Operations::default(),
            reads: Reads::default(),
            answer: None,
            last_line: None,
            follow_up: None,
            cleaning: None,
            prompt: Prompt::with_history(history),
            notice: None,
            scrolled: 0,
            filter: None,
            no_launcher: None,
            owns_nodes: false,
            quit_asked: false,
            interrupted: false,
            burst: None,
            revision: 0,
            tape: tape::Tape::default(),
            checks: None,
            verdict: None,
            scenarios: Scenarios::default(),
            grades: Grades::default(),
            scenario_cluster: None,
            is_scenario_cluster: false,
        }
    }

    /// The current leader: of the live nodes that claim to lead, the one with the greatest epoch. A paused or
    /// partitioned old leader may still claim to lead.
    pub fn leader(&self) -> Option<&NodeView> {
        let leading = self.nodes.values().filter(|node| node.is_live() && node.leads());
        leading.max_by_key(|node| node.state.epoch)
    }

    /// Whether any node has answered. Before that, nothing is known about the cluster, and a missing leader is not
    /// reported.
    pub fn is_anything_known(&self) -> bool {
        self.nodes.values().any(|node| !matches!(node.presence, Presence::Unseen { .. }))
    }

    /// The member list of the leader; without a leader, the newest list that is known.
    pub fn members(&self) -> Option<&MemberIds> {
        let newest = || self.nodes.values().filter_map(|node| node.state.members.as_ref()).max_by_key(|list| list.at);
        self.leader().and_then(|leader| leader.state.members.as_ref()).or_else(newest)
    }

    /// All nodes are voters until a member list is known.
    pub fn membership(&self, node: NodeId) -> Membership {
        match self.members() {
            Some(list) if list.learners.contains(&node) => Membership::Learner,
            Some(list) if !list.voters.contains(&node) => Membership::NonMember,
            _ => Membership::Voter,
        }
    }

    fn voters(&self) -> impl Iterator<Item = &NodeView> {
        self.nodes.iter().filter(|(id, _)| self.membership(**id) == Membership::Voter).map(|(_, node)| node)
    }

    /// Number of live voters, and of all voters.
    pub fn live_voters(&self) -> (usize, usize) {
        let known = self.members().map(|list| list.voters.len());
        (self.voters().filter(|node| node.is_live()).count(), known.unwrap_or(self.nodes.len()))
    }

    /// The size of a majority of the voters.
    pub fn quorum(&self) -> usize {
        self.live_voters().1 / 2 + 1
    }

    /// The cut links, each pair once.
    pub fn cuts(&self) -> Vec<(NodeId, NodeId)> {
        let ends = self.nodes.iter().flat_map(|(id, node)| node.cuts().into_iter().map(|with| (*id, with)));
        let mut pairs: Vec<_> = ends.map(|(a, b)| (a.min(b), a.max(b))).collect();
        pairs.sort();
        pairs.dedup();
        pairs
    }

    /// The text in the language of the screen.
    pub fn say(&self, text: Text) -> &'static str {
        text.to(self.lang)
    }

    /// Shows a remark.
    pub fn notify(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), is_bad: false });
        self.changed();
    }

    /// Shows why something did not work.
    pub fn warn(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), is_bad: true });
        self.changed();
    }

    /// The screen must be drawn again.
    pub fn changed(&mut self) {
        self.revision += 1;
    }
}
