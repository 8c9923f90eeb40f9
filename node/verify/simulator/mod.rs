//! The simulator: the unchanged core of several nodes in one thread, under virtual time, a bad network, bad disks, crashes
//! and impatient clients, everything drawn from one seed.
//!
//! ```text
//!   seed ─► Options ─► Plan (faults, calls) ─► Simulation ─► Outcome (trace hash, numbers, the failure if there is one)
//!                        ▲                                      │
//!                        └────────── shrink, replay ◄───────────┘
//! ```
//!
//! A run has two phases. While faults happen, nothing may ever be wrong (safety): after every step the invariants are
//! checked on trace events, disks, databases and answers. Then the faults end, and within a bound there must be one leader,
//! equal logs and states, and confirmed new writes (liveness); at last the history of all clients must be linearizable.
//!
//! Left out: bytes on disks and wires, threads, and everything that the real node does around the core.

mod options;

mod plan;

mod stories;

mod queue;

mod network;

mod disk;

mod database;

mod host;

mod world;

mod faults;

mod damage;

mod clients;

mod quorum;

mod members;

mod watchers;

mod truth;

mod lists;

mod settle;

mod snapshots;

mod record;

mod hash;

mod stats;

mod shrink;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::protocol::NodeId;
use crate::protocol::trace::{Event, NodeState};
use crate::verify::invariants::Violation;

pub use options::Options;
pub use plan::{Call, Fault, Kind, MemberWish, Plan, Who, Wish};
pub use shrink::{Shrunk, shrink};
pub use stats::Stats;
pub use stories::Story;
use world::Simulation;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Covers every event of the run: equal for equal plans.
    pub hash: u64,
    pub stats: Stats,
    pub failure: Option<Failure>,
    /// The readable trace, if it was asked for.
    pub trace: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Failure {
    pub violation: Violation,
    /// When, in microseconds from the start.
    pub at: u64,
}

/// Plays a seed.
pub fn run(seed: u64) -> Outcome {
    play(&Plan::of(Options::of(seed)), false)
}

/// What somebody who watches the simulated nodes is told.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// A node starts.
    Started(&'a NodeState),
    Event(&'a Event),
    /// The node's disk was emptied: whoever starts under its id is another one.
    Left(NodeId),
}

/// Plays a plan; with a readable trace if `recorded`.
pub fn play(plan: &Plan, recorded: bool) -> Outcome {
    play_before(plan, recorded, &mut |_| {})
}

/// Plays a plan before somebody who watches all nodes.
pub fn play_before(plan: &Plan, recorded: bool, audience: &mut dyn FnMut(Told<'_>)) -> Outcome {
    let mut simulation = Simulation::new(plan, recorded, audience);
    // The core's own assertions are checks like any other: they stop a node, so here they end the run.
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
