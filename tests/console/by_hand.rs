//! The four tests of the assignment and the whole sheet, shown by single keys on a real cluster.
//!
//! `cargo test --test console -- --nocapture by_hand` prints the seconds of each.

use std::time::Instant;

use crate::session::Session;

/// The keys of each test, and what the screen shows once it is done.
const TESTS: [(&str, &[(&str, &str)]); 4] = [
    ("1 correct data", &[("p", "confirmed e1·o"), ("g", "4 of 4 as expected")]),
    (
        "2 an old log",
        &[("k3", "n3 replica   e1  DOWN"), ("p", "confirmed e1·o"), ("R", "clean after"), ("g", "4 of 4 as expected")],
    ),
    ("3 a conflict", &[("c3", "forge in n3:"), ("\r", "=666≠"), ("p", "truncated ~"), ("g", "4 of 4 as expected")]),
    (
        "4 the commit order",
        &[("h3", "HELD n3"), ("p", "┆"), ("g", "not final"), ("R", "clean after"), ("g", "4 of 4 as expected")],
    ),
];

const KEYS_MAX: usize = 6;

/// The maximum number of repetitions of a write until its entry was seen on a disk.
const ROUNDS_MAX: usize = 20;

fn demo(home: &tempfile::TempDir) -> Session {
    let session = Session::open(home.path(), &["demo", "--base-port", "0"]);
    session.wait_for(|screen| screen.contains("commit e1·o0") && screen.contains("live 4"));
    session
}

/// Presses the keys, each group once the screen shows the effect of the previous one.
fn play(session: &mut Session, steps: &[(&str, &str)]) {
    for (keys, wanted) in steps {
        session.keys(keys);
        session.wait_for(|screen| screen.contains(wanted));
        // The next group must not meet an old answer.
        if *wanted == "4 of 4 as expected" {
            session.keys("\u{1b}");
            session.wait_for(|screen| !screen.contains(" expected "));
        }
    }
}

/// Whether the leader's log ends with an intermediate entry.
fn has_intermediate(screen: &str) -> bool {
    screen.lines().any(|line| line.starts_with("│n1 LEADER") && line.contains('┆'))
}

#[test]
fn each_of_the_four_tests_takes_at_most_six_single_keys() {
    let home = tempfile::tempdir().expect("a folder");
    let mut session = demo(&home);
    for (name, steps) in TESTS {
        let keys: usize = steps.iter().map(|(keys, _)| keys.chars().count()).sum();
        assert!(keys <= KEYS_MAX, "{name}: {keys} keys");
        let begun = Instant::now();
        play(&mut session, steps);
        println!("{name}: {keys} keys, {:.1} s", begun.elapsed().as_secs_f64());
    }
    session.keys("qq");
    assert_eq!(session.ended("The nodes have ended."), 0);
}

#[test]
fn the_whole_sheet_is_shown_by_hand_with_its_evidence() {
    let home = tempfile::tempdir().expect("a folder");
    let mut session = demo(&home);
    session.keys("GG");
    session.wait_for(|screen| screen.contains("0.00 of 2.00 points"));
    let steps = [
        ("p", "✓2a"),
        ("g", "✓2f"),
        ("c3", "forge in n3:"),
        ("\r", "=666≠"),
        ("p", "✓3b.2"),
        ("h3", "HELD n3"),
        ("p", "✓3d"),
        ("g", "✓3a"),
        ("R", "clean after"),
        ("g", "✓3c"),
    ];
    play(&mut session, &steps);
    // The leader's disk is read while a write waits in step mode, so the write may have to be repeated.
    for _ in 0..ROUNDS_MAX {
        session.keys("t");
        session.wait_for(|screen| screen.contains("timers are stopped"));
        session.keys("p");
        session.wait_for(|screen| screen.contains("… put ") && has_intermediate(screen));
        session.keys("t");
        let screen = session.wait_for(|screen| !screen.contains(" STEP ") && screen.contains("✓ step off"));
        if screen.contains("2.00 of 2.00 points") {
            break;
        }
    }
    session.keys("GG");
    let screen = session.wait_for(|screen| screen.contains("GRADES  2.00 of 2.00 points"));
    assert!(screen.contains("n3 · disk: the log on its disk · e1·o3#"), "{screen}");
    session.keys("qq");
    assert_eq!(session.ended("The nodes have ended."), 0);
}
