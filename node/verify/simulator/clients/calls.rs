//! The course of a call: a request, its attempts and answers, and its end.

use crate::protocol::apply::{Applied, Outcome};
use crate::protocol::{Answer, Input, LogPoint, NodeId, Proposal, Refusal, RequestId};
use crate::verify::host::Checked;
use crate::verify::invariants::Violation;
use crate::verify::simulator::clients::{ATTEMPTS, Asked, End, PROBER, UnderWay, key, value};
use crate::verify::simulator::members::OPERATORS;
use crate::verify::simulator::plan::{Call, CallKind};
use crate::verify::simulator::queue::Due;
use crate::verify::simulator::quorum::QuorumCall;
use crate::verify::simulator::world::Simulation;

impl Simulation<'_> {
    pub(in crate::verify::simulator) fn begin_call(&mut self, index: usize) -> Checked {
        self.clients.begin(&mut self.queue);
        let Call { client, key, kind, node, .. } = self.clients.calls[index];
        if self.clients.is_busy(client) {
            return Ok(());
        }
        if kind == CallKind::GetLocal {
            return node.map_or(Ok(()), |node| self.read_local(NodeId(node), index));
        }
        let random = self.clients.random_node();
        let believed = self.clients.believed.get(&client).copied();
        let node = node.map(NodeId).or(believed).unwrap_or(random);
        let called = self.clients.moment();
        self.clients.busy.insert(client, index);
        let under_way =
            UnderWay { called, attempt: 0, at: None, refused: None, is_unknown: false, quorum: QuorumCall::default() };
        self.clients.under_way.insert(index, under_way);
        if kind != CallKind::Get {
            let expect = (kind == CallKind::CompareAndSet).then(|| self.clients.expect(client, key));
            let session = self.session(client);
            self.clients.asked.insert(index, Asked { session, expect });
        }
        self.queue.put(self.now + self.clients.timeout_micros, Due::Timeout { call: index });
        if kind != CallKind::GetQuorum || !self.ask_voters(index) {
            self.ask(index, node);
        }
        Ok(())
    }

    /// The client's session, created now if it has none. Every fourth client never has one.
    fn session(&mut self, client: u64) -> Option<(u64, u64)> {
        if client % 4 == 3 {
            return None;
        }
        if let Some(session) = self.clients.sessions.get(&client) {
            return Some(*session);
        }
        let node = self.clients.random_node();
        let applied = self.host(node).database.applied();
        self.clients.sessions_made += 1;
        let session = (client + 1_000 * self.clients.sessions_made, applied.map_or(0, |point| point.position.0));
        self.clients.sessions.insert(client, session);
        Some(session)
    }

    /// Sends the request to a node. From now on the write may take effect.
    pub(in crate::verify::simulator) fn ask(&mut self, index: usize, node: NodeId) {
        let delay = self.network.client_delay(&mut self.clients.rng);
        let retries_early = self.clients.is_in_session(index) && self.clients.rng.one_in(4);
        let wait = delay + self.clients.rng.below(self.plan.options.election_timeout_micros);
        let Some(under_way) = self.clients.under_way.get_mut(&index) else { return };
        under_way.attempt += 1;
        under_way.at = Some(node);
        under_way.refused = None;
        let attempt = under_way.attempt;
        if attempt < ATTEMPTS {
            let request = index as u64 * ATTEMPTS + attempt;
            self.queue.put(self.now + delay, Due::Request { request, node });
            if retries_early {
                self.queue.put(self.now + wait, Due::Retry { call: index, attempt });
            }
        }
    }

    /// Starts another attempt, while this one may still be in progress or in a log.
    pub(in crate::verify::simulator) fn retry_in_parallel(&mut self, index: usize, attempt: u64) {
        let node = self.clients.random_node();
        let waits = |under_way: &&mut UnderWay| under_way.attempt == attempt && under_way.at.is_some();
        let Some(under_way) = self.clients.under_way.get_mut(&index).filter(waits) else { return };
        under_way.is_unknown = true;
        self.stats.calls.retried += 1;
        self.ask(index, node);
    }

    /// Asks another node after a definite refusal.
    pub(in crate::verify::simulator) fn ask_another(&mut self, index: usize, refusal: Refusal) {
        let pause = self.plan.options.election_timeout_micros / 10;
        let random = self.clients.random_node();
        if let Some(under_way) = self.clients.under_way.get_mut(&index) {
            under_way.refused = Some(refusal);
            under_way.at = None;
        }
        self.clients.believed.remove(&self.clients.calls[index].client);
        self.queue.put(self.now + pause, Due::Ask { call: index, node: random });
    }

    /// The outcome of the attempt is unknown: a write in a session is retried.
    fn on_unknown(&mut self, index: usize) {
        if !self.clients.is_in_session(index) {
            return self.finish(index, &End::Unknown);
        }
        if let Some(under_way) = self.clients.under_way.get_mut(&index) {
            under_way.is_unknown = true;
            self.stats.calls.retried += 1;
            self.ask_another(index, Refusal::NoLeader);
        }
    }

    pub(in crate::verify::simulator) fn on_request(&mut self, request: u64, node: NodeId) -> Checked {
        let index = (request / ATTEMPTS) as usize;
        let now = self.now;
        let gather = self.clients.rng.below(300);
        let current = self.clients.under_way.get(&index).map(|under_way| under_way.attempt);
        if !self.host(node).is_up() {
            // The connection is refused: the write is definitely not done.
            if current == Some(request % ATTEMPTS) {
                self.ask_another(index, Refusal::NoLeader);
            }
            return Ok(());
        }
        let request = RequestId(request);
        if self.clients.calls[index].kind.is_read() {
            let read = if self.plan.reads_by_lease() { Input::LeaseRead } else { Input::Read };
            return self.step(node, read(vec![request]));
        }
        let command = self.clients.command(index);
        let machine = self.machine_mut(node);
        machine.proposals.push(Proposal { request, command });
        if machine.proposals.len() == 1 {
            let run = machine.run;
            self.queue.put(now + gather, Due::Batch { node, run });
        }
        Ok(())
    }

    pub(in crate::verify::simulator) fn on_answer(
        &mut self,
        node: NodeId,
        request: RequestId,
        answer: &Answer,
    ) -> Checked {
        if request.0 >> 63 == 1 {
            return Ok(());
        }
        if request.0 & OPERATORS != 0 {
            return self.on_change_answer(node, request, answer);
        }
        let index = (request.0 / ATTEMPTS) as usize;
        if let Answer::Applied { entry, .. } = answer {
            self.oracle.check_written(index, *entry)?;
        }
        let current = self.clients.under_way.get(&index).map(|under_way| under_way.attempt);
        if current != Some(request.0 % ATTEMPTS) {
            return Ok(());
        }
        let call = self.clients.calls[index];
        match answer {
            Answer::Applied { entry, applied } => {
                self.clients.believed.insert(call.client, node);
                self.on_outcome(index, *entry, *applied)?;
            }
            Answer::Readable => {
                self.clients.believed.insert(call.client, node);
                self.stats.calls.read += 1;
                let present = self.host(node).database.value_and_revision(key(call.key));
                self.clients.known.insert((call.client, call.key), present.clone());
                self.finish(index, &End::Read(present.map(|(value, _)| value)));
            }
            Answer::Forward(leader) => self.ask(index, *leader),
            Answer::Refused(refusal) => self.ask_another(index, *refusal),
            Answer::Unknown => self.on_unknown(index),
            Answer::Done | Answer::Injected(_) | Answer::Snapshot(_) => {
                let text = format!("call {index} gets the response {answer:?}");
                return Err(Violation::of("responses match their requests", text));
            }
        }
        Ok(())
    }

    /// The write is applied: its outcome is the client's answer.
    fn on_outcome(&mut self, index: usize, entry: LogPoint, applied: Applied) -> Checked {
        let Call { client, key, .. } = self.clients.calls[index];
        let Applied { position, outcome, .. } = applied;
        self.stats.calls.answered_again += u64::from(position != entry.position);
        match outcome {
            Outcome::Done { revision } => {
                self.stats.calls.written += 1;
                self.clients.known.insert((client, key), Some((value(index), revision)));
                self.finish(index, &End::Written);
            }
            Outcome::NotEqual { present } => {
                self.stats.calls.not_equal += 1;
                let found = present.and_then(|revision| Some((self.oracle.value(revision)?, revision)));
                if found.is_none() && present.is_some() {
                    let text = format!("call {index} returned revision {present:?}, which wrote nothing");
                    return Err(Violation::of("responses match their requests", text));
                }
                self.clients.known.insert((client, key), found.clone());
                self.finish(index, &End::NotEqual(found.map(|(value, _)| value)));
            }
            Outcome::SessionLost => self.on_session_lost(index),
        }
        Ok(())
    }

    /// The session was forgotten. If no earlier attempt can have been accepted, the write is retried in a new session.
    fn on_session_lost(&mut self, index: usize) {
        let client = self.clients.calls[index].client;
        self.stats.calls.sessions_lost += 1;
        self.clients.sessions.remove(&client);
        if self.clients.under_way.get(&index).is_some_and(|under_way| under_way.is_unknown) {
            return self.finish(index, &End::Unknown);
        }
        let session = self.session(client);
        if let Some(asked) = self.clients.asked.get_mut(&index) {
            asked.session = session;
        }
        self.ask_another(index, Refusal::NoLeader);
    }

    /// The client stops waiting. If all its attempts were refused, the write is definitely not done.
    pub(in crate::verify::simulator) fn on_timeout(&mut self, index: usize) -> Checked {
        let Some(under_way) = self.clients.under_way.get(&index) else { return Ok(()) };
        let end = under_way.refused.filter(|_| !under_way.is_unknown).map_or(End::Unknown, End::Refused);
        self.finish(index, &end);
        Ok(())
    }

    /// Ends all calls at the end of a run.
    pub(in crate::verify::simulator) fn end_all_calls(&mut self) -> Checked {
        let waiting: Vec<usize> = self.clients.under_way.keys().copied().collect();
        waiting.into_iter().try_for_each(|index| self.on_timeout(index))
    }

    /// A process ends: calls that wait for its answer do not get one.
    pub(in crate::verify::simulator) fn drop_connections(&mut self, node: NodeId) {
        let waiting = |(_, under_way): &(&usize, &UnderWay)| under_way.at == Some(node);
        let calls: Vec<usize> = self.clients.under_way.iter().filter(waiting).map(|(index, _)| *index).collect();
        for index in calls {
            self.on_unknown(index);
        }
    }

    pub(in crate::verify::simulator) fn finish(&mut self, index: usize, end: &End) {
        let call = self.clients.calls[index];
        let is_read = call.kind.is_read();
        match end {
            End::Unknown if is_read => self.stats.calls.reads_lost += 1,
            End::Unknown => self.stats.calls.unknown += 1,
            End::Refused(_) => self.stats.calls.refused += 1,
            End::Written | End::Read(_) if call.client == PROBER => self.clients.probed = Some(index),
            End::Written | End::Read(_) | End::NotEqual(_) => {}
        }
        if let Some(transcript) = &mut self.transcript {
            let outcome = match end {
                End::Written => "written".to_owned(),
                End::Read(value) => format!("sees {value:?}"),
                End::NotEqual(value) => format!("found {value:?} instead"),
                End::Unknown => "outcome unknown".to_owned(),
                End::Refused(refusal) => format!("refused: {}", refusal.code()),
            };
            let Call { client, key, kind, .. } = call;
            transcript.line(self.now, format_args!("client {client}: {kind:?} k{key} (call {index}): {outcome}"));
        }
        self.clients.end(index, end);
    }

    /// A local read shows final data only, and never goes back while the node runs, or after its process was killed.
    fn read_local(&mut self, node: NodeId, index: usize) -> Checked {
        let key = key(self.clients.calls[index].key);
        let machine = self.machine_mut(node);
        if !machine.host.is_up() || machine.paused > 0 {
            return Ok(());
        }
        let database = &machine.host.database;
        let (applied, shown) = (database.applied(), machine.shown);
        let found = database.read(key).map(|(_, id)| id);
        machine.shown = applied;
        self.stats.calls.read_local += 1;
        if applied.map(|point| point.position) < shown.map(|point| point.position) {
            let text = format!("{node} showed {shown:?} before and shows {applied:?} now");
            return Err(Violation::of("local reads never go back", text));
        }
        found.map_or(Ok(()), |id| self.oracle.check_final(node, id))
    }
}
