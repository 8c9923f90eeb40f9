//! Simulated clients: each has one operation under way, asks again only after a definite refusal, and takes what it does
//! not know for unknown. Their history is what must be linearizable.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::protocol::{Answer, Change, Command, Input, NodeId, Proposal, Refusal, RequestId};
use crate::verify::dice::Dice;
use crate::verify::linearizability::{Action, Operation};
use crate::verify::simulator::plan::{Call, Plan, Wish};
use crate::verify::simulator::queue::{Due, Queue};
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
    busy: BTreeMap<u64, usize>,
    /// Whom each client takes for the leader.
    believed: BTreeMap<u64, NodeId>,
    dice: Dice,
    patience: u64,
    voters: u64,
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
}

/// What a client comes to know.
enum End {
    Seen(Option<Bytes>),
    Written,
    Unknown,
    Refused(Refusal),
}

impl Clients {
    pub(super) fn new(plan: &Plan) -> Clients {
        Clients {
            calls: plan.calls.clone(),
            next: 0,
            under_way: BTreeMap::new(),
            busy: BTreeMap::new(),
            believed: BTreeMap::new(),
            dice: Dice::of(plan.options.seed, 5),
            patience: plan.options.work.patience_micros,
            voters: plan.options.voters,
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

    pub(super) fn is_busy(&self, client: u64) -> bool {
        self.busy.contains_key(&client)
    }

    /// The encoded command of a call; the same for all attempts.
    fn command(&self, index: usize) -> Bytes {
        let call = &self.calls[index];
        let key = key(call.key);
        let change = match call.wish {
            Wish::Delete => Change::Delete { key },
            _ => Change::Put { key, value: value(index) },
        };
        Command { session: call.client, sequence: index as u64, once: None, change }.encode()
    }

    /// Ends a call: what of it belongs to the history is put there.
    fn end(&mut self, index: usize, end: &End) {
        let Some(under_way) = self.under_way.remove(&index) else { return };
        let Call { client, key, wish, .. } = self.calls[index];
        self.busy.remove(&client);
        let returned = self.moment();
        let (action, returned) = match (wish, end) {
            (Wish::Put, End::Written) => (Action::Put(value(index)), Some(returned)),
            (Wish::Put, End::Unknown) => (Action::Put(value(index)), None),
            (Wish::Delete, End::Written) => (Action::Delete, Some(returned)),
            (Wish::Delete, End::Unknown) => (Action::Delete, None),
            (Wish::Get, End::Seen(value)) => (Action::Get(value.clone()), Some(returned)),
            (Wish::Put | Wish::Delete, End::Refused(refusal)) => {
                self.refused.insert(index, *refusal);
                return;
            }
            _ => return,
        };
        let key = self::key(key);
        self.history.push(Operation { client, key, action, called: under_way.called, returned });
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
        let Call { client, wish, node, .. } = self.clients.calls[index];
        if self.clients.is_busy(client) {
            return Ok(());
        }
        if wish == Wish::GetLocal {
            return node.map_or(Ok(()), |node| self.read_local(NodeId(node), index));
        }
        let random = NodeId(self.clients.dice.between(1, self.clients.voters));
        let believed = self.clients.believed.get(&client).copied();
        let node = node.map(NodeId).or(believed).unwrap_or(random);
        let called = self.clients.moment();
        self.clients.busy.insert(client, index);
        let under_way = UnderWay { called, attempt: 0, at: None, refused: None };
        self.clients.under_way.insert(index, under_way);
        self.queue.put(self.now + self.clients.patience, Due::Patience { call: index });
        self.ask(index, node);
        Ok(())
    }

    /// Sends the request to a node. From now on the write may happen.
    pub(super) fn ask(&mut self, index: usize, node: NodeId) {
        let delay = self.network.client_delay(&mut self.clients.dice);
        let Some(under_way) = self.clients.under_way.get_mut(&index) else { return };
        under_way.attempt += 1;
        under_way.at = Some(node);
        under_way.refused = None;
        if under_way.attempt < ATTEMPTS {
            let request = index as u64 * ATTEMPTS + under_way.attempt;
            self.queue.put(self.now + delay, Due::Request { request, node });
        }
    }

    /// Asks somebody else after a definite refusal.
    fn ask_again(&mut self, index: usize, refusal: Refusal) {
        let pause = self.plan.options.election_timeout_micros / 10;
        let random = NodeId(self.clients.dice.between(1, self.clients.voters));
        if let Some(under_way) = self.clients.under_way.get_mut(&index) {
            under_way.refused = Some(refusal);
            under_way.at = None;
        }
        self.clients.believed.remove(&self.clients.calls[index].client);
        self.queue.put(self.now + pause, Due::Ask { call: index, node: random });
    }

    pub(super) fn on_request(&mut self, request: u64, node: NodeId) -> Step {
        let index = (request / ATTEMPTS) as usize;
        let now = self.now;
        let gather = self.clients.dice.below(300);
        let host = self.host(node);
        if !host.is_up() {
            // Nobody listens: definitely not done.
            self.ask_again(index, Refusal::NoLeader);
            return Ok(());
        }
        let request = RequestId(request);
        if self.clients.calls[index].wish == Wish::Get {
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
        let index = (request.0 / ATTEMPTS) as usize;
        if let Answer::Written(point) = answer {
            self.truth.is_written(index, *point)?;
        }
        let current = self.clients.under_way.get(&index).map(|under_way| under_way.attempt);
        if current != Some(request.0 % ATTEMPTS) {
            return Ok(());
        }
        let call = self.clients.calls[index];
        match answer {
            Answer::Written(_) => {
                self.clients.believed.insert(call.client, node);
                self.stats.calls.written += 1;
                self.finish(index, &End::Written);
            }
            Answer::Readable => {
                self.clients.believed.insert(call.client, node);
                self.stats.calls.read += 1;
                let seen = self.host(node).database.read(&key(call.key)).map(|(value, _)| value.clone());
                self.finish(index, &End::Seen(seen));
            }
            Answer::Forward(leader) => self.ask(index, *leader),
            Answer::Refused(refusal) => self.ask_again(index, *refusal),
            Answer::Unknown => self.finish(index, &End::Unknown),
            Answer::Done => return Err(wrong("answers fit their requests", format!("call {index} is answered: done"))),
        }
        Ok(())
    }

    /// The client gives up waiting. If its last attempt was refused and the next not yet made, it knows.
    pub(super) fn on_patience(&mut self, index: usize) -> Step {
        let Some(under_way) = self.clients.under_way.get(&index) else { return Ok(()) };
        let end = under_way.refused.map_or(End::Unknown, End::Refused);
        self.finish(index, &end);
        Ok(())
    }

    /// A process ends: whoever waited for its answer will not get one.
    pub(super) fn connections_break(&mut self, node: NodeId) {
        let waiting = |(_, under_way): &(&usize, &UnderWay)| under_way.at == Some(node);
        let calls: Vec<usize> = self.clients.under_way.iter().filter(waiting).map(|(index, _)| *index).collect();
        for index in calls {
            self.finish(index, &End::Unknown);
        }
    }

    fn finish(&mut self, index: usize, end: &End) {
        let call = self.clients.calls[index];
        let is_read = call.wish == Wish::Get;
        match end {
            End::Unknown if is_read => self.stats.calls.reads_lost += 1,
            End::Unknown => self.stats.calls.unknown += 1,
            End::Refused(_) => self.stats.calls.refused += 1,
            End::Written | End::Seen(_) if call.client == PROBER => self.clients.probed = Some(index),
            End::Written | End::Seen(_) => {}
        }
        if let Some(record) = &mut self.record {
            let outcome = match end {
                End::Written => "written".to_owned(),
                End::Seen(value) => format!("sees {value:?}"),
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
