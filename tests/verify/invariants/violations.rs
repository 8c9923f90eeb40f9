//! For each invariant the shortest history that violates it: the check detects it.

use epoca::protocol::trace::{Event, Fact, MemberIds, NodeState, Preview, RoleName};
use epoca::protocol::{Digest, EntryId, Epoch, Kind, LogPoint, NodeId, Position, Time};
use epoca::verify::invariants::{Causal, Violation, Watch};

/// Three nodes, watched from their start.
struct Cluster {
    watch: Watch,
    numbers: [u64; 4],
}

impl Cluster {
    fn new() -> Cluster {
        let mut cluster = Cluster { watch: Watch::new(), numbers: [0; 4] };
        for node in 1..=3 {
            assert_eq!(cluster.watch.restarted(&NodeState::new(NodeId(node))), None);
        }
        cluster
    }

    fn event(&mut self, node: u64, fact: Fact) -> Option<Violation> {
        self.numbers[node as usize] += 1;
        let event = Event { node: NodeId(node), number: self.numbers[node as usize], time: Time(0), fact };
        self.watch.event(&event)
    }

    /// Facts that break no invariant.
    fn accepts(&mut self, node: u64, facts: impl IntoIterator<Item = Fact>) -> &mut Cluster {
        for fact in facts {
            let found = self.event(node, fact.clone());
            assert_eq!(found, None, "{fact}");
        }
        self
    }

    fn breaks(&mut self, node: u64, fact: Fact, invariant: &str) {
        let found = self.event(node, fact).map(|violation| violation.invariant);
        assert_eq!(found, Some(invariant));
    }

    /// Node 1 leads epoch 1; the entries at positions 1 and 2 are on all three.
    fn led() -> Cluster {
        let mut cluster = Cluster::new();
        cluster.accepts(1, [elected(1), proposed([entry(1, 0, 1), entry(1, 1, 2)])]);
        for node in [2, 3] {
            cluster.accepts(node, [consistent(1, 1, [entry(1, 0, 1), entry(1, 1, 2)])]);
        }
        cluster
    }

    /// Like [`Cluster::led`], with both entries committed.
    fn committed() -> Cluster {
        let mut cluster = Cluster::led();
        for node in [2, 3] {
            cluster.accepts(node, [acked(1, 1)]);
        }
        cluster.accepts(1, [counted(2, [2, 2, 0]), Fact::Committed { up_to: entry(1, 1, 2), count: 2 }]);
        cluster
    }
}

/// The entry's genuine content.
fn entry(epoch: u64, offset: u64, position: u64) -> LogPoint {
    point(epoch, offset, position, 0)
}

fn point(epoch: u64, offset: u64, position: u64, content: u8) -> LogPoint {
    let mut digest = [content; 16];
    digest[..3].copy_from_slice(&[epoch as u8, offset as u8, position as u8]);
    LogPoint { id: EntryId::new(epoch, offset), position: Position(position), digest: Digest(digest) }
}

fn preview(point: LogPoint, forged: bool) -> Preview {
    Preview { point, kind: Kind::Command, forged, key: None, value: None }
}

fn previews(points: impl IntoIterator<Item = LogPoint>, forged: bool) -> Vec<Preview> {
    points.into_iter().map(|point| preview(point, forged)).collect()
}

fn elected(epoch: u64) -> Fact {
    Fact::Elected { epoch: Epoch(epoch), votes: vec![NodeId(1), NodeId(2)], quorum: 2 }
}

fn proposed(points: impl IntoIterator<Item = LogPoint>) -> Fact {
    Fact::Proposed { entry: previews(points, false) }
}

fn consistent(from: u64, epoch: u64, points: impl IntoIterator<Item = LogPoint>) -> Fact {
    let entries = previews(points, false);
    Fact::Consistent { from: NodeId(from), epoch: Epoch(epoch), number: 1, prev: None, entries, equal: 0 }
}

fn acked(epoch: u64, offset: u64) -> Fact {
    Fact::Acked { to: NodeId(1), up_to: Some(EntryId::new(epoch, offset)), answers: 1 }
}

fn counted(from: u64, matches: [u64; 3]) -> Fact {
    let commit = matches[1];
    Fact::Counted { from: NodeId(from), up_to: None, matches: matches.to_vec(), quorum: 2, commit }
}

fn truncated(epoch: u64, offset: u64) -> Fact {
    let from = EntryId::new(epoch, offset);
    Fact::Truncated { from, count: 1, forged: 0, last: None, committed: None, why: "conflict".into() }
}

fn finalized(up_to: LogPoint) -> Fact {
    Fact::Finalized { up_to, count: 1 }
}

#[test]
fn two_leaders_of_one_epoch() {
    Cluster::led().breaks(2, elected(1), "one leader per epoch");
    Cluster::led().accepts(2, [elected(2)]).breaks(3, consistent(1, 2, []), "one leader per epoch");
}

#[test]
fn a_leader_that_deletes() {
    Cluster::led().breaks(1, truncated(1, 1), "leader append-only");
}

#[test]
fn a_replica_that_gives_out_offsets() {
    Cluster::led().breaks(2, proposed([entry(1, 2, 3)]), "leader append-only");
}

#[test]
fn two_entries_with_one_id() {
    Cluster::led().accepts(1, [proposed([entry(1, 2, 3)])]).breaks(
        2,
        consistent(1, 1, [point(1, 2, 3, 9)]),
        "log matching",
    );
}

#[test]
fn a_forged_entry_counts_as_absent_until_a_push_confirms_it() {
    let mut cluster = Cluster::led();
    cluster.accepts(1, [proposed([entry(1, 2, 3)])]);
    cluster.accepts(2, [Fact::Injected { entries: previews([point(1, 2, 3, 9)], true) }]);
    cluster.breaks(2, consistent(1, 1, [point(1, 2, 3, 9)]), "log matching");
}

#[test]
fn a_leader_without_what_was_committed() {
    let mut cluster = Cluster::committed();
    // An unknown node is assumed to have an empty log.
    assert_eq!(cluster.watch.restarted(&NodeState { event: 0, ..NodeState::new(NodeId(4)) }), None);
    let mut numbers = cluster.numbers.to_vec();
    numbers.push(0);
    let event = |number, fact| Event { node: NodeId(4), number, time: Time(0), fact };
    let found = cluster.watch.event(&event(1, elected(2)));
    assert_eq!(found.map(|violation| violation.invariant), Some("leader completeness"));
}

#[test]
fn a_commit_that_comes_out_late_and_that_a_later_leader_lacks() {
    let mut cluster = Cluster::led();
    cluster.accepts(1, [proposed([entry(1, 2, 3)])]);
    cluster.accepts(2, [acked(1, 1), elected(2)]);
    cluster.accepts(3, [consistent(1, 1, [entry(1, 2, 3)]), acked(1, 2)]);
    cluster.accepts(
        1,
        [Fact::Counted { from: NodeId(1), up_to: Some(entry(1, 2, 3)), matches: vec![3, 3, 2], quorum: 2, commit: 3 }],
    );
    cluster.breaks(1, Fact::Committed { up_to: entry(1, 2, 3), count: 3 }, "leader completeness");
}

#[test]
fn another_entry_committed_at_a_place() {
    let mut cluster = Cluster::committed();
    cluster.accepts(2, [elected(2)]);
    cluster.breaks(2, Fact::Committed { up_to: point(2, 0, 2, 0), count: 1 }, "committed never changes");
}

#[test]
fn different_final_data_at_one_position() {
    let mut cluster = Cluster::committed();
    cluster.accepts(1, [finalized(entry(1, 1, 2))]);
    cluster.breaks(2, finalized(point(1, 1, 2, 7)), "final data is equal at equal applied positions");
}

#[test]
fn a_commit_that_too_few_hold() {
    let mut cluster = Cluster::led();
    cluster.accepts(2, [acked(1, 0)]).accepts(1, [counted(2, [2, 2, 0])]);
    cluster.breaks(1, Fact::Committed { up_to: entry(1, 1, 2), count: 2 }, "committed is on a quorum");
}

/// With one connection per node, the check reports the commit before the epoch ends.
#[test]
fn a_commit_that_too_few_hold_is_found_in_streams_once_every_event_has_arrived() {
    let mut causal = Causal::new();
    let mut numbers = [0; 4];
    for node in 1..=3 {
        assert_eq!(causal.joined(&NodeState::new(NodeId(node))), []);
    }
    let mut tell = |causal: &mut Causal, node: u64, fact| {
        numbers[node as usize] += 1;
        let event = Event { node: NodeId(node), number: numbers[node as usize], time: Time(0), fact };
        assert_eq!(causal.event(event), []);
    };
    for fact in [elected(1), proposed([entry(1, 0, 1)]), counted(2, [1, 1, 0])] {
        tell(&mut causal, 1, fact);
    }
    tell(&mut causal, 1, Fact::Committed { up_to: entry(1, 0, 1), count: 1 });
    assert_eq!(causal.settled(), None, "the explaining event may be in flight");
    for node in [2, 3] {
        tell(&mut causal, node, consistent(1, 1, [entry(1, 0, 1)]));
        tell(&mut causal, node, acked(1, 0));
    }
    assert_eq!(causal.settled().map(|violation| violation.invariant), Some("committed is on a quorum"));
}

#[test]
fn a_leader_that_counts_wrongly() {
    let fact = Fact::Counted { from: NodeId(2), up_to: None, matches: vec![2, 1, 1, 1], quorum: 2, commit: 1 };
    Cluster::led().breaks(1, fact, "committed is on a quorum");
    let fact = Fact::Counted { from: NodeId(2), up_to: None, matches: vec![2, 1, 0], quorum: 2, commit: 2 };
    Cluster::led().breaks(1, fact, "committed is on a quorum");
}

#[test]
fn a_replica_that_deletes_what_is_committed() {
    Cluster::committed().breaks(3, truncated(1, 1), "acked is durable");
}

#[test]
fn a_node_that_forgets_what_it_acked() {
    let mut cluster = Cluster::committed();
    let tail = previews([entry(1, 0, 1)], false);
    let forgetful = NodeState { tail, epoch: Some(Epoch(1)), ..NodeState::new(NodeId(2)) };
    let found = cluster.watch.restarted(&forgetful);
    assert_eq!(found.map(|violation| violation.invariant), Some("acked is durable"));
}

#[test]
fn a_node_that_comes_back_with_a_new_folder_is_not_held_to_what_the_old_one_acked() {
    let mut cluster = Cluster::committed();
    assert!(cluster.watch.restarted(&NodeState::new(NodeId(2))).is_none());
    let replaced = Fact::FolderReplaced { node: NodeId(3) };
    cluster.accepts(1, [replaced]);
    let tail = previews([entry(1, 0, 1)], false);
    let catching_up = NodeState { tail, epoch: Some(Epoch(1)), ..NodeState::new(NodeId(3)) };
    assert!(cluster.watch.restarted(&catching_up).is_none());
}

#[test]
fn a_replica_that_shows_uncommitted_data() {
    let mut cluster = Cluster::committed();
    cluster.accepts(1, [proposed([entry(1, 2, 3)])]).accepts(2, [consistent(1, 1, [entry(1, 2, 3)])]);
    cluster.breaks(2, finalized(entry(1, 2, 3)), "only committed data is readable");
}

#[test]
fn a_first_entry_that_is_final_and_never_committed() {
    Cluster::led().breaks(2, finalized(entry(1, 0, 1)), "only committed data is readable");
}

#[test]
fn a_gap_in_the_offsets() {
    Cluster::led().breaks(1, proposed([entry(1, 3, 3)]), "offsets without gaps");
    Cluster::led().accepts(2, [elected(2)]).breaks(2, proposed([entry(2, 1, 3)]), "offsets without gaps");
}

#[test]
fn a_log_newer_than_the_promise() {
    let fact = consistent(1, 1, [entry(2, 0, 3)]);
    Cluster::led().breaks(2, fact, "the promise covers the log");
}

#[test]
fn a_commit_point_behind_the_end_of_the_log() {
    let snapshot = NodeState {
        role: RoleName::Replica,
        epoch: Some(Epoch(1)),
        tail: previews([entry(1, 0, 1)], false),
        committed: Some(entry(1, 1, 2)),
        ..NodeState::new(NodeId(2))
    };
    let found = Watch::new().joined(&snapshot);
    assert_eq!(found.map(|violation| violation.invariant), Some("applied ≤ committed ≤ last"));
    let applied = NodeState { committed: None, applied: Some(entry(1, 0, 1)), ..snapshot };
    let found = Watch::new().joined(&applied);
    assert_eq!(found.map(|violation| violation.invariant), Some("applied ≤ committed ≤ last"));
}

#[test]
fn a_log_that_gives_up_what_no_snapshot_holds() {
    let mut cluster = Cluster::committed();
    cluster.accepts(1, [finalized(entry(1, 1, 2)), Fact::SnapshotTaken { up_to: entry(1, 0, 1), bytes: 99 }]);
    cluster.breaks(1, Fact::Compacted { up_to: entry(1, 1, 2), count: 2 }, "given up ≤ snapshot ≤ applied");
    let mut cluster = Cluster::committed();
    let taken = Fact::SnapshotTaken { up_to: entry(1, 1, 2), bytes: 99 };
    cluster.breaks(2, taken, "given up ≤ snapshot ≤ applied");
}

#[test]
fn a_log_with_a_gap_behind_a_snapshot() {
    let mut cluster = Cluster::committed();
    cluster.accepts(1, [finalized(entry(1, 1, 2))]);
    cluster.accepts(3, [Fact::SnapshotInstalled { up_to: entry(1, 1, 2), dropped: 1 }]);
    cluster.breaks(3, consistent(1, 1, [entry(1, 3, 4)]), "given up ≤ snapshot ≤ applied");
}

fn listed(epoch: u64, offset: u64, voters: &[u64], learners: &[u64]) -> Fact {
    let ids = |ids: &[u64]| ids.iter().map(|id| NodeId(*id)).collect();
    Fact::MembersSet { at: EntryId::new(epoch, offset), voters: ids(voters), learners: ids(learners) }
}

/// A list that a leader makes.
fn sets_members(point: LogPoint) -> Fact {
    Fact::Proposed { entry: vec![Preview { kind: Kind::Members, ..preview(point, false) }] }
}

#[test]
fn a_change_of_members_before_an_entry_of_its_own_epoch_is_committed() {
    let mut cluster = Cluster::committed();
    cluster.accepts(2, [elected(2), proposed([entry(2, 0, 3)])]);
    cluster.breaks(2, sets_members(entry(2, 1, 4)), "one change of members at a time");
}

#[test]
fn two_changes_of_members_that_are_not_committed() {
    let mut cluster = Cluster::committed();
    cluster.accepts(1, [sets_members(entry(1, 2, 3)), listed(1, 2, &[1, 2], &[])]);
    cluster.breaks(1, sets_members(entry(1, 3, 4)), "one change of members at a time");
}

#[test]
fn a_change_of_two_voters_at_once() {
    let mut cluster = Cluster::committed();
    cluster.accepts(1, [listed(1, 0, &[1, 2, 3], &[]), sets_members(entry(1, 2, 3))]);
    cluster.breaks(1, listed(1, 2, &[1, 2, 4], &[]), "one change of members at a time");
}

#[test]
fn a_learner_whose_vote_counts() {
    let mut cluster = Cluster::committed();
    cluster.accepts(3, [listed(1, 0, &[1, 3], &[2])]);
    let votes = vec![NodeId(2), NodeId(3)];
    cluster.breaks(3, Fact::Elected { epoch: Epoch(2), votes, quorum: 2 }, "only voters count");
}

#[test]
fn a_node_that_is_no_voter_and_leads() {
    let mut cluster = Cluster::committed();
    cluster.accepts(2, [listed(1, 1, &[1, 3], &[2]), finalized(entry(1, 1, 2))]);
    let votes = vec![NodeId(1), NodeId(3)];
    cluster.breaks(2, Fact::Elected { epoch: Epoch(2), votes, quorum: 2 }, "only voters count");
}

#[test]
fn a_leader_that_continues_after_its_removal_is_committed() {
    let mut cluster = Cluster::committed();
    cluster.accepts(1, [listed(1, 1, &[2, 3], &[])]);
    cluster.breaks(1, proposed([entry(1, 2, 3)]), "only voters count");
}

#[test]
fn a_learner_whose_copy_or_answer_counts() {
    let mut cluster = Cluster::led();
    cluster.accepts(1, [listed(1, 0, &[1, 2], &[3])]);
    cluster.breaks(1, counted(2, [2, 2, 0]), "only voters count");
    let confirmed = Fact::ReadConfirmed { round: 1, from: vec![NodeId(3)], quorum: 2 };
    Cluster::led().accepts(1, [listed(1, 0, &[1, 2], &[3])]).breaks(1, confirmed, "only voters count");
}

/// Three copies of four exist, but one of them is a learner's.
#[test]
fn a_commit_that_too_few_voters_hold() {
    let mut cluster = Cluster::led();
    cluster.accepts(2, [acked(1, 1)]).accepts(3, [acked(1, 1)]);
    cluster.accepts(1, [listed(1, 0, &[1, 4, 5], &[2, 3])]);
    for node in [4, 5] {
        assert_eq!(cluster.watch.restarted(&NodeState::new(NodeId(node))), None);
    }
    cluster.accepts(1, [counted(2, [2, 2, 0])]);
    cluster.breaks(1, Fact::Committed { up_to: entry(1, 1, 2), count: 2 }, "committed is on a quorum");
}

#[test]
fn a_list_that_does_not_count_although_it_is_the_last_of_the_log() {
    let mut cluster = Cluster::committed();
    cluster.accepts(1, [listed(1, 0, &[1, 2, 3], &[]), sets_members(entry(1, 2, 3))]);
    cluster.breaks(1, finalized(entry(1, 1, 2)), "the last list of the log counts");
    let gets = |offset| {
        let entries = vec![Preview { kind: Kind::Members, ..preview(entry(1, offset, offset + 1), false) }];
        Fact::Consistent { from: NodeId(1), epoch: Epoch(1), number: 2, prev: None, entries, equal: 0 }
    };
    let mut cluster = Cluster::committed();
    cluster.accepts(2, [gets(2), listed(1, 2, &[1, 2], &[]), gets(3), listed(1, 3, &[1, 2, 4], &[]), truncated(1, 3)]);
    cluster.breaks(2, listed(1, 3, &[1, 2, 4], &[]), "the last list of the log counts");
}

#[test]
fn a_list_that_is_forgotten_at_a_restart() {
    let mut cluster = Cluster::committed();
    let tail = vec![preview(entry(1, 0, 1), false), Preview { kind: Kind::Members, ..preview(entry(1, 1, 2), false) }];
    let members = Some(MemberIds { at: EntryId::new(1, 0), voters: vec![NodeId(2)], learners: Vec::new() });
    let forgetful = NodeState { tail, members, epoch: Some(Epoch(1)), ..NodeState::new(NodeId(2)) };
    let found = cluster.watch.restarted(&forgetful);
    assert_eq!(found.map(|violation| violation.invariant), Some("the last list of the log counts"));
}

#[test]
fn every_invariant_is_broken_here() {
    let names = Watch::new().names();
    let source = include_str!("violations.rs");
    for name in names {
        assert!(source.contains(&format!("\"{name}\"")), "nothing here breaks: {name}");
    }
}
