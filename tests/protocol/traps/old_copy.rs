//! A data folder replaced by an older copy of itself: the node has the same incarnation but lacks acked entries and
//! promises. A leader that remembers its acks detects it.

use epoca::protocol::{Limits, NodeId, RequestId};
use epoca::verify::host::Disk;

use crate::world::{Options, World};

/// The message of a node that detects that its folder is an older copy.
const FOUND: &str = "an older copy";

/// A copy of the node's folder as it is on disk now.
fn copy(world: &World, id: u64) -> Disk {
    let disk = &world.host(id).disk;
    disk.with_log(disk.durable().clone())
}

/// Kills the node and starts it on the copy.
fn put_back(world: &mut World, id: u64, copy: Disk) {
    if world.host(id).is_up() {
        world.kill(id);
    }
    world.host_mut(id).disk = copy;
    world.restart(id);
}

fn found(world: &World, id: u64) -> bool {
    world.node(id).fatal.as_ref().is_some_and(|why| why.contains(FOUND))
}

fn write(world: &mut World, at: u64, keys: std::ops::Range<u64>) -> Vec<RequestId> {
    let writes: Vec<_> = keys.map(|key| world.put(at, &format!("k{key}={key}"))).collect();
    world.settle();
    writes
}

fn part(world: &mut World, one: &[u64], others: &[u64]) {
    for (here, there) in one.iter().flat_map(|here| others.iter().map(move |there| (*here, *there))) {
        world.network.cut(NodeId(here), NodeId(there));
    }
}

#[test]
fn an_older_copy_of_a_folder_is_found_by_what_the_leader_remembers() {
    let mut world = World::led(3);
    write(&mut world, 1, 0..5);
    world.elapse_millis(300);
    let old = copy(&world, 3);
    let writes = write(&mut world, 1, 5..10);
    assert!(writes.iter().all(|write| world.is_written(*write)));
    put_back(&mut world, 3, old);
    world.elapse_millis(300);
    assert!(found(&world, 3), "{:?}", world.node(3).fatal);
    let why = world.node(3).fatal.clone().expect("it has stopped");
    assert!(why.contains("n1") && why.contains("e1·o10") && why.contains("e1·o5"), "{why}");
}

/// n2 is down, so the copy costs the cluster its majority; the leader waits as a replica until the copy votes for it.
#[test]
fn a_leader_that_leads_again_remembers_what_was_acked_before() {
    let mut world = World::led(3);
    write(&mut world, 1, 0..5);
    world.elapse_millis(300);
    let old = copy(&world, 3);
    world.kill(2);
    let writes = write(&mut world, 1, 5..10);
    assert!(writes.iter().all(|write| world.is_written(*write)), "n1 and n3 are two of three");
    world.kill(3);
    world.elapse_until(10, "n1 leads no more", |world| world.leader().is_none());
    put_back(&mut world, 3, old);
    world.elapse_until(30, "n3 has found out", |world| found(world, 3));
    // With n2 a majority has the data of n1 again: nothing is lost.
    world.restart(2);
    world.elapse_until(30, "a node leads", |world| world.leader().is_some());
    world.elapse_millis(500);
    assert!((0..10).all(|key| world.value(2, &format!("k{key}")) == Some(key.to_string())));
}

/// The copy acks, confirms and applies nothing before it is detected.
#[test]
fn an_older_copy_acks_nothing_before_it_is_found_out() {
    let mut world = World::led(3);
    world.elapse_millis(300);
    let old = copy(&world, 3);
    write(&mut world, 1, 0..5);
    world.kill(2);
    put_back(&mut world, 3, old);
    let write = world.put(1, "x=1");
    world.elapse_until(10, "n3 has found out", |world| found(world, 3));
    assert!(!world.is_written(write), "n1 alone is no majority");
}

#[test]
fn what_a_later_leader_cut_off_was_not_lost() {
    let mut world = World::led(5);
    part(&mut world, &[1, 2], &[3, 4, 5]);
    let writes = write(&mut world, 1, 0..3);
    assert!(!writes.iter().any(|write| world.is_written(*write)), "n2 has acked it, and two of five are no majority");
    world.now = world.now.plus_micros(2_500_000);
    world.elect(3);
    write(&mut world, 3, 10..12);
    world.network.heal_all();
    world.elapse_millis(1_000);
    // n1 leads again, and n2 lacks what it acked to n1 before.
    world.now = world.now.plus_micros(2_500_000);
    world.elect(1);
    world.elapse_millis(1_000);
    world.kill(2);
    world.restart(2);
    world.elapse_millis(1_000);
    for id in world.ids() {
        assert_eq!(world.node(id).fatal, None, "n{id}");
    }
    assert_eq!(world.value(2, "k11"), Some("11".to_owned()));
}

#[test]
fn a_node_that_has_what_it_acked_in_a_snapshot_alone_lacks_nothing() {
    let limits = Limits { snapshot_entries: 10, snapshot_margin: 0, ..Limits::default() };
    let mut world = World::new(&Options { limits, ..Options::voters(3) });
    world.start_all();
    world.stand(1);
    write(&mut world, 1, 0..5);
    part(&mut world, &[3], &[1, 2]);
    write(&mut world, 1, 5..40);
    world.elapse_millis(300);
    world.network.heal_all();
    world.elapse_until(30, "n3 has the snapshot", |world| world.value(3, "k39").is_some());
    write(&mut world, 1, 40..70);
    world.elapse_millis(300);
    for id in [2, 3] {
        world.kill(id);
        world.restart(id);
        world.elapse_millis(300);
        assert_eq!(world.node(id).fatal, None, "n{id}");
    }
}
