//! Everything that the console shows, and nothing about how: changed by [`crate::console::update`] alone, read by
//! views.
//!
//! ```text
//!   Msg ──► update(&mut Model, Msg) ──► effects, carried out by the app
//!                     │
//!                   Model ──► view(&Model) ──► screen, drawn only when `revision` has grown
//! ```

mod checks;

mod choice;

pub mod final_db;

pub mod node;

mod obstacle;

pub mod operations;

mod pane;

pub mod prompt;

pub mod latency;

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
pub use latency::CommitLatency;
pub use log_table::LogWindow;
pub use long_value::LongValue;
pub use narration::Narration;
pub use node::{NodeView, Presence};
pub use obstacle::Obstacle;
pub use operations::Operations;
pub use pane::Pane;
pub use prompt::Prompt;
pub use scenario::Scenarios;
pub use space_time::SpaceTime;
pub use step_mode::StepMode;
pub use timeline::{Occurrence, Timeline};

pub use crate::tape::ProcessSeen;

/// The whole screen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Phase {
    /// The nodes are being started; what has been said on the way.
    Starting(Vec<String>),
    Watching,
    /// The nodes that belong to this console are being ended.
    Ending,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Focus {
    Tab,
    SpaceTime,
}

/// What stands over the screen or waits for one more key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Dialog {
    /// Lines scrolled away at the top.
    Help {
        scrolled: usize,
    },
    Choose {
        fault: FaultKey,
        first: Option<NodeId>,
    },
    Explain(Explained),
    /// A value that is read whole.
    Value(LongValue),
    Palette(Palette),
    /// The list of scenarios, and which one is chosen.
    Scenarios {
        chosen: usize,
    },
}

/// What was typed into the palette, and which entry is chosen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Palette {
    pub wanted: String,
    pub chosen: usize,
}

/// A fact that is explained at length, and whose it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explained {
    pub node: NodeId,
    pub fact: Fact,
}

/// One line for whoever sits there; gone with the next key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    pub text: String,
    pub is_bad: bool,
}

#[derive(Clone, Debug)]
pub struct Model {
    /// Since the console began.
    pub now: Duration,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    pub phase: Phase,
    pub mode: Mode,
    pub lang: Lang,
    pub pane: Pane,
    pub dialog: Option<Dialog>,
    /// A large banner says what happens.
    pub is_presenting: bool,
    /// The tab alone, without frames.
    pub is_plain: bool,
    pub nodes: BTreeMap<NodeId, NodeView>,
    pub window: LogWindow,
    pub timeline: Timeline,
    pub narration: Narration,
    pub space_time: SpaceTime,
    pub latency: CommitLatency,
    pub step_mode: StepMode,
    /// Where the arrows go, where two panes stand side by side.
    pub focus: Focus,
    pub operations: Operations,
    pub prompt: Prompt,
    pub notice: Option<Notice>,
    /// How many lines the lower pane is scrolled: back from the newest where lines grow at the end, else down.
    pub scrolled: usize,
    /// Why nodes cannot be killed or started from here, if they cannot.
    pub no_launcher: Option<String>,
    /// Ctrl-C was pressed once.
    pub interrupted: bool,
    /// So many keys of a burst were refused; what follows at once belongs to it.
    pub burst: Option<usize>,
    /// Grows with every change that could be seen; what was drawn at the same revision is still right.
    pub revision: u64,
    /// All that was told, and which moment of it is shown.
    pub tape: tape::Tape,
    /// How the checks stand, once there is something to check.
    pub checks: Option<Verdict>,
    /// The verdict of the scenario that has ended, and its name, until something else is asked.
    pub verdict: Option<(crate::scenario::Verdict, String)>,
    pub scenarios: Scenarios,
    /// The cluster of a scenario's own, if that is shown in the place of this one.
    pub scenario_cluster: Option<Box<Model>>,
    /// This is such a cluster.
    pub is_scenario_cluster: bool,
}

/// What a node is to the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Membership {
    Voter,
    /// It gets everything and counts in no majority.
    Learner,
    /// It was removed, or waits to be added.
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
            nodes: BTreeMap::new(),
            window: LogWindow::Newest,
            timeline: Timeline::default(),
            narration: Narration::default(),
            space_time: SpaceTime::default(),
            latency: CommitLatency::default(),
            step_mode: StepMode::default(),
            focus: Focus::Tab,
            operations: Operations::default(),
            prompt: Prompt::with_history(history),
            notice: None,
            scrolled: 0,
            no_launcher: None,
            interrupted: false,
            burst: None,
            revision: 0,
            tape: tape::Tape::default(),
            checks: None,
            verdict: None,
            scenarios: Scenarios::default(),
            scenario_cluster: None,
            is_scenario_cluster: false,
        }
    }

    /// Who leads: of the live nodes that say so, the one of the greatest epoch. An old leader that was paused or cut
    /// off may still say so too.
    pub fn leader(&self) -> Option<&NodeView> {
        let leading = self.nodes.values().filter(|node| node.is_live() && node.leads());
        leading.max_by_key(|node| node.state.epoch)
    }

    /// Whether any node has been heard of: before that nothing can be said of the cluster, not even that nobody leads.
    pub fn is_anything_known(&self) -> bool {
        self.nodes.values().any(|node| !matches!(node.presence, Presence::Unseen { .. }))
    }

    /// The member list that counts, as the leader tells it; without a leader the newest that is known.
    pub fn members(&self) -> Option<&MemberIds> {
        let newest = || self.nodes.values().filter_map(|node| node.state.members.as_ref()).max_by_key(|list| list.at);
        self.leader().and_then(|leader| leader.state.members.as_ref()).or_else(newest)
    }

    /// What the node is to the others. Before there is a member list all are voters.
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

    /// How many voters are live, and how many there are.
    pub fn live_voters(&self) -> (usize, usize) {
        let known = self.members().map(|list| list.voters.len());
        (self.voters().filter(|node| node.is_live()).count(), known.unwrap_or(self.nodes.len()))
    }

    /// The majority of the voters.
    pub fn quorum(&self) -> usize {
        self.live_voters().1 / 2 + 1
    }

    /// Pairs of nodes between which the link is cut, each once.
    pub fn cuts(&self) -> Vec<(NodeId, NodeId)> {
        let ends = self.nodes.iter().flat_map(|(id, node)| node.cuts().into_iter().map(|with| (*id, with)));
        let mut pairs: Vec<_> = ends.map(|(a, b)| (a.min(b), a.max(b))).collect();
        pairs.sort();
        pairs.dedup();
        pairs
    }

    /// A text in the screen's language.
    pub fn say(&self, text: Text) -> &'static str {
        text.to(self.lang)
    }

    pub fn changed(&mut self) {
        self.revision += 1;
    }
}
