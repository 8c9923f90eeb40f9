//! Traps 20–23: what counts towards a commit, and what a commit order makes final.

use epoca::protocol::{Ack, CommitOrder, EntryId, Epoch, LogPoint, Message, Position};

use crate::traps::{push, remember, voter};
use crate::world::{World, logs};

fn committed(world: &World) -> Option<EntryId> {
    world.snapshot(1).committed.map(|point| point.id)
}

/// n1 leads epoch 3 among scripted voters; its own copy is durable.
fn leader(voters: u64, epochs: &[u64]) -> World {
    let mut world = World::solo(voters);
    remember(&mut world, 1, epochs, 2);
    world.start(1);
    world.elect_by_script(1);
    world.free_disk(1);
    world
}

fn point(world: &World, position: u64) -> Option<LogPoint> {
    world.host(1).disk.durable().at(Position(position)).map(epoca::protocol::Entry::point)
}

#[test]
fn trap_20_an_entry_of_an_older_epoch_is_committed_only_with_one_of_the_leaders_own() {
    let mut world = leader(5, &[1, 2, 2]);
    for voter in 2..=5 {
        let older = point(&world, 3);
        world.ack_by_script(voter, 1, older);
    }
    assert_eq!(committed(&world), None, "five copies of e2·o1 are not enough");
    for voter in [2, 3] {
        let opening = point(&world, 4);
        world.ack_by_script(voter, 1, opening);
    }
    assert_eq!(committed(&world), Some(EntryId::new(3, 0)), "with the opening of epoch 3 all before it is committed");
}

#[test]
fn trap_21_an_ack_of_an_older_epoch_counts_for_nothing() {
    let mut world = leader(3, &[1, 2]);
    let opening = point(&world, 3);
    world.send_as(2, 1, Some(2), Message::Ack(Ack { up_to: opening, finalized: None, answers: 1 }));
    assert_eq!(committed(&world), None);
    world.ack_by_script(2, 1, opening);
    assert_eq!(committed(&world), Some(EntryId::new(3, 0)));
}

#[test]
fn trap_21_an_ack_of_another_content_counts_for_nothing() {
    let mut world = leader(3, &[1, 2]);
    let mut other = point(&world, 3).expect("the opening");
    other.digest.0[0] ^= 1;
    world.ack_by_script(2, 1, Some(other));
    assert_eq!(committed(&world), None, "the id is right, the digest is not");
}

#[test]
fn trap_22_with_four_nodes_copies_up_to_2_1_1_2_commit_1() {
    let mut world = World::solo(4);
    world.start(1);
    world.elect_by_script(1);
    world.free_disk(1);
    world.put(1, "x=1");
    for (voter, position) in [(2, 1), (3, 1), (4, 2)] {
        let up_to = point(&world, position);
        world.ack_by_script(voter, 1, up_to);
    }
    assert_eq!(committed(&world), Some(EntryId::new(1, 0)), "two of four are no quorum");
}

#[test]
fn trap_23_an_order_for_another_entry_than_the_one_that_is_here_waits_for_the_right_one() {
    let founding = World::solo(4).founding();
    let truth = logs::log(&[1, 1, 1], &founding);
    let mut world = World::solo(4);
    remember(&mut world, 1, &[1, 1], 1);
    let mut image = world.host(1).disk.durable().clone();
    logs::extend(&mut image.entries, &[1], logs::Content::Other, &founding);
    world.host_mut(1).disk.set_log(image);
    world.start(1);

    // The leader has confirmed the first two entries here, and its order covers the third, which differs.
    world.send_as(2, 1, Some(1), Message::Push(push(&truth[..2], 1)));
    world.send_as(2, 1, Some(1), Message::CommitOrder(CommitOrder { up_to: truth[2].point() }));
    assert_eq!(committed(&world), Some(EntryId::new(1, 1)), "obeyed as far as it is confirmed");
    assert_eq!(world.value(1, "k1"), Some("1".to_owned()), "the other e1·o2 is not readable");

    let mut resync = push(&truth, 2);
    (resync.replaces, resync.resync) = (true, 1);
    world.send_as(2, 1, Some(1), Message::Push(resync));
    assert_eq!(committed(&world), Some(EntryId::new(1, 2)), "the right entry is there, the order is obeyed");
    assert_eq!(world.value(1, "k1"), Some("2".to_owned()));
}

#[test]
fn trap_23_an_order_is_forgotten_at_a_new_epoch() {
    let mut world = voter(&[1], 1);
    let truth = logs::log(&[1, 1], &world.founding());
    world.send_as(2, 1, Some(1), Message::CommitOrder(CommitOrder { up_to: truth[1].point() }));
    assert_eq!(committed(&world), None, "nothing is confirmed yet");
    // Another leader confirms the same entry; only its own commit order counts.
    world.send_as(3, 1, Some(2), Message::Push(push(&truth, 1)));
    assert_eq!(world.snapshot(1).epoch, Some(Epoch(2)));
    assert_eq!(committed(&world), None, "the order of epoch 1 is gone");
    world.send_as(3, 1, Some(2), Message::CommitOrder(CommitOrder { up_to: truth[1].point() }));
    assert_eq!(committed(&world), Some(EntryId::new(1, 1)));
}
