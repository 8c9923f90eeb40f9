//! The simulator: the unchanged cores of several nodes in one thread, under virtual time, with a bad network, bad
//! disks, crashes and impatient clients. Everything is drawn from one seed.
//!
//! ```text
//!   seed ─► Options ─► Plan (faults, calls) ─► Simulation ─► Outcome (trace hash, numbers, a failure if there is one)
//!                        ▲                                      │
//!                        └────────── shrink, replay ◄───────────┘
//! ```
//!
//! A run has two phases. While faults happen, no invariant may be broken (safety): they are checked after every step,
//! on trace events, disks, databases and answers. Then the faults end, and within a bound there must be one leader,
//! equal logs and states, and confirmed new writes (liveness). At last the history of all clients must be linearizable.
//!
//! A node is the in-memory [`host`](crate::verify::host). Left out: bytes on disks and wires, threads, and everything
//! else that the real node does around the core.

mod options;

mod plan;

mod describe;

mod stories;

mod queue;

mod network;

mod machine;

mod world;

mod process;

mod faults;

mod evidence;

mod damage;

mod clients;

mod quorum;

mod members;

mod watchers;

mod oracle;

mod lists;

mod settle;

mod snapshots;

mod transcript;

mod stats;

mod shrink;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::protocol::NodeId;
use crate::protocol::trace::{Event, NodeState};
use crate::verify::invariants::Violation;

pub use options::Options;
pub use plan::{Call, CallKind, Fault, FaultKind, MemberRequest, Plan, Target};
pub use shrink::{Shrunk, shrink};
pub use stats::Stats;
pub use stories::Story;
use world::Simulation;

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Covers every event of the run: equal plans give equal hashes.
    pub hash: u64,
    /// The numbers of the run.
    pub stats: Stats,
    /// What was wrong; `None` if all checks passed.
    pub failure: Option<Failure>,
    /// The readable trace, if it was asked for.
    pub trace: Vec<String>,
}

/// A check failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The broken invariant.
    pub violation: Violation,
    /// In microseconds from the start.
    pub at: u64,
}

/// Plays the plan of a seed.
pub fn run(seed: u64) -> Outcome {
    play(&Plan::of(Options::of(seed)), false)
}

/// What an observer of the simulated nodes gets.
#[derive(Clone, Copy, Debug)]
pub enum Notification<'a> {
    /// A node starts.
    Started(&'a NodeState),
    /// An event of a node.
    Event(&'a Event),
    /// The node's disk was wiped. The next start under its id is another node.
    Left(NodeId),
}

/// Plays a plan; with a readable trace if `recorded`.
pub fn play(plan: &Plan, recorded: bool) -> Outcome {
    play_observed(plan, recorded, &mut |_| {})
}

/// Plays a plan in front of an observer of all nodes.
pub fn play_observed(plan: &Plan, recorded: bool, observer: &mut dyn FnMut(Notification<'_>)) -> Outcome {
    let mut simulation = Simulation::new(plan, recorded, observer);
    // The core's own assertions are checks like any other. In a real node they end the process; here they end the run.
    let result = catch_unwind(AssertUnwindSafe(|| simulation.run()));
    let violation = match result {
        Ok(Ok(())) => None,
        Ok(Err(violation)) => Some(*violation),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let text = text.unwrap_or_else(|| "no text".to_owned());
            Some(Violation { invariant: "the core's own assertions", text, evidence: Vec::new() })
        }
    };
    simulation.outcome(violation)
}
