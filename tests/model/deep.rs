//! Searches with wider bounds: seconds to minutes in a release build.

use crate::rules::{Breach, Left, Rules};
use crate::search::{REACHED_COMMIT, REACHED_OPENING, REACHED_REPAIR, REACHED_SECOND};
use crate::{finds, search, small};

#[test]
#[ignore = "seconds to a minute in a release build"]
fn every_course_of_two_elections() {
    let left = Left { elections: 2, ..Left::default() };
    search(Rules { left, ..small() }, &[REACHED_SECOND]);
}

#[test]
#[ignore = "seconds to a minute in a release build"]
fn a_write_on_slow_disks_with_a_crash() {
    let left = Left { elections: 1, writes: 1, crashes: 1, ..Left::default() };
    search(Rules { left, flushes_at_once: false, ..small() }, &[REACHED_COMMIT]);
}

#[test]
#[ignore = "seconds to a minute in a release build"]
fn forged_entries_and_a_write() {
    let left = Left { elections: 1, writes: 1, injections: 1, ..Left::default() };
    search(Rules { left, ..small() }, &[REACHED_COMMIT, REACHED_REPAIR]);
}

#[test]
#[ignore = "seconds to a minute in a release build"]
fn a_loss_and_a_heartbeat() {
    let left = Left { elections: 1, heartbeats: 1, losses: 1, ..Left::default() };
    search(Rules { left, ..small() }, &[REACHED_OPENING]);
}

#[test]
#[ignore = "seconds to a minute in a release build"]
fn messages_in_any_order() {
    let left = Left { elections: 1, writes: 1, ..Left::default() };
    search(Rules { left, streams: false, ..small() }, &[REACHED_COMMIT]);
}

#[test]
#[ignore = "seconds to a minute in a release build"]
fn a_founding_with_every_pre_vote() {
    let left = Left { elections: 1, crashes: 1, ..Left::default() };
    search(
        Rules { left, founded: false, pre_votes_at_once: false, flushes_at_once: false, ..small() },
        &[REACHED_OPENING],
    );
}

#[test]
#[ignore = "seconds to a minute in a release build"]
fn a_write_with_slow_final_databases() {
    let left = Left { elections: 1, writes: 1, ..Left::default() };
    search(Rules { left, applies_at_once: false, ..small() }, &[REACHED_COMMIT]);
}

#[test]
#[ignore = "seconds to a minute in a release build"]
fn four_voters() {
    let left = Left { elections: 1, writes: 1, ..Left::default() };
    search(Rules { left, voters: 4, ..small() }, &[REACHED_COMMIT]);
}

#[test]
#[ignore = "a minute in a release build"]
fn forgotten_marks_are_detected() {
    let left = Left { elections: 2, writes: 1, injections: 1, crashes: 1, ..Left::default() };
    let breach = Some(Breach::MarkForgotten);
    finds(Rules { left, breach, ..small() }, "a leader holds everything committed before it");
}
