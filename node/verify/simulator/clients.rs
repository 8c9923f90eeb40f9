//! Simulated clients: each has one operation under way. A write in a session is tried again after any doubt, often while an
//! earlier try is still on its way; one without a session is unknown then. Their history is what must be linearizable.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::protocol::apply::{Applied, Outcome};
use crate::protocol::{Answer, Change, Command, Expect, Input, LogPoint, NodeId, Once, Proposal, Refusal, RequestId};
use crate::verify::dice::Dice;
use crate::verify::linearizability::{Action, Operation};
use crate::verify::simulator::members::OPERATORS;
use crate::verify::simulator::plan::{Call, Plan, Wish};
use crate::verify::simulator::queue::{Due, Queue};
use crate::verify::simulator::quorum::Asking;
use crate::verify::simulator::world::{Simulation, Step, wrong};

/// The session of forged commands, which no client has.
pub(super) const FORGER: u64 = u64::MAX;

/// The client of the liveness phase.
pub(super) const PROBER: u64 = 0;

/// A request's number holds its call and which attempt of it this is.
const ATTEMPTS: u64 = 1 << 12;

pub(super) struct Clients {
    /// The plan's calls, then those of the liveness phase.
    pub(super) calls: Vec<Call>,
    next: usize,
    under_way: BTreeMap<usize, UnderWay>,
    /// What every attempt of a write says, also one that arrives when nobody waits for it any more.
    asked: BTreeMap<usize, Asked>,
    busy: BTreeMap<u64, usize>,
    /// Each client's session and its birth.
    sessions: BTreeMap<u64, (u64, u64)>,
    sessions_made: u64,
    /// What each client last saw under a key, with the revision.
    known: BTreeMap<(u64, u64), Option<(Bytes, u64)>>,
    /// Whom each client takes for the leader.
    believed: BTreeMap<u64, NodeId>,
    pub(super) dice: Dice,
    patience: u64,
    nodes: u64,
    keys: u64,
    moment: u64,
    pub(super) history: Vec<Operation>,
    /// Writes that were definitely not done.
    pub(super) refused: BTreeMap<usize, Refusal>,
    pub(super) injections: u64,
    /// The last call of the liveness phase that was answered as wished.
    pub(super) probed: Option<usize>,
}

struct UnderWay {
    called: u64,
    attempt: u64,
    /// The node that has the request or is about to get it; `None` between two attempts.
    at: Option<NodeId>,
    refused: Option<Refusal>,
    /// An attempt may have been taken.
    doubt: bool,
    /// Of a quorum read.
    asking: Asking,
}

#[derive(Clone)]
struct Asked {
    /// The session and its birth.
    session: Option<(u64, u64)>,
    /// Of a compare-and-set: as asked, and the value that it means.
    expect: Option<(Expect, Option<Bytes>)>,
}

/// What a client comes to know.
pub(super) enum End {
    Seen(Option<Bytes>),
    Written,
    /// A compare-and-set found this instead.
    NotEqual(Option<Bytes>),
    Unknown,
    Refused(Refusal),
}

impl Clients {
    pub(super) fn new(plan: &Plan) -> Clients {
        Clients {
            calls: plan.calls.clone(),
            next: 0,
            under_way: BTreeMap::new(),
            asked: BTreeMap::new(),
            busy: BTreeMap::new(),
            sessions: BTreeMap::new(),
            sessions_made: 0,
            known: BTreeMap::new(),
            believed: BTreeMap::new(),
            dice: Dice::of(plan.options.seed, 5),
            patience: plan.options.work.patience_micros,
            nodes: plan.options.nodes(),
            keys: plan.options.work.keys,
            moment: 0,
            history: Vec::new(),
            refused: BTreeMap::new(),
            injections: 0,
            probed: None,
        }
    }

    pub(super) fn begin(&mut self, queue: &mut Queue) {
        if let Some(call) = self.calls.get(self.next) {
            queue.put(call.at, Due::Call { call: self.next });
            self.next += 1;
        }
    }

    fn moment(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }

    pub(super) fn asking(&mut self, index: usize) -> Option<&mut Asking> {
        self.under_way.get_mut(&index).map(|under_way| &mut under_way.asking)
    }

    pub(super) fn is_busy(&self, client: u64) -> bool {
        self.busy.contains_key(&client)
    }

    fn is_in_session(&self, index: usize) -> bool {
        self.asked.get(&index).is_some_and(|asked| asked.session.is_some())
    }

    pub(super) fn random_node(&mut self) -> NodeId {
        NodeId(self.dice.between(1, self.nodes))
    }

    /// The encoded command of a call; the same for all attempts.
    fn command(&self, index: usize) -> Bytes {
        let call = &self.calls[index];
        let Asked { session, expect } = self.asked[&index].clone();
        let key = key(call.key);
        let change = match (call.wish, expect) {
            (Wish::Delete, _) => Change::Delete { key },
            (Wish::CompareAndSet, Some((expect, _))) => Change::CompareAndSet { key, expect, value: value(index) },
            (Wish::Batch, _) => Change::Batch(self.batch(index).into_iter().map(change).collect()),
            _ => Change::Put { key, value: value(index) },
        };
        // A client has one write under way, so it has the answers to all before; it need not say so at once.
        let answered = if index.is_multiple_of(3) { 0 } else { index as u64 };
        let once = session.map(|(_, born)| Once { born, answered });
        let session = session.map_or(call.client, |(session, _)| session);
        Command { session, sequence: index as u64, once, change }.encode()
    }

    /// The key of the call, and the one after it.
    fn batch(&self, index: usize) -> [(Bytes, Option<Bytes>); 2] {
        let call = &self.calls[index];
        let second = index.is_multiple_of(2).then(|| value(index));
        [(key(call.key), Some(value(index))), (key((call.key + 1) % self.keys), second)]
    }

    /// What it expects under the key: mostly what it saw last.
    fn expect(&mut self, client: u64, key: u64) -> (Expect, Option<Bytes>) {
        match self.known.get(&(client, key)).cloned().flatten().filter(|_| !self.dice.one_in(10)) {
            Some((value, revision)) if self.dice.one_in(2) => (Expect::Revision(revision), Some(value)),
            Some((value, _)) => (Expect::Value(value.clone()), Some(value)),
            None => (Expect::Absent, None),
        }
    }

    /// Ends a call: what of it belongs to the history is put there.
    fn end(&mut self, index: usize, end: &End) {
        let Some(under_way) = self.under_way.remove(&index) else { return };
        let Call { client, key, wish, .. } = self.calls[index];
        self.busy.remove(&client);
        let returned = self.moment();
        let returned = match end {
            End::Refused(refusal) => {
                if !wish.is_read() {
                    self.refused.insert(index, *refusal);
                }
                return;
            }
            End::Unknown => None,
            End::Seen(_) | End::Written | End::NotEqual(_) => Some(returned),
        };
        let key = self::key(key);
        let actions = match (wish, end) {
            (Wish::Get | Wish::GetQuorum, End::Seen(seen)) | (Wish::CompareAndSet, End::NotEqual(seen)) => {
                vec![(key, Action::Get(seen.clone()))]
            }
            (Wish::Put, _) => vec![(key, Action::Put(value(index)))],
            (Wish::Delete, _) => vec![(key, Action::Delete)],
            (Wish::CompareAndSet, _) => {
                let expected = self.asked[&index].expect.clone().and_then(|(_, expected)| expected);
                vec![(key, Action::CompareAndSet { expected, value: value(index) })]
            }
            (Wish::Batch, _) => {
                // The later of two changes of one key counts.
                let effects: BTreeMap<_, _> = self.batch(index).into_iter().collect();
                let action = |value: Option<Bytes>| value.map_or(Action::Delete, Action::Put);
                effects.into_iter().map(|(key, value)| (key, action(value))).collect()
            }
            (Wish::Get | Wish::GetQuorum | Wish::GetLocal, _) => return,
        };
        let operation = |(key, action)| Operation { client, key, action, called: under_way.called, returned };
        self.history.extend(actions.into_iter().map(operation));
    }
}

fn change((key, value): (Bytes, Option<Bytes>)) -> Change {
    match value {
        Some(value) => Change::Put { key, value },
        None => Change::Delete { key },
    }
}

pub(super) fn key(number: u64) -> Bytes {
    Bytes::from(format!("k{number}"))
}

/// Each call writes its own value.
fn value(call: usize) -> Bytes {
    Bytes::from(format!("v{call}"))
}

impl Simulation<'_> {
    pub(super) fn begin_call(&mut self, index: usize) -> Step {
        self.clients.begin(&mut self.queue);
        let Call { client, key, wish, node, .. } = self.clients.calls[index];
        if self.clients.is_busy(client) {
            return Ok(());
        }
        if wish == Wish::GetLocal {
            return node.map_or(Ok(()), |node| self.read_local(NodeId(node), index));
        }
        let random = self.clients.random_node();
        let believed = self.clients.believed.get(&client).copied();
        let node = node.map(NodeId).or(believed).unwrap_or(random);
        let called = self.clients.moment();
        self.clients.busy.insert(client, index);
        let under_way =
            UnderWay { called, attempt: 0, at: None, refused: None, doubt: false, asking: Asking::default() };
        self.clients.under_way.insert(index, under_way);
        if wish != Wish::Get {
            let expect = (wish == Wish::CompareAndSet).then(|| self.clients.expect(client, key));
            let session = self.session(client);
            self.clients.asked.insert(index, Asked { session, expect });
        }
        self.queue.put(self.now + self.clients.patience, Due::Patience { call: index });
        if wish != Wish::GetQuorum || !self.ask_voters(index) {
            self.ask(index, node);
        }
        Ok(())
    }

    /// The client's session, made up now if it has none. Every fourth client has none ever.
    fn session(&mut self, client: u64) -> Option<(u64, u64)> {
        if client % 4 == 3 {
            return None;
        }
        if let Some(session) = self.clients.sessions.get(&client) {
            return Some(*session);
        }
        let somebody = self.clients.random_node();
        let applied = self.host(somebody).database.applied();
        self.clients.sessions_made += 1;
        let session = (client + 1_000 * self.clients.sessions_made, applied.map_or(0, |point| point.position.0));
        self.clients.sessions.insert(client, session);
        Some(session)
    }

    /// Sends the request to a node. From now on the write may happen.
    pub(super) fn ask(&mut self, index: usize, node: NodeId) {
        let delay = self.network.client_delay(&mut self.clients.dice);
        let hasty = self.clients.is_in_session(index) && self.clients.dice.one_in(4);
        let waits = delay + self.clients.dice.below(self.plan.options.election_timeout_micros);
        let Some(under_way) = self.clients.under_way.get_mut(&index) else { return };
        under_way.attempt += 1;
        under_way.at = Some(node);
        under_way.refused = None;
        let attempt = under_way.attempt;
        if attempt < ATTEMPTS {
            let request = index as u64 * ATTEMPTS + attempt;
            self.queue.put(self.now + delay, Due::Request { request, node });
            if hasty {
                self.queue.put(self.now + waits, Due::Again { call: index, attempt });
            }
        }
    }

    /// Another attempt, while this one may still be on its way or in a log.
    pub(super) fn ask_beside(&mut self, index: usize, attempt: u64) {
        let node = self.clients.random_node();
        let waits = |under_way: &&mut UnderWay| under_way.attempt == attempt && under_way.at.is_some();
        let Some(under_way) = self.clients.under_way.get_mut(&index).filter(waits) else { return };
        under_way.doubt = true;
        self.stats.calls.retried += 1;
        self.ask(index, node);
    }

    /// Asks somebody else after a definite refusal.
    pub(super) fn ask_again(&mut self, index: usize, refusal: Refusal) {
        let pause = self.plan.options.election_timeout_micros / 10;
        let random = self.clients.random_node();
        if let Some(under_way) = self.clients.under_way.get_mut(&index) {
            under_way.refused = Some(refusal);
            under_way.at = None;
        }
        self.clients.believed.remove(&self.clients.calls[index].client);
        self.queue.put(self.now + pause, Due::Ask { call: index, node: random });
    }

    /// Nobody can say what became of the attempt: a write in a session is tried again.
    fn in_doubt(&mut self, index: usize) {
        if !self.clients.is_in_session(index) {
            return self.finish(index, &End::Unknown);
        }
        if let Some(under_way) = self.clients.under_way.get_mut(&index) {
            under_way.doubt = true;
            self.stats.calls.retried += 1;
            self.ask_again(index, Refusal::NoLeader);
        }
    }

    pub(super) fn on_request(&mut self, request: u64, node: NodeId) -> Step {
        let index = (request / ATTEMPTS) as usize;
        let now = self.now;
        let gather = self.clients.dice.below(300);
        let current = self.clients.under_way.get(&index).map(|under_way| under_way.attempt);
        let host = self.host(node);
        if !host.is_up() {
            // Nobody listens: definitely not done.
            if current == Some(request % ATTEMPTS) {
                self.ask_again(index, Refusal::NoLeader);
            }
            return Ok(());
        }
        let request = RequestId(request);
        if self.clients.calls[index].wish.is_read() {
            let read = if self.plan.reads_by_lease() { Input::LeaseRead } else { Input::Read };
            return self.step(node, read(vec![request]));
        }
        let command = self.clients.command(index);
        let host = self.host(node);
        host.proposals.push(Proposal { request, command });
        if host.proposals.len() == 1 {
            let run = host.run;
            self.queue.put(now + gather, Due::Batch { node, run });
        }
        Ok(())
    }

    pub(super) fn on_answer(&mut self, node: NodeId, request: RequestId, answer: &Answer) -> Step {
        if request.0 >> 63 == 1 {
            return Ok(());
        }
        if request.0 & OPERATORS != 0 {
            return self.on_change_answer(node, request, answer);
        }
        let index = (request.0 / ATTEMPTS) as usize;
        if let Answer::Applied { entry, .. } = answer {
            self.truth.is_written(index, *entry)?;
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
                let present = self.host(node).database.present(&key(call.key));
                self.clients.known.insert((call.client, call.key), present.clone());
                self.finish(index, &End::Seen(present.map(|(value, _)| value)));
            }
            Answer::Forward(leader) => self.ask(index, *leader),
            Answer::Refused(refusal) => self.ask_again(index, *refusal),
            Answer::Unknown => self.in_doubt(index),
            Answer::Done | Answer::Injected(_) | Answer::Snapshot(_) => {
                return Err(wrong("answers fit their requests", format!("call {index} is answered: {answer:?}")));
            }
        }
        Ok(())
    }

    /// The write is applied: what it came to is the client's answer.
    fn on_outcome(&mut self, index: usize, entry: LogPoint, applied: Applied) -> Step {
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
                let found = present.and_then(|revision| Some((self.truth.value(revision)?, revision)));
                if found.is_none() && present.is_some() {
                    let text = format!("call {index} was told of revision {present:?}, which wrote nothing");
                    return Err(wrong("answers fit their requests", text));
                }
                self.clients.known.insert((client, key), found.clone());
                self.finish(index, &End::NotEqual(found.map(|(value, _)| value)));
            }
            Outcome::SessionLost => self.on_session_lost(index),
        }
        Ok(())
    }

    /// If no earlier attempt can have been taken, the write gets another name.
    fn on_session_lost(&mut self, index: usize) {
        let client = self.clients.calls[index].client;
        self.stats.calls.sessions_lost += 1;
        self.clients.sessions.remove(&client);
        if self.clients.under_way.get(&index).is_some_and(|under_way| under_way.doubt) {
            return self.finish(index, &End::Unknown);
        }
        let session = self.session(client);
        if let Some(asked) = self.clients.asked.get_mut(&index) {
            asked.session = session;
        }
        self.ask_again(index, Refusal::NoLeader);
    }

    /// The client gives up waiting. If all its attempts were refused, or the next not yet made, it knows.
    pub(super) fn on_patience(&mut self, index: usize) -> Step {
        let Some(under_way) = self.clients.under_way.get(&index) else { return Ok(()) };
        let end = under_way.refused.filter(|_| !under_way.doubt).map_or(End::Unknown, End::Refused);
        self.finish(index, &end);
        Ok(())
    }

    /// At the end of a run whoever still waits gives up.
    pub(super) fn all_give_up(&mut self) -> Step {
        let waiting: Vec<usize> = self.clients.under_way.keys().copied().collect();
        waiting.into_iter().try_for_each(|index| self.on_patience(index))
    }

    /// A process ends: whoever waited for its answer will not get one.
    pub(super) fn connections_break(&mut self, node: NodeId) {
        let waiting = |(_, under_way): &(&usize, &UnderWay)| under_way.at == Some(node);
        let calls: Vec<usize> = self.clients.under_way.iter().filter(waiting).map(|(index, _)| *index).collect();
        for index in calls {
            self.in_doubt(index);
        }
    }

    pub(super) fn finish(&mut self, index: usize, end: &End) {
        let call = self.clients.calls[index];
        let is_read = call.wish.is_read();
        match end {
            End::Unknown if is_read => self.stats.calls.reads_lost += 1,
            End::Unknown => self.stats.calls.unknown += 1,
            End::Refused(_) => self.stats.calls.refused += 1,
            End::Written | End::Seen(_) if call.client == PROBER => self.clients.probed = Some(index),
            End::Written | End::Seen(_) | End::NotEqual(_) => {}
        }
        if let Some(record) = &mut self.record {
            let outcome = match end {
                End::Written => "written".to_owned(),
                End::Seen(value) => format!("sees {value:?}"),
                End::NotEqual(value) => format!("found {value:?} instead"),
                End::Unknown => "outcome unknown".to_owned(),
                End::Refused(refusal) => format!("refused: {}", refusal.code()),
            };
            let Call { client, key, wish, .. } = call;
            record.line(self.now, format_args!("client {client}: {wish:?} k{key} (call {index}): {outcome}"));
        }
        self.clients.end(index, end);
    }

    /// A local read promises: never intermediate data, and never backwards while the node runs, nor over a kill.
    fn read_local(&mut self, node: NodeId, index: usize) -> Step {
        let key = key(self.clients.calls[index].key);
        let host = self.host(node);
        if !host.is_up() || host.paused > 0 {
            return Ok(());
        }
        let (applied, shown) = (host.database.applied(), host.shown);
        let found = host.database.read(&key).map(|(_, id)| id);
        host.shown = applied;
        self.stats.calls.read_local += 1;
        if applied.map(|point| point.position) < shown.map(|point| point.position) {
            let text = format!("{node} showed {shown:?} before and shows {applied:?} now");
            return Err(wrong("local reads never go back", text));
        }
        found.map_or(Ok(()), |id| self.truth.is_final(node, id))
    }
}
