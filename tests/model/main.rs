//! The unchanged core under a model checker: every order of messages, flushes, crashes and elections within a bound.
//!
//! The bounds are counters ([`rules::Left`]). Everything that they allow is searched. A node is the in-memory host of
//! `epoca::verify`; states with equal fingerprints (`Core::fingerprint`) are visited once. The short searches run with
//! all tests, the deep ones each with `cargo test --release --test model -- --ignored --nocapture NAME`
//! (`EPOCA_MODEL_THREADS=N` for more threads). They print the number of states.

mod deep;
mod node;
mod rules;
mod search;
mod state;

use std::time::Instant;

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use rules::{Breach, Left, Rules};
use search::{REACHED_COMMIT, REACHED_OPENING, REACHED_REPAIR, REACHED_SECOND};

/// Three voters of a founded cluster; flushes and applies are done at once. What is left is messages and their order.
fn small() -> Rules {
    Rules {
        voters: 3,
        founded: true,
        left: Left { elections: 1, ..Left::default() },
        streams: true,
        flushes_at_once: true,
        applies_at_once: true,
        pre_votes_at_once: true,
        breach: None,
    }
}

/// Searches everything that the rules allow. All states named in `reached` must occur, and no forbidden state.
fn search(rules: Rules, reached: &[&'static str]) {
    let begin = Instant::now();
    let text = format!("{rules:?}");
    let failures = HasDiscoveries::AnyFailures;
    let threads = std::env::var("EPOCA_MODEL_THREADS").ok().and_then(|count| count.parse().ok()).unwrap_or(1);
    let checker = rules.checker().finish_when(failures).threads(threads).spawn_bfs().join();
    let (unique, all) = (checker.unique_state_count(), checker.state_count());
    println!("{text}\n{unique} states, {all} steps, depth {}, {:.1?}", checker.max_depth(), begin.elapsed());
    let discoveries = checker.discoveries();
    for property in checker.model().properties() {
        let found = discoveries.get(property.name);
        if let (Expectation::Always, Some(path)) = (&property.expectation, found) {
            panic!("not always: {}\n{:#?}\n{:?}", property.name, path.clone().into_actions(), path.last_state());
        }
        println!("    {:5} {}", found.is_some() || matches!(property.expectation, Expectation::Always), property.name);
    }
    assert!(checker.is_done(), "the search ended early");
    let missed: Vec<_> = reached.iter().filter(|name| !discoveries.contains_key(*name)).collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");
}

/// The search must find a state that violates or reaches the property `what`.
fn finds(rules: Rules, what: &'static str) {
    let text = format!("{rules:?}");
    let checker = rules.checker().finish_when(HasDiscoveries::AnyOf([what].into())).spawn_bfs().join();
    let path = checker.discovery(what).unwrap_or_else(|| panic!("not found under {text}: {what}"));
    println!("{text}\n{} states until: {what}\n{:?}", checker.unique_state_count(), path.into_actions());
}

#[test]
fn an_election_and_a_write_hold() {
    let left = Left { elections: 1, writes: 1, ..Left::default() };
    search(Rules { left, ..small() }, &[REACHED_COMMIT]);
}

#[test]
fn a_second_leader_commits() {
    let left = Left { elections: 2, ..Left::default() };
    finds(Rules { left, ..small() }, REACHED_SECOND);
}

#[test]
fn a_forged_tail_is_repaired() {
    let left = Left { elections: 1, injections: 1, ..Left::default() };
    search(Rules { left, ..small() }, &[REACHED_REPAIR]);
}

#[test]
fn a_founding_with_slow_disks_and_a_crash_holds() {
    let left = Left { elections: 1, crashes: 1, ..Left::default() };
    search(Rules { left, founded: false, flushes_at_once: false, ..small() }, &[REACHED_OPENING]);
}

#[test]
fn a_disk_that_says_stored_too_early_is_detected() {
    let left = Left { elections: 1, ..Left::default() };
    let breach = Some(Breach::StoredTooEarly);
    finds(Rules { left, breach, flushes_at_once: false, ..small() }, "what is committed is durable on a quorum");
}

#[test]
fn a_forgotten_vote_is_detected() {
    let left = Left { elections: 2, crashes: 1, ..Left::default() };
    finds(Rules { left, breach: Some(Breach::VoteForgotten), ..small() }, "an epoch has one leader");
}
