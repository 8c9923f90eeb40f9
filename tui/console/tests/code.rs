//! The code cards: each place, test and line that they name exists in the sources.

use std::fs;
use std::path::Path;

use epoca::protocol::trace::Fact;
use epoca::protocol::{EntryId, NodeId};

use crate::console::words::code::{FACT_PLACES, LINES, PINNED, Pinned, SENTENCES, in_short, of};
use crate::lang::Lang;

fn source(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn each_place_has_its_fact_in_its_function() {
    for (fact, file, line, function) in FACT_PLACES {
        let text = source(file);
        let before: Vec<&str> = text.lines().take(*line as usize).collect();
        assert!(before.last().is_some_and(|line| line.contains(&format!("Fact::{fact}"))), "{file}:{line} {fact}");
        let opens = |line: &&&str| ["(", "<"].iter().any(|open| line.contains(&format!("fn {function}{open}")));
        assert!(before.iter().any(|line| opens(&line)), "{file}: fn {function}");
    }
}

#[test]
fn every_fact_of_a_card_with_a_test_has_a_place() {
    for name in PINNED.iter().flat_map(|pinned| pinned.facts) {
        assert!(FACT_PLACES.iter().any(|(fact, ..)| fact == name), "no code reports {name}");
    }
}

#[test]
fn each_named_test_exists_and_each_named_fact_too() {
    for Pinned { facts, lines, test: (file, name) } in PINNED {
        let text = source(file);
        assert!(text.contains(&format!("fn {name}(")), "{file} has no test {name}");
        assert!(facts.iter().all(|fact| Fact::NAMES.contains(fact)), "{facts:?}");
        assert!(lines.iter().all(|line| LINES.iter().any(|(known, _)| known == line)), "{lines:?}");
    }
    let named: Vec<&str> = PINNED.iter().flat_map(|pinned| pinned.facts).copied().collect();
    for (index, name) in named.iter().enumerate() {
        assert!(!named[index + 1..].contains(name), "{name} is pinned twice");
    }
}

#[test]
fn a_card_says_in_two_sentences_what_a_rule_does() {
    let fact = Fact::Ordered { to: NodeId(2), up_to: EntryId::new(1, 0) };
    for lang in [Lang::English, Lang::Portuguese] {
        let short = in_short(of(&fact).explanation, lang);
        assert!(short.ends_with('.') && short.matches(". ").count() < SENTENCES, "{short}");
    }
}
