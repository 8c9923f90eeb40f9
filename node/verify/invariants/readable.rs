//! Only committed data is readable: an entry becomes final only after a leader has committed it, and a read is answered
//! from final data.

use crate::protocol::trace::{Event, Fact, Preview};
use crate::verify::invariants::observer::Observer;
use crate::verify::invariants::{Finding, Invariant, source, violation};

const NAME: &str = "only committed data is readable";

pub(super) struct Readable;

impl Invariant for Readable {
    fn name(&self) -> &'static str {
        NAME
    }

    fn on_event(&mut self, observer: &Observer, event: &Event, _: &[Preview]) -> Finding {
        let Fact::ReadAnswered { applied, .. } = &event.fact else { return None };
        let snapshot = &observer.node(event.node)?.snapshot;
        let known = snapshot.applied.map(|point| point.id);
        if known == *applied {
            return None;
        }
        let text = format!("{} serves a read from {applied:?}, but only {known:?} is final", event.node);
        violation(NAME, &[source(event)], text)
    }
}

/// A node makes entries final that no node has reported as committed. To be checked before the observer takes the
/// event, because a final entry counts as committed there.
pub(super) fn finalized_early(observer: &Observer, event: &Event) -> Finding {
    let Fact::Finalized { up_to, .. } = &event.fact else { return None };
    let observed = observer.node(event.node)?;
    // If events of its leader are missing, the leader may have committed the entry unobserved.
    let leader = observed.snapshot.leader.unwrap_or(event.node);
    let known = observer.ledger.last().is_some_and(|last| last.position >= up_to.position);
    if known || !observer.saw_all(leader, observed.snapshot.epoch) {
        return None;
    }
    let last = observer.ledger.last();
    let last = last.map_or("nothing".to_owned(), |point| format!("up to {point}"));
    let text = format!("{} applies {up_to}; committed: {last}", event.node);
    violation(NAME, &[source(event)], text)
}
