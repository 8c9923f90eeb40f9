//! The rows of the space-time diagram: messages, client calls, events at nodes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use epoca::protocol::trace::{Fact, Preview};
use epoca::protocol::{EntryId, Epoch, NodeId};

/// Repeated messages are shown once they span this time.
pub const QUIET: Duration = Duration::from_secs(1);

/// The delivery of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    InTransit,
    /// The time, and the number of the receiver's event.
    Received(Duration, u64),
    Held,
    /// On its way because of the pace, from its arrival at the gate until its flight is over.
    InFlight {
        from: Duration,
        until: Duration,
    },
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
    /// The last entry that the message concerns.
    pub about: Option<EntryId>,
    pub entries: u64,
    /// Bytes of entries or of a snapshot.
    pub bytes: u64,
    /// For a push with entries: the entry before them, and the number of its resync (0 if none).
    pub pushed: Option<(Option<EntryId>, u64)>,
    /// The number of the sender's event.
    pub event: u64,
    pub delivery: Delivery,
    /// How long the pace has stretched it: from its sending to the end of its flight.
    pub stretched: Duration,
    /// The order is uncertain: events that must precede the receipt arrived after it.
    pub is_unordered: bool,
}

/// Requests of a client and answers of the leader.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    Write(Vec<Preview>),
    Written(EntryId),
    Read(u64),
    Answered(u64),
    Refused(Cow<'static, str>),
}

/// Messages without news.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quiet {
    pub from: NodeId,
    pub until: Duration,
    /// Number of heartbeats.
    pub beats: u64,
    /// Nodes that received none of them; true if they were held, false if they were lost.
    pub missed: BTreeMap<NodeId, bool>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Stands where it was sent. If it arrived late, or waited for its receiver, it stands where it arrived.
    Message(Message),
    Call(NodeId, Call),
    /// An event at a node other than a message.
    Mark(NodeId, Fact),
    /// A node stopped answering, or answers again.
    Liveness {
        node: NodeId,
        is_up: bool,
    },
    Quiet(Quiet),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Identifies the row while it is kept.
    pub serial: u64,
    pub at: Duration,
    pub shape: Shape,
}

impl Row {
    /// Whether the row is drawn.
    pub fn is_seen(&self) -> bool {
        match &self.shape {
            Shape::Quiet(quiet) => quiet.until.saturating_sub(self.at) >= QUIET || !quiet.missed.is_empty(),
            _ => true,
        }
    }
}
