//! What a control request did. Texts for people are made where they are shown.

use crate::protocol::trace::{LinkRule, MessageId, Pace, Wrong};
use crate::protocol::{LogPoint, NodeId};
use crate::wire::typed::typed;

typed! {
    /// The answer to a fault, an election or a change of processes.
    ///
    /// | field | meaning |
    /// | --- | --- |
    /// | `node`, `peer`, `pid` | the node that changed; the other end of its link; its process id |
    /// | `how`, `rule`, `both_ways` | the node's fault; the rule, and whether the opposite direction has it |
    /// | `later` | nodes that do not run and get the change when they do |
    /// | `millis` | the time that passed, or the delay, in milliseconds |
    /// | `message` | the held message |
    /// | `address`, `folder`, `learner` | where a node listens; its data folder; whether it stays a learner |
    #[allow(missing_docs, reason = "the fields are in the table above; a text says what its variant means")]
    #[derive(Clone, PartialEq, Eq, Debug)]
    Done = Done, DoneCode, code {
        /// The process has ended.
        Killed = "killed" { node: NodeId, pid: u32 }
        Restarted = "restarted" { node: NodeId, pid: u32 }
        Paused = "paused" { node: NodeId, pid: u32 }
        Resumed = "resumed" { node: NodeId, pid: u32 }
        /// One bit of the entry `last` was flipped on the disk. `whole` of `voters` voters run on the folders that the
        /// member list names.
        Damaged = "damaged" { node: NodeId, pid: u32, last: LogPoint, whole: u64, voters: u64 }
        /// Restarted so that it is faulty on purpose.
        MadeWrong = "made_wrong" { node: NodeId, how: Wrong, pid: u32 }
        MadeRight = "made_right" { node: NodeId, pid: u32 }
        /// Started, and asks to be added.
        Joins = "joins" { node: NodeId, address: String, pid: u32, learner: bool }
        /// Removed from the cluster; its process has ended, its data stays in the folder.
        Left = "left" { node: NodeId, folder: String }

        RuleSet = "rule_set" { rule: LinkRule, both_ways: bool, later: Vec<NodeId> }
        RuleCleared = "rule_cleared" { rule: LinkRule, later: Vec<NodeId> }
        LinkCleared = "link_cleared" { node: NodeId, peer: NodeId, later: Vec<NodeId> }
        /// `righted` were restarted without their fault; `wrong` are still faulty on purpose.
        AllCleared = "all_cleared" { later: Vec<NodeId>, righted: Vec<(NodeId, u32)>, wrong: Vec<(NodeId, Wrong)> }
        /// With `every` also the messages that change nothing wait.
        StepOn = "step_on" { every: bool, later: Vec<NodeId> }
        StepOff = "step_off" { later: Vec<NodeId> }
        PaceSet = "pace_set" { pace: Pace, later: Vec<NodeId> }
        /// The timer has fired.
        Ticked = "ticked" { node: NodeId, millis: u64 }
        Delivered = "delivered" { message: MessageId }
        Discarded = "discarded" { message: MessageId }
        Delayed = "delayed" { message: MessageId, millis: u64 }
        Duplicated = "duplicated" { message: MessageId }
        /// `last` is the last forged entry.
        Injected = "injected" { last: LogPoint }

        /// The node starts the first election.
        StandsFirst = "stands_first" { node: NodeId }
        Stands = "stands" { node: NodeId }
        AsksToLead = "asks_to_lead" { node: NodeId }
        LeadsAlready = "leads_already" { node: NodeId }
        Leads = "leads" { node: NodeId }
        AnotherLeads = "another_leads" {}
    }
}

impl Done {
    /// The entry that was injected or damaged.
    pub fn entry(&self) -> Option<LogPoint> {
        match self {
            Done::Damaged { last, .. } | Done::Injected { last } => Some(*last),
            _ => None,
        }
    }
}
