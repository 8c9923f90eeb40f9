//! The parameters of a run, all drawn from one seed: the nodes and their timeouts, how fast and reliable network and
//! disks are, and what clients do.

use std::fmt;

use crate::protocol::apply::SessionLimits;
use crate::protocol::{Leadership, Limits, Prefer};
use crate::verify::rng::Rng;
use crate::verify::simulator::stories::Story;

/// Times are in microseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The seed from which the rest is drawn.
    pub seed: u64,
    /// How many nodes found the cluster.
    pub voters: u64,
    /// Nodes that join later, and changes of the member list.
    pub members: Members,
    /// A sequence of faults that belong together, besides those that are drawn one by one.
    pub story: Option<Story>,
    /// The interval of heartbeats.
    pub heartbeat_micros: u64,
    /// The election timeout.
    pub election_timeout_micros: u64,
    /// The core's bounds.
    pub limits: Limits,
    /// Who starts elections, who is preferred, and leases.
    pub leadership: Leadership,
    /// How long faults happen. Then they end, and all nodes must agree within a bound.
    pub faults_micros: u64,
    /// Node 1 is asked to start the first election. Otherwise the nodes wait for a timeout.
    pub asked_to_stand: bool,
    /// How many committed entries a restart hands to the core besides the uncommitted ones.
    pub tail_more: u64,
    /// The network without faults.
    pub network: Network,
    /// The disks without faults.
    pub disk: Disk,
    /// The clients.
    pub work: Work,
    /// The watchers of changes.
    pub watching: Watching,
    /// Bounds of the table of sessions, the same at all nodes.
    pub sessions: SessionLimits,
}

/// How the network treats messages. Delays are in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    /// The least delay.
    pub delay_micros_min: u64,
    /// The greatest delay.
    pub delay_micros_max: u64,
    /// Each link keeps the order of its messages.
    pub ordered: bool,
    /// One message in this number is lost, duplicated, or delayed ten times as long; 0: none.
    pub lost_in: u64,
    /// One message in this number arrives twice; 0: none.
    pub doubled_in: u64,
    /// One message in this number is delayed ten times as long; 0: none.
    pub late_in: u64,
}

impl Network {
    /// Short delays, in order, without losses.
    pub const CALM: Network = Network {
        delay_micros_min: 100,
        delay_micros_max: 1_000,
        ordered: true,
        lost_in: 0,
        doubled_in: 0,
        late_in: 0,
    };
}

/// How long disks take, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Disk {
    /// The longest flush.
    pub flush_micros_max: u64,
    /// The longest apply of a batch.
    pub apply_micros_max: u64,
    /// The longest read of the log.
    pub read_micros_max: u64,
    /// One read of a snapshot in this number finds it damaged; 0: none.
    pub snapshots_lost_in: u64,
}

impl Disk {
    /// A fast disk that loses nothing.
    pub const CALM: Disk =
        Disk { flush_micros_max: 500, apply_micros_max: 100, read_micros_max: 500, snapshots_lost_in: 0 };
}

/// What clients do. Times are in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Work {
    /// The number of clients.
    pub clients: u64,
    /// The number of keys.
    pub keys: u64,
    /// The longest pause of a client between two operations.
    pub think_micros_max: u64,
    /// How long a client waits for an answer. Then the outcome is unknown to it.
    pub timeout_micros: u64,
    /// How many of ten operations are reads.
    pub reads_in_ten: u64,
}

/// Nodes that are no founders, and how often operators change the members.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Members {
    /// How many nodes with empty disks wait to be added.
    pub spares: u64,
    /// The most changes that are asked for; 0: the list stays as it was founded.
    pub changes_max: u64,
}

/// The watchers of committed changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watching {
    /// The number of watchers.
    pub watchers: u64,
    /// How many changes a node keeps for them.
    pub changes_kept: usize,
    /// The most changes in one message.
    pub page_changes: usize,
}

impl Options {
    /// How many nodes there are, voters or not.
    pub fn nodes(&self) -> u64 {
        self.voters + self.members.spares
    }

    /// Draws the parameters from a seed.
    pub fn of(seed: u64) -> Options {
        let rng = &mut Rng::stream(seed, 1);
        let voters = rng.choose(&[1, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 5, 5, 5, 6, 7]);
        let (heartbeat, timeout) =
            rng.choose(&[(100_000, 1_000_000), (100_000, 1_000_000), (50_000, 300_000), (20_000, 150_000)]);
        let network = network(rng, timeout);
        let story = Story::of(seed);
        let (voters, members) = nodes(seed, story, voters);
        Options {
            seed,
            voters,
            members,
            story,
            heartbeat_micros: heartbeat,
            election_timeout_micros: timeout,
            limits: slowly_applied(seed, compacted(seed, if rng.one_in(2) { tight(rng) } else { Limits::default() })),
            leadership: leadership(rng, timeout),
            faults_micros: timeout * rng.between(8, 30),
            asked_to_stand: !rng.one_in(5),
            tail_more: rng.below(4),
            network,
            disk: Disk {
                flush_micros_max: rng.choose(&[200, 1_000, 1_000, 5_000, 30_000]),
                apply_micros_max: rng.choose(&[10, 100, 1_000, 20_000]),
                read_micros_max: rng.choose(&[100, 1_000, 20_000]),
                snapshots_lost_in: if seed.is_multiple_of(3) { 20 } else { 0 },
            },
            work: Work {
                clients: rng.between(1, 8),
                keys: rng.between(1, 6),
                think_micros_max: timeout / rng.choose(&[100, 40, 20, 5]),
                timeout_micros: timeout * rng.between(1, 4),
                reads_in_ten: rng.between(1, 7),
            },
            watching: watching(seed),
            sessions: if rng.one_in(2) { few_sessions(rng) } else { SessionLimits::default() },
        }
    }
}

/// In every other run the members change.
fn members(seed: u64) -> Members {
    let rng = &mut Rng::stream(seed, 9);
    if rng.one_in(2) {
        return Members { spares: 0, changes_max: 0 };
    }
    Members { spares: rng.below(4), changes_max: rng.choose(&[3, 6, 12, 24]) }
}

/// The numbers of founders and of other nodes. A story may need its own.
fn nodes(seed: u64, story: Option<Story>, voters: u64) -> (u64, Members) {
    let members = members(seed);
    let Some(story) = story else { return (voters, members) };
    let (voters, spares) = story.nodes(&mut Rng::stream(seed, 13));
    (voters, Members { spares, changes_max: members.changes_max.max(1) })
}

/// Elections stay automatic, since no person is there to start one.
fn leadership(rng: &mut Rng, timeout: u64) -> Leadership {
    Leadership {
        manual: false,
        prefer: rng.choose(&[Prefer::None, Prefer::None, Prefer::Lowest, Prefer::Highest]),
        lease_micros: rng.choose(&[0, 0, timeout / 2, Leadership::lease_most(timeout)]),
    }
}

fn network(rng: &mut Rng, timeout: u64) -> Network {
    let most = rng.choose(&[300, 2_000, 2_000, 10_000, timeout / 10]);
    let ordered = !rng.one_in(3);
    let mut odds = |often: &[u64]| rng.choose(often);
    Network {
        delay_micros_min: most / 10,
        delay_micros_max: most,
        ordered,
        lost_in: odds(&[0, 0, 200, 50, 20, 8]),
        doubled_in: odds(&[0, 0, 100, 20]),
        late_in: odds(&[0, 0, 200, 30]),
    }
}

/// Bounds so tight that every rule about a full window, push or log applies within seconds.
fn tight(rng: &mut Rng) -> Limits {
    Limits {
        window_entries: rng.between(1, 12) as usize,
        push_entries: rng.between(1, 4) as usize,
        in_flight_pushes: rng.between(1, 4) as usize,
        uncommitted_entries: rng.between(4, 40),
        waiting_reads: rng.between(1, 8) as usize,
        ..Limits::default()
    }
}

/// One run in three has no watchers. In others so few changes are kept that watchers are often too late.
fn watching(seed: u64) -> Watching {
    let rng = &mut Rng::stream(seed, 7);
    Watching {
        watchers: rng.choose(&[0, 1, 3]),
        changes_kept: rng.choose(&[4, 30, 30, 1_000_000]),
        page_changes: rng.choose(&[1, 3, 256]),
    }
}

/// So few that sessions are forgotten all the time, while retries of their writes are still in progress.
fn few_sessions(rng: &mut Rng) -> SessionLimits {
    SessionLimits {
        sessions: rng.between(1, 4) as usize,
        results: rng.between(1, 3) as usize,
        lifetime: rng.between(5, 60),
    }
}

/// In every other run snapshots are taken so often that logs are compacted again and again.
fn compacted(seed: u64, limits: Limits) -> Limits {
    let rng = &mut Rng::stream(seed, 6);
    if rng.one_in(2) {
        return limits;
    }
    Limits {
        snapshot_entries: rng.between(3, 60),
        snapshot_bytes: rng.choose(&[u64::MAX, 2_000, 10_000]),
        snapshot_margin: rng.choose(&[0, 0, 1, 5, 30]),
        snapshot_chunk_bytes: rng.choose(&[16, 50, 500]),
        snapshot_bytes_per_second: rng.choose(&[1_000, 10_000, 10_000_000]),
        ..limits
    }
}

/// In one run in three the final database gets so few entries at a time that committed ones wait, and leave the window.
fn slowly_applied(seed: u64, limits: Limits) -> Limits {
    let rng = &mut Rng::stream(seed, 7);
    match rng.below(3) {
        0 => Limits { applying_entries: rng.between(1, 4), ..limits },
        _ => limits,
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { network, disk, work, limits, sessions, watching, .. } = self;
        let millis = |micros: u64| micros as f64 / 1_000.0;
        writeln!(
            f,
            "{} voters, {} more nodes · heartbeat {} ms, election timeout {} ms · faults for {:.1} s · {}",
            self.voters,
            self.members.spares,
            millis(self.heartbeat_micros),
            millis(self.election_timeout_micros),
            millis(self.faults_micros) / 1_000.0,
            if self.asked_to_stand { "n1 is asked to stand first" } else { "no node is asked to stand" },
        )?;
        if let Some(story) = self.story {
            writeln!(f, "{}", story.name())?;
        }
        writeln!(f, "prefer {}, lease {} ms", self.leadership.prefer.name(), millis(self.leadership.lease_micros))?;
        writeln!(
            f,
            "network {}–{} ms, {} · one in … lost {}, doubled {}, late {} (0: none)",
            millis(network.delay_micros_min),
            millis(network.delay_micros_max),
            if network.ordered { "in order" } else { "out of order" },
            network.lost_in,
            network.doubled_in,
            network.late_in,
        )?;
        writeln!(
            f,
            "at most: flush {} ms, apply {} ms, read {} ms · window {} entries, push {}, in flight {}, uncommitted {}",
            millis(disk.flush_micros_max),
            millis(disk.apply_micros_max),
            millis(disk.read_micros_max),
            limits.window_entries,
            limits.push_entries,
            limits.in_flight_pushes,
            limits.uncommitted_entries,
        )?;
        write!(
            f,
            "{} clients, {} keys, {} reads in ten, think {} ms at most, wait {} ms at most",
            work.clients,
            work.keys,
            work.reads_in_ten,
            millis(work.think_micros_max),
            millis(work.timeout_micros),
        )?;
        write!(
            f,
            "\n{} sessions with {} results each are remembered, for {} entries",
            sessions.sessions, sessions.results, sessions.lifetime,
        )?;
        write!(
            f,
            "\n{} watch, {} changes are kept for them, {} in one message at most",
            watching.watchers, watching.changes_kept, watching.page_changes,
        )
    }
}
