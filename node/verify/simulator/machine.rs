//! A simulated machine: a node in memory ([`Host`]), its clock, how slow its disk is, and what its process does not
//! take now because it is paused.

use std::collections::{BTreeMap, VecDeque};

use crate::protocol::{Config, Entry, Envelope, Epoch, Incarnation, LogPoint, NodeId, Proposal, Time};
use crate::verify::host::{Host, HostOptions, Image};
use crate::verify::rng::mix;
use crate::verify::simulator::queue::Due;

pub(super) struct Machine {
    pub(super) host: Host,
    pub(super) clock: Clock,
    /// Counts the starts. What was due for an earlier process is void.
    pub(super) run: u64,
    /// How many pauses are in force. What is due meanwhile waits in the backlog.
    pub(super) paused: u64,
    pub(super) backlog: VecDeque<Due>,
    /// What was durable on disks that were wiped since. An ack from such a disk was true when it was sent.
    pub(super) destroyed: Vec<(Incarnation, Image)>,
    /// A write that may have changed which member list is in force was stored since the last check.
    pub(super) list_touched: bool,
    /// The database works on a batch.
    pub(super) is_applying: bool,
    /// Writes that arrived and go into the core together.
    pub(super) proposals: Vec<Proposal>,
    /// The time of the earliest tick in the queue.
    pub(super) tick_at: Option<u64>,
    /// Counts the trace events of this process.
    pub(super) events: u64,
    /// From which process of each node its last message came.
    pub(super) heard: BTreeMap<NodeId, u64>,
    /// The commit point after the last step.
    pub(super) committed: Option<LogPoint>,
    /// The last entry that a local read has seen since the last power loss.
    pub(super) shown: Option<LogPoint>,
    pub(super) fails_next_flush: bool,
    /// The least time that a flush, or an apply, takes.
    pub(super) flush_micros: u64,
    pub(super) apply_micros: u64,
    /// How many faults hold back the commit orders to this node, and those that were held.
    pub(super) orders_held: u64,
    pub(super) held: Vec<Envelope>,
}

/// A machine's own time: it starts anywhere, jumps, and runs at its own rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// The simulation's time at which the clock was last set.
    set_at: u64,
    /// What it showed then.
    shown: u64,
    /// In millionths of the true rate.
    rate: u64,
}

impl Clock {
    pub(super) fn new(shown: u64) -> Clock {
        Clock { set_at: 0, shown, rate: 1_000_000 }
    }

    /// What the clock shows at a time of the simulation.
    pub(super) fn at(&self, now: u64) -> Time {
        Time(self.shown + (now - self.set_at) * self.rate / 1_000_000)
    }

    /// The time of the simulation at which the clock will show this; `now` if it already does.
    pub(super) fn when(&self, shown: Time, now: u64) -> u64 {
        let ahead = shown.0.saturating_sub(self.at(now).0);
        now + (ahead * 1_000_000).div_ceil(self.rate)
    }

    pub(super) fn set(&mut self, now: u64, step: i64, rate_ppm: i64) {
        self.shown = self.at(now).0.saturating_add_signed(step);
        self.set_at = now;
        self.rate = 1_000_000_u64.saturating_add_signed(rate_ppm);
    }

    /// Sets a clock that is behind forward, and lets it run at the true rate.
    pub(super) fn advance_to(&mut self, now: u64, shown: Time) {
        let behind = shown.0.saturating_sub(self.at(now).0);
        self.set(now, behind as i64, 0);
    }
}

impl Machine {
    pub(super) fn new(config: Config, options: HostOptions) -> Machine {
        Machine {
            clock: Clock::new(1_000_000 + mix(config.seed) % 1_000_000_000),
            host: Host::new(config, options),
            run: 0,
            paused: 0,
            backlog: VecDeque::new(),
            destroyed: Vec::new(),
            list_touched: false,
            is_applying: false,
            proposals: Vec::new(),
            tick_at: None,
            events: 0,
            heard: BTreeMap::new(),
            committed: None,
            shown: None,
            fails_next_flush: false,
            flush_micros: 0,
            apply_micros: 0,
            orders_held: 0,
            held: Vec::new(),
        }
    }

    pub(super) fn id(&self) -> NodeId {
        self.host.id()
    }

    /// Starts the process. Returns the committed entries after the position `known`, which no node has applied before:
    /// they are not in the database yet, because the oracle has to see their outcomes.
    pub(super) fn start(&mut self, now: u64, tail_more: u64, known: u64) -> Vec<Entry> {
        self.run += 1;
        let entries = self.host.load_database();
        let (old, new) = entries.into_iter().partition::<Vec<_>, _>(|entry| entry.position.0 <= known);
        for entry in &old {
            self.host.apply_entry(entry).expect("a snapshot and the log after it have no gap");
        }
        // Each start of each node has its own seed. Nodes with equal timeouts would stand for election together
        // forever.
        let seed = mix(self.host.config.seed ^ mix(self.run << 32));
        self.host.start_core(self.host.restored(tail_more), seed, self.clock.at(now));
        self.committed = self.host.core().committed();
        (self.events, self.tick_at, self.list_touched) = (0, None, true);
        self.heard.clear();
        new
    }

    /// The process ends, and everything with it that was in progress inside it.
    pub(super) fn stop(&mut self) {
        self.host.stop();
        self.paused = 0;
        self.backlog.clear();
        self.is_applying = false;
        self.proposals.clear();
        self.fails_next_flush = false;
    }

    /// Gives the stopped node an empty data folder.
    pub(super) fn wipe(&mut self) {
        self.destroyed.push((self.host.config.incarnation, self.host.disk.durable().clone()));
        self.host.wipe();
        self.shown = None;
    }

    /// Whether the disk of this incarnation has this genuine entry durably, or had it until it was wiped.
    pub(super) fn holds(&self, incarnation: Incarnation, point: LogPoint) -> bool {
        self.image(incarnation).is_some_and(|image| image.has_genuine(point))
    }

    /// The epoch that was promised on the disk of this incarnation.
    pub(super) fn promised(&self, incarnation: Incarnation) -> Option<Epoch> {
        self.image(incarnation)?.promise.map(|promise| promise.epoch)
    }

    fn image(&self, incarnation: Incarnation) -> Option<&Image> {
        let destroyed = || self.destroyed.iter().find(|(known, _)| *known == incarnation).map(|(_, image)| image);
        if incarnation == self.host.config.incarnation { Some(self.host.disk.durable()) } else { destroyed() }
    }
}
