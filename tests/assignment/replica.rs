//! Graded: the replicas.

use epoca::protocol::trace::Fact;
use epoca::protocol::{EntryId, NodeId};

use crate::lab::{Lab, identity, in_state, until};

#[test]
fn a_replica_stores_intermediate_data_durably_and_unreadable_and_acks() {
    let lab = Lab::start();
    lab.fault(&["hold", "3", "commit-order"]);
    let replica = lab.watch(3);
    lab.put("x", "1");
    let acked = |fact: &Fact| matches!(fact, Fact::Acked { up_to, .. } if *up_to == Some(EntryId::new(1, 1)));
    replica.until("n3 acks", |fact| acked(fact).then_some(()));
    assert_eq!(lab.local(3, "x"), None, "unreadable");
    lab.fault(&["kill", "3"]);
    let inspected = lab.inspect(3);
    assert_eq!(in_state(&inspected.log, "intermediate"), ["e1·o1:x=1"], "durable: its process was killed");
    assert_eq!(inspected.database, [""; 0]);
}

#[test]
fn a_replica_checks_that_an_entry_continues_its_log_exactly() {
    let lab = Lab::start();
    let replica = lab.watch(3);
    lab.put("x", "1");
    lab.put("y", "2");
    let consistent = |fact: &Fact| match fact {
        Fact::Consistent { prev, entries, .. } if entries.iter().any(|entry| entry.point.id == EntryId::new(1, 2)) => {
            Some(*prev)
        }
        _ => None,
    };
    let prev = replica.until("y was checked", consistent);
    assert_eq!(prev, Some(EntryId::new(1, 1)), "y continues the log after x");

    // The same id with other content: the check compares both.
    lab.fault(&["inject", "3", "z", "666"]);
    lab.put("z", "3");
    let conflict = |fact: &Fact| match fact {
        Fact::Conflict { from, expected, found, .. } => Some((*from, *expected, *found)),
        _ => None,
    };
    let (from, expected, found) = replica.until("the check finds the conflict", conflict);
    let (expected, found) = (expected.expect("the leader's"), found.expect("its own"));
    assert_eq!(from, NodeId(1));
    assert_eq!((expected.id, found.id), (EntryId::new(1, 3), EntryId::new(1, 3)));
    assert_ne!(expected.digest, found.digest);
}

#[test]
fn a_replica_accepts_what_is_consistent() {
    let lab = Lab::start();
    let replica = lab.watch(3);
    for number in 0..10 {
        lab.put("x", &number.to_string());
    }
    until("n3 has all of it", || identity(&lab.log(3)) == identity(&lab.log(1)));
    assert_eq!(lab.log(3).len(), 11);
    let refused =
        replica.place(|fact| matches!(fact, Fact::Conflict { .. } | Fact::Truncated { .. } | Fact::Reported { .. }));
    assert_eq!(refused, None, "nothing was refused: {:?}", replica.facts());
}

#[test]
fn a_replica_truncates_the_inconsistent_reports_its_log_state_and_is_rebuilt_from_the_sync_point() {
    let lab = Lab::start();
    lab.put("x", "1");
    until("n3 has x", || lab.local(3, "x").is_some());
    let (leader, replica) = (lab.watch(1), lab.watch(3));
    lab.fault(&["inject", "3", "x", "666", "--count", "4"]);
    lab.put("y", "2");

    let first = EntryId::new(1, 2);
    let truncated = |fact: &Fact| matches!(fact, Fact::Truncated { from, count: 4, .. } if *from == first);
    replica.until("n3 deletes the four entries", |fact| truncated(fact).then_some(()));
    let reported = |fact: &Fact| matches!(fact, Fact::Reported { last, .. } if *last == Some(EntryId::new(1, 1)));
    replica.until("n3 reports its log at that time", |fact| reported(fact).then_some(()));
    let resynced = |fact: &Fact| match fact {
        Fact::Resynced { to, sync, .. } if *to == NodeId(3) => Some(sync.map(|point| point.id)),
        _ => None,
    };
    let sync = leader.until("the leader computes the sync point", resynced);
    assert_eq!(sync, Some(EntryId::new(1, 1)), "the last entry on which both agree");
    until("n3 is rebuilt from there", || identity(&lab.log(3)) == identity(&lab.log(1)));
    assert!(replica.place(truncated) < replica.place(reported));
    assert_eq!(lab.local(3, "x").as_deref(), Some("1"));
}

#[test]
fn a_commit_order_makes_data_final_and_readable() {
    let lab = Lab::start();
    lab.fault(&["hold", "4", "commit-order"]);
    let replica = lab.watch(4);
    lab.put("x", "1");
    until("x is intermediate data of n4", || in_state(&lab.log(4), "intermediate") == ["e1·o1:x=1"]);
    let finalized = |fact: &Fact| matches!(fact, Fact::Finalized { up_to, .. } if up_to.id == EntryId::new(1, 1));
    assert_eq!(replica.place(finalized), None);
    lab.fault(&["release", "4"]);
    replica.until("the order makes it final", |fact| finalized(fact).then_some(()));
    assert_eq!(lab.local(4, "x").as_deref(), Some("1"), "and readable");
}

#[test]
fn a_replica_persists_intermediate_and_final_data_with_epoch_and_offset() {
    let mut lab = Lab::start();
    lab.put("x", "1");
    lab.put("x", "2");
    until("n2 has it", || lab.local(2, "x").as_deref() == Some("2"));
    lab.fault(&["hold", "2", "commit-order"]);
    lab.put("y", "3");
    until("y is intermediate data of n2", || in_state(&lab.log(2), "intermediate") == ["e1·o3:y=3"]);
    lab.stop_everything();
    let inspected = lab.inspect(2);
    assert_eq!(in_state(&inspected.log, "committed"), ["e1·o0", "e1·o1:x=1", "e1·o2:x=2"]);
    assert_eq!(in_state(&inspected.log, "intermediate"), ["e1·o3:y=3"]);
    assert_eq!(inspected.database, ["x=2 from e1·o2"]);
}
