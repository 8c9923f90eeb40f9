//! What a scenario says, once its text was read: headings, actions and expectations, in order. Nothing here runs.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use epoca::protocol::{Epoch, NodeId, Offset};

use crate::lang::Words;

/// How long an expectation may take if its line does not say.
///
/// The protocol promises that a thing happens, not how soon. A passing step ends when it is seen, so a long patience
/// costs only a failing one.
pub const PATIENCE: Duration = Duration::from_secs(60);

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
    /// Begins the evidence for a line of the assignment's sheet: what the assignment calls it (`3b.2`), and its points.
    Graded {
        label: Option<String>,
        points: Option<Points>,
    },
    Do(Action),
    Expect(Expectation),
}

/// Points of the assignment, in hundredths: sums are exact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Points(pub u32);

impl FromStr for Points {
    type Err = String;

    /// `0.15`, `2` or `0.5`; at most two decimals and three digits before them.
    fn from_str(text: &str) -> Result<Points, String> {
        let wrong = || "points are written as 0.15".to_owned();
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str, most: usize| {
            let sound = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            sound.then(|| text.parse::<u32>().ok()).flatten().ok_or_else(wrong)
        };
        let hundredths = digits(decimals, 2)? * if decimals.len() == 1 { 10 } else { 1 };
        Ok(Points(digits(whole, 3)? * 100 + hundredths))
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl std::iter::Sum for Points {
    fn sum<I: Iterator<Item = Points>>(points: I) -> Points {
        Points(points.map(|points| points.0).sum())
    }
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
    /// The load that runs gets so many writes confirmed from now on.
    Confirms {
        writes: u64,
    },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_exact_hundredths() {
        let read = |text: &str| text.parse::<Points>().ok().map(|points| points.0);
        assert_eq!((read("0.15"), read("2"), read("0.5"), read("10.05")), (Some(15), Some(200), Some(50), Some(1_005)));
        for wrong in ["", ".", "0.", ".5", "1.234", "-1", "0,15", "1000"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!([Points(15), Points(185)].into_iter().sum::<Points>().to_string(), "2.00");
    }
}
