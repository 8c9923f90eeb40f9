//! Tables of the documents that list what the sources declare: trace events, message kinds, scenarios, keys.

use std::collections::BTreeSet;
use std::fs;

use epoca::protocol::MessageKind;

use super::markdown::{Page, pages};
use crate::{nothing, sources, top};

/// The page with this path.
fn page(path: &str) -> Page {
    pages(&top()).into_iter().find(|page| page.path == path).unwrap_or_else(|| panic!("there is no {path}"))
}

/// The rows of all tables below a heading, cell by cell.
fn rows(page: &Page, heading: &str) -> Vec<Vec<String>> {
    let below =
        page.text.split(&format!("\n## {heading}\n")).nth(1).unwrap_or_else(|| panic!("{}: no {heading}", page.path));
    let section = below.split("\n## ").next().unwrap_or_default();
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---")).map(cells).collect()
}

/// The contents of a cell's code spans.
fn coded(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn differences(documented: &BTreeSet<String>, declared: &BTreeSet<String>) -> Vec<String> {
    let missing = declared.difference(documented).map(|name| format!("{name} is not in the table"));
    missing.chain(documented.difference(declared).map(|name| format!("{name} is only in the table"))).collect()
}

#[test]
fn the_table_of_trace_events_has_every_event_with_its_rule() {
    let rows = rows(&page("node/protocol/PROTOCOL.md"), "Trace events");
    let events =
        |row: &Vec<String>| coded(&row[1]).into_iter().map(|name| format!("{} {name}", row[0])).collect::<Vec<_>>();
    let documented = rows.iter().skip(1).flat_map(events).collect();
    let file = fs::read_to_string(top().join("node/protocol/trace/fact.rs")).expect("the events are declared there");
    let declared = file.lines().filter_map(|line| {
        let mut words = line.strip_prefix("    ")?.split(' ');
        let (rule, name) = (words.next()?, words.next()?);
        let is_rule = rule.len() >= 2 && rule.as_bytes()[0].is_ascii_uppercase() && rule[1..].parse::<u32>().is_ok();
        is_rule.then(|| format!("{rule} {name}"))
    });
    nothing("PROTOCOL.md, trace events", differences(&documented, &declared.collect()));
}

#[test]
fn the_table_of_messages_has_every_kind() {
    let rows = rows(&page("node/protocol/PROTOCOL.md"), "Messages");
    let documented = rows.iter().skip(1).flat_map(|row| coded(&row[0])).collect();
    let declared = MessageKind::ALL.iter().map(|kind| kind.name().to_owned()).collect();
    nothing("PROTOCOL.md, messages", differences(&documented, &declared));
}

#[test]
fn the_table_of_scenarios_has_every_scenario() {
    let rows = rows(&page("tui/scenario/README.md"), "Library");
    let documented = rows.iter().skip(1).flat_map(|row| coded(&row[0])).collect();
    let files = fs::read_dir(top().join("tui/scenario/library")).expect("the library can be read");
    let names =
        files.filter_map(|file| Some(file.ok()?.file_name().to_string_lossy().strip_suffix(".txt")?.to_owned()));
    nothing("tui/scenario/README.md, library", differences(&documented, &names.collect()));
}

#[test]
fn the_table_of_keys_has_every_key_of_control() {
    let rows = rows(&page("tui/README.md"), "Keys");
    let documented: BTreeSet<String> = rows.iter().flatten().flat_map(|cell| coded(cell)).collect();
    let keys = sources("tui/console").into_iter().filter(|source| source.path.contains("/keys"));
    // `on_control(&[presses], "label", …`, `on_guide(…` or `Control [presses] "label" …`, on one line or several.
    let labels = |source: crate::Source| {
        let text = source.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let begins = ["on_control(", "on_guide(", "Control ["];
        let bindings = begins.into_iter().flat_map(|begins| text.split(begins).skip(1));
        let label = |binding: &str| {
            let ends = ["], \"", "] \""].into_iter().filter_map(|ends| Some(binding.find(ends)? + ends.len()));
            Some(binding[ends.min()?..].split('"').next()?.to_owned())
        };
        bindings.filter_map(label).collect::<Vec<_>>()
    };
    let declared: BTreeSet<String> = keys.flat_map(labels).collect();
    assert!(declared.len() > 20, "the table of keys is written otherwise now: {declared:?}");
    let missing = declared.difference(&documented).map(|key| format!("{key} is not in the table"));
    nothing("tui/README.md, keys", missing.collect());
}

#[test]
fn a_difference_between_a_table_and_the_sources_is_found() {
    let page =
        Page::new("a.md", "# A\n\n## T\n\n| h | i |\n| --- | --- |\n| K1 | `A`, `B` |\n\n## U\n\n| K2 | `C` |\n");
    let rows = rows(&page, "T");
    assert_eq!(coded(&rows[1][1]), ["A", "B"]);
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(differences(&set(&["A"]), &set(&["B"])), ["B is not in the table", "A is only in the table"]);
}
