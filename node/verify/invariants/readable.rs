//! Nothing is readable that is not committed: an entry becomes final only after a leader has committed it, and a read is
//! answered from what is final.

use crate::protocol::trace::{Event, Fact, Preview};
use crate::verify::invariants::sight::Sight;
use crate::verify::invariants::{Found, Rule, source, violation};

const NAME: &str = "only committed data is readable";

pub(super) struct Readable;

impl Rule for Readable {
    fn name(&self) -> &'static str {
        NAME
    }

    fn on_event(&mut self, sight: &Sight, event: &Event, _: &[Preview]) -> Found {
        let Fact::ReadAnswered { applied, .. } = &event.fact else { return None };
        let snapshot = &sight.node(event.node)?.snapshot;
        let known = snapshot.applied.map(|point| point.id);
        if known == *applied {
            return None;
        }
        let text = format!("{} answers a read from {applied:?}, and {known:?} is the last that is final", event.node);
        violation(NAME, &[source(event)], text)
    }
}

/// A node makes entries final of which nobody has said that they are committed. To be asked before the event is learnt
/// from, since a final entry is taken for a committed one.
pub(super) fn finalized_early(sight: &Sight, event: &Event) -> Found {
    let Fact::Finalized { up_to, .. } = &event.fact else { return None };
    let seen = sight.node(event.node)?;
    // Whose order it obeys; if not all that the leader did is known, it may have committed it unseen.
    let leader = seen.snapshot.leader.unwrap_or(event.node);
    let known = sight.ledger.last().is_some_and(|last| last.position >= up_to.position);
    if known || !sight.saw_all(leader, seen.snapshot.epoch) {
        return None;
    }
    let last = sight.ledger.last();
    let last = last.map_or("nothing".to_owned(), |point| format!("up to {point}"));
    let text = format!("{} makes {up_to} final, and committed is {last}", event.node);
    violation(NAME, &[source(event)], text)
}
