//! What really is: looked at directly after each step, on disks, databases, answers and messages, where trace events
//! cannot tell. It remembers what was ever committed and what state that made.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::protocol::apply::{Applied, Outcome};
use crate::protocol::{
    Append, Command, Entry, EntryId, Envelope, Epoch, Incarnation, Kind, Listed, LogPoint, Message, NodeId, Position,
    Store, VoteAnswer,
};
use crate::verify::simulator::clients::{Clients, FORGER};
use crate::verify::simulator::host::Host;
use crate::verify::simulator::stats::Changes;
use crate::verify::simulator::world::{Step, wrong};

#[derive(Default)]
pub(super) struct Truth {
    /// The member lists that were committed.
    pub(super) lists: Vec<Listed>,
    pub(super) changes: Changes,
    /// Up to where leaders have committed by counting.
    pub(super) counted: u64,
    /// Who has voted for whom, with which disk.
    pub(super) votes: BTreeMap<(Epoch, NodeId), BTreeSet<(NodeId, Incarnation)>>,
    /// Everything that any node ever held as committed, in order.
    entries: Vec<LogPoint>,
    /// The hash of the database after each of them, as far as somebody has applied it.
    databases: Vec<u64>,
    /// Where each call was committed; one in a session may be more than once.
    calls: BTreeMap<usize, BTreeSet<Position>>,
    /// What each call came to when it was applied.
    decided: BTreeMap<usize, Applied>,
    /// The value that each revision wrote.
    values: BTreeMap<u64, Bytes>,
}

impl Truth {
    /// How many entries somebody has applied.
    pub(super) fn applied(&self) -> u64 {
        self.databases.len() as u64
    }

    pub(super) fn at(&self, position: Position) -> Option<LogPoint> {
        self.entries.get(position.0.checked_sub(1)? as usize).copied()
    }

    /// The committed entry of this id.
    pub(super) fn by_id(&self, id: EntryId) -> Option<LogPoint> {
        let index = self.entries.partition_point(|point| point.id < id);
        self.entries.get(index).copied().filter(|point| point.id == id)
    }

    /// A node's commit point has moved.
    pub(super) fn on_committed(
        &mut self,
        host: &Host,
        before: Option<LogPoint>,
        now: Option<LogPoint>,
        clients: &Clients,
    ) -> Step {
        let (before, up_to) = (before.map_or(0, |point| point.position.0), now.map_or(0, |point| point.position.0));
        if up_to < before {
            return Err(wrong("committed never changes", format!("{} goes back from {before} to {now:?}", host.id())));
        }
        for position in before + 1..=up_to {
            self.commit(host, Position(position), clients)?;
        }
        if up_to > self.counted {
            let text = format!("{} has {now:?} as committed, which no leader has counted", host.id());
            return Err(wrong("committed is durable on a quorum", text));
        }
        Ok(())
    }

    fn commit(&mut self, host: &Host, position: Position, clients: &Clients) -> Step {
        let id = host.id();
        let written = host.disk.written();
        if position.0 as usize <= written.gone() && self.at(position).is_some() {
            // A snapshot stands for it; that its last entry is the committed one is looked at elsewhere.
            return Ok(());
        }
        let Some(entry) = written.at(position).filter(|_| !written.is_forged(position)) else {
            let text = format!("{id} has position {position} as committed and holds nothing genuine there");
            return Err(wrong("committed is in the log", text));
        };
        if let Some(known) = self.at(position) {
            if known == entry.point() {
                return Ok(());
            }
            let text = format!("{id} has {} as committed at position {position}, and {known} was", entry.point());
            return Err(wrong("committed never changes", text));
        }
        if let Some(command) = (entry.kind == Kind::Command).then(|| Command::decode(&entry.body)).flatten() {
            self.commit_call(entry.point(), &command, clients)?;
        }
        if let Some(listed) = Listed::of(entry) {
            self.take_list(host, listed)?;
        }
        self.entries.push(entry.point());
        Ok(())
    }

    fn commit_call(&mut self, point: LogPoint, command: &Command, clients: &Clients) -> Step {
        if command.session == FORGER {
            return Err(wrong("forged entries are never committed", format!("{point} was forged")));
        }
        let call = command.sequence as usize;
        if let Some(refusal) = clients.refused.get(&call) {
            let text = format!("call {call} was refused ({}), and is committed as {point}", refusal.code());
            return Err(wrong("refused is never done", text));
        }
        let places = self.calls.entry(call).or_default();
        places.insert(point.position);
        if places.len() > 1 && command.once.is_none() {
            let text = format!("call {call} is committed at {places:?}, and belongs to no session");
            return Err(wrong("one write is committed once", text));
        }
        Ok(())
    }

    /// The value that a revision wrote.
    pub(super) fn value(&self, revision: u64) -> Option<Bytes> {
        self.values.get(&revision).cloned()
    }

    /// Each session and sequence is applied once, and every other try gets what that one came to.
    fn decide(&mut self, host: &Host, entry: &Entry, applied: Applied, changed: bool) -> Step {
        let Some(command) = (entry.kind == Kind::Command).then(|| Command::decode(&entry.body)).flatten() else {
            return Ok(());
        };
        let call = command.sequence as usize;
        let new = applied.position == entry.position && applied.outcome != Outcome::SessionLost;
        let first = self.decided.get(&call).copied();
        let right = match first {
            Some(first) => !new && !changed && (applied == first || applied.outcome == Outcome::SessionLost),
            None => new || !changed && applied.outcome == Outcome::SessionLost && command.once.is_some(),
        };
        if !right {
            let text = format!("call {call} came to {applied:?} at {}, changed: {changed}, and to {first:?}", entry.id);
            return Err(wrong("one write is applied once", text));
        }
        if new {
            self.decided.insert(call, applied);
            let present = command.change.keys().filter_map(|key| host.database.present(key));
            self.values.extend(present.map(|(value, revision)| (revision, value)));
        }
        Ok(())
    }

    /// A node's database has taken one more entry.
    pub(super) fn on_applied(&mut self, host: &Host, entry: &Entry, applied: Applied, changed: bool) -> Step {
        let (id, hash) = (host.id(), host.database.hash());
        if self.at(entry.position) != Some(entry.point()) {
            return Err(wrong("only committed data is readable", format!("{id} shows {} to readers", entry.point())));
        }
        if !host.disk.durable().has(entry.point()) {
            let text = format!("{id} makes {} final, which is not durable in its own log", entry.point());
            return Err(wrong("final is durable", text));
        }
        let index = entry.position.0 as usize - 1;
        if index == self.databases.len() {
            self.databases.push(hash);
            self.decide(host, entry, applied, changed)?;
        }
        match self.databases.get(index) {
            Some(known) if *known != hash => {
                let text = format!("{id} has other data than another node after {}", entry.point());
                Err(wrong("equal state at equal applied positions", text))
            }
            _ => Ok(()),
        }
    }

    /// A node's database is what a snapshot of this entry holds.
    pub(super) fn on_installed(&self, host: &Host, point: LogPoint) -> Step {
        let known = self.databases.get(point.position.0 as usize - 1);
        if self.at(point.position) == Some(point) && known == Some(&host.database.hash()) {
            return Ok(());
        }
        let text = format!("{} installs a snapshot of {point} that is not what other nodes have there", host.id());
        Err(wrong("equal state at equal applied positions", text))
    }

    /// Committed entries are never cut off.
    pub(super) fn before_store(&self, host: &Host, store: &Store) -> Step {
        let Store::Append(Append { truncate_from: Some(from), .. }) = store else { return Ok(()) };
        let written = host.disk.written();
        let cut = written.entries.iter().filter(|entry| entry.position >= *from);
        let lost = cut.map(Entry::point).find(|point| self.at(point.position) == Some(*point) && written.has(*point));
        let Some(point) = lost else { return Ok(()) };
        Err(wrong("committed is never deleted", format!("{} cuts its log from {from} on, with {point}", host.id())))
    }

    /// What a message says must be true after a power cut of its sender right now.
    pub(super) fn before_leaving(&mut self, host: &Host, envelope: &Envelope) -> Step {
        if let (Message::VoteAnswer(VoteAnswer { epoch, granted: true }), Some(sender)) =
            (&envelope.message, envelope.sender)
        {
            self.votes.entry((*epoch, envelope.to)).or_default().insert((envelope.from, sender));
        }
        if envelope.sender != Some(host.config.incarnation) {
            let text = format!("{} says {:?} as {:?}", host.id(), envelope.message, envelope.sender);
            return Err(wrong("a folder that was moved aside says nothing", text));
        }
        let disk = host.disk.durable();
        let promised = disk.promise.map(|promise| promise.epoch);
        let voted = |epoch, candidate: NodeId| {
            disk.promise.is_some_and(|promise| {
                promise.epoch > epoch || promise.epoch == epoch && promise.vote == Some(candidate)
            })
        };
        let durable = match &envelope.message {
            Message::Ack(ack) => ack.up_to.is_none_or(|up_to| disk.has(up_to)),
            Message::VoteAnswer(answer) => !answer.granted || voted(answer.epoch, envelope.to),
            Message::VoteAsked(asked) => voted(asked.epoch, envelope.from),
            _ => true,
        };
        if durable && envelope.epoch <= promised {
            return Ok(());
        }
        let text =
            format!("{} says {:?} under {:?} before that is durable", host.id(), envelope.message, envelope.epoch);
        Err(wrong("durable before audible", text))
    }

    /// A client was told that its write is done.
    pub(super) fn is_written(&self, call: usize, point: LogPoint) -> Step {
        let committed = self.calls.get(&call);
        if committed.is_some_and(|places| places.contains(&point.position)) && self.at(point.position) == Some(point) {
            return Ok(());
        }
        let text = format!("call {call} is confirmed as {point}, and committed is {committed:?}");
        Err(wrong("confirmed is committed", text))
    }

    /// A local read has seen an entry of this id.
    pub(super) fn is_final(&self, node: NodeId, id: EntryId) -> Step {
        if self.by_id(id).is_some() {
            return Ok(());
        }
        Err(wrong(
            "only committed data is readable",
            format!("a local read at {node} sees {id}, which is not committed"),
        ))
    }

    /// All of a node's log at once: the chain of digests, what it holds as committed, and its database.
    pub(super) fn check(&self, host: &Host) -> Step {
        self.check_list(host)?;
        let image = host.disk.written();
        if let crate::protocol::ChainCheck::Broken(point) = image.check_chain() {
            return Err(wrong("digests chain", format!("at {} the content of {point} is not its digest's", host.id())));
        }
        if let Some(purged) = image.purged().filter(|purged| self.at(purged.position) != Some(*purged)) {
            let text = format!("the log of {} begins after {purged}, which is not committed", host.id());
            return Err(wrong("committed never changes", text));
        }
        let committed = image.committed.map_or(0, |point| point.position.0);
        let differs = image
            .entries
            .iter()
            .filter(|entry| entry.position.0 <= committed)
            .find(|entry| self.at(entry.position) != Some(entry.point()));
        if let Some(entry) = differs {
            let text = format!("{} holds {} as committed, which it is not", host.id(), entry.point());
            return Err(wrong("committed never changes", text));
        }
        Ok(())
    }
}
