//! Nothing is confirmed without the majority, and nothing that was confirmed is lost.

use crate::lab::{DONE, Lab, NO_LEADER, UNKNOWN, identity, in_state, until};

#[test]
fn nothing_is_confirmed_without_the_majority() {
    let lab = Lab::patient();
    lab.put("x", "1");
    for node in ["3", "4"] {
        lab.fault(&["kill", node]);
    }
    let said = lab.client(&["put", "x", "2", "--timeout", "1"]);
    assert_eq!(said.code, Some(UNKNOWN), "neither confirmed nor called failed: {said:?}");
    assert_eq!(in_state(&lab.log(1), "intermediate"), ["e1·o2:x=2"]);
    assert_eq!(lab.local(1, "x").as_deref(), Some("1"), "and no read shows it");
    let said = lab.client(&["get", "x", "--timeout", "1"]);
    assert_eq!(said.code, Some(NO_LEADER), "the leader cannot know whether it still leads: {said:?}");

    lab.fault(&["restart", "3"]);
    let written = lab.json(DONE, &["put", "y", "3", "--timeout", "60"]);
    assert_eq!((&written["epoch"], &written["offset"]), (&1.into(), &3.into()), "with three of four it goes on");
    assert_eq!(lab.json(DONE, &["get", "x"])["value"], "2");
}

#[test]
fn all_data_persist_with_epoch_and_offset_across_a_restart_of_everything() {
    let mut lab = Lab::with_elections();
    for number in 0..10 {
        lab.put(&format!("k{number}"), &number.to_string());
    }
    let listed = lab.json(DONE, &["list"]);
    let log = lab.log(1);
    lab.stop_everything();
    for node in 1..=4 {
        let inspected = lab.inspect(node);
        assert_eq!(identity(&inspected.log), identity(&log), "the log of n{node}");
    }

    lab.start_everything();
    assert_eq!(lab.json(DONE, &["list"]), listed, "every record with its epoch, offset and revision");
    for node in 1..=4 {
        let again = lab.log(node);
        assert_eq!(identity(&again)[..log.len()], identity(&log), "the log of n{node} goes on where it ended");
        until("each node's own final database has all of it", || lab.local(node, "k9").as_deref() == Some("9"));
    }
    assert_eq!(lab.put("more", "1")["offset"], 1, "in the epoch of the new leadership");
}

#[test]
fn what_was_confirmed_survives_that_all_processes_are_killed_at_once() {
    let mut lab = Lab::with_elections();
    for number in 0..10 {
        lab.put(&format!("k{number}"), &number.to_string());
    }
    let listed = lab.json(DONE, &["list"]);
    lab.kill_everything();
    lab.start_everything();
    assert_eq!(lab.json(DONE, &["list"]), listed);
}

#[test]
fn what_was_confirmed_survives_its_leader() {
    let lab = Lab::with_elections();
    let mut expected = Vec::new();
    for number in 0..3 {
        let key = format!("k{number}");
        lab.json(DONE, &["put", &key, "1", "--timeout", "60"]);
        expected.push(key);
        let leader = lab.leader().expect("a node leads");
        lab.fault(&["kill", &leader.to_string()]);
        lab.until_followed(leader);
        lab.fault(&["restart", &leader.to_string()]);
        for key in &expected {
            assert_eq!(lab.json(DONE, &["get", key, "--timeout", "60"])["value"], "1", "after n{leader} was killed");
        }
    }
}
