//! The simulated cluster: its state, and the loop that takes what is due next.

use std::hash::Hasher;

use crate::protocol::apply::HistoryLimits;
use crate::protocol::trace::RoleName;
use crate::protocol::{Config, FeatureLevel, Incarnation, Input, Listed, NodeId};
use crate::verify::hash::TraceHasher;
use crate::verify::host::{Checked, CommitRecords, Host, HostOptions, TakenSnapshots};
use crate::verify::invariants::{Violation, Watch};
use crate::verify::rng::Rng;
use crate::verify::simulator::clients::Clients;
use crate::verify::simulator::evidence;
use crate::verify::simulator::faults::NO_CLIENT;
use crate::verify::simulator::machine::Machine;
use crate::verify::simulator::members::Wanted;
use crate::verify::simulator::network::Network;
use crate::verify::simulator::options;
use crate::verify::simulator::oracle::Oracle;
use crate::verify::simulator::plan::Plan;
use crate::verify::simulator::queue::{Due, Queue};
use crate::verify::simulator::stats::Stats;
use crate::verify::simulator::transcript::Transcript;
use crate::verify::simulator::watchers::Watchers;
use crate::verify::simulator::{Failure, Notification, Outcome};

pub(super) struct Simulation<'a> {
    pub(super) plan: &'a Plan,
    /// In microseconds from the start.
    pub(super) now: u64,
    pub(super) queue: Queue,
    /// Node 1 first.
    pub(super) machines: Vec<Machine>,
    pub(super) network: Network,
    pub(super) disk: options::Disk,
    pub(super) clients: Clients,
    pub(super) oracle: Oracle,
    pub(super) watchers: Watchers,
    pub(super) watch: Watch,
    pub(super) rng: Rng,
    /// Draws of `evidence.rs`.
    pub(super) evidence: Rng,
    /// The node that each fault of the plan has hit.
    pub(super) hit: Vec<Option<NodeId>>,
    /// The membership changes that operators want, or wanted.
    pub(super) wanted: Vec<Wanted>,
    /// Every member list that was ever in force at a node.
    pub(super) lists: Vec<Listed>,
    /// From now on a leader pushes to members only.
    pub(super) removed_are_done: bool,
    pub(super) stats: Stats,
    /// Covers every event of the run.
    pub(super) hash: TraceHasher,
    pub(super) transcript: Option<Transcript>,
    pub(super) taken: TakenSnapshots,
    pub(super) observer: &'a mut dyn FnMut(Notification<'_>),
}

impl<'a> Simulation<'a> {
    pub(super) fn new(plan: &'a Plan, recorded: bool, observer: &'a mut dyn FnMut(Notification<'_>)) -> Simulation<'a> {
        let options = &plan.options;
        let host_options = HostOptions {
            sessions: options.sessions,
            history: HistoryLimits { changes: options.watching.changes_kept, ..HistoryLimits::default() },
            commit_records: CommitRecords::Apart,
        };
        let machine = |id| Machine::new(config(options, NodeId(id)), host_options);
        let mut simulation = Simulation {
            plan,
            now: 0,
            queue: Queue::default(),
            machines: (1..=options.nodes()).map(machine).collect(),
            network: Network::new(options.seed, options.network),
            disk: options.disk,
            clients: Clients::new(plan),
            oracle: Oracle::default(),
            watchers: Watchers::new(plan),
            watch: Watch::new(),
            rng: Rng::stream(options.seed, 4),
            evidence: evidence::stream(options.seed),
            hit: vec![None; plan.faults.len()],
            wanted: Vec::new(),
            lists: Vec::new(),
            removed_are_done: false,
            stats: Stats::default(),
            hash: TraceHasher::default(),
            transcript: recorded.then(Transcript::default),
            taken: TakenSnapshots::default(),
            observer,
        };
        for (index, fault) in plan.faults.iter().enumerate() {
            simulation.queue.put(fault.at, Due::Begin { fault: index });
            simulation.queue.put(fault.until, Due::End { fault: index });
        }
        simulation.clients.begin(&mut simulation.queue);
        simulation.watchers.begin(&mut simulation.queue);
        simulation
    }

    pub(super) fn run(&mut self) -> Checked {
        for node in self.ids() {
            self.start(node)?;
        }
        if self.plan.options.asked_to_stand {
            self.step(NodeId(1), Input::Stand(NO_CLIENT))?;
        }
        self.run_until(self.plan.options.faults_micros)?;
        self.settle()
    }

    pub(super) fn outcome(self, violation: Option<Violation>) -> Outcome {
        let mut stats = self.stats;
        stats.members = self.oracle.changes();
        stats.simulated_micros = self.now;
        stats.node_micros = self.now * self.machines.len() as u64;
        let failure = violation.map(|violation| Failure { violation, at: self.now });
        let trace = self.transcript.map(Transcript::into_lines).unwrap_or_default();
        Outcome { hash: self.hash.finish(), stats, failure, trace }
    }

    pub(super) fn run_until(&mut self, end: u64) -> Checked {
        while self.queue.next_at().is_some_and(|at| at <= end) {
            let (at, due) = self.queue.take().expect("there is a next one");
            self.now = at;
            self.dispatch(due)?;
        }
        self.now = end;
        Ok(())
    }

    pub(super) fn ids(&self) -> Vec<NodeId> {
        self.machines.iter().map(Machine::id).collect()
    }

    pub(super) fn machine(&self, node: NodeId) -> &Machine {
        &self.machines[node.0 as usize - 1]
    }

    pub(super) fn machine_mut(&mut self, node: NodeId) -> &mut Machine {
        &mut self.machines[node.0 as usize - 1]
    }

    pub(super) fn host(&self, node: NodeId) -> &Host {
        &self.machine(node).host
    }

    pub(super) fn host_mut(&mut self, node: NodeId) -> &mut Host {
        &mut self.machine_mut(node).host
    }

    pub(super) fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.machines.iter().map(|machine| &machine.host)
    }

    /// The running leader of the greatest epoch.
    pub(super) fn leader(&self) -> Option<NodeId> {
        let leaders = self.hosts().filter_map(Host::running).filter(|core| core.role() == RoleName::Leader);
        leaders.max_by_key(|core| core.epoch()).map(|core| core.id())
    }

    /// Tells the one who observes the run.
    pub(super) fn notify(&mut self, notification: Notification<'_>) {
        (self.observer)(notification);
    }

    fn dispatch(&mut self, due: Due) -> Checked {
        if let Some((node, run)) = due.node() {
            let machine = self.machine_mut(node);
            if run.is_some_and(|run| run != machine.run || !machine.host.is_up()) {
                return Ok(());
            }
            if machine.paused > 0 {
                machine.backlog.push_back(due);
                return Ok(());
            }
        }
        match due {
            Due::Message(envelope) => return self.on_message(*envelope),
            Due::PeerGone { node, peer, .. } => return self.step(node, Input::PeerGone(peer)),
            Due::Tick { node, .. } => return self.on_tick(node),
            Due::Flushed { node, .. } => return self.on_flushed(node),
            Due::Applied { node, .. } => return self.on_applied(node),
            Due::LogRead { node, .. } => return self.on_log_read(node),
            Due::SnapshotTaken { node, .. } => return self.on_snapshot_taken(node),
            Due::SnapshotRead { node, .. } => return self.on_snapshot_read(node),
            Due::SnapshotWritten { node, .. } => return self.on_snapshot_written(node),
            Due::SnapshotInstalled { node, .. } => return self.on_snapshot_installed(node),
            Due::Batch { node, .. } => {
                let proposals = std::mem::take(&mut self.machine_mut(node).proposals);
                return self.step(node, Input::Propose(proposals));
            }
            Due::Begin { fault } => return self.begin_fault(fault),
            Due::End { fault } => return self.end_fault(fault),
            Due::Call { call } => return self.begin_call(call),
            Due::Ask { call, node } => self.ask(call, node),
            Due::Retry { call, attempt } => self.retry_in_parallel(call, attempt),
            Due::Request { request, node } => return self.on_request(request, node),
            Due::Probe { call, round, node } => return self.on_probe(call, round, node),
            Due::Watch { watcher, connection } => return self.on_watch(watcher, connection),
            Due::Stream { watcher, connection, node, after } => {
                return self.on_stream(watcher, connection, node, after);
            }
            Due::Page(page) => return self.on_page(page),
            Due::News { watcher, connection, news } => return self.on_news(watcher, connection, news),
            Due::Quiet { watcher, connection } => return self.on_quiet(watcher, connection),
            Due::Change { wanted, attempt, node } => return self.on_change(wanted, attempt, node),
            Due::ChangeRetry { wanted, attempt } => self.retry_change(wanted, attempt),
            Due::Timeout { call } => return self.on_timeout(call),
        }
        Ok(())
    }
}

fn config(options: &options::Options, id: NodeId) -> Config {
    let voters = (1..=options.voters).map(|id| (NodeId(id), format!("127.0.0.1:{}", 7100 + id)));
    let mut incarnation = [0; 16];
    incarnation[0] = id.0 as u8;
    Config {
        id,
        incarnation: Incarnation(incarnation),
        voters: if id.0 <= options.voters { voters.collect() } else { Vec::new() },
        heartbeat_micros: options.heartbeat_micros,
        election_timeout_micros: options.election_timeout_micros,
        seed: options.seed.wrapping_mul(1_000).wrapping_add(id.0),
        limits: options.limits,
        leadership: options.leadership,
        level_max: FeatureLevel::NEWEST,
    }
}
