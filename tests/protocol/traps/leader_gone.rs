//! Failover by evidence: the host reports that a peer's process has ended. Correct evidence shortens an election; false
//! evidence does not disturb a leader that a quorum follows.

use epoca::protocol::trace::{Fact, RoleName};
use epoca::protocol::{Answer, Epoch, Input, Leadership, Message, NodeId, PreVoteAsked};

use crate::world::{Options, Pick, World};

/// The default election timeout of these worlds, in milliseconds.
const ELECTION_TIMEOUT: u64 = 1_000;

fn gone(world: &mut World, at: u64, peer: u64) {
    world.step(at, Input::PeerGone(NodeId(peer)));
}

fn is_refused(world: &World, by: u64, wanted: &str) -> bool {
    world.facts().any(|(node, fact)| node == by && matches!(fact, Fact::VoteRefused { why, .. } if why == wanted))
}

/// n1 leads four voters that have just heard from it.
fn led() -> World {
    let mut world = World::led(4);
    world.put(1, "x=1");
    world.settle();
    world
}

#[test]
fn trap_51_a_killed_leader_is_replaced_within_a_tenth_of_the_election_timeout() {
    let mut world = led();
    world.kill(1);
    let began = world.now;
    (2..=4).for_each(|node| gone(&mut world, node, 1));
    world.elapse_until(8, "another leads", |world| world.leader().is_some_and(|leader| leader != 1));
    let took = world.now.0 - began.0;
    assert!(took < ELECTION_TIMEOUT * 1_000 / 10, "{took} µs");
}

#[test]
fn trap_51_evidence_that_one_replica_has_alone_does_not_disturb_a_live_leader() {
    let mut world = led();
    // n2 believes that n1 is gone; n3 and n4 hear n1 throughout.
    gone(&mut world, 2, 1);
    world.network.cut(NodeId(1), NodeId(2));
    for _ in 0..50 {
        world.elapse_millis(100);
        gone(&mut world, 2, 1);
    }
    assert!(is_refused(&world, 3, "leader-alive") && is_refused(&world, 4, "leader-alive"));
    assert_eq!((world.leader(), world.core(1).epoch().map(|epoch| epoch.0)), (Some(1), Some(1)));
    world.network.heal_all();
    world.settle();
    world.elapse_millis(2 * ELECTION_TIMEOUT);
    assert_eq!(world.leader(), Some(1), "n2 follows n1 again");
}

#[test]
fn trap_51_a_message_of_the_leader_refutes_the_evidence() {
    let mut world = led();
    gone(&mut world, 2, 1);
    world.tick(1);
    world.deliver(&Pick::kind("heartbeat").to(2));
    world.network.cut(NodeId(1), NodeId(2));
    world.elapse_millis(ELECTION_TIMEOUT / 2);
    assert_eq!(world.role(2), RoleName::Replica, "it waits for the election timeout again");
    let last = world.core(3).last().map(|point| point.id);
    world.send_as(3, 2, None, Message::PreVoteAsked(PreVoteAsked { epoch: Epoch(2), last }));
    assert!(is_refused(&world, 2, "leader-alive"), "n2 follows n1");
}

#[test]
fn trap_51_evidence_is_ignored_while_a_lease_may_be_in_force() {
    let leadership = Leadership { lease_micros: 900_000, ..Leadership::default() };
    let mut world = World::new(&Options { leadership, ..Options::voters(3) });
    world.start_all();
    world.stand(1);
    world.settle();
    // Long enough that no node still refuses votes because of its start.
    world.elapse_millis(2 * ELECTION_TIMEOUT);
    // The links of n1 reset connections, and it still leads: it answers reads on the promises of n2 and n3.
    let frozen = world.nodes.remove(&NodeId(1)).expect("n1");
    [2, 3].into_iter().for_each(|node| gone(&mut world, node, 1));
    world.elapse_millis(ELECTION_TIMEOUT / 2);
    assert_eq!(world.leader(), None, "n2 and n3 keep their promise");
    world.nodes.insert(NodeId(1), frozen);
    let read = world.lease_read(1);
    assert_eq!(world.answer(read), Some(&Answer::Readable), "the lease holds");
}

#[test]
fn trap_51_only_the_own_leader_counts() {
    let mut world = led();
    gone(&mut world, 2, 3);
    gone(&mut world, 1, 2);
    assert!(!world.facts().any(|(_, fact)| matches!(fact, Fact::LeaderGone { .. })));
    assert_eq!(world.leader(), Some(1));
}

#[test]
fn trap_51_hurried_attempts_end_and_the_election_timeout_returns() {
    let mut world = led();
    world.kill(1);
    world.kill(3);
    world.kill(4);
    gone(&mut world, 2, 1);
    let asked = |world: &World| world.facts().filter(|(_, fact)| matches!(fact, Fact::PreVoteAsked { .. })).count();
    world.elapse_millis(ELECTION_TIMEOUT / 2);
    let hurried = asked(&world);
    assert!((2..=4).contains(&hurried), "{hurried} attempts");
    world.elapse_millis(2 * ELECTION_TIMEOUT);
    let later = asked(&world) - hurried;
    assert!(later <= 3, "{later} more attempts: without a quorum a node waits its whole timeout");
}
