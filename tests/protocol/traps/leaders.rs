//! Transfers, priorities, leases.

use epoca::protocol::trace::Fact;
use epoca::protocol::{
    Answer, Epoch, Leadership, MemberChange, MemberKind, Message, NodeId, Prefer, Refusal, VoteAsked,
};

use crate::world::{Options, Pick, World};

fn led_by(leadership: Leadership, voters: u64) -> World {
    let mut world = World::new(&Options { leadership, ..Options::voters(voters) });
    world.start_all();
    world.stand(1);
    world.settle();
    world
}

fn leased() -> World {
    led_by(Leadership { lease_micros: 900_000, ..Leadership::default() }, 3)
}

fn is_answered_alone(world: &mut World) -> bool {
    let read = world.lease_read(1);
    world.answer(read) == Some(&Answer::Readable)
}

#[test]
fn trap_19_the_only_caught_up_voter_leads_though_it_is_the_least_preferred() {
    let mut world = led_by(Leadership { prefer: Prefer::Lowest, ..Leadership::default() }, 3);
    world.network.cut(NodeId(2), NodeId(1));
    world.network.cut(NodeId(2), NodeId(3));
    world.put(1, "x=1");
    world.settle();
    world.kill(1);
    world.network.heal_all();
    // n2 is preferred but lacks x. Twice the timeout, twice the delay of the preference, and one more attempt.
    world.elapse_until(8, "n3 leads", |world| world.leader() == Some(3));
}

#[test]
fn trap_28_a_lease_that_ran_out_while_the_leader_was_frozen_answers_nothing() {
    let mut world = leased();
    world.elapse_millis(300);
    assert!(is_answered_alone(&mut world), "the lease holds");
    // n1 is frozen: time passes for the others, which elect another leader that confirms a write.
    let frozen = world.nodes.remove(&NodeId(1)).expect("n1");
    world.elapse_until(5, "another leads", |world| world.leader().is_some());
    let leader = world.leader().expect("a leader");
    let write = world.put(leader, "x=2");
    world.settle();
    assert!(world.is_written(write));
    world.nodes.insert(NodeId(1), frozen);
    assert!(!is_answered_alone(&mut world), "x=2 was confirmed, and n1 has not got it");
}

#[test]
fn trap_28_the_lease_counts_from_when_the_round_was_sent() {
    let mut world = leased();
    world.elapse_millis(100);
    world.drop_messages(&Pick::default());
    // The answers to this round arrive 600 ms late and leave 300 ms of the 900 ms lease.
    world.tick(1);
    world.deliver(&Pick::kind("heartbeat"));
    let sent = world.now;
    world.now = sent.plus_micros(600_000);
    world.deliver(&Pick::kind("round-answer"));
    assert!(is_answered_alone(&mut world));
    world.now = sent.plus_micros(899_999);
    assert!(is_answered_alone(&mut world));
    world.now = sent.plus_micros(900_000);
    assert!(!is_answered_alone(&mut world));
}

#[test]
fn trap_28_a_restarted_voter_waits_until_its_old_promise_has_expired() {
    let mut world = leased();
    world.elapse_millis(300);
    world.crash(2);
    world.restart(2);
    let last = world.core(3).last().map(|point| point.id);
    world.send_as(3, 2, Some(1), Message::VoteAsked(VoteAsked { epoch: Epoch(2), last, transfer: false }));
    let refused = world.facts().any(|(node, fact)| {
        node == 2 && matches!(fact, Fact::VoteRefused { why, kind, .. } if why == "just-started" && kind == "vote")
    });
    assert!(refused, "n2 had promised n1 its patience before it was restarted");
}

#[test]
fn trap_46_writes_wait_during_a_transfer_and_a_target_without_the_last_entry_is_not_asked_to_lead() {
    let mut world = World::led(4);
    world.put(1, "x=1");
    world.settle();
    world.put(1, "y=2");
    world.drop_messages(&Pick::kind("push").to(3));
    let asked = world.transfer(1, Some(3));
    let late = world.put(1, "z=3");
    world.settle();
    assert_eq!(world.answer(late), None, "the write waits");
    assert!(!world.facts().any(|(_, fact)| matches!(fact, Fact::TransferSent { .. })), "n3 lacks y");
    world.elapse_millis(300);
    assert_eq!(world.leader(), Some(3));
    assert_eq!(world.answer(asked), Some(&Answer::Done));
    assert_eq!(world.answer(late), Some(&Answer::Forward(NodeId(3))), "definitely not done here");
}

#[test]
fn trap_46_a_transfer_that_fails_refuses_no_write() {
    let mut world = World::led(4);
    world.kill(3);
    let asked = world.transfer(1, Some(3));
    let write = world.put(1, "x=1");
    world.elapse_millis(1_500);
    assert_eq!(world.answer(asked), Some(&Answer::Refused(Refusal::TransferFailed)));
    assert!(world.is_written(write));
}

#[test]
fn trap_49_a_leader_does_not_refresh_its_lease_from_itself() {
    let mut world = leased();
    world.elapse_millis(300);
    world.network.cut(NodeId(1), NodeId(2));
    world.network.cut(NodeId(1), NodeId(3));
    // It still sends rounds, and gets no answers.
    world.elapse_millis(950);
    assert!(!is_answered_alone(&mut world));
}

#[test]
fn trap_49_a_leader_that_has_asked_another_to_lead_has_no_lease() {
    let mut world = leased();
    world.elapse_millis(300);
    world.transfer(1, Some(2));
    assert!(!is_answered_alone(&mut world), "n2 may lead at any moment");
}

#[test]
fn leadership_is_not_handed_to_a_learner_and_the_refusal_says_that_it_is_one() {
    let mut world = World::led(3);
    world.newcomer(4);
    let learner = world.member(4, MemberKind::Learner);
    world.change(1, MemberChange::Add(learner));
    world.elapse_millis(1_000);
    assert_eq!(world.learners(4), [4]);
    // Asks the leader, then the learner itself, then the learner while no node leads.
    let asked = [world.transfer(1, Some(4)), world.transfer(4, Some(4))];
    (1..=3).for_each(|id| world.kill(id));
    world.elapse_millis(3_000);
    let alone = world.transfer(4, Some(4));
    for request in asked.into_iter().chain([alone]) {
        assert_eq!(world.answer(request), Some(&Answer::Refused(Refusal::Learner)));
    }
    assert_eq!(world.messages_from(4, "pre-vote").count(), 0);
}

#[test]
fn leadership_is_not_handed_to_a_node_that_is_no_member() {
    let mut world = World::led(3);
    let asked = world.transfer(1, Some(9));
    assert_eq!(world.answer(asked), Some(&Answer::Refused(Refusal::NoMember)));
}
