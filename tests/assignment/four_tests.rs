//! The four tests that the assignment describes.

use crate::lab::{DONE, Lab, NOT, identity, in_state, until};

/// Whether all nodes have one log that is fully committed.
#[track_caller]
fn until_all_are_one(lab: &Lab) {
    until("all nodes hold the same, all of it committed", || {
        let logs: Vec<_> = (1..=4).map(|node| lab.log(node)).collect();
        logs.iter().all(|log| identity(log) == identity(&logs[0]) && in_state(log, "intermediate").is_empty())
    });
}

#[test]
fn test_1_correct_data_are_replicated_and_confirmed() {
    let lab = Lab::start();
    for number in 1..=5 {
        let written = lab.put(&format!("k{number}"), &number.to_string());
        assert_eq!((&written["epoch"], &written["offset"]), (&1.into(), &number.into()));
    }
    until_all_are_one(&lab);
    for node in 1..=4 {
        let texts = in_state(&lab.log(node), "committed");
        assert_eq!(texts, ["e1·o0", "e1·o1:k1=1", "e1·o2:k2=2", "e1·o3:k3=3", "e1·o4:k4=4", "e1·o5:k5=5"], "n{node}");
        for number in 1..=5 {
            until("every replica reads it", || lab.local(node, &format!("k{number}")) == Some(number.to_string()));
        }
    }
}

#[test]
fn test_2_a_replica_stops_writes_go_on_and_it_returns_with_an_old_log_and_catches_up() {
    let lab = Lab::start();
    lab.put("x", "1");
    until("n3 has x", || lab.local(3, "x").is_some());
    lab.fault(&["kill", "3"]);
    for number in 2..=10 {
        lab.put("x", &number.to_string());
    }
    assert_eq!(in_state(&lab.inspect(3).log, "committed").len(), 2, "its log is old");

    lab.fault(&["restart", "3"]);
    until("n3 has caught up", || lab.local(3, "x").as_deref() == Some("10"));
    until_all_are_one(&lab);
}

#[test]
fn test_3_conflicting_entries_are_injected_and_repaired() {
    let lab = Lab::start();
    lab.put("x", "1");
    let forged = lab.fault(&["inject", "3", "x", "666", "--count", "3"]);
    assert_eq!((&forged["epoch"], &forged["offset"]), (&1.into(), &4.into()), "e1·o2 to e1·o4, the next of the leader");
    assert_eq!(in_state(&lab.log(3), "intermediate"), ["e1·o2:x=666", "e1·o3:x=666", "e1·o4:x=666"]);

    let written = lab.put("y", "2");
    assert_eq!((&written["epoch"], &written["offset"]), (&1.into(), &2.into()), "the very number of a forged entry");
    until_all_are_one(&lab);
    assert_eq!(in_state(&lab.log(3), "committed"), ["e1·o0", "e1·o1:x=1", "e1·o2:y=2"]);
    assert_eq!(lab.local(3, "x").as_deref(), Some("1"), "committed entries stay");
}

#[test]
fn test_3_conflicting_entries_are_repaired_also_if_the_replica_was_killed_and_restarted_in_between() {
    let lab = Lab::start();
    lab.put("x", "1");
    lab.fault(&["inject", "2", "x", "666"]);
    lab.fault(&["kill", "2"]);
    assert_eq!(in_state(&lab.inspect(2).log, "intermediate"), ["e1·o2:x=666"], "the conflict is on its disk");
    lab.fault(&["restart", "2"]);
    lab.put("y", "2");
    until_all_are_one(&lab);
    assert_eq!(lab.local(2, "x").as_deref(), Some("1"));
}

#[test]
fn test_3_conflicting_entries_are_repaired_also_if_another_leader_was_elected_in_between() {
    let lab = Lab::with_elections();
    lab.put("x", "1");
    lab.fault(&["inject", "2", "x", "666", "--count", "5"]);
    lab.fault(&["kill", "1"]);
    lab.until_followed(1);
    lab.fault(&["restart", "1"]);
    until_all_are_one(&lab);
    for node in 1..=4 {
        until("every node still reads x", || lab.local(node, "x").as_deref() == Some("1"));
    }
}

#[test]
fn test_4_nothing_is_applied_or_readable_before_the_commit_order() {
    let mut lab = Lab::with_elections();
    lab.put("before", "0");
    until("n3 has it", || lab.local(3, "before").is_some());
    lab.fault(&["hold", "3", "commit-order"]);
    lab.put("x", "1");
    until("x is intermediate data of n3", || in_state(&lab.log(3), "intermediate") == ["e1·o2:x=1"]);
    assert_eq!(lab.local(3, "x"), None, "intermediate data is not readable");
    assert_eq!(lab.json(NOT, &["get", "x", "--node", "3", "--consistency", "local"])["found"], false);
    assert_eq!(lab.json(DONE, &["get", "x"])["value"], "1", "the others have it");
    assert_eq!(in_state(&lab.inspect(3).log, "intermediate"), ["e1·o2:x=1"], "on the disk of the running node too");

    // A node that shut down cleanly has intermediate and final data on disk.
    lab.stop_everything();
    let inspected = lab.inspect(3);
    assert_eq!(in_state(&inspected.log, "intermediate"), ["e1·o2:x=1"]);
    assert_eq!(inspected.database, ["before=0 from e1·o1"]);

    // The nodes start without the hold.
    lab.start_everything();
    until("the order makes it final", || lab.local(3, "x").as_deref() == Some("1"));
    lab.stop_everything();
    let inspected = lab.inspect(3);
    assert!(in_state(&inspected.log, "committed").contains(&"e1·o2:x=1".to_owned()), "{inspected:?}");
    assert_eq!(inspected.database, ["before=0 from e1·o1", "x=1 from e1·o2"]);
}

#[test]
fn test_4_the_release_of_the_held_order_makes_it_final() {
    let lab = Lab::start();
    lab.fault(&["hold", "3", "commit-order"]);
    lab.put("x", "1");
    until("x is intermediate data of n3", || in_state(&lab.log(3), "intermediate") == ["e1·o1:x=1"]);
    lab.put("y", "2");
    assert_eq!((lab.local(3, "x"), lab.local(3, "y")), (None, None));
    lab.fault(&["release", "3"]);
    until("y is final", || lab.local(3, "y").as_deref() == Some("2"));
    assert_eq!(lab.local(3, "x").as_deref(), Some("1"));
    assert_eq!(in_state(&lab.log(3), "intermediate"), [""; 0]);
}
