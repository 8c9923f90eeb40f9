//! The final-database tab shows what the nodes report, and marks everything else as unknown.

use std::path::Path;

use bytes::Bytes;
use crossterm::event::KeyCode;
use epoca::client::watch::Observed;
use epoca::protocol::trace::{Fact, FinalRow};
use epoca::protocol::{EntryId, NodeId};

use crate::console::model::Pane;
use crate::console::model::final_db::Lookup;
use crate::console::tests::drawing::{LARGE, MIDDLE, check, dark, screen};
use crate::console::tests::sample::Sample;
use crate::console::update::Msg;
use crate::lang::Lang;
use crate::tape::{What, read};

fn row(key: &str, value: Option<&str>, offset: u64) -> FinalRow {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    FinalRow::new(&bytes(key), value.map(bytes).as_ref(), EntryId::new(1, offset))
}

#[test]
fn the_final_databases_are_what_the_nodes_tell_and_not_what_entries_ask_for() {
    for (name, size, lang) in [("final-120x36", LARGE, Lang::English), ("final-80x24-pt", MIDDLE, Lang::Portuguese)] {
        let mut sample = Sample::healthy(size).with_finals();
        sample.model.lang = lang;
        sample.model.pane = Pane::FinalDb;
        // A refused `cas`: the entry has a key and a value, and changes nothing.
        sample.propose("x", "new");
        let up_to = sample.last(1).expect("a log");
        for node in [1, 2, 3, 4] {
            sample.tell(node, Fact::FinalChanged { rows: Vec::new(), keys: Some(2) });
            sample.tell(node, Fact::Finalized { up_to, count: 1 });
        }
        // A batch that n4 has not applied yet.
        sample.propose("g b", "2");
        let up_to = sample.last(1).expect("a log");
        for node in [1, 2, 3] {
            let rows = vec![row("x", None, 4), row("b", Some("2"), 4)];
            sample.tell(node, Fact::FinalChanged { rows, keys: Some(2) });
            sample.tell(node, Fact::Finalized { up_to, count: 1 });
        }
        check(name, &sample, &dark());
    }
}

#[test]
fn a_late_console_says_how_many_keys_of_how_many_it_shows() {
    let mut sample = Sample::healthy(MIDDLE).with_finals();
    sample.model.pane = Pane::FinalDb;
    for node in 1..=4 {
        let rows = (0..30).map(|number| row(&format!("k{number:06}"), Some("a value"), 1)).collect();
        sample.tell(node, Fact::FinalRead { rows, keys: Some(301_000) });
    }
    // Beyond the first rows, keys written since then are known.
    for node in [1, 2, 3] {
        sample.tell(node, Fact::FinalChanged { rows: vec![row("z", Some("9"), 3)], keys: Some(301_001) });
    }
    let shown = screen(&sample);
    assert!(shown.contains("31 of 301001 keys; epoca list shows all"), "{shown}");
    let final_db = |node| sample.model.nodes[&NodeId(node)].final_db.find(&Bytes::from_static(b"z"));
    assert!(matches!(final_db(3), Lookup::Row(_)));
    assert_eq!(final_db(4), Lookup::Unknown, "n4 may have it or not");
    sample.key(KeyCode::End);
    for _ in 0..40 {
        sample.key(KeyCode::Down);
    }
    let shown = screen(&sample);
    let line = shown.lines().find(|line| line.contains(" z ")).unwrap_or_else(|| panic!("{shown}"));
    assert!(line.contains('…') && !line.contains('≠'), "{line}");
}

#[test]
fn the_final_databases_are_those_of_the_moment_that_is_shown() {
    let mut sample = Sample::new(MIDDLE).with_finals();
    sample.model.pane = Pane::FinalDb;
    sample.elect(1, 1, &[1, 2, 3, 4]);
    sample.write("x", "1", &[2, 3, 4]);
    sample.write("x", "9", &[2, 3, 4]);
    let value = |sample: &Sample| match sample.model.nodes[&NodeId(1)].final_db.find(&Bytes::from_static(b"x")) {
        Lookup::Row(row) => Some(row.value.clone()),
        _ => None,
    };
    assert_eq!(value(&sample).as_deref(), Some(&b"9"[..]));
    let (steps, _, _) = sample.model.tape.position();
    let seen = (1..=steps).map(|step| {
        sample.keys(&format!("ievent {step}"));
        sample.key(KeyCode::Enter);
        sample.key(KeyCode::Esc);
        value(&sample)
    });
    let mut seen: Vec<_> = seen.collect();
    seen.dedup();
    assert_eq!(seen, [None, Some(Bytes::from_static(b"1")), Some(Bytes::from_static(b"9"))]);
}

#[test]
fn what_is_hidden_or_was_never_told_is_called_so() {
    let mut sample = Sample::healthy(MIDDLE).with_finals();
    sample.model.pane = Pane::FinalDb;
    sample.send(Msg::Observed(NodeId(1), Observed::Lost(7)));
    for node in sample.model.nodes.values_mut() {
        node.final_db = Default::default();
    }
    assert!(screen(&sample).contains("no node has reported its final database yet"));
    for node in sample.model.nodes.values_mut() {
        node.lab = false;
    }
    assert!(screen(&sample).contains("keys and values are shown only by nodes started with --lab"));
}

#[test]
fn an_older_recording_opens_and_says_that_it_does_not_tell_the_final_databases() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".assets/demo.epoca.jsonl");
    let recording = read(&path).expect("the recording that comes with the sources");
    // A recording of a program version that did not report final rows yet.
    let older = recording.records.into_iter().filter(|record| match &record.what {
        What::Observed(_, Observed::Events(events)) => {
            !events.iter().any(|event| matches!(event.fact.name(), "FinalChanged" | "FinalRead"))
        }
        _ => true,
    });
    let mut replay = Sample::replay(older.collect());
    replay.keys("L");
    replay.model.pane = Pane::FinalDb;
    let shown = screen(&replay);
    assert!(shown.contains("this recording has no final databases"), "{shown}");
}
