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
//!
//! # One write, by hand
//!
//! A host carries out four outputs to serve a write: it stores, applies, sends and answers. Here the only voter of a
//! cluster elects itself and commits a write; there is no other node to send to. The same path with several nodes goes
//! through `push.rs`, `check.rs` and `commit.rs`.
//!
//! ```
//! use std::collections::VecDeque;
//!
//! use bytes::Bytes;
//! use epoca_protocol::{
//!     Answer, Change, Command, Config, Core, EntryId, Incarnation, Input, Leadership, Limits, NodeId, Output,
//!     Proposal, RequestId, Restored, Time,
//! };
//!
//! /// Carries out the outputs of a step at once and feeds the results back; returns the answers.
//! fn run(core: &mut Core, now: Time, input: Input) -> Vec<Answer> {
//!     let (mut inputs, mut answers) = (VecDeque::from([input]), Vec::new());
//!     while let Some(input) = inputs.pop_front() {
//!         for output in core.step(now, input) {
//!             match output {
//!                 // A real host writes and flushes first.
//!                 Output::Store(operation, _) => inputs.push_back(Input::Stored(operation)),
//!                 // A real host changes its database first.
//!                 Output::Apply(apply) => inputs.push_back(Input::Applied(apply.up_to)),
//!                 Output::Answer(_, answer) => answers.push(answer),
//!                 _ => {}
//!             }
//!         }
//!     }
//!     answers
//! }
//!
//! let config = Config {
//!     id: NodeId(1),
//!     incarnation: Incarnation([1; 16]),
//!     voters: vec![(NodeId(1), "127.0.0.1:7001".to_owned())],
//!     heartbeat_micros: 100_000,
//!     election_timeout_micros: 1_000_000,
//!     seed: 7,
//!     limits: Limits::default(),
//!     leadership: Leadership::default(),
//! };
//! let mut core = Core::new(config, Restored::default(), Time(0));
//!
//! // The election timeout passes: the node elects itself and opens epoch 1 with an entry at offset 0.
//! let now = core.deadline();
//! run(&mut core, now, Input::Tick);
//! assert_eq!(core.leader(), Some(NodeId(1)));
//! assert_eq!(core.applied().map(|point| point.id), Some(EntryId::new(1, 0)));
//!
//! // A client's write becomes the entry at offset 1: stored, committed, applied, then answered.
//! let change = Change::Put { key: Bytes::from("x"), value: Bytes::from("1") };
//! let command = Command { session: 7, sequence: 1, once: None, change }.encode();
//! let proposal = Proposal { request: RequestId(1), command };
//! let answers = run(&mut core, now, Input::Propose(vec![proposal]));
//! let applied = core.applied().expect("two entries are applied");
//! assert_eq!(applied.id, EntryId::new(1, 1));
//! assert_eq!(answers, [Answer::Written(applied)]);
//! ```

#![warn(missing_docs)]

// The modules are in reading order. First the words of the protocol.

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

// The state and the steps.

mod core;

mod dispatch;

mod outputs;

mod log;

mod role;

mod reconfigure;

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
    Ack, CommitOrder, Envelope, LogState, Message, PreVoteAnswer, PreVoteAsked, Push, Pushed, Refused, RoundAnswer,
    RunEnd, SnapshotAck, SnapshotChunk, TransferAsked, TransferNow, VoteAnswer, VoteAsked,
};
pub use payload::Opening;
pub use quorum::{Probe, QuorumRead, replicas_least};
pub use types::{
    ClusterId, Digest, EntryId, Epoch, Incarnation, LogPoint, NodeId, Offset, Operation, Position, RequestId, Time,
};
