//! `reconcile.toml`: diverged logs, the sync point, and the cost of the repair.

use serde::Deserialize;

use epoca::protocol::trace::Fact;
use epoca::protocol::{Entry, EntryId, Epoch, Position, Promise};
use epoca::verify::host::Image;

use crate::conformance::{Cases, table};
use crate::world::{World, logs};

const TABLE: &str = include_str!("reconcile.toml");

#[derive(Deserialize, Debug)]
struct Case {
    name: String,
    leader: Vec<(u64, u64)>,
    replica: Vec<(u64, u64)>,
    #[serde(default)]
    sync: Vec<u64>,
    #[serde(default)]
    truncate: u64,
    #[serde(default)]
    send: u64,
    votes: Option<bool>,
    #[serde(default = "one")]
    rounds: usize,
    #[serde(default)]
    forged: usize,
    committed: Option<(u64, u64)>,
    #[serde(default)]
    snapshot: bool,
}

fn one() -> usize {
    1
}

fn cases() -> Vec<Case> {
    table::<Cases<Case>>(TABLE).case
}

#[test]
fn diverged_logs_are_reconciled_at_the_sync_point_in_one_round_or_two() {
    for case in cases().iter().filter(|case| !case.snapshot) {
        check(case, false);
    }
}

/// The forged mark gives no hint to the consistency check: the run is the same without it.
#[test]
fn forged_entries_are_found_without_a_look_at_their_mark() {
    for case in cases().iter().filter(|case| case.forged > 0) {
        check(case, true);
    }
}

/// The pending case, which needs snapshots.
#[test]
fn only_the_case_of_a_purged_log_waits_for_snapshots() {
    let waiting: Vec<_> = cases().into_iter().filter(|case| case.snapshot).map(|case| case.name).collect();
    assert_eq!(waiting, ["the leader has purged beyond the point"]);
}

/// n1 leads with the leader's log, n3 and n4 have the same, n2 is the replica.
fn check(case: &Case, marked: bool) {
    let mut world = World::new(&crate::world::Options::voters(4));
    set_up(&mut world, case, marked);
    world.start_all();
    world.elect(1);
    world.settle();

    let facts: Vec<_> = world.facts().map(|(id, fact)| (id, fact.clone())).collect();
    let name = &case.name;
    if let Some(votes) = case.votes {
        let granted =
            facts.iter().any(|(id, fact)| *id == 2 && matches!(fact, Fact::Granted { kind, .. } if kind == "vote"));
        assert_eq!(granted, votes, "{name}: the replica's vote");
    }
    let reports = facts.iter().filter(|(id, fact)| *id == 2 && matches!(fact, Fact::Reported { .. })).count();
    assert_eq!(reports, case.rounds, "{name}: round trips");
    let truncated: u64 = facts.iter().filter_map(|(id, fact)| truncated(*id, fact)).sum();
    assert_eq!(truncated, case.truncate, "{name}: entries deleted at the replica");
    let resyncs: Vec<_> = facts.iter().filter_map(|(_, fact)| resynced(fact)).collect();
    let sync = case.sync.chunks(2).map(|id| EntryId::new(id[0], id[1])).next();
    // The opening entry of the leader's epoch is sent, too.
    assert_eq!(resyncs.last(), Some(&(sync, case.send + 1)), "{name}: sync point and entries sent after it");

    assert_eq!(
        world.host(2).disk.durable().entries,
        world.host(1).disk.durable().entries,
        "{name}: one log in the end"
    );
    assert_eq!(world.host(2).database, world.host(1).database, "{name}: one final database");
}

fn truncated(id: u64, fact: &Fact) -> Option<u64> {
    match fact {
        Fact::Truncated { count, .. } if id == 2 => Some(*count),
        _ => None,
    }
}

fn resynced(fact: &Fact) -> Option<(Option<EntryId>, u64)> {
    match fact {
        Fact::Resynced { to, sync, resent, .. } if to.0 == 2 => Some((sync.map(|point| point.id), *resent)),
        _ => None,
    }
}

fn set_up(world: &mut World, case: &Case, marked: bool) {
    let founding = world.founding();
    let leader = logs::epochs(&case.leader);
    let replica = logs::epochs(&case.replica);
    let greatest = leader.iter().chain(&replica).max().copied();
    let promise = greatest.map(|epoch| Promise { epoch: Epoch(epoch), vote: None });
    for id in [1, 3, 4] {
        let image = Image { promise, ..Image::of(logs::log(&leader, &founding)) };
        world.host_mut(id).disk.set_log(image);
    }
    let (same, other) = replica.split_at(replica.len() - case.forged);
    let mut entries = logs::log(same, &founding);
    logs::extend(&mut entries, other, logs::Content::Other, &founding);
    let committed = case.committed.map(|(epoch, offset)| {
        let id = EntryId::new(epoch, offset);
        entries.iter().find(|entry| entry.id == id).map(Entry::point).expect("what is committed is in the log")
    });
    let forged_from = marked.then(|| Position(same.len() as u64 + 1));
    world.host_mut(2).disk.set_log(Image { promise, committed, forged_from, entries, base: None });
}
