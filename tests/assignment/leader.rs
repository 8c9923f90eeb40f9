//! Graded: the leader.

use epoca::protocol::trace::Fact;
use epoca::protocol::{EntryId, NodeId};

use crate::lab::{DONE, Lab, in_state, until};

#[test]
fn the_leader_receives_data_and_keeps_them_in_its_log_with_epoch_and_offset() {
    let lab = Lab::with_elections();
    lab.put("x", "1");
    lab.put("y", "2");
    let log = lab.log(1);
    let texts: Vec<_> = log.iter().map(crate::lab::Line::text).collect();
    assert_eq!(texts, ["e1·o0", "e1·o1:x=1", "e1·o2:y=2"]);

    // A new leader has a new epoch; its offsets start at 0.
    lab.fault(&["kill", "1"]);
    let leader = lab.until_followed(1);
    let log = lab.log(leader);
    let opening = log.iter().find(|line| line.epoch > 1).expect("the new epoch shows in the log");
    assert_eq!((opening.offset, &opening.key), (0, &None));
    let written = log.last().expect("a write");
    assert_eq!((written.epoch, written.offset), (opening.epoch, 1));
}

#[test]
fn the_leader_pushes_to_every_replica_and_awaits_their_acks() {
    let lab = Lab::patient();
    let leader = lab.watch(1);
    for node in ["2", "3", "4"] {
        lab.fault(&["pause", node]);
    }
    let mut client = lab.begin(&["put", "x", "1", "--timeout", "60"]);
    let entry = EntryId::new(1, 1);
    for node in 2..=4 {
        let pushed =
            |fact: &Fact| matches!(fact, Fact::Pushed { to, last, .. } if to.0 == node && *last == entry).then_some(());
        leader.until("the entry is pushed to each replica, without waiting for another", pushed);
    }
    assert!(!client.has_ended(), "no replica has acked");
    for node in ["2", "3", "4"] {
        lab.fault(&["resume", node]);
    }
    for node in 2..=4 {
        let acked = |fact: &Fact| match fact {
            Fact::Counted { from, up_to, .. } if *from == NodeId(node) => up_to.filter(|point| point.id == entry),
            _ => None,
        };
        leader.until("each replica acks", acked);
    }
    assert_eq!(client.end().code, Some(DONE));
}

#[test]
fn the_leader_orders_the_commit_after_the_acks_of_the_majority() {
    let lab = Lab::start();
    let leader = lab.watch(1);
    lab.put("x", "1");
    let entry = EntryId::new(1, 1);
    let ordered = |fact: &Fact| matches!(fact, Fact::Ordered { up_to, .. } if *up_to == entry);
    leader.until("the commit is ordered", |fact| ordered(fact).then_some(()));
    let first_order = leader.place(ordered).expect("it was there just now");
    let before = &leader.facts()[..first_order];
    let holders =
        before.iter().filter(|fact| matches!(fact, Fact::Counted { up_to: Some(up_to), .. } if up_to.id == entry));
    assert_eq!(holders.count(), 3, "its own copy and two acks, a majority of four: {before:?}");
    assert!(before.iter().any(|fact| matches!(fact, Fact::Committed { up_to, .. } if up_to.id == entry)));
    for node in 2..=4 {
        let to_node = |fact: &Fact| matches!(fact, Fact::Ordered { to, up_to } if to.0 == node && *up_to == entry);
        leader.until("every replica is ordered", |fact| to_node(fact).then_some(()));
    }
}

#[test]
fn the_leader_marks_an_entry_committed_only_after_the_majority_and_then_confirms_to_the_client() {
    let lab = Lab::patient();
    for node in ["3", "4"] {
        lab.fault(&["pause", node]);
    }
    // Two of four have the entry: the leader and n2.
    let mut client = lab.begin(&["put", "x", "1", "--timeout", "60"]);
    until("n2 holds it", || in_state(&lab.log(2), "intermediate") == ["e1·o1:x=1"]);
    assert_eq!(in_state(&lab.log(1), "intermediate"), ["e1·o1:x=1"]);
    assert_eq!(lab.local(1, "x"), None, "not even the leader shows it");
    assert!(!client.has_ended(), "the client is not confirmed");

    lab.fault(&["resume", "3"]);
    assert_eq!(client.end().code, Some(DONE), "the third copy makes it a majority");
    assert!(in_state(&lab.log(1), "committed").contains(&"e1·o1:x=1".to_owned()));
    assert_eq!(lab.local(1, "x").as_deref(), Some("1"));
    lab.fault(&["resume", "4"]);
}

#[test]
fn the_leader_persists_intermediate_and_final_data_with_epoch_and_offset() {
    let mut lab = Lab::start();
    lab.put("x", "1");
    lab.put("x", "2");
    lab.put("y", "3");
    assert_eq!(lab.inspect(1).log.len(), 4, "in its files while it runs");
    lab.stop_everything();
    let inspected = lab.inspect(1);
    assert_eq!(in_state(&inspected.log, "committed"), ["e1·o0", "e1·o1:x=1", "e1·o2:x=2", "e1·o3:y=3"]);
    assert_eq!(inspected.database, ["x=2 from e1·o2", "y=3 from e1·o3"]);
}

#[test]
fn the_leader_answers_queries_with_every_confirmed_write() {
    let lab = Lab::start();
    for number in 0..20 {
        lab.put("x", &number.to_string());
        assert_eq!(lab.json(DONE, &["get", "x"])["value"], number.to_string());
    }
    lab.json(DONE, &["delete", "x"]);
    lab.put("a", "1");
    lab.put("b", "2");
    let listed = lab.json(DONE, &["list"]);
    let keys: Vec<_> = listed.as_array().expect("a list").iter().map(|record| record["key"].clone()).collect();
    assert_eq!(keys, ["a", "b"]);
}
