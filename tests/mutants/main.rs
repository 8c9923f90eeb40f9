//! Do the tests bite? Each mutant breaks one rule of the protocol or of the storage on purpose, in a copy of the
//! sources; the tests must notice.
//!
//! The mutants are data, in the tables beside this file: a text that stands exactly once in a source, and what takes
//! its place. The quick test holds the tables to the sources. The long one builds and tests every mutant:
//! `cargo test --test mutants -- --ignored --nocapture`, with `MUTANTS=word,word` only those whose
//! names have one of the words.
//!
//! What is absent on purpose: mutants made by a machine, and any mutant in the product itself.

mod copy;

mod run;

mod table;

use std::collections::BTreeSet;
use std::time::Instant;

use copy::Copy;
use run::Verdict;
use table::{Mutant, mutants};

/// The traps whose feature exists, and which a change of one text puts back in.
const TRAPS: [u32; 21] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21, 22, 23, 25, 26];

#[test]
fn every_mutant_still_applies() {
    let wrong: Vec<String> = mutants().iter().filter_map(|mutant| mutant.applied().err()).collect();
    assert!(wrong.is_empty(), "the tables of mutants are behind the sources:\n{}", wrong.join("\n"));
}

#[test]
fn every_mutant_has_a_name_of_its_own() {
    let mutants = mutants();
    let names: BTreeSet<&str> = mutants.iter().map(|mutant| &mutant.name[..]).collect();
    assert_eq!(names.len(), mutants.len());
}

#[test]
fn every_trap_has_a_mutant() {
    let put_back: BTreeSet<u32> = mutants().iter().filter_map(Mutant::trap).collect();
    let missing: Vec<u32> = TRAPS.into_iter().filter(|trap| !put_back.contains(trap)).collect();
    assert!(missing.is_empty(), "no mutant for the traps {missing:?}");
}

#[test]
#[ignore = "builds and tests the sources once for each mutant: minutes"]
fn every_mutant_is_caught() {
    let (begun, words) = (Instant::now(), std::env::var("MUTANTS").unwrap_or_default());
    let wanted = |mutant: &Mutant| words.split(',').any(|word| mutant.name.contains(word));
    let chosen: Vec<Mutant> = mutants().into_iter().filter(wanted).collect();
    let mut survivors = Vec::new();
    println!("| trap or rule | what was broken | caught by |\n| --- | --- | --- |");
    for tests in table::TESTS {
        let mine: Vec<&Mutant> = chosen.iter().filter(|mutant| mutant.tests == tests.name).collect();
        if mine.is_empty() {
            continue;
        }
        let copy = Copy::of(&tests);
        let unbroken = copy.test(&tests, None);
        assert!(matches!(unbroken, Verdict::Survived), "the tests fail without any mutant: {unbroken}");
        for mutant in mine {
            let verdict = copy.with(mutant, |copy| copy.test(&tests, mutant.trap()));
            println!("| {} | {} | {verdict} |", mutant.rule, mutant.broken);
            if matches!(verdict, Verdict::Survived | Verdict::DoesNotBuild) {
                survivors.push(mutant.name.clone());
            }
        }
    }
    let caught = chosen.len() - survivors.len();
    println!("{caught} of {} caught in {} s", chosen.len(), begun.elapsed().as_secs());
    assert!(survivors.is_empty(), "nobody noticed {survivors:?}");
}
