//! What a control request did. Sentences are made where they are shown.

use crate::protocol::trace::{LinkRule, MessageId, Wrong};
use crate::protocol::{LogPoint, NodeId};
use crate::wire::typed::typed;

typed! {
    /// The answer to a fault, an election or a change of processes.
    #[derive(Clone, PartialEq, Eq, Debug)]
    Done = Done, DoneCode, code {
        /// The process has ended.
        Killed = "killed" { node: NodeId, pid: u32 }
        Restarted = "restarted" { node: NodeId, pid: u32 }
        Paused = "paused" { node: NodeId, pid: u32 }
        Resumed = "resumed" { node: NodeId, pid: u32 }
        /// One bit of the entry `last` was turned on the disk. `whole` of `voters` voters run on the folders that the
        /// member list names.
        Damaged = "damaged" { node: NodeId, pid: u32, last: LogPoint, whole: u64, voters: u64 }
        /// Restarted so that it is wrong on purpose.
        MadeWrong = "made_wrong" { node: NodeId, how: Wrong, pid: u32 }
        MadeRight = "made_right" { node: NodeId, pid: u32 }
        /// Started, and asks to be added.
        Joins = "joins" { node: NodeId, address: String, pid: u32, learner: bool }
        /// Removed from the cluster; its process has ended, its data stays in the folder.
        Left = "left" { node: NodeId, folder: String }

        /// `later` are nodes that do not run and get the rule when they do.
        RuleSet = "rule_set" { rule: LinkRule, both_ways: bool, later: Vec<NodeId> }
        RuleCleared = "rule_cleared" { rule: LinkRule, later: Vec<NodeId> }
        LinkCleared = "link_cleared" { node: NodeId, peer: NodeId, later: Vec<NodeId> }
        /// `righted` were restarted; `wrong` are wrong on purpose still.
        AllCleared = "all_cleared" { later: Vec<NodeId>, righted: Vec<(NodeId, u32)>, wrong: Vec<(NodeId, Wrong)> }
        StepOn = "step_on" { later: Vec<NodeId> }
        StepOff = "step_off" { later: Vec<NodeId> }
        /// The timer has run out.
        Ticked = "ticked" { node: NodeId, millis: u64 }
        Delivered = "delivered" { message: MessageId }
        Discarded = "discarded" { message: MessageId }
        Delayed = "delayed" { message: MessageId, millis: u64 }
        Duplicated = "duplicated" { message: MessageId }
        /// `last` is the last forged entry.
        Injected = "injected" { last: LogPoint }

        /// It stands for the first election.
        StandsFirst = "stands_first" { node: NodeId }
        Stands = "stands" { node: NodeId }
        AsksToLead = "asks_to_lead" { node: NodeId }
        LeadsAlready = "leads_already" { node: NodeId }
        Leads = "leads" { node: NodeId }
        AnotherLeads = "another_leads" {}
    }
}

impl Done {
    /// The entry that was made or hit.
    pub fn entry(&self) -> Option<LogPoint> {
        match self {
            Done::Damaged { last, .. } | Done::Injected { last } => Some(*last),
            _ => None,
        }
    }
}
