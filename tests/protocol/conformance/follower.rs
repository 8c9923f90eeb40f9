//! `follower.toml`: what a replica does with a push.

use serde::Deserialize;

use epoca::protocol::{Entry, Message, Push, Pushed};

use crate::conformance::{epochs_of, remember, table};
use crate::world::{World, logs};

const TABLE: &str = include_str!("follower.toml");

#[derive(Deserialize)]
struct Table {
    push: Vec<Case>,
}

#[derive(Deserialize, Debug)]
struct Case {
    log: Vec<u64>,
    prev: (u64, u64),
    entries: Vec<u64>,
    #[serde(default)]
    resync: bool,
    accepted: bool,
    log_after: Vec<u64>,
}

#[test]
fn a_replica_accepts_truncates_or_reports_as_the_table_says() {
    for case in table::<Table>(TABLE).push {
        let mut world = World::solo(4);
        remember(&mut world, 1, &case.log, case.log.last().copied());
        world.start(1);
        let leader = leader_log(&case, &world);
        let (before, pushed) = leader.split_at(case.prev.1 as usize);
        let push = Push {
            prev: before.last().map(Entry::point),
            entries: pushed
                .iter()
                .map(|entry| Pushed { id: entry.id, kind: entry.kind, body: entry.body.clone() })
                .collect(),
            resync: u64::from(case.resync),
            replaces: case.resync,
            round: 1,
            acked: None,
        };
        world.send_as(2, 1, Some(9), Message::Push(push));

        assert_eq!(epochs_of(world.host(1).disk.durable()), case.log_after, "{case:?}");
        let acks: Vec<_> = world.messages_from(1, "ack").map(|envelope| envelope.message.clone()).collect();
        let reports = world.messages_from(1, "log-state").count();
        if case.accepted {
            let [Message::Ack(ack)] = &acks[..] else { panic!("{case:?} is acked with {acks:?}") };
            assert_eq!(ack.up_to, leader.last().map(Entry::point), "{case:?} acks the push, not the log's end");
            assert_eq!(reports, 0, "{case:?}");
        } else {
            assert_eq!((acks.len(), reports), (0, 1), "{case:?} is reported and not acked");
        }
    }
}

/// The log of the leader that would push this: the replica's up to `prev`, or a different one that ends with `prev`
/// there.
fn leader_log(case: &Case, world: &World) -> Vec<Entry> {
    let (epoch, position) = case.prev;
    let mut epochs: Vec<u64> = case.log.iter().copied().take(position.saturating_sub(1) as usize).collect();
    if position > 0 {
        epochs.push(epoch);
    }
    epochs.extend(&case.entries);
    logs::log(&epochs, &world.founding())
}
