//! Mutation tests: each mutant breaks one rule of the protocol, the storage, the runtime or a decoder in a copy of the
//! sources. The tests must detect it; the number of seeds that the simulator needs is counted.
//!
//! The mutants are data, in the tables beside this file: a text that occurs exactly once in a source, and its
//! replacement. The quick tests check the tables against the sources. The long one builds all mutants of a table at
//! once (`switch`), tests and simulates each, two at a time, and writes `RESULTS.md`: `cargo test --release --test
//! mutants -- --ignored --nocapture`. With `MUTANTS=word,word` it runs only mutants whose name or table name contains
//! one of the words, and writes nothing.
//!
//! Deliberately left out: generated mutants, and any mutant in the product itself.

mod table;

mod switch;

mod copy;

mod run;

mod report;

mod traps;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::Instant;

use copy::Copied;
use report::Row;
use run::{Verdict, Worker};
use table::{Mutant, TESTS, Tests, mutants};

const WORKERS: usize = 2;

#[test]
fn every_mutant_still_applies() {
    let mutants = mutants();
    let wrong: Vec<String> = mutants.iter().filter_map(|mutant| mutant.switched().err()).collect();
    assert!(wrong.is_empty(), "the tables of mutants are behind the sources:\n{}", wrong.join("\n"));
}

#[test]
fn every_mutant_has_its_own_name() {
    let mutants = mutants();
    let names: BTreeSet<&str> = mutants.iter().map(|mutant| &mutant.name[..]).collect();
    assert_eq!(names.len(), mutants.len());
}

#[test]
#[ignore = "builds the sources with all mutants, then tests and simulates each: many minutes"]
fn every_mutant_is_caught() {
    let (begun, words) = (Instant::now(), std::env::var("MUTANTS").unwrap_or_default());
    let all = mutants();
    let chosen = |mutant: &&Mutant| words.split(',').any(|word| mutant.tests == word || mutant.name.contains(word));
    let of = |tests: &'static Tests| -> Vec<&Mutant> {
        all.iter().filter(|mutant| mutant.tests == tests.name).filter(chosen).collect()
    };
    // All copies first, so that the sources may be edited during the run.
    let batches = TESTS.iter().map(|tests| (tests, of(tests))).filter(|(_, mutants)| !mutants.is_empty());
    let copied = batches.map(|(tests, mutants)| Batch::of(tests, mutants)).collect::<Vec<_>>();
    let mut rows: Vec<Row> = copied.into_iter().flat_map(Batch::try_all).collect();
    let text = report::report(&mut rows);
    println!("{text}\n{} mutants in {} s", rows.len(), begun.elapsed().as_secs());
    if words.is_empty() {
        std::fs::write(copy::top().join("tests/mutants/RESULTS.md"), text).expect("the results can be written");
    }
    let survivors: Vec<&str> = rows.iter().filter(|row| !row.is_caught()).map(|row| &row.mutant.name[..]).collect();
    assert!(survivors.is_empty(), "no test noticed {survivors:?}");
}

/// The mutants of one table, by number, and the copy that contains them all.
struct Batch<'a> {
    tests: &'static Tests,
    mutants: Vec<(usize, &'a Mutant)>,
    copy: Copied,
}

impl<'a> Batch<'a> {
    fn of(tests: &'static Tests, mutants: Vec<&'a Mutant>) -> Batch<'a> {
        let mutants: Vec<(usize, &Mutant)> = mutants.into_iter().enumerate().collect();
        let copy = Copied::of(tests, &mutants);
        Batch { tests, mutants, copy }
    }

    fn try_all(self) -> Vec<Row<'a>> {
        let Batch { tests, mutants, copy } = self;
        Worker(0).build(&copy, tests);
        let verdict = Worker(0).test(&copy, tests, None);
        assert!(matches!(verdict, Verdict::Survived), "the tests of {} fail without any mutant: {verdict}", tests.name);
        let waiting: Mutex<VecDeque<(usize, &'a Mutant)>> = Mutex::new(mutants.into());
        let (copy, waiting) = (&copy, &waiting);
        std::thread::scope(|scope| {
            let start = |worker| scope.spawn(move || work(worker, tests, copy, waiting));
            let workers: Vec<_> = (0..WORKERS).map(|worker| start(Worker(worker))).collect();
            workers.into_iter().flat_map(|worker| worker.join().expect("no worker panics")).collect()
        })
    }
}

/// Takes mutants until none is left.
fn work<'a>(
    worker: Worker,
    tests: &Tests,
    copy: &Copied,
    waiting: &Mutex<VecDeque<(usize, &'a Mutant)>>,
) -> Vec<Row<'a>> {
    let next = || waiting.lock().expect("no worker panics").pop_front();
    let mut rows = Vec::new();
    while let Some((number, mutant)) = next() {
        let verdict = worker.test(copy, tests, Some((number, mutant.trap())));
        let seeds = worker.simulate(copy, tests, number);
        let row = Row { mutant, verdict, seeds };
        println!("{}", row.line());
        rows.push(row);
    }
    rows
}
