//! Do the tests bite? Each mutant breaks one rule of the protocol, the storage, the runtime or a decoder on purpose, in a
//! copy of the sources; the tests must notice, and it is counted how many seeds the simulator needs.
//!
//! The mutants are data, in the tables beside this file: a text that stands exactly once in a source, and what takes
//! its place. The quick tests hold the tables to the sources. The long one builds, tests and simulates every mutant, two at a
//! time, and writes `RESULTS.md`: `cargo test --release --test mutants -- --ignored --nocapture`. With `MUTANTS=word,word`
//! only those whose names have one of the words are tried, and nothing is written.
//!
//! What is absent on purpose: mutants made by a machine, and any mutant in the product itself.

mod table;

mod copy;

mod run;

mod report;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::Instant;

use copy::Copy;
use report::Row;
use run::{Seeds, Verdict};
use table::{Mutant, SIMULATOR, Tests, mutants};

/// The traps whose feature exists, and which a change of one text puts back in.
const TRAPS: [u32; 27] =
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22, 23, 24, 25, 26, 27, 28];

const WORKERS: usize = 2;

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
#[ignore = "builds, tests and simulates the sources once for each mutant: the better part of an hour"]
fn every_mutant_is_caught() {
    let (begun, words) = (Instant::now(), std::env::var("MUTANTS").unwrap_or_default());
    let all = mutants();
    let wanted = |mutant: &&Mutant| words.split(',').any(|word| mutant.name.contains(word));
    let chosen: Mutex<VecDeque<&Mutant>> = Mutex::new(all.iter().filter(wanted).collect());
    let mut rows: Vec<Row> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                scope.spawn({
                    let chosen = &chosen;
                    move || work(worker, chosen)
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no worker panics")).collect()
    });
    let text = report::report(&mut rows);
    println!("{text}\n{} mutants in {} s", rows.len(), begun.elapsed().as_secs());
    if words.is_empty() {
        std::fs::write(copy::top().join("tests/mutants/RESULTS.md"), text).expect("the results can be written");
    }
    let survivors: Vec<&str> = rows.iter().filter(|row| !row.is_caught()).map(|row| &row.mutant.name[..]).collect();
    assert!(survivors.is_empty(), "no test noticed {survivors:?}");
}

/// Takes mutants until none is left.
fn work<'a>(worker: usize, chosen: &Mutex<VecDeque<&'a Mutant>>) -> Vec<Row<'a>> {
    let next = || chosen.lock().expect("no worker panics").pop_front();
    let mut copies = BTreeMap::new();
    let mut rows = Vec::new();
    while let Some(mutant) = next() {
        let tests = mutant.tests();
        let copy = copies.entry(tests.name).or_insert_with(|| unbroken(tests, worker));
        let verdict = copy.with(mutant, |copy| copy.test(tests, mutant.trap()));
        let seeds = match tests.simulated {
            true => {
                let copy = copies.entry(SIMULATOR.name).or_insert_with(|| Copy::of(&SIMULATOR, worker));
                copy.with(mutant, |copy| copy.simulate(&SIMULATOR))
            }
            false => Seeds::NotSimulated,
        };
        let row = Row { mutant, verdict, seeds };
        println!("{}", row.line());
        rows.push(row);
    }
    rows
}

/// A copy whose tests pass without any mutant.
fn unbroken(tests: &Tests, worker: usize) -> Copy {
    let copy = Copy::of(tests, worker);
    let verdict = copy.test(tests, None);
    assert!(matches!(verdict, Verdict::Survived), "the tests of {} fail without any mutant: {verdict}", tests.name);
    copy
}
