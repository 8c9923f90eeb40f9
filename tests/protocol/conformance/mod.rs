//! The tables of facts that other implementations are tested with, run through the core's inputs and outputs alone.
//!
//! `membership.toml` waits for changes of the member list; in `reconcile.toml` the case of a purged log waits for
//! snapshots.

mod commit;
mod election;
mod follower;
mod membership;
mod reconcile;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use epoca::protocol::{Epoch, Promise};
use epoca::verify::host::Image;

use crate::world::{World, logs};

fn table<T: DeserializeOwned>(text: &str) -> T {
    toml::from_str(text).expect("the table is as the test reads it")
}

/// A table that consists of cases only.
#[derive(Deserialize)]
struct Cases<T> {
    case: Vec<T>,
}

/// Gives a node, before its start, a log with these epochs and a promise without a vote.
fn remember(world: &mut World, id: u64, epochs: &[u64], promised: Option<u64>) {
    let entries = logs::log(epochs, &world.founding());
    let promise = promised.map(|epoch| Promise { epoch: Epoch(epoch), vote: None });
    world.host_mut(id).disk.set_log(Image { promise, ..Image::of(entries) });
}

fn epochs_of(image: &Image) -> Vec<u64> {
    image.entries.iter().map(|entry| entry.id.epoch.0).collect()
}
