//! The replication protocol as a deterministic state machine.
//!
//! [`Core::step`] takes the time and one input and gives outputs, in order. It has no clock, no disk, no network, no
//! threads and no randomness but a seed: the same inputs give the same outputs, byte for byte, so that the same core
//! runs under the real node, a simulator, a model checker and a person who delivers messages one by one.
//!
//! What is absent on purpose: whatever injects faults (only the marks of forged entries live here),
//! texts for people, and every name of a network or storage library.
#![doc = include_str!("PROTOCOL.md")]

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

mod core;

mod log;

mod role;

mod reconfigure;

mod push;

mod check;

mod resync;

mod commit;

mod applying;

mod margin;

mod snapshot;

mod send_snapshot;

mod receive_snapshot;

mod read;

mod quorum;

mod election;

mod transfer;

mod forged;

mod damage;

mod old_copy;

pub use crate::core::Core;
pub use base::{Base, SnapshotId};
pub use command::{Change, Command, Expect, KEY_BYTES_MAX, Once, Unsound, VALUE_BYTES_MAX, check_key};
pub use config::{Config, Leadership, Limits, Prefer, Restored};
pub use entry::{Entry, Kind, digest_after};
pub use io::{
    Answer, Append, Apply, ChainCheck, Inject, Input, Output, Promise, Proposal, ReadId, ReadLog, ReadSnapshot,
    Refusal, Rejection, Send, Store, WriteSnapshot, Written,
};
pub use membership::{Listed, Lists, MEMBERS_MAX, Member, MemberChange, MemberKind, Membership};
pub use message::{
    Ack, CommitOrder, Envelope, LogState, Message, PreVoteAnswer, PreVoteAsked, Push, Pushed, Refused, RoundAnswer,
    RunEnd, SnapshotAck, SnapshotChunk, TransferAsked, TransferNow, VoteAnswer, VoteAsked,
};
pub use payload::Opening;
pub use quorum::{Probe, QuorumRead, replicas_least};
pub use types::{
    ClusterId, Digest, EntryId, Epoch, Incarnation, LogPoint, NodeId, Offset, Operation, Position, RequestId, Time,
};
