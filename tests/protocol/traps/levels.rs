//! Feature levels: nodes of two adjacent versions in one cluster. An older node is one that supports fewer levels.

use bytes::Bytes;

use epoca::protocol::{
    Answer, Change, Command, FeatureLevel, Kind, MemberChange, MemberKind, NodeId, Refusal, Rejection, RequestId,
};

use crate::world::{Options, What, World};

const OLD: FeatureLevel = FeatureLevel::FIRST;
const NEW: FeatureLevel = FeatureLevel::NEWEST;

/// Three voters, n3 of the older version; n1 leads.
fn mixed() -> World {
    let mut world = World::new(&Options::voters(3));
    world.install(3, OLD);
    world.start_all();
    world.stand(1);
    world.settle();
    assert_eq!(world.leader(), Some(1));
    world
}

/// The node's process ends, and another version starts on its disk.
fn replace(world: &mut World, id: u64, level: FeatureLevel) {
    world.kill(id);
    world.install(id, level);
    world.restart(id);
}

/// A write that only the newer version supports.
fn batch(world: &mut World, at: u64) -> RequestId {
    let put = |key: &'static str| Change::Put { key: Bytes::from_static(key.as_bytes()), value: Bytes::new() };
    let change = Change::Batch(vec![put("b1"), put("b2")]);
    world.write(at, Command { session: 1, sequence: 0, once: None, change }.encode())
}

fn is_refused_by_level(world: &World, request: RequestId) -> bool {
    matches!(world.answer(request), Some(Answer::Refused(Refusal::FeatureLevel)))
}

fn levels(world: &World) -> Vec<FeatureLevel> {
    world.ids().into_iter().map(|id| world.host(id).core().level()).collect()
}

/// The levels of all member lists in a node's log.
fn listed(world: &World, id: u64) -> Vec<FeatureLevel> {
    let entries = world.host(id).disk.written().entries.iter();
    entries
        .filter(|entry| entry.kind == Kind::Members)
        .map(|entry| FeatureLevel::needed_by(entry.kind, &entry.body))
        .collect()
}

#[test]
fn founders_of_one_version_found_a_cluster_at_its_level_without_a_further_entry() {
    let mut world = World::led(3);
    world.elapse_millis(2_000);
    assert_eq!((levels(&world), listed(&world, 1)), (vec![NEW; 3], vec![]));
    let batch = batch(&mut world, 1);
    world.settle();
    assert!(world.is_written(batch));
}

#[test]
fn a_cluster_of_mixed_nodes_works_and_its_leader_refuses_what_the_older_version_does_not_know() {
    let mut world = mixed();
    assert_eq!(levels(&world), [OLD; 3]);
    for leader in [1, 3, 2] {
        world.elect(leader);
        let (put, batch) = (world.put(leader, "x=1"), batch(&mut world, leader));
        world.elapse_millis(1_000);
        assert!(world.is_written(put), "under n{leader}: {:?}", world.answer(put));
        assert!(is_refused_by_level(&world, batch), "under n{leader}: {:?}", world.answer(batch));
        assert_eq!((levels(&world), listed(&world, 3)), (vec![OLD; 3], vec![]));
    }
}

#[test]
fn the_level_rises_by_one_committed_list_once_every_member_supports_it() {
    let mut world = mixed();
    world.elapse_millis(1_000);
    replace(&mut world, 3, NEW);
    world.elapse_millis(1_000);
    assert_eq!((levels(&world), listed(&world, 3)), (vec![NEW; 3], vec![NEW]));
    let batch = batch(&mut world, 1);
    world.elapse_millis(1_000);
    assert!(world.is_written(batch), "{:?}", world.answer(batch));
    assert_eq!(world.value(3, "b2"), Some(String::new()));
    assert_eq!(listed(&world, 1), [NEW], "it rises once");
}

#[test]
fn a_silent_member_or_an_old_learner_keeps_the_level_low() {
    let mut world = mixed();
    world.kill(3);
    world.install(3, NEW);
    world.elapse_millis(3_000);
    assert_eq!(listed(&world, 1), [], "n3 is down: its supported levels are unknown");
    world.newcomer(4);
    world.kill(4);
    world.install(4, OLD);
    world.restart(4);
    let learner = world.member(4, MemberKind::Learner);
    world.change(1, MemberChange::Add(learner));
    world.restart(3);
    world.elapse_millis(2_000);
    assert_eq!((world.learners(1), listed(&world, 1)), (vec![4], vec![OLD]), "the learner supports less");
    replace(&mut world, 4, NEW);
    world.elapse_millis(2_000);
    assert_eq!((levels(&world), listed(&world, 4)), (vec![NEW; 4], vec![OLD, NEW]));
}

#[test]
fn the_new_level_counts_only_once_its_list_is_committed() {
    let mut world = mixed();
    world.elapse_millis(1_000);
    // n1 learns that n3 supports the level; after that no node hears n1.
    replace(&mut world, 3, NEW);
    world.tick(1);
    world.settle();
    for other in [2, 3] {
        world.network.cut(NodeId(1), NodeId(other));
    }
    world.tick(1);
    assert_eq!(listed(&world, 1), [NEW], "n1 has made the list");
    let early = batch(&mut world, 1);
    assert!(is_refused_by_level(&world, early), "{:?}", world.answer(early));
    assert_eq!(world.host(1).core().level(), OLD);
    world.elapse_until(20, "another node leads", |world| world.leader().is_some_and(|leader| leader != 1));
    world.network.heal_all();
    world.elapse_millis(3_000);
    assert_eq!(levels(&world), [NEW; 3]);
    assert_eq!(listed(&world, 1).len(), 1, "the first list was truncated");
}

#[test]
fn a_node_below_the_level_in_force_is_rejected_and_stops_by_name_at_the_first_entry_that_needs_more() {
    let mut world = mixed();
    world.elapse_millis(1_000);
    replace(&mut world, 3, NEW);
    world.tick(1);
    world.settle();
    // The list that raises the level does not reach n3, which is downgraded again.
    world.network.cut(NodeId(1), NodeId(3));
    world.network.cut(NodeId(2), NodeId(3));
    world.elapse_millis(500);
    assert_eq!((levels(&world)[..2].to_vec(), listed(&world, 3)), (vec![NEW; 2], vec![]));
    replace(&mut world, 3, OLD);
    world.take_events();
    world.network.heal_all();
    // It starts an election before it hears the leader, and gets no answers.
    world.tick(3);
    world.settle();
    let rejected = |what: &What| matches!(what, What::Rejected(NodeId(3), Rejection::LevelTooLow));
    let events = world.take_events();
    assert!(events.iter().any(|event| rejected(&event.what)), "{events:?}");
    world.elapse_until(10, "n3 stops", |world| !world.host(3).is_up());
    let why = world.node(3).fatal.clone().expect("a reason is reported");
    assert!(why.contains("needs feature level 2") && why.contains("n3 supports up to 1: use a newer epoca"), "{why}");
    assert_eq!(listed(&world, 3), [], "it has not taken the entry");
    // The others continue, and the level stays.
    world.elapse_until(10, "one of the others leads", |world| world.leader().is_some_and(|leader| leader != 3));
    let leader = world.leader().expect("a node leads");
    let batch = batch(&mut world, leader);
    world.elapse_millis(1_000);
    assert!(world.is_written(batch), "{:?}", world.answer(batch));
    assert_eq!(levels(&world_without(world, 3)), [NEW; 2]);
}

fn world_without(mut world: World, id: u64) -> World {
    world.nodes.remove(&NodeId(id));
    world
}
