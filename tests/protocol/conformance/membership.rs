//! `membership.toml`: two leaders that each append a different list to the same old one, and the rule that prevents it.

use std::collections::BTreeSet;

use serde::Deserialize;

use epoca::protocol::trace::RoleName;
use epoca::protocol::{Answer, MemberChange, MemberKind, NodeId, Refusal};

use crate::conformance::{Cases, table};
use crate::world::World;

#[derive(Deserialize, Debug)]
struct Case {
    name: String,
    first: Vec<u64>,
    first_on: Vec<u64>,
    first_quorum: Vec<u64>,
    second: Vec<u64>,
    second_on: Vec<u64>,
    second_quorum: Vec<u64>,
}

const FOUNDERS: [u64; 4] = [1, 2, 3, 4];

/// The one change that turns the founders, with learners beside them, into these voters.
fn change_to(voters: &[u64]) -> MemberChange {
    let new = voters.iter().find(|id| !FOUNDERS.contains(id)).map(|id| MemberChange::Promote(NodeId(*id)));
    let gone = FOUNDERS.iter().find(|id| !voters.contains(id)).map(|id| MemberChange::Remove(NodeId(*id)));
    new.or(gone).expect("the lists differ")
}

/// Only these nodes reach each other.
fn only(world: &mut World, together: &[u64]) {
    world.network.heal_all();
    for a in world.ids() {
        for b in world.ids() {
            if a < b && !(together.contains(&a) && together.contains(&b)) {
                world.network.cut(NodeId(a), NodeId(b));
            }
        }
    }
}

fn refused(world: &mut World, at: u64, change: MemberChange) -> bool {
    let request = world.change(at, change);
    world.answer(request) == Some(&Answer::Refused(Refusal::NotSettled))
}

/// The longest election timeout, during which no node hears another.
fn silence(world: &mut World) {
    world.now = world.now.plus_micros(2_500_000);
}

fn check(case: &Case) {
    let mut world = World::started(4);
    let new: BTreeSet<u64> = case.first.iter().chain(&case.second).copied().filter(|id| *id > 4).collect();
    world.elect(1);
    assert!(refused(&mut world, 1, change_to(&case.first)), "{}: nothing of epoch 1 is committed", case.name);
    world.settle();
    for id in new {
        world.newcomer(id);
        let learner = world.member(id, MemberKind::Learner);
        world.change(1, MemberChange::Add(learner));
        world.elapse_millis(500);
    }

    only(&mut world, &case.first_on);
    let first = world.change(1, change_to(&case.first));
    world.settle();
    assert_eq!((world.voters(1), world.answer(first)), (case.first.clone(), None), "{}: it counts at n1", case.name);

    silence(&mut world);
    only(&mut world, &[2, 3, 4]);
    world.elect(2);
    only(&mut world, &case.second_on);
    world.settle();
    assert!(refused(&mut world, 2, change_to(&case.second)), "{}: its opening is on two of four", case.name);
    only(&mut world, &[2, 3, 4]);
    // So short that the learner counts as heard.
    world.elapse_millis(200);
    only(&mut world, &case.second_quorum);
    let second = world.change(2, change_to(&case.second));
    world.settle();
    assert_eq!(world.voters(2), case.second, "{}: {:?}", case.name, world.answer(second));

    silence(&mut world);
    only(&mut world, &case.first_quorum);
    world.elapse_millis(10_000);
    assert_ne!(world.role(1), RoleName::Leader, "{}: n4 has the opening of epoch 2", case.name);
}

#[test]
fn trap_30_no_two_leaders_append_lists_without_a_common_voter() {
    let cases: Cases<Case> = table(include_str!("membership.toml"));
    assert_eq!(cases.case.len(), 3);
    cases.case.iter().for_each(check);
}
