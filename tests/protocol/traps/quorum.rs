//! Quorum reads on whole logs: what a majority has is never missed.

use epoca::protocol::{Probe, QuorumRead, replicas_least};

use crate::world::{Pick, World};

fn probes(world: &World, ids: &[u64]) -> Vec<Probe> {
    ids.iter().map(|id| world.core(*id).probe().expect("a voter")).collect()
}

#[test]
fn a_quorum_read_waits_for_a_confirmed_write_that_is_final_nowhere_else() {
    let mut world = World::led(4);
    let write = world.put(1, "x=1");
    world.deliver(&Pick::kind("push"));
    world.deliver(&Pick::kind("ack"));
    assert!(world.is_written(write), "confirmed, and no commit order has arrived");
    let mut read = QuorumRead::default();
    assert_eq!(read.judge(&probes(&world, &[2, 3])), None, "both have accepted it, neither has applied it");
    assert_eq!(read.judge(&probes(&world, &[3, 1])), Some(1), "the leader has");
    world.settle();
    assert_eq!(QuorumRead::default().judge(&probes(&world, &[2, 3])), Some(0));
}

#[test]
fn any_choice_of_voters_meets_one_that_has_the_confirmed_write() {
    let mut world = World::led(4);
    world.kill(4);
    let write = world.put(1, "x=1");
    world.settle();
    assert!(world.is_written(write));
    world.network.cut(epoca::protocol::NodeId(1), epoca::protocol::NodeId(4));
    world.restart(4);
    let accepted = probes(&world, &[1])[0].accepted;
    let lagging = probes(&world, &[4])[0];
    assert!(lagging.accepted < accepted, "n4 has missed it");
    assert_eq!(replicas_least(4), 2, "so n4 alone is never enough, and any other beside it has it");
    for other in [1, 2, 3] {
        let chosen = [lagging, probes(&world, &[other])[0]];
        assert_eq!(QuorumRead::default().judge(&chosen), Some(1), "n{other}");
    }
}

#[test]
fn a_node_with_an_emptied_folder_answers_as_no_member() {
    let mut world = World::led(3);
    world.kill(3);
    world.wipe(3);
    world.restart(3);
    assert_eq!(world.core(3).probe(), None);
}
