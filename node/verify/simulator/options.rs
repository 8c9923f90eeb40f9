//! What a run is like, all of it drawn from one seed: how many nodes, how patient, how fast and how reliable network and
//! disks are, and what clients do.

use std::fmt;

use crate::protocol::apply::SessionLimits;
use crate::protocol::{Leadership, Limits, Prefer};
use crate::verify::dice::Dice;
use crate::verify::simulator::stories::Story;

/// Times are in microseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    pub seed: u64,
    /// The nodes that found the cluster.
    pub voters: u64,
    pub members: Members,
    /// What happens besides what chance draws.
    pub story: Option<Story>,
    pub heartbeat_micros: u64,
    pub election_timeout_micros: u64,
    pub limits: Limits,
    pub leadership: Leadership,
    /// How long faults happen; then they end, and everybody must agree within a bound.
    pub faults_micros: u64,
    /// Node 1 is asked to stand first; otherwise the nodes wait until one of them does by itself.
    pub asked_to_stand: bool,
    /// How many final entries a restart hands to the core besides those that it must.
    pub tail_more: u64,
    pub network: Network,
    pub disk: Disk,
    pub work: Work,
    pub watching: Watching,
    /// Bounds of the table of sessions, the same at all nodes.
    pub sessions: SessionLimits,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    pub delay_least_micros: u64,
    pub delay_most_micros: u64,
    /// Each link keeps the order of its messages.
    pub ordered: bool,
    /// One in so many messages is lost, doubled, or comes ten times as late; 0: none.
    pub lost_in: u64,
    pub doubled_in: u64,
    pub late_in: u64,
}

impl Network {
    pub const CALM: Network = Network {
        delay_least_micros: 100,
        delay_most_micros: 1_000,
        ordered: true,
        lost_in: 0,
        doubled_in: 0,
        late_in: 0,
    };
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Disk {
    pub flush_most_micros: u64,
    pub apply_most_micros: u64,
    pub read_most_micros: u64,
    /// One in so many reads of a snapshot finds it damaged; 0: none.
    pub snapshots_lost_in: u64,
}

impl Disk {
    pub const CALM: Disk =
        Disk { flush_most_micros: 500, apply_most_micros: 100, read_most_micros: 500, snapshots_lost_in: 0 };
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Work {
    pub clients: u64,
    pub keys: u64,
    /// How long a client thinks between two operations, at most.
    pub think_most_micros: u64,
    /// How long it waits for an answer before the outcome is unknown to it.
    pub patience_micros: u64,
    /// How many of ten operations are reads.
    pub reads_in_ten: u64,
}

/// Who else there is, and how often somebody wants other members.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Members {
    /// Nodes with empty disks that wait to be added.
    pub spares: u64,
    /// About how many changes are asked for; 0: the list stays as it was founded.
    pub changes_most: u64,
}

/// Who watches committed changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watching {
    pub watchers: u64,
    /// How many changes a node keeps for them.
    pub changes_kept: usize,
    /// At most so many of them are in one message.
    pub page_changes: usize,
}

impl Options {
    /// How many nodes there are, voters or not.
    pub fn nodes(&self) -> u64 {
        self.voters + self.members.spares
    }

    pub fn of(seed: u64) -> Options {
        let dice = &mut Dice::of(seed, 1);
        let voters = dice.pick(&[1, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 5, 5, 5, 6, 7]);
        let (heartbeat, timeout) =
            dice.pick(&[(100_000, 1_000_000), (100_000, 1_000_000), (50_000, 300_000), (20_000, 150_000)]);
        let network = network(dice, timeout);
        let story = Story::of(seed);
        let (voters, members) = nodes(seed, story, voters);
        Options {
            seed,
            voters,
            members,
            story,
            heartbeat_micros: heartbeat,
            election_timeout_micros: timeout,
            limits: slowly_applied(seed, compacted(seed, if dice.one_in(2) { tight(dice) } else { Limits::default() })),
            leadership: leadership(dice, timeout),
            faults_micros: timeout * dice.between(8, 30),
            asked_to_stand: !dice.one_in(5),
            tail_more: dice.below(4),
            network,
            disk: Disk {
                flush_most_micros: dice.pick(&[200, 1_000, 1_000, 5_000, 30_000]),
                apply_most_micros: dice.pick(&[10, 100, 1_000, 20_000]),
                read_most_micros: dice.pick(&[100, 1_000, 20_000]),
                snapshots_lost_in: if seed.is_multiple_of(3) { 20 } else { 0 },
            },
            work: Work {
                clients: dice.between(1, 8),
                keys: dice.between(1, 6),
                think_most_micros: timeout / dice.pick(&[100, 40, 20, 5]),
                patience_micros: timeout * dice.between(1, 4),
                reads_in_ten: dice.between(1, 7),
            },
            watching: watching(seed),
            sessions: if dice.one_in(2) { few_sessions(dice) } else { SessionLimits::default() },
        }
    }
}

/// In every other run the members change.
fn members(seed: u64) -> Members {
    let dice = &mut Dice::of(seed, 9);
    if dice.one_in(2) {
        return Members { spares: 0, changes_most: 0 };
    }
    Members { spares: dice.below(4), changes_most: dice.pick(&[3, 6, 12, 24]) }
}

/// How many founders there are, and who else; as a story needs it, if there is one.
fn nodes(seed: u64, story: Option<Story>, voters: u64) -> (u64, Members) {
    let members = members(seed);
    let Some(story) = story else { return (voters, members) };
    let (voters, spares) = story.nodes(&mut Dice::of(seed, 13));
    (voters, Members { spares, changes_most: members.changes_most.max(1) })
}

/// Elections stay automatic: nobody is there to start one.
fn leadership(dice: &mut Dice, timeout: u64) -> Leadership {
    Leadership {
        manual: false,
        prefer: dice.pick(&[Prefer::None, Prefer::None, Prefer::Lowest, Prefer::Highest]),
        lease_micros: dice.pick(&[0, 0, timeout / 2, Leadership::lease_most(timeout)]),
    }
}

fn network(dice: &mut Dice, timeout: u64) -> Network {
    let most = dice.pick(&[300, 2_000, 2_000, 10_000, timeout / 10]);
    let ordered = !dice.one_in(3);
    let mut odds = |often: &[u64]| dice.pick(often);
    Network {
        delay_least_micros: most / 10,
        delay_most_micros: most,
        ordered,
        lost_in: odds(&[0, 0, 200, 50, 20, 8]),
        doubled_in: odds(&[0, 0, 100, 20]),
        late_in: odds(&[0, 0, 200, 30]),
    }
}

/// Bounds so tight that every rule about a full window, push or log is met within seconds.
fn tight(dice: &mut Dice) -> Limits {
    Limits {
        window_entries: dice.between(1, 12) as usize,
        push_entries: dice.between(1, 4) as usize,
        in_flight_pushes: dice.between(1, 4) as usize,
        uncommitted_entries: dice.between(4, 40),
        waiting_reads: dice.between(1, 8) as usize,
        ..Limits::default()
    }
}

/// In every third run nobody watches; in others so little is kept that watchers are often too late.
fn watching(seed: u64) -> Watching {
    let dice = &mut Dice::of(seed, 7);
    Watching {
        watchers: dice.pick(&[0, 1, 3]),
        changes_kept: dice.pick(&[4, 30, 30, 1_000_000]),
        page_changes: dice.pick(&[1, 3, 256]),
    }
}

/// So few that sessions are forgotten all the time, while retries of their writes are still on the way.
fn few_sessions(dice: &mut Dice) -> SessionLimits {
    SessionLimits {
        sessions: dice.between(1, 4) as usize,
        results: dice.between(1, 3) as usize,
        lifetime: dice.between(5, 60),
    }
}

/// In every other run snapshots are taken so often that logs are cut again and again.
fn compacted(seed: u64, limits: Limits) -> Limits {
    let dice = &mut Dice::of(seed, 6);
    if dice.one_in(2) {
        return limits;
    }
    Limits {
        snapshot_entries: dice.between(3, 60),
        snapshot_bytes: dice.pick(&[u64::MAX, 2_000, 10_000]),
        snapshot_margin: dice.pick(&[0, 0, 1, 5, 30]),
        snapshot_chunk_bytes: dice.pick(&[16, 50, 500]),
        snapshot_bytes_per_second: dice.pick(&[1_000, 10_000, 10_000_000]),
        ..limits
    }
}

/// In one of three runs the final database is handed so little at a time that committed entries wait, and leave the window.
fn slowly_applied(seed: u64, limits: Limits) -> Limits {
    let dice = &mut Dice::of(seed, 7);
    match dice.below(3) {
        0 => Limits { applying_entries: dice.between(1, 4), ..limits },
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
            if self.asked_to_stand { "n1 is asked to stand first" } else { "nobody is asked to stand" },
        )?;
        if let Some(story) = self.story {
            writeln!(f, "{}", story.name())?;
        }
        writeln!(f, "prefer {}, lease {} ms", self.leadership.prefer.name(), millis(self.leadership.lease_micros))?;
        writeln!(
            f,
            "network {}–{} ms, {} · one in … lost {}, doubled {}, late {} (0: none)",
            millis(network.delay_least_micros),
            millis(network.delay_most_micros),
            if network.ordered { "in order" } else { "out of order" },
            network.lost_in,
            network.doubled_in,
            network.late_in,
        )?;
        writeln!(
            f,
            "at most: flush {} ms, apply {} ms, read {} ms · window {} entries, push {}, in flight {}, uncommitted {}",
            millis(disk.flush_most_micros),
            millis(disk.apply_most_micros),
            millis(disk.read_most_micros),
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
            millis(work.think_most_micros),
            millis(work.patience_micros),
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
