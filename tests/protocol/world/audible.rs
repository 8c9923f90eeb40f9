//! "Durable before audible", checked on every message that leaves a node: what it says must be on the node's disk. And
//! that messages keep their bounds.

use epoca::protocol::{Envelope, Message};

use crate::world::Host;

/// Panics if the message tells something that a power cut of its sender right now would make untrue.
pub fn check(host: &Host, envelope: &Envelope) {
    let disk = host.disk.durable();
    let promised = disk.promise.map(|promise| promise.epoch);
    let text = || format!("{} says {envelope:?}, but its disk holds", host.id());
    assert!(envelope.epoch <= promised, "{} the promise {promised:?}", text());
    match &envelope.message {
        Message::Ack(ack) => {
            if let Some(up_to) = ack.up_to {
                assert!(disk.has(up_to), "{} {:?} there", text(), disk.at(up_to.position));
                assert!(!disk.is_forged(up_to.position), "{} a forged entry there", text());
            }
        }
        Message::VoteAnswer(answer) if answer.granted => {
            let kept = disk.promise.is_some_and(|promise| {
                promise.epoch > answer.epoch || promise.epoch == answer.epoch && promise.vote == Some(envelope.to)
            });
            assert!(kept, "{} {:?}", text(), disk.promise);
        }
        Message::VoteAsked(asked) => {
            let kept = disk.promise.is_some_and(|promise| {
                promise.epoch > asked.epoch || promise.epoch == asked.epoch && promise.vote == Some(envelope.from)
            });
            assert!(kept, "{} {:?}", text(), disk.promise);
        }
        Message::Push(push) => {
            let most = host.config.limits.push_entries;
            assert!(push.entries.len() <= most, "{} pushes {} entries at once", host.id(), push.entries.len());
        }
        _ => {}
    }
}
