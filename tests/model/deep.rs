//! Searches with wider bounds, each to its end: seconds to minutes in a release build.

use crate::finds;
use crate::rules::{Breach, Left, Rules};
use crate::small;

#[test]
#[ignore = "a minute in a release build"]
fn forgotten_marks_are_found_out() {
    let left = Left { elections: 2, writes: 1, injections: 1, crashes: 1, ..Left::default() };
    let breach = Some(Breach::MarkForgotten);
    finds(Rules { left, breach, ..small() }, "a leader holds all that was committed before it");
}
