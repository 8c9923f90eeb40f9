//! The rows of the space-time picture: messages, calls of clients, and what happens at a node.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use epoca::protocol::trace::{Fact, Preview};
use epoca::protocol::{EntryId, Epoch, NodeId};

/// Folded messages are worth a row once they span so much time.
pub const QUIET: Duration = Duration::from_secs(1);

/// What became of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    InTransit,
    /// When, and the number of the receiver's event.
    Received(Duration, u64),
    Held,
    Lost(Cow<'static, str>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    pub at: Duration,
    pub from: NodeId,
    pub to: NodeId,
    pub number: u64,
    pub kind: Cow<'static, str>,
    pub epoch: Option<Epoch>,
    /// The last entry that it is about.
    pub about: Option<EntryId>,
    pub entries: u64,
    /// Of entries' bodies or of a snapshot.
    pub bytes: u64,
    /// Of a push with entries: what they follow, and the number of the resync that it belongs to, if it does.
    pub pushed: Option<(Option<EntryId>, u64)>,
    /// The number of the sender's event.
    pub event: u64,
    pub delivery: Delivery,
    /// The order is unknown: it was received before its sending, or what went before it, was heard.
    pub is_unordered: bool,
}

/// What the client and the leader say to each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    Write(Vec<Preview>),
    Written(EntryId),
    Read(u64),
    Answered(u64),
    Refused(Cow<'static, str>),
}

/// Messages that say nothing new.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quiet {
    pub from: NodeId,
    pub until: Duration,
    /// How many heartbeats there were.
    pub beats: u64,
    /// Who got none of them, and whether they were held or lost.
    pub missed: BTreeMap<NodeId, bool>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Where it was sent; once it has arrived late, or at a node that was down when it left, where it arrived.
    Message(Message),
    Call(NodeId, Call),
    /// Something happened at a node that is no message.
    Mark(NodeId, Fact),
    /// The node ended or does not answer; or it is there again.
    Life {
        node: NodeId,
        is_up: bool,
    },
    Quiet(Quiet),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Names the row for as long as it is kept.
    pub serial: u64,
    pub at: Duration,
    pub shape: Shape,
}

impl Row {
    /// Whether there is anything to draw.
    pub fn is_seen(&self) -> bool {
        match &self.shape {
            Shape::Quiet(quiet) => quiet.until.saturating_sub(self.at) >= QUIET || !quiet.missed.is_empty(),
            _ => true,
        }
    }
}
