//! Faults that this core once had.

use epoca::protocol::trace::{Fact, RoleName};
use epoca::protocol::{Answer, Epoch, Message, Promise, Push};

use crate::world::{Disk, Image, Options, Pick, World, logs};

/// A voter whose log has one entry of epoch 1.
fn founded(world: &mut World) {
    let entries = logs::log(&[1], &world.founding());
    let promise = Some(Promise { epoch: Epoch(1), vote: None });
    world.host_mut(1).disk = Disk::holding(Image { promise, ..Image::of(entries) });
}

#[test]
fn a_candidate_counts_its_own_vote_only_once_that_very_promise_is_durable() {
    let mut world = World::solo(1);
    founded(&mut world);
    world.start(1);
    world.hold_disk(1);
    world.let_stand(1);
    // It stands again before the first promise is durable; then only the first one becomes so.
    world.tick(1);
    world.flush_some(1, 1);
    assert_eq!(world.role(1), RoleName::Candidate, "the promise of epoch 3 is not durable, so epoch 3 has no leader");
    world.flush(1);
    assert_eq!(world.role(1), RoleName::Leader);
}

#[test]
fn a_candidacy_that_ends_is_told_to_watchers() {
    let mut world = World::solo(4);
    founded(&mut world);
    world.start(1);
    world.let_stand(1);
    world.drop_messages(&Pick::default());
    // The push of another leader does not continue this log: there is no more to tell than that the candidacy is over.
    let prev = logs::log(&[1, 1, 1], &world.founding())[2].point();
    let push = Push { prev: Some(prev), entries: Vec::new(), resync: 0, replaces: false, round: 0 };
    world.say(2, 1, Some(1), Message::Push(push));
    let told = world.facts().any(|(_, fact)| matches!(fact, Fact::SteppedDown { why, .. } if why == "leader-found"));
    assert!(told);
    assert_eq!(world.host(1).view.role, world.host(1).snapshot().role);
}

#[test]
fn a_read_whose_round_answers_were_lost_is_answered_after_the_next_heartbeat() {
    let mut world = World::led(4);
    let read = world.read(1);
    world.deliver(&Pick::kind("heartbeat"));
    assert_eq!(world.drop_messages(&Pick::kind("round-answer")), 3);
    world.settle();
    assert_eq!(world.answer(read), None);
    world.elapse_millis(300);
    assert_eq!(world.answer(read), Some(&Answer::Readable));
}

#[test]
fn a_replica_of_a_fresh_cluster_waits_no_longer_for_its_leader_than_any_other() {
    let mut world = World::led(4);
    world.elapse_millis(500);
    let most = world.now.plus_micros(2 * world.host(2).config.election_timeout_micros);
    for id in 2..=4 {
        assert!(world.host(id).deadline() <= Some(most), "n{id} waits until {:?}", world.host(id).deadline());
    }
}

#[test]
fn a_push_of_entries_that_were_read_from_the_disk_keeps_its_bound_too() {
    let mut options = Options::voters(4);
    (options.limits.window_entries, options.limits.push_entries) = (1, 2);
    let mut world = World::new(&options);
    world.start_all();
    world.stand(1);
    world.settle();
    world.crash(4);
    for number in 0..10 {
        world.put(1, &format!("x={number}"));
        world.settle();
    }
    world.restart(4);
    world.elapse_millis(1_000);
    assert_eq!(world.value(4, "x"), Some("9".to_owned()));
    let most = world.facts().filter_map(|(_, fact)| match fact {
        Fact::Pushed { count, .. } => Some(*count),
        _ => None,
    });
    assert_eq!(most.max(), Some(2));
}
