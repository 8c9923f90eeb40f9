//! What a scenario says, once its text was read: headings, actions and expectations, in order. Nothing here runs.

use std::time::Duration;

use epoca::protocol::{Epoch, NodeId, Offset};

use super::lang::Words;

/// How long an expectation may take if its line does not say.
pub const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Debug, Default)]
pub struct Script {
    /// The name of its file without the ending.
    pub name: String,
    pub title: Words,
    /// What it will show.
    pub about: Words,
    pub needs: Needs,
    pub items: Vec<Item>,
    /// As it was written.
    pub text: String,
}

/// The cluster that it needs.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// At least so many nodes; with a cluster of its own, exactly so many.
    pub nodes: Option<u64>,
    /// It cannot run on a cluster that is there already.
    pub own: bool,
    pub election_timeout_ms: Option<u64>,
    /// For so long the leader may answer reads alone; 0 never.
    pub lease_ms: u64,
    /// A leader takes so many entries that are not final yet; beyond it writes are refused.
    pub uncommitted_entries: Option<u64>,
    /// A node takes a snapshot after so many entries, and keeps so many before it.
    pub snapshot_entries: Option<u64>,
    pub snapshot_margin: Option<u64>,
    /// What the logs of a cluster of its own hold before its nodes start.
    pub logs: Vec<LogBefore>,
}

/// `log n3 1:3 4:1 promise=7`: so many entries of each epoch, the first of each its opening.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogBefore {
    pub node: NodeId,
    pub runs: Vec<(Epoch, u64)>,
    pub promise: Option<Epoch>,
}

/// One line of the text with the words below it.
#[derive(Clone, Debug)]
pub struct Item {
    /// The line's number, from 1.
    pub at: usize,
    /// As it was written, without what stands below it.
    pub line: String,
    pub words: Words,
    pub why: Words,
    pub kind: ItemKind,
}

#[derive(Clone, Debug)]
pub enum ItemKind {
    /// Begins a part: what happens in it is told together.
    Step,
    /// Begins the evidence for a line of the assignment's sheet, with its points if they are known.
    Graded {
        points: Option<u32>,
    },
    Do(Action),
    Expect(Expectation),
}

#[derive(Clone, Debug)]
pub enum Action {
    Command(Said),
    /// So many clients write and read on, until `load stop`.
    Load(u64),
    LoadStop,
    /// Faults of all kinds, one after the other, for so long.
    Chaos(Duration),
    Wait(Duration),
    /// Everything heals, and all nodes agree again.
    Restore,
}

/// A command of the common grammar, with names of nodes that are not known yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    pub how: How,
    /// What the operation and its entries are called from here on.
    pub name: Option<String>,
    pub within: Option<Duration>,
    pub template: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// It must be done before the scenario goes on.
    Do,
    /// It is waited for, and may end in any way.
    Try,
    /// It goes on beside what follows.
    Start,
}

#[derive(Clone, Debug)]
pub struct Expectation {
    pub what: Expect,
    pub within: Duration,
    /// Said again and again until it is seen: what may get lost on the way is asked for once more.
    pub repeating: Option<String>,
}

#[derive(Clone, Debug)]
pub enum Expect {
    Outcome {
        of: String,
        wanted: Ended,
    },
    /// Neither confirmed to the client nor committed anywhere for so long.
    Unconfirmed {
        of: String,
        time: Duration,
    },
    Fact {
        nodes: Nodes,
        pattern: Pattern,
    },
    NoFact {
        nodes: Nodes,
        pattern: Pattern,
        time: Duration,
    },
    Holds {
        nodes: Nodes,
        entries: Vec<EntryRef>,
        state: Option<EntryState>,
    },
    Lacks {
        nodes: Nodes,
        entries: Vec<EntryRef>,
    },
    Reads {
        by: Reader,
        key: String,
        value: Option<String>,
    },
    LogsEqual {
        nodes: Nodes,
    },
    LogIs {
        nodes: Nodes,
        /// `None` stands for any epoch.
        runs: Vec<(Option<Epoch>, u64)>,
    },
    DiskHolds {
        node: NodeRef,
        entries: Vec<EntryRef>,
        state: Option<EntryState>,
    },
    DiskReads {
        node: NodeRef,
        key: String,
        value: Option<String>,
    },
    Leader {
        not: Option<NodeRef>,
        name: Option<String>,
    },
    /// The leader counted a majority's acks, then committed, then ordered the commit.
    MajorityFirst {
        of: EntryRef,
    },
    Invariants,
    Linearizable,
    /// Every confirmed write of the load is committed on every node.
    Kept,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    Confirmed,
    Unknown,
    Refused,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryState {
    Intermediate,
    Committed,
    Final,
}

impl EntryState {
    pub const ALL: [EntryState; 3] = [EntryState::Intermediate, EntryState::Committed, EntryState::Final];

    pub const fn name(self) -> &'static str {
        match self {
            EntryState::Intermediate => "intermediate",
            EntryState::Committed => "committed",
            EntryState::Final => "final",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reader {
    /// Each of these nodes, from its own final database.
    Local(Nodes),
    /// A client, linearizably.
    Client,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NodeRef {
    Id(NodeId),
    /// `$a`, `$leader`: bound when the scenario begins, or by an expectation.
    Name(String),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Nodes {
    These(Vec<NodeRef>),
    /// All that run.
    Each,
    /// All that run but `$leader`.
    Replicas,
    Any,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EntryRef {
    Id(Epoch, Offset),
    /// The entries of the operation of this name.
    Name(String),
}

/// An event of this name whose fields are so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    pub fact: &'static str,
    pub fields: Vec<FieldPattern>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldPattern {
    pub name: &'static str,
    pub at_least: bool,
    pub value: FieldValue,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FieldValue {
    Node(NodeRef),
    Entry(EntryRef),
    /// A number, an epoch as `e3`, a word.
    Word(String),
}

impl Script {
    /// The indices of the items that are ticked.
    pub fn expectations(&self) -> impl Iterator<Item = usize> {
        let items = self.items.iter().enumerate();
        items.filter(|(_, item)| matches!(item.kind, ItemKind::Expect(_))).map(|(index, _)| index)
    }

    pub fn is_sheet(&self) -> bool {
        self.items.iter().any(|item| matches!(item.kind, ItemKind::Graded { .. }))
    }

    /// Whether it must have a cluster of its own.
    pub fn needs_own(&self) -> bool {
        self.needs.own || !self.needs.logs.is_empty()
    }
}
