//! Checks of a tape: the invariants over its events, and the linearizability of its operations.
//!
//! The checker serves recordings and live clusters. It takes records one after the other in the tape's happens-before
//! order, and reports each finding at once.

mod causes;

mod history;

use std::time::Duration;

use epoca::client::watch::Observed;
use epoca::protocol::trace::{Event, NodeState};
use epoca::verify::invariants::{Violation, Watch};

use crate::tape::check::history::History;
use crate::tape::record::{Record, What};

pub use causes::inversions;
pub use history::{Linearizable, is_judged};

/// Within this time all events of the nodes arrive. A connection on a working machine takes far less.
const SETTLED: Duration = Duration::from_millis(1_500);

/// The name of the linearizability check, beside the names of the invariants.
pub const LINEARIZABLE: &str = "linearizable";

/// The result of the checks.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    /// How many events were checked.
    pub events: u64,
    /// How many events were lost because the observer was too slow.
    pub lost: u64,
    /// How many records were checked, and how many were left out because there were too many.
    pub records: u64,
    pub left_out: u64,
    pub findings: Vec<Finding>,
    pub linearizable: Linearizable,
}

/// A violation that the checks found.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    pub violation: Violation,
    /// How many records were checked when it was found.
    pub records: u64,
}

/// How many findings are kept. The first one suffices; later ones are mostly its consequences.
const FINDINGS_MAX: usize = 20;

pub struct Checker {
    watch: Watch,
    history: History,
    verdict: Verdict,
    /// When settled violations were last requested.
    settled: Duration,
    /// Operations have ended since the last check of their history.
    stale: bool,
}

impl Default for Checker {
    fn default() -> Checker {
        Checker::new()
    }
}

impl Checker {
    pub fn new() -> Checker {
        let linearizable = Linearizable::Yes(0);
        let verdict = Verdict { events: 0, lost: 0, records: 0, left_out: 0, findings: Vec::new(), linearizable };
        let (watch, history) = (Watch::of_streams(), History::default());
        Checker { watch, history, verdict, settled: Duration::ZERO, stale: false }
    }

    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Takes a record in. True if a violation was found.
    pub fn take(&mut self, record: &Record) -> bool {
        let before = self.verdict.findings.len();
        self.verdict.records += 1;
        self.settle(record.at);
        match &record.what {
            What::Observed(node, observed) => match observed {
                Observed::Snapshot { snapshot, .. } => {
                    self.history.on_tail(&snapshot.tail);
                    let found = self.watch.joined(snapshot);
                    self.found(found);
                }
                Observed::Events(events) => {
                    if let Some(sender) = record.missing {
                        self.watch.missed(sender);
                    }
                    events.iter().for_each(|event| self.event(event));
                }
                // A snapshot follows. Until then the numbers have a gap, and the node counts as unknown.
                Observed::Lost(events) => self.verdict.lost += events,
                Observed::Disconnected(_) => self.watch.missed(*node),
            },
            What::Begin { number, line } => self.history.on_begin(*number, record.at, line),
            What::End { number, outcome, .. } => {
                self.history.on_end(*number, record.at.saturating_sub(record.waited), outcome);
                self.stale = true;
            }
            What::Nodes { .. } | What::Process(..) | What::Mark(_) => {}
        }
        self.verdict.findings.len() > before
    }

    /// Continues after records that were left out, with these states of the nodes. True if a violation was found.
    pub fn resume(&mut self, left_out: u64, states: &[NodeState]) -> bool {
        let before = self.verdict.findings.len();
        self.verdict.left_out += left_out;
        self.history.left_out();
        for state in states {
            let found = self.watch.joined(state);
            self.found(found);
        }
        self.verdict.findings.len() > before
    }

    /// Whether operations have ended since the last call of [`Checker::operations`].
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// The operations so far. The caller checks them elsewhere and returns the result with [`Checker::ordered`].
    pub fn operations(&mut self) -> History {
        self.stale = false;
        self.history.clone()
    }

    /// Takes the result of that check. True if it is the first that is not linearizable.
    pub fn ordered(&mut self, found: Linearizable) -> bool {
        let violation = match &found {
            Linearizable::No(why) => {
                Some(Violation { invariant: LINEARIZABLE, text: why.clone(), evidence: Vec::new() })
            }
            _ => None,
        };
        let is_news = violation.is_some() && !matches!(self.verdict.linearizable, Linearizable::No(_));
        self.verdict.linearizable = found;
        if is_news {
            self.found(violation);
        }
        is_news
    }

    /// Ends the checks: open questions are decided.
    pub fn end(&mut self) -> &Verdict {
        for _ in 0..2 {
            let found = self.watch.settled();
            self.found(found);
        }
        let order = self.operations().order();
        self.ordered(order);
        &self.verdict
    }

    /// Takes into account that time has passed. True if that proves a violation.
    pub fn settle(&mut self, now: Duration) -> bool {
        if now < self.settled + SETTLED {
            return false;
        }
        self.settled = now;
        let found = self.watch.settled();
        let is_found = found.is_some();
        self.found(found);
        is_found
    }

    fn event(&mut self, event: &Event) {
        self.verdict.events += 1;
        self.history.on_event(event);
        let found = self.watch.event(event);
        self.found(found);
    }

    fn found(&mut self, found: impl IntoIterator<Item = Violation>) {
        let room = FINDINGS_MAX.saturating_sub(self.verdict.findings.len());
        let records = self.verdict.records + self.verdict.left_out;
        let findings = found.into_iter().take(room).map(|violation| Finding { violation, records });
        self.verdict.findings.extend(findings);
    }
}

/// The names of all checks.
pub fn names() -> Vec<&'static str> {
    Watch::new().names().into_iter().chain([LINEARIZABLE]).collect()
}

/// Checks whole recordings.
pub fn check<'a>(records: impl IntoIterator<Item = &'a Record>) -> Verdict {
    let mut checker = Checker::new();
    for record in records {
        checker.take(record);
    }
    checker.end().clone()
}
