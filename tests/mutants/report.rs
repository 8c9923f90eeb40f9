//! The results of the mutants, as a Markdown table.

use std::fmt::Write;

use crate::run::{Seeds, Verdict, simulator_seconds};
use crate::table::Mutant;

pub struct Row<'a> {
    pub mutant: &'a Mutant,
    pub verdict: Verdict,
    pub seeds: Seeds,
}

/// The texts before and after the simulator's seconds.
const HEAD: [&str; 2] = [
    "\
# Mutants: which test caught each

Each row is a bug that was put into a copy of the sources on purpose: the first test that noticed it (tests with the
trap's number ran first), and how many seeds of the simulator it took until an invariant, an assertion of the core or
the clients' history was wrong (at most ",
    " s per mutant, seeds from 1). How many seeds fit into that depends on the
machine and its load, so numbers of two runs are not comparable, and a \"–\" is weak evidence.

Written by `cargo test --release --test mutants -- --ignored --nocapture`. [TRAPS.md](TRAPS.md) lists the traps.
",
];

impl Row<'_> {
    /// A test must detect it; detection by the simulator alone is not enough, since the daily tests simulate only
    /// briefly.
    pub fn is_caught(&self) -> bool {
        self.verdict.is_caught()
    }

    pub fn line(&self) -> String {
        let Mutant { name, rule, broken, .. } = self.mutant;
        format!("| `{name}` | {rule} | {broken} | {} | {} |", self.verdict, self.seeds)
    }
}

/// The whole file. Traps come first, ordered by number.
pub fn report(rows: &mut [Row<'_>]) -> String {
    rows.sort_by_key(|row| (row.mutant.trap().unwrap_or(u32::MAX), row.mutant.rule.clone()));
    let mut text = format!("{}{}{}\n{}\n\n", HEAD[0], simulator_seconds(), HEAD[1], summary(rows));
    text += "| mutant | trap or rule | what was broken | caught by | seeds until the simulator caught it |\n";
    text += "| --- | --- | --- | --- | --- |\n";
    for row in &*rows {
        writeln!(text, "{}", row.line()).expect("a text takes it");
    }
    text
}

pub fn summary(rows: &[Row<'_>]) -> String {
    let caught = rows.iter().filter(|row| row.is_caught()).count();
    let traps: Vec<&Row> = rows.iter().filter(|row| row.mutant.trap().is_some()).collect();
    let by_name = traps.iter().filter(|row| is_by_number(row)).count();
    let core: Vec<&Row> = rows.iter().filter(|row| !matches!(row.seeds, Seeds::NotSimulated)).collect();
    let simulated = core.iter().filter(|row| row.seeds.is_caught()).count();
    format!(
        "Caught by the tests: **{caught} of {}**. Of {} that put a trap back in, {by_name} by a test with the trap's\n\
         number. Of {} in the core, {simulated} by the simulator, too.",
        rows.len(),
        traps.len(),
        core.len()
    )
}

/// Whether the first failing test has the trap's number.
fn is_by_number(row: &Row<'_>) -> bool {
    let (Some(trap), Verdict::Caught(by)) = (row.mutant.trap(), &row.verdict) else { return false };
    by.first().is_some_and(|name| name.contains(&format!("trap_{trap:02}_")))
}
