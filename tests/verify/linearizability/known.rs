//! Histories that are known to be linearizable or not.

use epoca::verify::linearizability::{Failure, check};

use crate::linearizability::history;

fn good(text: &str) {
    let found = check(&history(text));
    assert!(found.is_ok(), "{}", found.unwrap_err());
}

fn bad(text: &str) -> Failure {
    check(&history(text)).expect_err("no order explains this history")
}

#[test]
fn one_after_the_other_is_linearizable() {
    good(
        "c1 0-1 get x -
         c1 2-3 put x 1
         c2 4-5 get x 1
         c2 6-7 delete x
         c1 8-9 get x -",
    );
}

#[test]
fn a_read_may_see_either_side_of_a_write_that_it_overlaps() {
    for value in ["1", "2"] {
        good(&format!("c1 0-1 put x 1\n c1 2-9 put x 2\n c2 3-4 get x {value}"));
    }
}

#[test]
fn a_read_after_a_write_returned_must_see_it() {
    let failure = bad("c1 0-1 put x 1\n c1 2-3 put x 2\n c2 4-5 get x 1");
    let Failure::NotLinearizable { stuck, .. } = failure else { panic!("{failure}") };
    assert_eq!(stuck.to_string(), "client 2 at      4 to      5: get x returns 1");
}

#[test]
fn two_reads_never_see_a_write_come_and_go() {
    bad("c1 0-1 put x 1
         c1 2-9 put x 2
         c2 3-4 get x 2
         c2 5-6 get x 1");
}

#[test]
fn two_readers_agree_on_the_order_of_two_concurrent_writes() {
    good("c1 0-9 put x 1\n c2 0-9 put x 2\n c3 1-2 get x 1\n c4 3-4 get x 2");
    bad("c1 0-9 put x 1\n c2 0-9 put x 2\n c3 1-2 get x 1\n c4 3-4 get x 2\n c3 5-6 get x 1");
}

#[test]
fn a_value_that_was_never_written_is_never_seen() {
    bad("c1 0-1 put x 1\n c2 0-9 get x 7");
    bad("c1 0-1 get x 7");
}

#[test]
fn an_unknown_write_may_take_effect_late_or_never() {
    good("c1 0-1 put x 1\n c2 2-? put x 2\n c3 90-91 get x 1\n c3 92-93 get x 2");
    good("c1 0-1 put x 1\n c2 2-? put x 2\n c3 90-91 get x 1\n c3 92-93 get x 1");
    good("c1 0-1 put x 1\n c2 2-? delete x\n c3 3-4 get x -\n c1 5-6 put x 3\n c3 7-8 get x 3");
}

#[test]
fn an_unknown_write_takes_effect_once_at_most() {
    bad("c1 0-1 put x 1
         c2 2-? put x 2
         c3 3-4 get x 2
         c1 5-6 put x 3
         c3 7-8 get x 2");
}

#[test]
fn an_unknown_write_takes_no_effect_before_it_was_called() {
    bad("c3 0-1 get x 2\n c2 2-? put x 2");
}

#[test]
fn a_write_that_was_refused_and_is_left_out_must_not_be_seen() {
    bad("c1 0-1 put x 1\n c3 2-3 get x refused");
}

#[test]
fn keys_are_judged_apart() {
    good("c1 0-1 put x 1\n c1 2-3 put y 2\n c2 4-5 get x 1\n c2 4-5 get y 2");
    let failure = bad("c1 0-1 put x 1\n c1 2-3 put y 2\n c2 4-5 get x 1\n c2 4-5 get y -");
    assert!(matches!(failure, Failure::NotLinearizable { key, .. } if key == "y"));
}

#[test]
fn equal_moments_count_as_concurrent() {
    good("c1 0-5 put x 1\n c2 5-6 get x -");
}

/// Twenty clients write at once and a hundred reads see the writes in one order: only a checker that caches visited
/// states ends in time. The last read returns an old value, so every order has to be refuted.
#[test]
fn wide_concurrency_is_decided_both_ways() {
    let mut lines: Vec<String> = (0..20).map(|client| format!("c{client} 0-1000 put x {client}")).collect();
    let mut moment = 10;
    for round in 0..100 {
        lines.push(format!("c99 {}-{} get x {}", moment, moment + 1, round / 5));
        moment += 2;
    }
    good(&lines.join("\n"));
    lines.push(format!("c99 {}-{} get x 3", moment, moment + 1));
    bad(&lines.join("\n"));
}

/// A crash storm: every second write has an unknown outcome, and none of these is ever read.
#[test]
fn many_unknown_writes_that_no_read_saw_cost_nothing() {
    let mut lines = Vec::new();
    for round in 0..300 {
        let at = round * 10;
        lines.push(format!("c1 {at}-? put x lost{round}"));
        lines.push(format!("c2 {}-{} put x {round}", at + 1, at + 2));
        lines.push(format!("c3 {}-{} get x {round}", at + 3, at + 4));
    }
    good(&lines.join("\n"));
    lines.push("c3 9000-9001 get x 17".to_owned());
    bad(&lines.join("\n"));
}

#[test]
fn a_compare_and_set_is_done_only_where_the_key_is_as_expected() {
    good("c1 0-1 put x 1\n c1 2-3 set x 2 1\n c2 4-5 get x 2");
    bad("c1 0-1 put x 1\n c1 2-3 set x 2 7\n c2 4-5 get x 2");
    good("c1 0-1 set x 1 -\n c2 2-3 get x 1");
    bad("c1 0-1 set x 1 -\n c2 2-3 set x 2 -");
}

/// Two clients replaced the same value: a counter lost an increment.
#[test]
fn of_two_that_expected_the_same_only_one_can_be_done() {
    bad("c1 0-1 put x 0\n c1 2-9 set x 1 0\n c2 2-9 set x 2 0");
    good("c1 0-1 put x 0\n c1 2-9 set x 1 0\n c2 2-9 set x 2 1");
    good("c1 0-1 put x 0\n c1 2-? set x 1 0\n c2 2-9 set x 2 0\n c3 10-11 get x 2");
}

#[test]
fn a_chain_of_unknown_ones_is_found_through_its_end() {
    good("c1 0-1 put x 0\n c2 2-? set x 1 0\n c3 3-? set x 2 1\n c4 4-? set x 3 2\n c5 5-6 get x 3");
    bad("c1 0-1 put x 0\n c2 2-? set x 1 0\n c3 3-? set x 2 7\n c4 4-? set x 3 2\n c5 5-6 get x 3");
}
