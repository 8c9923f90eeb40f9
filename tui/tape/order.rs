//! The order of a tape. Observations arrive over several connections; on the tape they are in happens-before order
//! ([`CausalOrder`]), whether they are live, recorded without a screen, or read from a file.

use std::time::Duration;

use epoca::client::watch::Observed;
use epoca::protocol::{EntryId, NodeId};
use epoca::verify::order::{CausalOrder, Item, Lane, PATIENCE, Released, Step};

use crate::command::{Exit, Outcome};
use crate::tape::record::{ProcessSeen, Record, What};

impl Item for What {
    fn step(&self) -> Step<'_> {
        match self {
            What::Observed(_, observed) => observed_step(observed),
            What::Process(_, seen) => process_step(seen),
            What::End { outcome, .. } => answer_step(outcome),
            What::Nodes { .. } | What::Begin { .. } | What::Mark(_) => Step::Other,
        }
    }

    fn started(&self, node: NodeId) -> Option<What> {
        Some(What::Process(node, ProcessSeen::Running))
    }
}

/// The step of an observation, which holds at most one event.
pub fn observed_step(observed: &Observed) -> Step<'_> {
    match observed {
        Observed::Snapshot { snapshot, .. } => Step::Joined(snapshot),
        Observed::Events(events) => events.first().map_or(Step::Other, Step::Event),
        Observed::Lost(_) | Observed::Disconnected(_) => Step::Closed,
    }
}

pub fn process_step(seen: &ProcessSeen) -> Step<'static> {
    match seen {
        ProcessSeen::Running => Step::Process { is_up: true },
        ProcessSeen::Killed | ProcessSeen::Ended(_) => Step::Process { is_up: false },
        ProcessSeen::Paused => Step::Other,
    }
}

pub fn answer_step(outcome: &Outcome) -> Step<'static> {
    confirmed(outcome).map_or(Step::Other, Step::Confirmed)
}

/// The entry of a confirmed write.
fn confirmed(outcome: &Outcome) -> Option<EntryId> {
    // Other outcomes with an entry, as those of faults, have a message.
    if outcome.exit != Exit::Done || !outcome.json["message"].is_null() {
        return None;
    }
    let number = |name: &str| outcome.json[name].as_u64();
    Some(EntryId::new(number("epoch")?, number("offset")?))
}

/// The source of a record.
pub fn lane(what: &What) -> Lane {
    match what {
        What::Observed(node, _) => Lane::Node(*node),
        What::Process(node, _) => Lane::Launcher(*node),
        What::Nodes { .. } | What::Begin { .. } => Lane::Asked,
        What::End { .. } | What::Mark(_) => Lane::Client,
    }
}

/// Splits an observation into one for each event.
pub fn each(observed: Observed) -> Vec<Observed> {
    match observed {
        Observed::Events(events) => events.into_iter().map(|event| Observed::Events(vec![event])).collect(),
        other => vec![other],
    }
}

/// An observation, and how long it has waited before.
#[derive(Clone, Debug)]
struct Arrived {
    what: What,
    waited: Duration,
}

impl Item for Arrived {
    fn step(&self) -> Step<'_> {
        self.what.step()
    }

    fn started(&self, node: NodeId) -> Option<Arrived> {
        Some(Arrived { what: self.what.started(node)?, waited: Duration::ZERO })
    }
}

/// Orders records as they arrive.
#[derive(Clone, Debug)]
pub struct Sorter {
    order: CausalOrder<Arrived>,
    /// When the last record was released. Times on a tape never decrease.
    at: Duration,
}

impl Default for Sorter {
    fn default() -> Sorter {
        Sorter { order: CausalOrder::new(PATIENCE), at: Duration::ZERO }
    }
}

impl Sorter {
    /// Takes an observation that arrives now.
    pub fn push(&mut self, now: Duration, what: What) {
        self.push_late(now, what, Duration::ZERO);
    }

    fn push_late(&mut self, now: Duration, what: What, waited: Duration) {
        match what {
            What::Observed(node, observed) => {
                for observed in each(observed) {
                    let what = What::Observed(node, observed);
                    self.order.push(now, Lane::Node(node), Arrived { what, waited });
                }
            }
            what => {
                if let What::Nodes { nodes, .. } = &what {
                    nodes.iter().for_each(|(node, _)| self.order.expect(*node));
                }
                self.order.push(now, lane(&what), Arrived { what, waited });
            }
        }
    }

    /// The next record that is ready.
    pub fn next(&mut self, now: Duration) -> Option<Record> {
        let released = self.order.next(now)?;
        Some(self.record(now, released))
    }

    /// The next record even if its cause is missing, because nothing more arrives.
    pub fn next_at_end(&mut self) -> Option<Record> {
        let released = self.order.next_at_end()?;
        // The order computed the wait up to the end of time.
        let since = Duration::MAX - released.waited;
        let at = self.at.max(since);
        Some(self.record(at, Released { waited: at - since, ..released }))
    }

    fn record(&mut self, now: Duration, Released { item, missing, waited }: Released<Arrived>) -> Record {
        self.at = self.at.max(now);
        let Arrived { what, waited: before } = item;
        let missing = missing.filter(|_| matches!(what, What::Observed(_, Observed::Events(_))));
        Record { missing, waited: before + waited, ..Record::new(self.at, what) }
    }
}

/// Orders records that are in the order of their arrival.
pub fn sorted(records: impl IntoIterator<Item = Record>) -> Vec<Record> {
    let mut sorter = Sorter::default();
    let mut sorted = Vec::new();
    for record in records {
        // Overdue records are released before this one arrives.
        sorted.extend(std::iter::from_fn(|| sorter.next(record.at)));
        sorter.push_late(record.at, record.what, record.waited);
        sorted.extend(std::iter::from_fn(|| sorter.next(record.at)));
    }
    sorted.extend(std::iter::from_fn(|| sorter.next_at_end()));
    sorted
}

/// The same records in the order in which they would have arrived with other delays of the connections to the nodes.
/// The order within a node stays.
pub fn delayed(records: impl IntoIterator<Item = Record>, delay: impl Fn(NodeId, u64) -> Duration) -> Vec<Record> {
    let mut last = std::collections::BTreeMap::new();
    let mut records: Vec<Record> = records
        .into_iter()
        .enumerate()
        .map(|(index, record)| {
            let Lane::Node(node) = lane(&record.what) else { return record };
            // Groups of records share a delay, as over a real connection.
            let at = (record.at + delay(node, index as u64 / 20)).max(last.get(&node).copied().unwrap_or_default());
            last.insert(node, at);
            Record { at, ..record }
        })
        .collect();
    records.sort_by_key(|record| record.at);
    records
}
