//! The trace: one stream of events from which everything that people and checkers see is made.
//!
//! The core emits a [`Fact`] for each decision, with the numbers that were compared. The host adds node, number and
//! time: an [`Event`]. A node's state as watchers see it is a [`NodeState`], kept up to date by folding events into it
//! ([`NodeState::fold`]). Sentences for people are made elsewhere.

mod fact;

mod value;

mod words;

mod faults;

mod node_state;

mod pace;

pub use fact::Fact;
pub use faults::{ALL, Effect, Lab, LinkRule, MessageId, PendingMessage, RuleSelection, Wrong, kind_name};
pub use node_state::{Belief, MemberIds, NodeState, RoleName};
pub use pace::Pace;
pub use value::{FinalRow, Preview, Value, utf8_prefix};
pub use words::{
    Difference, DropReason, ElectionReason, HandledBy, StepDownReason, SyncedBy, TransferOutcome, TruncationReason,
    VoteKind, VoteRefusal,
};

use crate::types::{NodeId, Time};

/// A fact with the place and time at which it happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// The node at which it happened.
    pub node: NodeId,
    /// The number of the event, counted by the node from the start of its process, without gaps.
    pub number: u64,
    /// The node's own time, in microseconds.
    pub time: Time,
    /// What happened.
    pub fact: Fact,
}
