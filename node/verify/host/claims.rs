//! "Durable before audible": what a message claims must survive a power loss of its sender at the moment it leaves.

use crate::protocol::{Envelope, Message};
use crate::verify::host::{Checked, Host};
use crate::verify::invariants::Violation;

impl Host {
    /// Checks a message that this host is about to send: its claims against the durable part of the disk, its sender,
    /// and the bound on the entries of a push.
    pub fn check_claims(&self, envelope: &Envelope) -> Checked {
        let id = self.id();
        if envelope.sender != Some(self.config.incarnation) {
            let text = format!("{id} sends {:?} as {:?}", envelope.message, envelope.sender);
            return Err(Violation::of("a quarantined folder sends nothing", text));
        }
        if let Message::Push(push) = &envelope.message
            && push.entries.len() > self.config.limits.push_entries
        {
            let text = format!("{id} pushes {} entries at once", push.entries.len());
            return Err(Violation::of("messages respect their bounds", text));
        }
        if self.claims_are_durable(envelope) {
            return Ok(());
        }
        let disk = self.disk.durable();
        let text = format!(
            "{id} sends {:?} under {:?} before that is durable: its disk has {:?} and ends with {:?}",
            envelope.message,
            envelope.epoch,
            disk.promise,
            disk.last()
        );
        Err(Violation::of("durable before audible", text))
    }

    fn claims_are_durable(&self, envelope: &Envelope) -> bool {
        let disk = self.disk.durable();
        let promised = disk.promise.map(|promise| promise.epoch);
        let voted = |epoch, candidate| {
            disk.promise.is_some_and(|promise| {
                promise.epoch > epoch || promise.epoch == epoch && promise.vote == Some(candidate)
            })
        };
        let durable = match &envelope.message {
            Message::Ack(ack) => ack.up_to.is_none_or(|up_to| disk.has_genuine(up_to)),
            Message::VoteAnswer(answer) => !answer.granted || voted(answer.epoch, envelope.to),
            Message::VoteAsked(asked) => voted(asked.epoch, envelope.from),
            _ => true,
        };
        durable && envelope.epoch <= promised
    }
}
