//! When the screen is redrawn, and when it is not.

use std::time::Duration;

use epoca::client::watch::Observed;
use epoca::protocol::trace::Fact;
use epoca::protocol::{EntryId, NodeId};

use crate::console::model::node::TRUNCATED_SHOWN;
use crate::console::model::tape::TapeMarkKind;
use crate::console::tests::drawing::MIDDLE;
use crate::console::tests::sample::Sample;
use crate::console::update::{Msg, next_wake};

#[test]
fn heartbeats_draw_nothing() {
    let mut sample = Sample::healthy(MIDDLE);
    let up_to = sample.last(1);
    let counted = || Fact::Counted { from: NodeId(2), up_to, matches: vec![3, 3, 3, 3], quorum: 3, commit: 3 };
    let ordered = || Fact::Ordered { to: NodeId(2), up_to: EntryId::new(1, 2) };
    let heartbeat = || Fact::Sent {
        to: NodeId(2),
        number: 77,
        kind: "heartbeat".into(),
        epoch: None,
        about: None,
        entries: 0,
        bytes: 0,
    };
    sample.tell(1, counted());
    sample.tell(1, ordered());
    let (revision, lines) = (sample.model.revision, sample.model.timeline.lines().len());
    for _ in 0..10 {
        sample.tell(1, counted());
        sample.tell(1, ordered());
        sample.tell(1, heartbeat());
        sample.after(100);
    }
    assert_eq!((sample.model.revision, sample.model.timeline.lines().len()), (revision, lines));
}

#[test]
fn time_alone_draws_nothing_while_all_nodes_live() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.after(60_000);
    let revision = sample.model.revision;
    sample.after(3_600_000);
    assert_eq!(sample.model.revision, revision);
    assert_eq!(next_wake(&sample.model), None);
}

#[test]
fn the_age_of_a_dead_node_draws_once_a_second() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.send(Msg::Observed(NodeId(4), Observed::Disconnected("killed".to_owned())));
    let (down, revision) = (sample.model.now, sample.model.revision);
    for _ in 0..20 {
        sample.after(100);
    }
    assert_eq!(sample.model.revision, revision + 2);
    assert_eq!(next_wake(&sample.model), Some(down + Duration::from_secs(3)));
}

#[test]
fn truncated_entries_go_out_of_sight_after_a_while() {
    let mut sample = Sample::healthy(MIDDLE);
    sample.inject(3, "q", "666");
    sample.repair(3);
    assert_eq!(sample.model.nodes[&NodeId(3)].truncated_entries.len(), 1);
    let wake = next_wake(&sample.model).expect("somebody has to take them away");
    assert!(wake <= sample.model.now + TRUNCATED_SHOWN);
    sample.after(TRUNCATED_SHOWN.as_millis() as u64);
    assert!(sample.model.nodes[&NodeId(3)].truncated_entries.is_empty());
    sample.after(60_000);
    assert_eq!(next_wake(&sample.model), None);
}

#[test]
fn a_node_that_has_begun_anew_says_so_in_its_row_for_a_while_and_once_in_the_story() {
    let mut sample = Sample::healthy(MIDDLE);
    let lines = sample.model.timeline.lines().len();
    let found = Fact::Quarantined { text: "e1·o2 is damaged".into() };
    sample.tell(3, found.clone());
    // Another watcher has connected.
    sample.tell(3, found);
    assert_eq!(sample.model.timeline.lines().len(), lines + 1);
    let marks = sample.model.tape.marks().iter().filter(|mark| mark.kind == TapeMarkKind::Quarantined(NodeId(3)));
    assert_eq!(marks.count(), 1);
    assert!(sample.model.nodes[&NodeId(3)].quarantined.is_some());
    let wake = next_wake(&sample.model).expect("somebody has to take it away");
    assert!(wake <= sample.model.now + TRUNCATED_SHOWN);
    sample.after(TRUNCATED_SHOWN.as_millis() as u64);
    assert_eq!(sample.model.nodes[&NodeId(3)].quarantined, None);
}

#[test]
fn latencies_move_on_in_their_picture_and_then_rest() {
    let mut sample = Sample::healthy(MIDDLE);
    assert!(sample.model.latency.p50().is_some());
    let wake = next_wake(&sample.model).expect("the picture moves on");
    assert!(wake <= Duration::from_secs(2));
    sample.after(60_000);
    assert_eq!((sample.model.latency.p50(), next_wake(&sample.model)), (None, None));
}
