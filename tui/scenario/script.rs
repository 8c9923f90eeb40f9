//! A parsed scenario: headings, actions and expectations, in order. Nothing here runs.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use epoca::protocol::{Epoch, NodeId, Offset};

use super::presenter::Notes;
use crate::lang::{Localized, localized};

/// How long an expectation may take if its line sets no time.
///
/// The protocol promises that something happens, not how soon. A step passes as soon as the expectation is met, so a
/// long time delays only failures.
pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, Default)]
pub struct Script {
    /// The name of its file without the ending.
    pub name: String,
    pub title: Localized,
    /// What the scenario shows.
    pub about: Localized,
    pub needs: Needs,
    /// A person paces it, step by step: the guided tour of a defense.
    pub is_tour: bool,
    pub items: Vec<Item>,
    /// The original text.
    pub text: String,
}

/// The requirements on the cluster.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// The least number of nodes; for a temporary cluster, the exact number.
    pub nodes: Option<u64>,
    /// It cannot run on an existing cluster.
    pub own: bool,
    pub election_timeout_ms: Option<u64>,
    /// How long the leader may answer reads alone; 0 never.
    pub lease_ms: u64,
    /// How many entries may wait to become final at a leader before it refuses writes.
    pub uncommitted_entries: Option<u64>,
    /// After how many entries a node takes a snapshot, and how many earlier entries its log keeps.
    pub snapshot_entries: Option<u64>,
    pub snapshot_margin: Option<u64>,
    /// The logs of a temporary cluster before its nodes start.
    pub logs: Vec<LogBefore>,
}

/// `log n3 1:3 4:1 promise=7`: the number of entries of each epoch. The first entry of each epoch is its opening.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogBefore {
    pub node: NodeId,
    pub runs: Vec<(Epoch, u64)>,
    pub promise: Option<Epoch>,
}

/// One line of the text with the indented texts below it.
#[derive(Clone, Debug)]
pub struct Item {
    /// The line's number, from 1.
    pub at: usize,
    /// The line itself.
    pub line: String,
    pub words: Localized,
    pub why: Localized,
    /// Not needed when a person shows the line by hand.
    pub sheet_only: bool,
    pub notes: Notes,
    pub kind: ItemKind,
}

#[derive(Clone, Debug)]
pub enum ItemKind {
    /// Begins a part. The report shows the items of a part together.
    Step,
    /// Begins the evidence for a line of the assignment's sheet, with the assignment's label (`3b.2`) and points.
    Graded {
        label: Option<String>,
        points: Option<Points>,
    },
    /// Begins the demonstration of a question's answer. It is no part of the sequence of a tour.
    Question {
        name: String,
    },
    /// A place inside a step of a tour where it waits for the presenter.
    Then,
    Do(Action),
    Expect(Expectation),
}

/// Points of the assignment in hundredths, so that sums are exact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Points(pub u32);

impl FromStr for Points {
    type Err = Localized;

    /// `0.15`, `2` or `0.5`: at most three digits before the point and two behind it.
    fn from_str(text: &str) -> Result<Points, Localized> {
        let wrong = || localized!("write points as 0.15", "escreva os pontos como 0.15");
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
    Command(NamedCommand),
    /// This many clients write and read until `load stop`.
    Load(u64),
    LoadStop,
    /// Random faults for this time.
    Chaos(Duration),
    Wait(Duration),
    /// Undoes all faults and waits until all nodes agree.
    Restore,
}

/// A command of the shell's grammar, with names of nodes that are bound later.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedCommand {
    pub mode: CommandMode,
    /// The name of the operation and of its entries from here on.
    pub name: Option<String>,
    pub within: Option<Duration>,
    pub template: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommandMode {
    /// The command must succeed before the scenario continues.
    Do,
    /// The scenario waits for the command, which may end in any way.
    Try,
    /// The scenario continues at once, while the command runs.
    Start,
}

#[derive(Clone, Debug)]
pub struct Expectation {
    pub what: Expect,
    pub within: Duration,
    /// A command that is repeated until the expectation is met, because its messages may be lost.
    pub repeating: Option<String>,
}

#[derive(Clone, Debug)]
pub enum Expect {
    Outcome {
        of: String,
        wanted: OperationEnd,
    },
    /// Neither confirmed to the client nor committed at any node for this time.
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
    /// The running load gets this many writes confirmed from now on.
    Confirms {
        writes: u64,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OperationEnd {
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
    /// Each of the nodes, from its own final database.
    Local(Nodes),
    /// A client, linearizably.
    Client,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NodeRef {
    Id(NodeId),
    /// `$a` or `$leader`: bound when the scenario begins, or by an expectation.
    Name(String),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Nodes {
    These(Vec<NodeRef>),
    /// All live nodes.
    Each,
    /// All live nodes but the leader.
    Replicas,
    /// At least one live node.
    Any,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EntryRef {
    Id(Epoch, Offset),
    /// The entries of the operation of this name.
    Name(String),
}

/// An event of this name with these fields.
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
    /// The indices of the expectations.
    pub fn expectations(&self) -> impl Iterator<Item = usize> {
        let items = self.items.iter().enumerate();
        items.filter(|(_, item)| matches!(item.kind, ItemKind::Expect(_))).map(|(index, _)| index)
    }

    /// The assignment's sheet: it runs by itself, line by line.
    pub fn is_sheet(&self) -> bool {
        !self.is_tour && self.items.iter().any(|item| matches!(item.kind, ItemKind::Graded { .. }))
    }

    /// Whether a failed or repeated part leaves the other parts as they are.
    pub fn has_independent_parts(&self) -> bool {
        self.is_tour || self.is_sheet()
    }

    /// The heading of the question of this name.
    pub fn question(&self, name: &str) -> Option<usize> {
        let is_it = |item: &Item| matches!(&item.kind, ItemKind::Question { name: other } if other == name);
        self.items.iter().position(is_it)
    }

    /// The headings of all questions.
    pub fn questions(&self) -> impl Iterator<Item = usize> {
        let items = self.items.iter().enumerate();
        items.filter(|(_, item)| matches!(item.kind, ItemKind::Question { .. })).map(|(index, _)| index)
    }

    /// Whether it needs a temporary cluster.
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
