//! Known traps of consensus implementations, by number, and this core's own regressions.
//!
//! "Crash" is a power cut: unflushed writes are lost. The missing numbers belong to the real storage.

mod bounds;
mod commit;
mod election;
mod leader_gone;
mod leaders;
mod levels;
mod members;
mod members_found;
mod old_copy;
mod persistence;
mod quorum;
mod reads;
mod regressions;
mod repair;
mod sessions;
mod snapshots;

use epoca::protocol::{Entry, Epoch, LogPoint, Message, Promise, Push, Pushed};
use epoca::verify::host::Image;

use crate::world::{World, logs};

/// n1 is a voter among four with this log and promise; the other voters are scripted.
fn voter(epochs: &[u64], promised: u64) -> World {
    let mut world = World::solo(4);
    remember(&mut world, 1, epochs, promised);
    world.start(1);
    world
}

fn remember(world: &mut World, id: u64, epochs: &[u64], promised: u64) {
    let entries = logs::log(epochs, &world.founding());
    let promise = Some(Promise { epoch: Epoch(promised), vote: None });
    world.host_mut(id).disk.set_log(Image { promise, ..Image::of(entries) });
}

/// A push of everything in `log` after the first `before` entries.
fn push(log: &[Entry], before: usize) -> Push {
    let (before, after) = log.split_at(before);
    let pushed = |entry: &Entry| Pushed { id: entry.id, kind: entry.kind, body: entry.body.clone() };
    Push {
        prev: before.last().map(Entry::point),
        entries: after.iter().map(pushed).collect(),
        resync: 0,
        replaces: false,
        round: 0,
        acked: None,
    }
}

/// The acks that n1 has sent and that have not arrived.
fn acked(world: &World, id: u64) -> Vec<Option<LogPoint>> {
    let up_to = |message: &Message| match message {
        Message::Ack(ack) => ack.up_to,
        other => panic!("{other:?} is no ack"),
    };
    world.messages_from(id, "ack").map(|envelope| up_to(&envelope.message)).collect()
}

/// The log of n1 as a power cut now would leave it.
fn durable(world: &World, id: u64) -> &[Entry] {
    &world.host(id).disk.durable().entries
}
