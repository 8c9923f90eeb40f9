//! `commit.toml`: up to which position a leader may commit, and figure 8 of the Raft paper.

use serde::Deserialize;

use epoca::protocol::trace::{Fact, RoleName};

use crate::conformance::{Cases, epochs_of, remember, table};
use crate::world::{Options, Pick, World};

const TABLE: &str = include_str!("commit.toml");

#[derive(Deserialize, Debug)]
struct Case {
    matches: Vec<u64>,
    log: Vec<u64>,
    epoch: u64,
    commit: u64,
}

#[derive(Deserialize)]
struct Table {
    figure_8: Figure8,
}

#[derive(Deserialize)]
struct Figure8 {
    a: Vec<Vec<u64>>,
    b: Vec<Vec<u64>>,
    c: Vec<Vec<u64>>,
    d: Vec<Vec<u64>>,
    e: Vec<Vec<u64>>,
}

#[test]
fn a_leader_commits_what_a_quorum_holds_of_its_own_epoch() {
    for case in table::<Cases<Case>>(TABLE).case {
        let world = lead_with(&case);
        let committed = world.snapshot(1).committed.map_or(0, |point| point.position.0);
        assert_eq!(committed, case.commit, "{case:?}");
    }
}

/// n1 leads `epoch` with the case's log, and the others have sent the case's acks.
fn lead_with(case: &Case) -> World {
    let mut world = World::solo(case.matches.len() as u64);
    let older: Vec<u64> = case.log.iter().copied().filter(|epoch| *epoch < case.epoch).collect();
    remember(&mut world, 1, &older, older.last().map(|_| case.epoch - 1));
    world.start(1);
    world.elect_by_script(1);
    for number in older.len() + 1..case.log.len() {
        world.put(1, &format!("x={number}"));
    }
    world.flush_some(1, (case.matches[0] as usize).saturating_sub(older.len()));
    for (index, matched) in case.matches.iter().enumerate().skip(1) {
        let up_to = world.host(1).disk.written().entries[*matched as usize - 1].point();
        world.ack_by_script(index as u64 + 1, 1, Some(up_to));
    }
    world
}

fn figure_8() -> Figure8 {
    table::<Table>(TABLE).figure_8
}

/// Five nodes with these logs, none started, all with the promise `promised`. A push has one entry, so that the
/// figure's intermediate states can be reached.
fn five(logs: &[Vec<u64>], promised: u64) -> World {
    let mut options = Options::voters(5);
    options.limits.push_entries = 1;
    let mut world = World::new(&options);
    for (index, epochs) in logs.iter().enumerate() {
        remember(&mut world, index as u64 + 1, epochs, Some(promised));
    }
    world
}

fn assert_logs(world: &World, expected: &[Vec<u64>]) {
    for (index, epochs) in expected.iter().enumerate() {
        assert_eq!(epochs_of(world.host(index as u64 + 1).disk.durable()), *epochs, "the log of S{}", index + 1);
    }
}

/// From b to c: S1 comes back, leads epoch 4 by the votes of S2 and S3, and its entry of epoch 2 reaches S3. Its
/// opening entry is on no disk but its own: the disks of S2 and S3 stop before it.
fn figure_8_c() -> World {
    let figure = figure_8();
    let mut world = five(&figure.b, 3);
    [1, 2, 3].into_iter().for_each(|id| world.start(id));
    world.elect(1);
    world.hold_disk(2);
    world.hold_disk(3);
    world.settle();
    world.flush_some(3, 1);
    // On a heartbeat S2 and S3 report their progress.
    world.tick(1);
    world.settle();
    assert_logs(&world, &figure.c);
    world
}

#[test]
fn figure_8_a_and_b_are_logs_that_elections_allow() {
    let figure = figure_8();
    // S5 leads epoch 3 with the votes of S3 and S4; S1 is down. Its opening reaches no node.
    let mut world = five(&figure.a, 2);
    [3, 4, 5].into_iter().for_each(|id| world.start(id));
    world.elect(5);
    world.drop_messages(&Pick::default());
    assert_logs(&world, &figure.b);
}

#[test]
fn figure_8_c_an_entry_of_an_older_epoch_is_not_committed_by_counting() {
    let world = figure_8_c();
    let counted = world
        .facts()
        .any(|(id, fact)| id == 1 && matches!(fact, Fact::Counted { matches, .. } if matches[..] == [3, 2, 2, 0, 0]));
    assert!(counted, "S1 has counted the copies of epoch 2");
    assert_eq!(world.snapshot(1).committed, None, "S1 must not commit epoch 2 by counting its copies");
}

#[test]
fn figure_8_d_another_leader_may_overwrite_what_was_on_three_of_five() {
    let figure = figure_8();
    let mut world = figure_8_c();
    [1, 2, 3].into_iter().for_each(|id| world.crash(id));
    world.drop_messages(&Pick::default());
    [2, 3].into_iter().for_each(|id| world.free_disk(id));
    [3, 4, 5].into_iter().for_each(|id| world.start(id));
    // Of S3, S4 and S5 only S5 can win: its last entry is of epoch 3.
    world.elapse_until(60, "S5 leads", |world| world.leader() == Some(5));
    [1, 2].into_iter().for_each(|id| world.restart(id));
    world.elapse_until(60, "all have the log of S5", |world| {
        (1..=4).all(|id| world.host(id).disk.durable().last() == world.host(5).disk.durable().last())
    });
    for (id, expected) in (1..=5).zip(&figure.d) {
        let epochs = epochs_of(world.host(id).disk.durable());
        assert_eq!(epochs[..2], expected[..], "S{id}");
        assert!(epochs[2..].iter().all(|epoch| *epoch > 4), "S{id}: {epochs:?} has only openings after the figure's");
    }
}

#[test]
fn figure_8_e_once_epoch_4_is_on_a_majority_no_node_without_it_leads() {
    let figure = figure_8();
    let mut world = figure_8_c();
    [2, 3].into_iter().for_each(|id| world.free_disk(id));
    world.elapse_until(10, "epoch 4 is committed", |world| world.snapshot(1).committed.is_some());
    assert_logs(&world, &figure.e);
    world.crash(1);
    [4, 5].into_iter().for_each(|id| world.start(id));
    world.drop_messages(&Pick::default());
    for _ in 0..20 {
        world.elapse_millis(500);
        for id in [4, 5] {
            if world.role(id) == RoleName::Leader {
                let epochs = epochs_of(world.host(id).disk.durable());
                assert_eq!(epochs[..3], [1, 2, 4], "S{id} leads without committed entries");
            }
        }
    }
    assert!(matches!(world.leader(), Some(2 | 3)), "only S2 and S3 can lead, not {:?}", world.leader());
}
