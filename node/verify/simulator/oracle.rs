//! What is really the case. The oracle looks at disks, databases, answers and messages directly after each step, where
//! trace events do not tell. It remembers everything that was ever committed, and the state that each entry made.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::protocol::apply::{Applied, Outcome};
use crate::protocol::{
    Append, ChainCheck, Command, Entry, EntryId, Envelope, Epoch, Incarnation, Kind, Listed, LogPoint, Message, NodeId,
    Position, Store, VoteAnswer,
};
use crate::verify::host::{Checked, Host};
use crate::verify::invariants::Violation;
use crate::verify::simulator::clients::{Clients, FORGER};
use crate::verify::simulator::stats::Changes;

#[derive(Default)]
pub(super) struct Oracle {
    /// The member lists that were committed, the founding one first.
    pub(super) lists: Vec<Listed>,
    pub(super) changes: Changes,
    /// The position up to which leaders have committed by counting.
    pub(super) counted: u64,
    /// The votes for each candidate of each epoch: the voter, and the incarnation of its disk.
    pub(super) votes: BTreeMap<(Epoch, NodeId), BTreeSet<(NodeId, Incarnation)>>,
    /// Everything that any node ever held as committed, in order. Only grows.
    entries: Vec<LogPoint>,
    /// The hash of the database after each of them, up to the last one that a node has applied.
    databases: Vec<u64>,
    /// The positions at which each call was committed. A call in a session may be committed more than once.
    calls: BTreeMap<usize, BTreeSet<Position>>,
    /// The outcome of each call when it was first applied.
    outcomes: BTreeMap<usize, Applied>,
    /// The value that each revision wrote.
    values: BTreeMap<u64, Bytes>,
}

impl Oracle {
    /// How many entries at least one node has applied.
    pub(super) fn applied(&self) -> u64 {
        self.databases.len() as u64
    }

    pub(super) fn at(&self, position: Position) -> Option<LogPoint> {
        self.entries.get(position.0.checked_sub(1)? as usize).copied()
    }

    /// The committed entry with this id.
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
    ) -> Checked {
        let (before, up_to) = (before.map_or(0, |point| point.position.0), now.map_or(0, |point| point.position.0));
        if up_to < before {
            return Err(Violation::of(
                "committed never changes",
                format!("{} moves its commit point back from {before} to {now:?}", host.id()),
            ));
        }
        for position in before + 1..=up_to {
            self.commit(host, Position(position), clients)?;
        }
        if up_to > self.counted {
            let text = format!("{} has {now:?} as committed, which no leader committed", host.id());
            return Err(Violation::of("committed is durable on a quorum", text));
        }
        Ok(())
    }

    fn commit(&mut self, host: &Host, position: Position, clients: &Clients) -> Checked {
        let id = host.id();
        let written = host.disk.written();
        if position.0 <= written.purged_count() && self.at(position).is_some() {
            // A snapshot stands for it. `check` compares the snapshot's last entry with the committed one.
            return Ok(());
        }
        let Some(entry) = written.at(position).filter(|_| !written.is_forged(position)) else {
            let text = format!("{id} has position {position} as committed but no genuine entry there");
            return Err(Violation::of("committed is in the log", text));
        };
        if let Some(known) = self.at(position) {
            if known == entry.point() {
                return Ok(());
            }
            let text =
                format!("{id} has {} as committed at position {position}, where {known} was committed", entry.point());
            return Err(Violation::of("committed never changes", text));
        }
        if let Some(command) = (entry.kind == Kind::Command).then(|| Command::decode(&entry.body)).flatten() {
            self.commit_call(entry.point(), &command, clients)?;
        }
        if let Some(listed) = Listed::of(entry) {
            self.on_list_committed(host, listed)?;
        }
        self.entries.push(entry.point());
        Ok(())
    }

    fn commit_call(&mut self, point: LogPoint, command: &Command, clients: &Clients) -> Checked {
        if command.session == FORGER {
            return Err(Violation::of("forged entries are never committed", format!("{point} was forged")));
        }
        let call = command.sequence as usize;
        if let Some(refusal) = clients.refused.get(&call) {
            let text = format!("call {call} was refused ({}), but is committed as {point}", refusal.code());
            return Err(Violation::of("refused writes are never committed", text));
        }
        let places = self.calls.entry(call).or_default();
        places.insert(point.position);
        if places.len() > 1 && command.once.is_none() {
            let text = format!("call {call} is committed at {places:?} without a session");
            return Err(Violation::of("one write is committed once", text));
        }
        Ok(())
    }

    /// The value that a revision wrote.
    pub(super) fn value(&self, revision: u64) -> Option<Bytes> {
        self.values.get(&revision).cloned()
    }

    /// Each session and sequence is applied once. Every other attempt gets the outcome of the first.
    fn check_outcome(&mut self, host: &Host, entry: &Entry, applied: Applied, changed: bool) -> Checked {
        let Some(command) = (entry.kind == Kind::Command).then(|| Command::decode(&entry.body)).flatten() else {
            return Ok(());
        };
        let call = command.sequence as usize;
        let new = applied.position == entry.position && applied.outcome != Outcome::SessionLost;
        let first = self.outcomes.get(&call).copied();
        let right = match first {
            Some(first) => !new && !changed && (applied == first || applied.outcome == Outcome::SessionLost),
            None => new || !changed && applied.outcome == Outcome::SessionLost && command.once.is_some(),
        };
        if !right {
            let text = format!(
                "call {call} has the outcome {applied:?} at {}, changed: {changed}, and had {first:?}",
                entry.id
            );
            return Err(Violation::of("one write is applied once", text));
        }
        if new {
            self.outcomes.insert(call, applied);
            let present = command.change.keys().filter_map(|key| host.database.value_and_revision(key));
            self.values.extend(present.map(|(value, revision)| (revision, value)));
        }
        Ok(())
    }

    /// A node's database has applied one more entry.
    pub(super) fn on_applied(&mut self, host: &Host, entry: &Entry, applied: Applied, changed: bool) -> Checked {
        let (id, hash) = (host.id(), host.database.hash());
        if self.at(entry.position) != Some(entry.point()) {
            return Err(Violation::of(
                "only committed data is readable",
                format!("{id} shows {} to readers", entry.point()),
            ));
        }
        if !host.disk.durable().has_genuine(entry.point()) {
            let text = format!("{id} applies {}, which is not durable in its own log", entry.point());
            return Err(Violation::of("final is durable", text));
        }
        let index = entry.position.0 as usize - 1;
        if index == self.databases.len() {
            self.databases.push(hash);
            self.check_outcome(host, entry, applied, changed)?;
        }
        match self.databases.get(index) {
            Some(known) if *known != hash => {
                let text = format!("{id} has data that differs from another node's after {}", entry.point());
                Err(Violation::of("equal state at equal applied positions", text))
            }
            _ => Ok(()),
        }
    }

    /// A node's database was replaced by that of a snapshot of this entry.
    pub(super) fn on_installed(&self, host: &Host, point: LogPoint) -> Checked {
        let known = self.databases.get(point.position.0 as usize - 1);
        if self.at(point.position) == Some(point) && known == Some(&host.database.hash()) {
            return Ok(());
        }
        let text = format!("{} installs a snapshot of {point} that differs from other nodes' data there", host.id());
        Err(Violation::of("equal state at equal applied positions", text))
    }

    /// Checks that a write truncates no committed entry.
    pub(super) fn before_store(&self, host: &Host, store: &Store) -> Checked {
        let Store::Append(Append { truncate_from: Some(from), .. }) = store else { return Ok(()) };
        let written = host.disk.written();
        let cut = written.entries.iter().filter(|entry| entry.position >= *from);
        let lost =
            cut.map(Entry::point).find(|point| self.at(point.position) == Some(*point) && written.has_genuine(*point));
        let Some(point) = lost else { return Ok(()) };
        Err(Violation::of(
            "committed is never deleted",
            format!("{} truncates its log from {from} on, including {point}", host.id()),
        ))
    }

    /// Checks the claims of a message, and counts the vote that it grants.
    pub(super) fn before_sending(&mut self, host: &Host, envelope: &Envelope) -> Checked {
        if let (Message::VoteAnswer(VoteAnswer { epoch, granted: true }), Some(sender)) =
            (&envelope.message, envelope.sender)
        {
            self.votes.entry((*epoch, envelope.to)).or_default().insert((envelope.from, sender));
        }
        host.check_claims(envelope)
    }

    /// A client got the answer that its write is done.
    pub(super) fn check_written(&self, call: usize, point: LogPoint) -> Checked {
        let committed = self.calls.get(&call);
        if committed.is_some_and(|places| places.contains(&point.position)) && self.at(point.position) == Some(point) {
            return Ok(());
        }
        let text = format!("call {call} is confirmed as {point}, but {committed:?} is committed");
        Err(Violation::of("confirmed is committed", text))
    }

    /// A local read has seen a value that the entry of this id wrote.
    pub(super) fn check_final(&self, node: NodeId, id: EntryId) -> Checked {
        if self.by_id(id).is_some() {
            return Ok(());
        }
        Err(Violation::of(
            "only committed data is readable",
            format!("a local read at {node} returns {id}, which is not committed"),
        ))
    }

    /// Checks the whole log of a node: the chain of digests, and what it holds as committed.
    pub(super) fn check(&self, host: &Host) -> Checked {
        self.check_list(host)?;
        let image = host.disk.written();
        if let ChainCheck::Broken(point) = image.check_chain() {
            return Err(Violation::of(
                "digests chain",
                format!("at {} the content of {point} does not match its digest", host.id()),
            ));
        }
        if let Some(purged) = image.purged().filter(|purged| self.at(purged.position) != Some(*purged)) {
            let text = format!("the log of {} begins after {purged}, which is not committed", host.id());
            return Err(Violation::of("committed never changes", text));
        }
        let committed = image.committed.map_or(0, |point| point.position.0);
        let differs = image
            .entries
            .iter()
            .filter(|entry| entry.position.0 <= committed)
            .find(|entry| self.at(entry.position) != Some(entry.point()));
        if let Some(entry) = differs {
            let text = format!("{} has {} as committed, which is not committed", host.id(), entry.point());
            return Err(Violation::of("committed never changes", text));
        }
        Ok(())
    }
}
