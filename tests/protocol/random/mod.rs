//! Seeded random schedules: deliveries, losses, power losses, cut links, forged entries, writes and reads in any order.
//! The invariants are checked after each step. Then the faults end, and all nodes must agree within a bound.
//!
//! `SEED=17 cargo test --test protocol random` runs a single seed. The simulator (`epoca verify`) is larger; this test
//! is small enough to run with every build.

mod act;
mod invariants;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use epoca::protocol::Limits;
use epoca::protocol::trace::NodeState;
use epoca::verify::rng::Rng;

use crate::random::act::{Odds, act};
use crate::random::invariants::Witness;
use crate::world::{Auto, Options, World};

const STEPS: usize = 3_000;
const SEEDS: u64 = 24;

#[test]
fn random_schedules_of_four_nodes_break_no_invariant() {
    play_all(1, 4);
}

#[test]
fn random_schedules_of_three_nodes_break_no_invariant() {
    play_all(1_001, 3);
}

#[test]
fn random_schedules_of_five_nodes_break_no_invariant() {
    play_all(2_001, 5);
}

#[test]
fn random_schedules_of_one_and_two_nodes_break_no_invariant() {
    play_all(3_001, 1);
    play_all(4_001, 2);
}

/// Every fifth message is lost, without other faults: convergence takes longer, but nothing gets stuck.
#[test]
fn losses_alone_only_delay_agreement() {
    for seed in 5_001..5_001 + seeds() / 2 {
        guard(seed, 4, || lossy(seed, 4));
    }
}

#[test]
fn the_same_seed_gives_the_same_schedule() {
    let history = || {
        let mut rng = Rng::new(7);
        let mut world = World::new(&options(7, 4, &mut rng));
        world.start_all();
        let (odds, mut witness) = (Odds::draw(&mut rng), Witness::default());
        (0..500).for_each(|_| drop(act(&mut world, &odds, &mut rng, &mut witness)));
        world.take_events()
    };
    assert!(history() == history());
}

fn play_all(first: u64, voters: u64) {
    for seed in first..first + seeds() {
        guard(seed, voters, || play(seed, voters));
    }
}

fn seeds() -> u64 {
    std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS)
}

/// Runs this seed, unless `SEED` names another one. A failure names the seed.
fn guard(seed: u64, voters: u64, play: impl FnOnce()) {
    let only: Option<u64> = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    if only.is_some_and(|only| only != seed) {
        return;
    }
    if let Err(panic) = catch_unwind(AssertUnwindSafe(play)) {
        eprintln!(
            "the schedule of {voters} nodes with seed {seed} failed: SEED={seed} cargo test --test protocol random"
        );
        resume_unwind(panic);
    }
}

fn lossy(seed: u64, voters: u64) {
    let mut rng = Rng::new(seed);
    let mut world = World::new(&options(seed, voters, &mut rng));
    world.start_all();
    let mut witness = Witness::default();
    for round in 0..600 {
        if let Some((_, id)) = world.next_deadline() {
            world.tick(id);
        }
        while !world.network.pool.is_empty() {
            let envelope = world.network.pool.remove(0);
            if !rng.one_in(5) {
                world.deliver_message(envelope);
            }
        }
        witness.check(&mut world);
        let Some(leader) = world.leader().filter(|_| round % 10 == 0 && round < 500) else { continue };
        witness.put(&mut world, leader, &format!("k{}={round}", round % 3));
        witness.read(&mut world, leader);
        witness.check(&mut world);
    }
    assert!(witness.confirmed() > 20, "only {} entries are final", witness.confirmed());
    assert!(has_converged(&world), "100 heartbeats after the last write the nodes do not agree");
    witness.check_answered();
}

fn play(seed: u64, voters: u64) {
    let mut rng = Rng::new(seed);
    let mut world = World::new(&options(seed, voters, &mut rng));
    for id in world.ids() {
        world.node_mut(id).tail_more = rng.below(4);
        let auto = if rng.one_in(2) { Auto::ALL } else { Auto::NONE };
        world.auto(id, auto);
    }
    world.start_all();
    let odds = Odds::draw(&mut rng);
    let mut witness = Witness::default();
    for step in 0..STEPS {
        let what = act(&mut world, &odds, &mut rng, &mut witness);
        if std::env::var_os("SEED").is_some() {
            eprintln!("{step} {what}");
            world.peek_events().iter().for_each(|event| eprintln!("    {event:?}"));
        }
        witness.check(&mut world);
    }
    recover(&mut world, &mut witness);
}

fn options(seed: u64, voters: u64, rng: &mut Rng) -> Options {
    let limits = Limits {
        window_entries: 1 + rng.index(6),
        push_entries: 1 + rng.index(4),
        in_flight_pushes: 1 + rng.index(4),
        uncommitted_entries: 4 + rng.below(30),
        applying_entries: 1 + seed % 5,
        ..Limits::default()
    };
    let limits = if rng.one_in(3) { Limits::default() } else { limits };
    Options { seed, limits, ..Options::voters(voters) }
}

/// Ends the faults: a leader is elected, a write is confirmed, and all nodes converge.
fn recover(world: &mut World, witness: &mut Witness) {
    world.network.heal_all();
    for id in world.ids() {
        world.auto(id, Auto::ALL);
        if !world.host(id).is_up() {
            world.restart(id);
        }
    }
    if world.ids().iter().all(|id| world.host(*id).disk.durable().entries.is_empty()) {
        world.stand(1);
    }
    world.elapse_until(60, "a node leads", |world| world.leader().is_some());
    witness.check(world);
    for attempt in 0..20 {
        if let Some(leader) = world.leader() {
            // The next push detects forged entries beyond the log's end.
            witness.put(world, leader, &format!("last={attempt}"));
        }
        world.elapse_millis(1_000);
        witness.check(world);
        if has_converged(world) {
            return witness.check_answered();
        }
    }
    let logs: Vec<_> = world
        .hosts()
        .map(|host| (host.id(), host.running().map(|core| core.node_state(NodeState::TAIL_MAX))))
        .collect();
    panic!("the nodes do not agree after 20 s without faults: {logs:#?}");
}

/// Whether all nodes have the leader's log, all of it final.
fn has_converged(world: &World) -> bool {
    let Some(leader) = world.leader() else { return false };
    let log = &world.host(leader).disk.durable().entries;
    world.hosts().all(|host| {
        let disk = host.disk.durable();
        disk.entries == *log && disk.forged_from.is_none() && host.database.applied() == disk.last()
    })
}
