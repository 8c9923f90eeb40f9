//! Which test covers each trap, and which mutant shows that the test detects it: read from the names of the tests and
//! from the tables of mutants, and written to `TRAPS.md` (`REWRITE=1` renews it). `traps.toml` describes each trap.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::copy::top;
use crate::table::{Mutant, mutants};

const HEAD: &str = "\
# The traps, their tests, and the mutants that put them back in

A trap is a mistake that other implementations made. `REWRITE=1 cargo test --test mutants traps` writes this file from
`traps.toml`, the names of the tests and the tables of mutants. The same tests fail if a trap has no test with its
number, no mutant, or if a name here does not exist. [RESULTS.md](RESULTS.md) says which test caught which mutant.

| trap | what goes wrong | tests | mutants |
| --- | --- | --- | --- |
";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    traps: Vec<String>,
}

/// The description of each trap; the first is trap 1.
fn described() -> Vec<String> {
    let described: Described = toml::from_str(include_str!("traps.toml")).expect("traps.toml can be read");
    described.traps
}

/// The names of one trap.
#[derive(Default)]
struct Covered {
    tests: BTreeSet<String>,
    mutants: BTreeSet<String>,
}

/// By the number in the name; includes tests whose number is not that of a trap.
fn covered() -> BTreeMap<u32, Covered> {
    let mut all: BTreeMap<u32, Covered> = (1..).zip(described()).map(|(trap, _)| (trap, Covered::default())).collect();
    let mut tests = Vec::new();
    ["node", "tests", "tui"].iter().for_each(|folder| collect(&top().join(folder), &mut tests));
    for test in tests {
        let number = test.strip_prefix("trap_").and_then(|rest| rest.get(..2)?.parse().ok());
        all.entry(number.unwrap_or(0)).or_default().tests.insert(test);
    }
    for mutant in mutants() {
        let Some(trap) = mutant.trap() else { continue };
        all.entry(trap).or_default().mutants.insert(mutant.name);
    }
    all
}

/// The names of all functions below a folder that start with `trap_`.
fn collect(path: &Path, tests: &mut Vec<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder of the sources can be read") {
            collect(&entry.expect("an entry can be read").path(), tests);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let text = fs::read_to_string(path).expect("a source is text");
        let functions =
            text.lines().map(|line| line.trim_start().trim_start_matches("async ").strip_prefix("fn trap_"));
        let named = functions.flatten().filter_map(|rest| rest.split_once('('));
        tests.extend(named.map(|(name, _)| format!("trap_{name}")));
    }
}

fn table(all: &BTreeMap<u32, Covered>) -> String {
    let listed =
        |names: &BTreeSet<String>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" · ");
    let mut text = HEAD.to_owned();
    for ((trap, covered), what) in all.iter().zip(described()) {
        writeln!(text, "| {trap} | {what} | {} | {} |", listed(&covered.tests), listed(&covered.mutants))
            .expect("a text takes it");
    }
    text
}

#[test]
fn every_trap_has_a_test_with_its_number_and_a_mutant() {
    let (all, last) = (covered(), described().len() as u32);
    let strange: Vec<&String> =
        all.iter().filter(|(trap, _)| !(1..=last).contains(trap)).flat_map(|(_, covered)| &covered.tests).collect();
    assert!(strange.is_empty(), "two digits, from 01 to {last}: {strange:?}");
    let lacks = |covered: &Covered| covered.tests.is_empty() || covered.mutants.is_empty();
    let lacking: Vec<u32> = all.iter().filter(|(_, covered)| lacks(covered)).map(|(trap, _)| *trap).collect();
    assert!(lacking.is_empty(), "no test with the number, or no mutant: {lacking:?}");
}

/// Entries newer than the table may be missing in it.
#[test]
fn the_table_of_traps_names_what_there_is() {
    let path = top().join("tests/mutants/TRAPS.md");
    let all = covered();
    if std::env::var_os("REWRITE").is_some() {
        fs::write(&path, table(&all)).expect("the table can be written");
    }
    let there: BTreeSet<&String> =
        all.values().flat_map(|covered| covered.tests.iter().chain(&covered.mutants)).collect();
    let found = fs::read_to_string(&path).expect("there is a table");
    let rows = found.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let rows = rows.filter_map(|(trap, rest)| Some((trap.parse::<u32>().ok()?, rest.split_once(" | ")?)));
    let mut traps = BTreeSet::new();
    for (trap, (what, names)) in rows {
        let wanted = described().get(trap as usize - 1).cloned().unwrap_or_default();
        assert_eq!(what, wanted, "{} describes trap {trap} otherwise (REWRITE=1 renews it)", path.display());
        let gone: Vec<&str> =
            names.split('`').skip(1).step_by(2).filter(|name| !there.contains(&name.to_string())).collect();
        assert!(
            gone.is_empty(),
            "{} names for trap {trap} what is not there (REWRITE=1 renews it): {gone:?}",
            path.display()
        );
        traps.insert(trap);
    }
    let wanted = (1..).zip(described()).map(|(trap, _)| trap);
    assert!(wanted.eq(traps), "{} has a row for each trap (REWRITE=1 renews it)", path.display());
}

#[test]
fn the_numbers_of_mutants_are_those_of_traps() {
    let numbers = mutants().iter().filter_map(Mutant::trap).collect::<BTreeSet<u32>>();
    let last = described().len() as u32;
    assert!(numbers.iter().all(|trap| (1..=last).contains(trap)), "{numbers:?}");
}
