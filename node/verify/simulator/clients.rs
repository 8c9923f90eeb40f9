//! Simulated clients. Each has one operation in progress. A write in a session is retried whenever its outcome is
//! unknown, often while an earlier attempt is still in progress. A write without a session then ends as unknown. The
//! history of all operations must be linearizable.

mod calls;

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::protocol::{Change, Command, Expect, NodeId, Once, Refusal};
use crate::verify::linearizability::{Action, Operation};
use crate::verify::rng::Rng;
use crate::verify::simulator::plan::{Call, CallKind, Plan};
use crate::verify::simulator::queue::{Due, Queue};
use crate::verify::simulator::quorum::QuorumCall;

/// The session of forged commands. No client uses it.
pub(super) const FORGER: u64 = u64::MAX;

/// The client of the liveness phase.
pub(super) const PROBER: u64 = 0;

/// A request's number is its call times this number, plus its attempt.
const ATTEMPTS: u64 = 1 << 12;

pub(super) struct Clients {
    /// The plan's calls, then those of the liveness phase.
    pub(super) calls: Vec<Call>,
    next: usize,
    under_way: BTreeMap<usize, UnderWay>,
    /// The content of each write. All its attempts have it, also one that arrives after the call has ended.
    asked: BTreeMap<usize, Asked>,
    busy: BTreeMap<u64, usize>,
    /// Each client's session, and the position at which it was created.
    sessions: BTreeMap<u64, (u64, u64)>,
    sessions_made: u64,
    /// The value and revision that each client last saw at a key.
    known: BTreeMap<(u64, u64), Option<(Bytes, u64)>>,
    /// The node that each client believes to lead.
    believed: BTreeMap<u64, NodeId>,
    pub(super) rng: Rng,
    timeout_micros: u64,
    nodes: u64,
    keys: u64,
    /// Counts calls and returns: the clock of the history.
    moment: u64,
    pub(super) history: Vec<Operation>,
    /// Writes that got a definite refusal: none of them may ever be committed.
    pub(super) refused: BTreeMap<usize, Refusal>,
    pub(super) injections: u64,
    /// The last call of the liveness phase that succeeded.
    pub(super) probed: Option<usize>,
}

struct UnderWay {
    called: u64,
    attempt: u64,
    /// The node that has the request or is about to get it; `None` between two attempts.
    at: Option<NodeId>,
    refused: Option<Refusal>,
    /// An attempt may have been accepted.
    is_unknown: bool,
    /// The state of a quorum read.
    quorum: QuorumCall,
}

#[derive(Clone)]
struct Asked {
    /// The session, and the position at which it was created.
    session: Option<(u64, u64)>,
    /// Of a compare-and-set: the condition, and the value that it stands for.
    expect: Option<(Expect, Option<Bytes>)>,
}

/// How a call ends for its client.
pub(super) enum End {
    Read(Option<Bytes>),
    Written,
    /// A compare-and-set found this value instead of the expected one.
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
            rng: Rng::stream(plan.options.seed, 5),
            timeout_micros: plan.options.work.timeout_micros,
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

    pub(super) fn quorum_call(&mut self, index: usize) -> Option<&mut QuorumCall> {
        self.under_way.get_mut(&index).map(|under_way| &mut under_way.quorum)
    }

    pub(super) fn is_busy(&self, client: u64) -> bool {
        self.busy.contains_key(&client)
    }

    fn is_in_session(&self, index: usize) -> bool {
        self.asked.get(&index).is_some_and(|asked| asked.session.is_some())
    }

    pub(super) fn random_node(&mut self) -> NodeId {
        NodeId(self.rng.between(1, self.nodes))
    }

    /// The encoded command of a call, the same for all its attempts.
    fn command(&self, index: usize) -> Bytes {
        let call = &self.calls[index];
        let Asked { session, expect } = self.asked[&index].clone();
        let key = key(call.key);
        let change = match (call.kind, expect) {
            (CallKind::Delete, _) => Change::Delete { key },
            (CallKind::CompareAndSet, Some((expect, _))) => Change::CompareAndSet { key, expect, value: value(index) },
            (CallKind::Batch, _) => Change::Batch(self.batch(index).into_iter().map(change).collect()),
            _ => Change::Put { key, value: value(index) },
        };
        // A client has one write in progress, so it has the answers to all earlier ones. It may say so later.
        let answered = if index.is_multiple_of(3) { 0 } else { index as u64 };
        let once = session.map(|(_, born)| Once { born, answered });
        let session = session.map_or(call.client, |(session, _)| session);
        Command { session, sequence: index as u64, once, change }.encode()
    }

    /// The changes of a batch: of the call's key, and of the next one.
    fn batch(&self, index: usize) -> [(Bytes, Option<Bytes>); 2] {
        let call = &self.calls[index];
        let second = index.is_multiple_of(2).then(|| value(index));
        [(key(call.key), Some(value(index))), (key((call.key + 1) % self.keys), second)]
    }

    /// The condition of a compare-and-set: mostly the value that the client saw last.
    fn expect(&mut self, client: u64, key: u64) -> (Expect, Option<Bytes>) {
        match self.known.get(&(client, key)).cloned().flatten().filter(|_| !self.rng.one_in(10)) {
            Some((value, revision)) if self.rng.one_in(2) => (Expect::Revision(revision), Some(value)),
            Some((value, _)) => (Expect::Value(value.clone()), Some(value)),
            None => (Expect::Absent, None),
        }
    }

    /// Ends a call, and adds to the history what belongs there.
    fn end(&mut self, index: usize, end: &End) {
        let Some(under_way) = self.under_way.remove(&index) else { return };
        let Call { client, key, kind, .. } = self.calls[index];
        self.busy.remove(&client);
        let returned = self.moment();
        let returned = match end {
            End::Refused(refusal) => {
                if !kind.is_read() {
                    self.refused.insert(index, *refusal);
                }
                return;
            }
            End::Unknown => None,
            End::Read(_) | End::Written | End::NotEqual(_) => Some(returned),
        };
        let key = self::key(key);
        let actions = match (kind, end) {
            (CallKind::Get | CallKind::GetQuorum, End::Read(seen)) | (CallKind::CompareAndSet, End::NotEqual(seen)) => {
                vec![(key, Action::Get(seen.clone()))]
            }
            (CallKind::Put, _) => vec![(key, Action::Put(value(index)))],
            (CallKind::Delete, _) => vec![(key, Action::Delete)],
            (CallKind::CompareAndSet, _) => {
                let expected = self.asked[&index].expect.clone().and_then(|(_, expected)| expected);
                vec![(key, Action::CompareAndSet { expected, value: value(index) })]
            }
            (CallKind::Batch, _) => {
                // Of two changes of one key the later one counts.
                let effects: BTreeMap<_, _> = self.batch(index).into_iter().collect();
                let action = |value: Option<Bytes>| value.map_or(Action::Delete, Action::Put);
                effects.into_iter().map(|(key, value)| (key, action(value))).collect()
            }
            (CallKind::Get | CallKind::GetQuorum | CallKind::GetLocal, _) => return,
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
