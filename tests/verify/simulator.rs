//! Short runs of the simulator, the same on every machine: no invariant is violated, all faults and facts occur, and a
//! seed always gives the same run. Long runs are `epoca verify`.

use epoca::verify::simulator::{FaultKind, Options, Plan, Stats, play, run, shrink};

/// Runs seeds. Panics with the command that repeats the first failure.
fn play_seeds(first: u64, count: u64) -> Stats {
    let mut all = Stats::default();
    for seed in first..first + count {
        let outcome = run(seed);
        all.add(&outcome.stats);
        if let Some(failure) = outcome.failure {
            panic!("{}\nto see it: epoca verify --seed {seed}", failure.violation);
        }
    }
    all
}

#[test]
fn a_fixed_set_of_seeds_breaks_nothing_and_meets_everything() {
    let stats = play_seeds(1, 150);
    let faults = [
        "power cut of one node",
        "power cut of all nodes",
        "kill",
        "pause",
        "links cut",
        "node cut off",
        "noise on all links",
        "slow disk",
        "failing disk",
        "slow apply",
        "clock step and rate",
        "commit orders held",
        "forged entries",
        "flipped bit",
        "wiped disk",
        "join asked",
        "learner asked",
        "promotion asked",
        "removal asked",
    ];
    for fault in faults {
        assert!(stats.faults.get(fault).is_some_and(|count| *count > 0), "no {fault} in {stats:#?}");
    }
    let facts = ["Elected", "SteppedDown", "Conflict", "Truncated", "Resynced", "Held", "Injected"];
    let snapshots = ["SnapshotTaken", "Compacted", "SnapshotSent", "SnapshotInstalled"];
    for fact in facts.into_iter().chain(snapshots) {
        assert!(stats.facts.get(fact).is_some_and(|count| *count > 0), "no {fact} in {stats:#?}");
    }
    let calls = stats.calls;
    assert!(calls.unknown > 0 && calls.refused > 0 && calls.read_local > 0, "{calls:?}");
    let again = [calls.retried, calls.answered_again, calls.not_equal, calls.sessions_lost];
    assert!(again.iter().all(|count| *count > 0), "{calls:?}");
    assert!(stats.linearized > 5_000, "{stats:#?}");
    let members = stats.members;
    let changes = [members.joined, members.promoted, members.removed, members.replaced, members.moved];
    assert!(changes.iter().all(|count| *count > 10), "{members:?}");
    assert!(stats.watched > 5_000 && stats.watched_gone > 0, "{stats:#?}");
}

#[test]
fn damage_is_found_at_a_start_and_by_a_read_and_the_node_comes_back() {
    let flips = |plan: &Plan| plan.faults.iter().any(|fault| matches!(fault.kind, FaultKind::FlippedBit { .. }));
    let mut stats = Stats::default();
    for plan in (2_000..).map(|seed| Plan::of(Options::of(seed))).filter(flips).take(50) {
        let outcome = play(&plan, false);
        assert!(outcome.failure.is_none(), "seed {}: {:?}", plan.options.seed, outcome.failure);
        stats.add(&outcome.stats);
    }
    let found = |how| stats.faults.get(how).copied().unwrap_or(0);
    let (at_a_start, by_a_read) = (found("flipped bit found at startup"), found("flipped bit found by a read"));
    assert!(at_a_start > 0 && by_a_read > 0, "{stats:#?}");
    // Each of these nodes keeps asking until it is a member again.
    assert!(stats.members.replaced + stats.members.joined >= at_a_start + by_a_read, "{stats:#?}");
}

#[test]
fn another_fixed_set_of_seeds_breaks_nothing() {
    play_seeds(1_000, 150);
}

#[test]
fn a_seed_gives_the_same_run_each_time() {
    for seed in [3, 17, 40] {
        let plan = Plan::of(Options::of(seed));
        let (once, again, recorded) = (run(seed), play(&plan, false), play(&plan, true));
        assert_eq!(once.hash, again.hash);
        assert_eq!(once.stats, again.stats);
        assert_eq!(once.hash, recorded.hash, "recording changes nothing");
        assert!(!recorded.trace.is_empty() && once.trace.is_empty());
        assert_ne!(once.hash, run(seed + 1).hash);
    }
}

#[test]
fn one_fault_more_or_less_is_another_run() {
    let plan = (17..).map(|seed| Plan::of(Options::of(seed))).find(|plan| plan.faults.len() > 9);
    let plan = plan.expect("some seed has many faults");
    let mut smaller = plan.clone();
    smaller.faults.remove(0);
    assert_ne!(play(&plan, false).hash, play(&smaller, false).hash);
}

/// A leader that accepts no writes confirms none, whatever faults occur.
#[test]
fn a_failing_plan_shrinks_to_what_matters() {
    let hopeless = |seed| {
        let mut options = Options::of(seed);
        options.limits.uncommitted_entries = 0;
        options.faults_micros = options.election_timeout_micros * 5;
        options.work.clients = 1;
        Plan::of(options)
    };
    let plan = (17..).map(hopeless).find(|plan| !plan.faults.is_empty() && !plan.calls.is_empty());
    let plan = plan.expect("some seed has both");
    let failure = play(&plan, false).failure.expect("this cluster cannot converge");
    assert_eq!(failure.violation.invariant, "all nodes agree once the faults end");
    let shrunk = shrink(&plan, &failure, 50);
    assert!(!plan.faults.is_empty() && !plan.calls.is_empty());
    assert!(shrunk.plan.faults.is_empty() && shrunk.plan.calls.is_empty(), "{:?}", shrunk.plan);
    assert_eq!(shrunk.failure.violation.invariant, failure.violation.invariant);
}
