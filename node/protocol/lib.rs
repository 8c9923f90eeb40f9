//! Epoca's replication protocol as a deterministic state machine.
//!
//! [`Core`] is one node. [`Core::step`] takes the time and one [`Input`] and returns [`Output`]s, which the host
//! carries out in order. The core has no clock, disk, network or thread, and no randomness except a seed. Equal inputs
//! give equal outputs, byte for byte, so the same core runs in a real node, a simulator, a model checker, and under a
//! person who delivers messages one by one.
//!
//! The protocol is Raft's log replication by push, with three additions: a digest chains the entries and finds content
//! that differs under the same id; entries become final only by an explicit commit order; a member is a node id
//! together with its data folder.
//!
//! Left out: injecting faults (only the mark of forged entries is here), texts for people, and every name of a network
//! or storage library. [`trace`] has one fact for each rule that fires; [`apply`] is the state machine of the final
//! database.
#![doc = include_str!("PROTOCOL.md")]
#![warn(missing_docs)]

// The modules are in reading order. First the words of the protocol.

mod named;

mod types;

mod entry;

mod payload;

mod membership;

mod command;

pub mod apply;

mod message;

mod base;

mod io;

pub mod trace;

mod config;

pub mod rng;

// The state and the steps.

mod core;

mod dispatch;

mod outputs;

mod log;

mod role;

mod reconfigure;

mod level;

// Writing.

mod push;

mod check;

mod resync;

mod commit;

mod applying;

// Snapshots.

mod margin;

mod snapshot;

mod send_snapshot;

mod receive_snapshot;

// Reading.

mod read;

mod quorum;

// Leadership.

mod election;

mod transfer;

mod leader_gone;

// What should not happen.

mod forged;

mod damage;

mod old_copy;

pub use crate::core::Core;
pub use base::{Base, SnapshotId};
pub use command::{Change, Command, Expect, InvalidChange, KEY_BYTES_MAX, Once, VALUE_BYTES_MAX, check_key};
pub use config::{Config, Leadership, Limits, Prefer, Restored};
pub use entry::{Entry, Kind, digest_after};
pub use io::{
    Answer, Append, Apply, ChainCheck, ChunkOutcome, Inject, Input, Output, Promise, Proposal, ReadId, ReadLog,
    ReadSnapshot, Refusal, Rejection, Send, Store, WriteSnapshot,
};
pub use membership::{Listed, Lists, Member, MemberChange, MemberKind, Membership};
pub use message::{
    Ack, CommitOrder, Envelope, LogState, Message, MessageKind, PreVoteAnswer, PreVoteAsked, Push, Pushed, Refused,
    RoundAnswer, RunEnd, SnapshotAck, SnapshotChunk, TransferAsked, TransferNow, VoteAnswer, VoteAsked,
};
pub use payload::Opening;
pub use quorum::{Probe, QuorumRead, replicas_least};
pub use types::{
    ClusterId, Digest, EntryId, Epoch, FeatureLevel, Incarnation, LogPoint, NodeId, Offset, Operation, Position,
    RequestId, Time,
};
