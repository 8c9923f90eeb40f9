//! Scenario texts: commands, `----`, then the expected trace.
//!
//! A file is a list of blocks, separated by empty lines; a block without commands is commentary. All blocks of a file
//! share one world. `REWRITE=1 cargo test --test protocol` writes the actual traces into the files, for review in the
//! diff.

mod command;
mod diff;
mod show;

use std::fs;
use std::path::{Path, PathBuf};

use crate::scenario::command::Stage;

macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

scenarios! {
    first_election_and_founding,
    a_commit_order_is_held,
    a_conflict_by_digest,
    a_conflict_by_id,
    a_leader_changes_with_an_unconfirmed_tail,
    a_leader_without_a_quorum_steps_down,
    a_lease,
    a_pre_vote_has_no_side_effects,
    a_preferred_node_leads_again,
    a_replica_is_down_and_returns,
    a_slow_reader_of_an_old_log,
    a_transfer,
    a_transfer_to_a_dead_node,
    a_wiped_replica_is_rejected,
    a_write_from_push_to_final,
    acks_wait_for_the_disk,
    all_lose_power,
    an_order_overtakes_its_entry,
    an_unconfirmed_tail_is_overwritten,
    elections_by_hand,
    figure_7,
    figure_8,
    forged_entries_take_two_rounds,
    injected_then_election,
    injected_then_restarted,
    linearizable_reads,
    many_forged_entries,
    messages_that_come_twice,
    no_majority_no_confirmation,
}

const RULE: &str = "----";

#[test]
fn every_scenario_text_is_a_test() {
    let mut found: Vec<_> = fs::read_dir(folder())
        .expect("the folder of scenarios")
        .map(|entry| entry.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    found.sort();
    let mut listed = NAMES.to_vec();
    listed.sort_unstable();
    assert_eq!(found, listed);
}

/// Runs the scenario and compares, or rewrites.
fn check(name: &str) {
    let path = folder().join(format!("{name}.txt"));
    let expected = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let actual = play(&expected);
    if std::env::var_os("REWRITE").is_some() {
        fs::write(&path, &actual).expect("the scenario can be rewritten");
    } else if actual != expected {
        let difference = diff::lines(&expected, &actual);
        panic!("{name}: the trace differs (-: expected, +: actual; REWRITE=1 renews it)\n{difference}");
    }
}

/// The text with the actual traces in place of the expected ones.
fn play(text: &str) -> String {
    let mut stage = Stage::default();
    let blocks = text.split("\n\n").map(|block| play_block(&mut stage, block.trim_matches('\n')));
    let blocks: Vec<_> = blocks.filter(|block| !block.is_empty()).collect();
    blocks.join("\n\n") + "\n"
}

fn play_block(stage: &mut Stage, block: &str) -> String {
    let commands: Vec<_> = block.lines().take_while(|line| *line != RULE).collect();
    let mut out = commands.join("\n");
    if commands.iter().all(|line| line.starts_with('#')) {
        return out;
    }
    out.push('\n');
    out.push_str(RULE);
    for line in commands.iter().filter(|line| !line.starts_with('#')) {
        for happened in stage.run(line) {
            out.push('\n');
            out.push_str(&happened);
        }
    }
    out
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protocol/scenarios")
}
