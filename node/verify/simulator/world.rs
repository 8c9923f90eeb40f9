//! The simulated cluster: takes what is due, lets a node's core take a step, carries out what it puts out, and has the
//! result checked.

use std::hash::{Hash, Hasher};

use crate::protocol::apply::{Applied, HistoryLimits};
use crate::protocol::trace::{Event, Fact, RoleName};
use crate::protocol::{
    Answer, Config, Entry, Envelope, FeatureLevel, Incarnation, Input, Kind, Listed, Message, NodeId, Operation,
    Output, RequestId, Send, Store, Time,
};
use crate::verify::dice::Dice;
use crate::verify::invariants::{Violation, Watch};
use crate::verify::simulator::clients::Clients;
use crate::verify::simulator::damage::{AT_A_START, BY_A_READ};
use crate::verify::simulator::disk::SnapshotFile;
use crate::verify::simulator::faults::NOBODY;
use crate::verify::simulator::hash::TraceHasher;
use crate::verify::simulator::host::Host;
use crate::verify::simulator::members::Wanted;
use crate::verify::simulator::network::Network;
use crate::verify::simulator::options;
use crate::verify::simulator::plan::Plan;
use crate::verify::simulator::queue::{Due, Queue};
use crate::verify::simulator::record::Record;
use crate::verify::simulator::stats::Stats;
use crate::verify::simulator::truth::Truth;
use crate::verify::simulator::watchers::Watchers;
use crate::verify::simulator::{Failure, Outcome, Told};

/// `Err` ends the run: something was wrong.
pub(super) type Step = Result<(), Box<Violation>>;

/// How many steps lie between two checks of everything.
const FULL_CHECK_STEPS: u64 = 5_000;

pub(super) struct Simulation<'a> {
    pub(super) plan: &'a Plan,
    pub(super) now: u64,
    pub(super) queue: Queue,
    pub(super) hosts: Vec<Host>,
    pub(super) network: Network,
    pub(super) disk: options::Disk,
    pub(super) clients: Clients,
    pub(super) truth: Truth,
    pub(super) watchers: Watchers,
    pub(super) watch: Watch,
    pub(super) dice: Dice,
    /// Whom each fault struck.
    pub(super) struck: Vec<Option<NodeId>>,
    /// The changes of the members that somebody wants, or wanted.
    pub(super) wanted: Vec<Wanted>,
    /// Every member list that ever counted anywhere.
    pub(super) lists: Vec<Listed>,
    /// From now on a leader pushes to members alone.
    pub(super) strays_are_over: bool,
    pub(super) stats: Stats,
    hash: TraceHasher,
    pub(super) record: Option<Record>,
    /// Every snapshot that was ever taken: what the bytes of its file stand for.
    pub(super) snapshots: Vec<SnapshotFile>,
    audience: &'a mut dyn FnMut(Told<'_>),
}

pub(super) fn wrong(invariant: &'static str, text: String) -> Box<Violation> {
    Box::new(Violation { invariant, text, evidence: Vec::new() })
}

impl<'a> Simulation<'a> {
    pub(super) fn new(plan: &'a Plan, recorded: bool, audience: &'a mut dyn FnMut(Told<'_>)) -> Simulation<'a> {
        let options = &plan.options;
        let voters: Vec<_> = (1..=options.voters).map(|id| (NodeId(id), format!("127.0.0.1:{}", 7100 + id))).collect();
        let config = |id: NodeId| Config {
            id,
            incarnation: incarnation(id),
            voters: if id.0 <= options.voters { voters.clone() } else { Vec::new() },
            heartbeat_micros: options.heartbeat_micros,
            election_timeout_micros: options.election_timeout_micros,
            seed: options.seed.wrapping_mul(1_000).wrapping_add(id.0),
            limits: options.limits,
            leadership: options.leadership,
            level_max: FeatureLevel::NEWEST,
        };
        let kept = HistoryLimits { changes: options.watching.changes_kept, ..HistoryLimits::default() };
        let mut simulation = Simulation {
            plan,
            now: 0,
            queue: Queue::default(),
            hosts: (1..=options.nodes()).map(|id| Host::new(config(NodeId(id)), options.sessions, kept)).collect(),
            network: Network::new(options.seed, options.network),
            disk: options.disk,
            clients: Clients::new(plan),
            truth: Truth::default(),
            watchers: Watchers::new(plan),
            watch: Watch::new(),
            dice: Dice::of(options.seed, 4),
            struck: vec![None; plan.faults.len()],
            wanted: Vec::new(),
            lists: Vec::new(),
            strays_are_over: false,
            stats: Stats::default(),
            hash: TraceHasher::default(),
            record: recorded.then(Record::default),
            snapshots: Vec::new(),
            audience,
        };
        for (index, fault) in plan.faults.iter().enumerate() {
            simulation.queue.put(fault.at, Due::Begin { fault: index });
            simulation.queue.put(fault.until, Due::End { fault: index });
        }
        simulation.clients.begin(&mut simulation.queue);
        simulation.watchers.begin(&mut simulation.queue);
        simulation
    }

    pub(super) fn run(&mut self) -> Step {
        for node in self.ids() {
            self.start(node)?;
        }
        if self.plan.options.asked_to_stand {
            self.step(NodeId(1), Input::Stand(NOBODY))?;
        }
        self.run_until(self.plan.options.faults_micros)?;
        self.settle()
    }

    pub(super) fn outcome(self, violation: Option<Violation>) -> Outcome {
        let mut stats = self.stats;
        stats.members = self.truth.changes();
        stats.simulated_micros = self.now;
        stats.node_micros = self.now * self.hosts.len() as u64;
        let failure = violation.map(|violation| Failure { violation, at: self.now });
        let trace = self.record.map(Record::into_lines).unwrap_or_default();
        Outcome { hash: self.hash.finish(), stats, failure, trace }
    }

    pub(super) fn run_until(&mut self, end: u64) -> Step {
        while self.queue.next_at().is_some_and(|at| at <= end) {
            let (at, due) = self.queue.take().expect("there is a next one");
            self.now = at;
            self.happen(due)?;
        }
        self.now = end;
        Ok(())
    }

    pub(super) fn ids(&self) -> Vec<NodeId> {
        self.hosts.iter().map(Host::id).collect()
    }

    pub(super) fn host(&mut self, node: NodeId) -> &mut Host {
        &mut self.hosts[node.0 as usize - 1]
    }

    /// The running leader of the greatest epoch.
    pub(super) fn leader(&self) -> Option<NodeId> {
        let cores = self.hosts.iter().filter_map(|host| host.core.as_ref());
        let leaders = cores.filter(|core| core.role() == RoleName::Leader);
        leaders.max_by_key(|core| core.epoch()).map(|core| core.id())
    }

    pub(super) fn start(&mut self, node: NodeId) -> Step {
        // A start reads the whole log.
        if let Some(damage) = self.host(node).disk.damage() {
            return self.retreat(node, damage, AT_A_START);
        }
        let (now, tail_more) = (self.now, self.plan.options.tail_more);
        let closed_well = self.watchers.dice.one_in(2);
        let known = self.truth.applied();
        let (snapshot, unseen) = self.host(node).start(now, tail_more, known);
        for entry in &unseen {
            self.apply(node, entry)?;
        }
        if closed_well {
            self.host(node).database.forget_changes();
        }
        self.tell(Told::Started(&snapshot));
        if let Some(violation) = self.watch.restarted(&snapshot) {
            return Err(Box::new(violation));
        }
        self.step(node, Input::Watched(true))
    }

    pub(super) fn tell(&mut self, told: Told<'_>) {
        (self.audience)(told);
    }

    fn happen(&mut self, due: Due) -> Step {
        if let Some((node, run)) = due.node() {
            let host = self.host(node);
            if run.is_some_and(|run| run != host.run || !host.is_up()) {
                return Ok(());
            }
            if host.paused > 0 {
                host.backlog.push_back(due);
                return Ok(());
            }
        }
        match due {
            Due::Message(envelope) => self.arrive(*envelope),
            Due::Tick { node, .. } => self.tick(node),
            Due::Flushed { node, .. } => self.flushed(node),
            Due::Applied { node, .. } => self.applied(node),
            Due::LogRead { node, .. } => self.log_read(node),
            Due::SnapshotTaken { node, .. } => self.snapshot_taken(node),
            Due::SnapshotRead { node, .. } => self.snapshot_read(node),
            Due::SnapshotWritten { node, .. } => self.snapshot_written(node),
            Due::SnapshotInstalled { node, .. } => self.snapshot_installed(node),
            Due::Batch { node, .. } => {
                let proposals = std::mem::take(&mut self.host(node).proposals);
                self.step(node, Input::Propose(proposals))
            }
            Due::Begin { fault } => self.begin_fault(fault),
            Due::End { fault } => self.end_fault(fault),
            Due::Call { call } => self.begin_call(call),
            Due::Ask { call, node } => {
                self.ask(call, node);
                Ok(())
            }
            Due::Again { call, attempt } => {
                self.ask_beside(call, attempt);
                Ok(())
            }
            Due::Request { request, node } => self.on_request(request, node),
            Due::Probe { call, round, node } => self.on_probe(call, round, node),
            Due::Watch { watcher, connection } => self.on_watch(watcher, connection),
            Due::Stream { watcher, connection, node, after } => self.on_stream(watcher, connection, node, after),
            Due::Page(page) => self.on_page(page),
            Due::News { watcher, connection, news } => self.on_news(watcher, connection, news),
            Due::Quiet { watcher, connection } => self.on_quiet(watcher, connection),
            Due::Change { wanted, attempt, node } => self.on_change(wanted, attempt, node),
            Due::ChangeAgain { wanted, attempt } => {
                self.ask_for_change_again(wanted, attempt);
                Ok(())
            }
            Due::Patience { call } => self.on_patience(call),
        }
    }

    fn arrive(&mut self, envelope: Envelope) -> Step {
        let (node, now) = (envelope.to, self.now);
        let host = self.host(node);
        if !host.is_up() {
            return Ok(());
        }
        if host.orders_held > 0 && matches!(envelope.message, Message::CommitOrder(_)) {
            host.held.push(envelope);
            return Ok(());
        }
        let (from, process) = (envelope.from, envelope.process);
        if host.heard.insert(from, process) != Some(process) {
            let time = host.clock.shows(now);
            self.trace(node, time, Fact::PeerProcess { node: from, process })?;
        }
        self.step(node, Input::Message(envelope))
    }

    fn tick(&mut self, node: NodeId) -> Step {
        self.host(node).tick_at = None;
        self.step(node, Input::Tick)
    }

    fn flushed(&mut self, node: NodeId) -> Step {
        let host = self.host(node);
        if std::mem::take(&mut host.fails_next_flush) {
            return self.step(node, Input::StorageFailed("the simulated disk fails".to_owned()));
        }
        let Some(operation) = host.disk.end_flush() else { return Ok(()) };
        self.release(node)?;
        self.step(node, Input::Stored(operation))
    }

    /// Messages whose operations are durable now leave.
    fn release(&mut self, node: NodeId) -> Step {
        while let Some((operation, _)) = self.host(node).waiting.front() {
            let operation = *operation;
            if !self.host(node).disk.is_done(operation) {
                return Ok(());
            }
            let (_, envelope) = self.host(node).waiting.pop_front().expect("there is a first one");
            self.leave(envelope)?;
        }
        Ok(())
    }

    fn applied(&mut self, node: NodeId) -> Step {
        self.host(node).applying = false;
        let Some(apply) = self.host(node).applies.pop_front() else { return Ok(()) };
        let mut outcomes = Vec::new();
        for entry in &apply.entries {
            outcomes.push(self.apply(node, entry)?);
        }
        self.begin_snapshot(node);
        self.begin_install(node);
        self.step(node, Input::Applied { up_to: apply.up_to, outcomes })
    }

    fn apply(&mut self, node: NodeId, entry: &Entry) -> Result<Applied, Box<Violation>> {
        let host = &mut self.hosts[node.0 as usize - 1];
        let before = host.database.revision();
        let applied = host.database.apply(entry);
        let applied = applied.map_err(|text| wrong("applied once, in order", format!("at {node} {text}")))?;
        let changed = host.database.revision() != before;
        if entry.position.0 > self.truth.applied() {
            self.watchers.committed(host.database.changed_last())?;
        }
        self.truth.on_applied(host, entry, applied, changed)?;
        Ok(applied)
    }

    fn log_read(&mut self, node: NodeId) -> Step {
        let host = self.host(node);
        if let Some(read) = host.reads.pop_front() {
            return match host.disk.read(&read) {
                Ok(entries) => self.step(node, Input::LogRead { read: read.read, entries }),
                Err(damage) => self.retreat(node, damage, BY_A_READ),
            };
        }
        host.checks -= 1;
        if let Some(damage) = host.disk.damage() {
            return self.retreat(node, damage, BY_A_READ);
        }
        let check = host.disk.written().check_chain();
        self.step(node, Input::ChainChecked(check))
    }

    /// The node's core takes one input; what it puts out is carried out.
    pub(super) fn step(&mut self, node: NodeId, input: Input) -> Step {
        let now = self.now;
        let host = self.host(node);
        let time = host.clock.shows(now);
        let run = host.run;
        let Some(core) = host.core.as_mut() else { return Ok(()) };
        let outputs = core.step(time, input);
        self.stats.steps += 1;
        for output in outputs {
            if self.host(node).run == run && self.host(node).is_up() {
                self.carry_out(node, time, output)?;
            }
        }
        self.after_step(node)?;
        if self.stats.steps.is_multiple_of(FULL_CHECK_STEPS) { self.check_everything() } else { Ok(()) }
    }

    fn carry_out(&mut self, node: NodeId, time: Time, output: Output) -> Step {
        let run = self.host(node).run;
        match output {
            Output::Store(operation, store) => self.store(node, operation, store),
            Output::Send(Send { after, mut envelope }) => {
                let host = self.host(node);
                envelope.process = host.run;
                match after.filter(|operation| !host.disk.is_done(*operation)) {
                    Some(operation) => host.waiting.push_back((operation, envelope)),
                    None => self.leave(envelope)?,
                }
                Ok(())
            }
            Output::Apply(apply) => {
                let host = self.host(node);
                let recorded = host.disk.record_commit(apply.up_to);
                host.applies.push_back(apply);
                recorded.map_err(|text| wrong("what a log store is asked for", format!("at {node} {text}")))
            }
            Output::Members(listed) => {
                self.on_members(listed);
                Ok(())
            }
            Output::TakeSnapshot(_)
            | Output::ReadSnapshot(_)
            | Output::WriteSnapshot(_)
            | Output::InstallSnapshot(_) => {
                self.on_snapshot(node, output);
                Ok(())
            }
            Output::ReadLog(read) => {
                self.host(node).reads.push_back(read);
                let at = self.now + 1 + self.dice.below(self.disk.read_most_micros);
                self.queue.put(at, Due::LogRead { node, run });
                Ok(())
            }
            Output::CheckChain => {
                self.host(node).checks += 1;
                self.queue.put(self.now + 1_000, Due::LogRead { node, run });
                Ok(())
            }
            Output::Answer(request, answer) => self.answered(node, request, &answer),
            Output::Trace(fact) => self.trace(node, time, fact),
            Output::Rejected { .. } => {
                self.stats.rejected += 1;
                Ok(())
            }
            Output::Fatal(text) | Output::Damaged(text) => self.stopped_itself(node, text),
        }
    }

    fn answered(&mut self, node: NodeId, request: RequestId, answer: &Answer) -> Step {
        (request.0 & 1 << 63).hash(&mut self.hash);
        self.on_answer(node, request, answer)
    }

    fn store(&mut self, node: NodeId, operation: Operation, store: Store) -> Step {
        let host = &mut self.hosts[node.0 as usize - 1];
        self.truth.before_store(host, &store)?;
        host.list_touched |= lists_differ_after(&store);
        host.disk
            .store(operation, store)
            .map_err(|text| wrong("what a log store is asked for", format!("at {node} {text}")))
    }

    /// The core stops the node. That is right if the disk failed, and wrong otherwise.
    fn stopped_itself(&mut self, node: NodeId, text: String) -> Step {
        if !text.contains("the simulated disk fails") {
            return Err(wrong("no node stops without a cause", format!("{node} stops: {text}")));
        }
        let kept = self.dice.below(101);
        self.stop(node);
        self.host(node).disk.cut_power(kept, true);
        self.host(node).shown = None;
        Ok(())
    }

    /// The process ends. What becomes of its disk is the caller's to say.
    pub(super) fn stop(&mut self, node: NodeId) {
        let host = self.host(node);
        host.stop();
        host.paused = 0;
        host.backlog.clear();
        self.connections_break(node);
        self.watchers_break(node);
    }

    fn leave(&mut self, envelope: Envelope) -> Step {
        self.truth.before_leaving(&self.hosts[envelope.from.0 as usize - 1], &envelope)?;
        if matches!(envelope.message, Message::Push(_) | Message::CommitOrder(_) | Message::SnapshotChunk(_)) {
            self.check_strays(envelope.from, envelope.to)?;
        }
        self.stats.messages += 1;
        let fate = self.network.fate(self.now, &envelope);
        if let Some(at) = fate.again {
            self.stats.doubled += 1;
            self.queue.put(at, Due::Message(Box::new(envelope.clone())));
        }
        match fate.at {
            Some(at) => self.queue.put(at, Due::Message(Box::new(envelope))),
            None => self.stats.lost += 1,
        }
        Ok(())
    }

    pub(super) fn trace(&mut self, node: NodeId, time: Time, fact: Fact) -> Step {
        let now = self.now;
        let host = self.host(node);
        host.events += 1;
        let event = Event { node, number: host.events, time, fact };
        (now, node, event.number).hash(&mut self.hash);
        event.fact.hash(&mut self.hash);
        self.stats.count(&event.fact);
        if let Some(record) = &mut self.record {
            record.event(now, &event);
        }
        (self.audience)(Told::Event(&event));
        self.truth.on_fact(&self.hosts, node, &event.fact)?;
        self.watch.event(&event).map_or(Ok(()), |violation| Err(Box::new(violation)))
    }

    /// What the node's host does by itself after a step: flush, apply, wake the core in time.
    fn after_step(&mut self, node: NodeId) -> Step {
        let index = node.0 as usize - 1;
        let Some(core) = &self.hosts[index].core else { return Ok(()) };
        let committed = core.committed();
        if committed != self.hosts[index].committed {
            let before = std::mem::replace(&mut self.hosts[index].committed, committed);
            self.truth.on_committed(&self.hosts[index], before, committed, &self.clients)?;
        }
        if std::mem::take(&mut self.hosts[index].list_touched) {
            self.truth.check_list(&self.hosts[index])?;
        }
        let (now, dice, disk) = (self.now, &mut self.dice, &self.disk);
        let host = &mut self.hosts[index];
        let run = host.run;
        if host.disk.begin_flush() {
            let at = now + (1 + dice.below(disk.flush_most_micros)).max(host.flush_micros);
            self.queue.put(at, Due::Flushed { node, run });
        }
        if !host.applying && !host.applies.is_empty() {
            host.applying = true;
            let at = now + (1 + dice.below(disk.apply_most_micros)).max(host.apply_micros);
            self.queue.put(at, Due::Applied { node, run });
        }
        if let Some(core) = &host.core {
            let at = host.clock.when(core.deadline(), now).max(now + 1);
            if host.tick_at.is_none_or(|known| at < known) {
                host.tick_at = Some(at);
                self.queue.put(at, Due::Tick { node, run });
            }
        }
        Ok(())
    }

    /// The clock of a node is another one now: when it is to be woken, too.
    pub(super) fn wake_anew(&mut self, node: NodeId) -> Step {
        self.host(node).tick_at = None;
        self.after_step(node)
    }
}

/// Whether another member list may count once this is stored.
fn lists_differ_after(store: &Store) -> bool {
    match store {
        Store::Append(append) => {
            append.truncate_from.is_some() || append.entries.iter().any(|entry| entry.kind != Kind::Command)
        }
        Store::Replace(_) | Store::Compact(_) => true,
        Store::Promise(_) => false,
    }
}

fn incarnation(node: NodeId) -> Incarnation {
    let mut bytes = [0; 16];
    bytes[0] = node.0 as u8;
    Incarnation(bytes)
}
