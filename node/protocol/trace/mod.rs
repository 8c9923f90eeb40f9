//! The trace: one stream of events that feeds everything that people and checkers see.
//!
//! The core emits a [`Fact`] for each decision, with the numbers that were compared. The host stamps it with node,
//! number and time: an [`Event`]. A node's state as anybody outside sees it is a [`NodeState`] plus a fold over events
//! ([`NodeState::fold`]). Words for people are made at the edge, never here.

mod fact;

mod value;

mod lab;

mod node_state;

pub use fact::Fact;
pub use lab::{ALL, Effect, Lab, LinkRule, MessageId, PendingMessage, WRONGS};
pub use node_state::{Belief, MemberIds, NodeState, RoleName};
pub use value::{FinalRow, Preview, Value, whole_characters};

use crate::types::{NodeId, Time};

/// A fact with where and when it happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    pub node: NodeId,
    /// Counts this node's events from the start of its process, without gaps.
    pub number: u64,
    /// The node's own time.
    pub time: Time,
    pub fact: Fact,
}
