//! `epoca verify`: runs the simulator with many seeds and reports statistics, or a violation with the smallest plan
//! that reproduces it.
//!
//! The runs are pure computation: no node is started, no file or socket is opened.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use epoca::verify::simulator::{Failure, Options, Outcome as Run, Plan, Shrunk, Stats, play, run, shrink};
use serde_json::{Value, json};

use super::outcome::{Exit, Outcome, Tone};
use super::print::error_line;
use super::table::Table;

/// How many smaller plans are tried when a plan fails.
const SHRINK_TRIES: usize = 2_000;
/// How many lines of the end of the trace are shown.
const TRACE_LINES: usize = 400;
const PROGRESS: Duration = Duration::from_secs(1);

#[derive(Args, Clone, Copy, Debug)]
pub struct VerifyArgs {
    /// How long to run [default: 10, without --seeds and --seed]
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub seconds: Option<u64>,
    /// How many seeds to run
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: Option<u64>,
    /// The first seed; without --seeds and --seconds the only one [default: from the clock]
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// The number of threads
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=256))]
    pub jobs: u64,
}

/// The sums over all runs.
#[derive(Default)]
struct Total {
    seeds: u64,
    stats: Stats,
    failed: Option<(u64, Failure)>,
    elapsed: Duration,
}

pub fn verify(args: &VerifyArgs) -> Outcome {
    // A failed assertion of the core ends a run and is part of its result. Without this, each smaller plan would print
    // it.
    std::panic::set_hook(Box::new(|_| {}));
    let first = args.seed.unwrap_or_else(seed_from_clock);
    let total = run_all(args, first);
    match &total.failed {
        None => passed(first, &total),
        Some((seed, failure)) => failed(&total, *seed, failure),
    }
}

/// A seed that fits into the integers of every program that reads JSON.
pub fn seed_from_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_micros() as u64 % 1_000_000_000_000)
}

fn run_all(args: &VerifyArgs, first: u64) -> Total {
    let begin = Instant::now();
    let count = args.seeds.or(args.seed.filter(|_| args.seconds.is_none()).map(|_| 1)).unwrap_or(u64::MAX);
    let seconds = args.seconds.or((count == u64::MAX).then_some(10));
    let end = seconds.map(|seconds| begin + Duration::from_secs(seconds));
    let next = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let (results, received) = mpsc::channel::<(u64, Run)>();
    let workers: Vec<_> = (0..args.jobs.min(count))
        .map(|_| {
            let (next, stop, results) = (next.clone(), stop.clone(), results.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) && end.is_none_or(|end| Instant::now() < end) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return;
                    }
                    let seed = first.wrapping_add(index);
                    if results.send((seed, run(seed))).is_err() {
                        return;
                    }
                }
            })
        })
        .collect();
    drop(results);
    let mut total = Total::default();
    let mut reported = begin;
    while let Ok((seed, run)) = received.recv() {
        total.seeds += 1;
        total.stats.add(&run.stats);
        total.elapsed = begin.elapsed();
        if let Some(failure) = run.failure {
            stop.store(true, Ordering::Relaxed);
            // The smallest seed, so that the result does not depend on the order of the threads.
            if total.failed.as_ref().is_none_or(|(known, _)| seed < *known) {
                total.failed = Some((seed, failure));
            }
        }
        if reported.elapsed() >= PROGRESS {
            reported = Instant::now();
            error_line(&progress(&total));
        }
    }
    for worker in workers {
        // A run catches its panics. If a thread panics nevertheless, its seeds are missing in the count.
        let _ = worker.join();
    }
    total
}

fn progress(total: &Total) -> String {
    let Total { seeds, stats, elapsed, .. } = total;
    let steps = stats.steps as f64;
    let rate = steps / elapsed.as_secs_f64().max(0.001);
    format!("{seeds} seeds, {:.1} million steps ({:.0} thousand a second), no violation", steps / 1e6, rate / 1e3)
}

fn passed(first: u64, total: &Total) -> Outcome {
    let seeds = format!("{first} to {}", first.wrapping_add(total.seeds.saturating_sub(1)));
    let lists = total.stats.members.lists;
    let head = format!("{} seeds ({seeds}), {lists} membership changes: no violation", total.seeds);
    let table = Table::new().rows(numbers(total)).rows(faults(total));
    let json = summary(first, total, Value::Array(Vec::new()));
    Outcome::done(json).line(Tone::Result, head).table(&table)
}

fn failed(total: &Total, seed: u64, failure: &Failure) -> Outcome {
    let invariant = failure.violation.invariant;
    error_line(&format!("seed {seed} fails: {invariant}; searching for the smallest plan that fails"));
    let plan = Plan::of(Options::of(seed));
    let Shrunk { plan: small, failure: found, tried } = shrink(&plan, failure, SHRINK_TRIES);
    let played = play(&small, true);
    let at = |failure: &Failure| format!("{:.6} s", failure.at as f64 / 1e6);
    let from = played.trace.len().saturating_sub(TRACE_LINES);
    let mut lines = vec![
        format!("seed {seed} breaks an invariant after {}", at(failure)),
        format!("  {}", failure.violation),
        String::new(),
        small.options.to_string(),
        String::new(),
        format!(
            "{} of {} faults and {} of {} calls suffice ({tried} plans tried):",
            small.faults.len(),
            plan.faults.len(),
            small.calls.len(),
            plan.calls.len()
        ),
    ];
    lines.extend(small.faults.iter().map(|fault| format!("  {fault}")));
    lines.push(String::new());
    lines.extend(played.trace[from..].iter().cloned());
    lines.push(format!("{:>13}  VIOLATION {}", at(&found), found.violation));
    lines.push(String::new());
    lines.push(format!("to repeat: epoca verify --seed {seed}"));
    let violation = json!({
        "seed": seed,
        "invariant": failure.violation.invariant,
        "text": failure.violation.text,
        "at_us": failure.at,
        "faults": small.faults.iter().map(|fault| fault.to_string()).collect::<Vec<_>>(),
        "calls": small.calls.len(),
        "trace": played.trace[from..],
        "replay": format!("epoca verify --seed {seed}"),
    });
    let json = summary(seed, total, json!([violation]));
    let outcome = Outcome::done(json).exit(Exit::NotDone).lines(Tone::Result, lines);
    outcome.line(Tone::Error, format!("{} is broken with seed {seed}", failure.violation.invariant))
}

fn numbers(total: &Total) -> Vec<[String; 2]> {
    let Stats { steps, events, messages, lost, doubled, calls, members, linearized, watched, watched_gone, .. } =
        &total.stats;
    let seconds = total.elapsed.as_secs_f64().max(0.001);
    let days = total.stats.node_micros as f64 / 86_400e6;
    let row = |name: &str, value: String| [name.to_owned(), value];
    vec![
        row("steps of a core", format!("{steps} ({:.0} a second)", *steps as f64 / seconds)),
        row("trace events checked", events.to_string()),
        row("simulated", format!("{:.2} node-days ({:.4} node-years)", days, days / 365.25)),
        row("messages", format!("{messages}, {lost} lost, {doubled} doubled")),
        row("writes", format!("{} confirmed, {} unknown, {} refused", calls.written, calls.unknown, calls.refused)),
        row(
            "retries",
            format!(
                "{} with unknown outcome, {} answered by an earlier attempt, {} with a lost session",
                calls.retried, calls.answered_again, calls.sessions_lost
            ),
        ),
        row("compare-and-set not equal", calls.not_equal.to_string()),
        row(
            "reads",
            format!("{} linearizable, {} of a quorum, {} local", calls.read, calls.read_quorum, calls.read_local),
        ),
        row(
            "membership changes",
            format!(
                "{} committed: {} joined, {} promoted, {} removed, {} with a new disk, {} with a new address",
                members.lists, members.joined, members.promoted, members.removed, members.replaced, members.moved
            ),
        ),
        row("operations linearized", linearized.to_string()),
        row("changes watched", format!("{watched}, {watched_gone} times with history gone")),
        row("longest time to agreement", format!("{:.2} s", total.stats.settled_most_micros as f64 / 1e6)),
    ]
}

fn faults(total: &Total) -> impl Iterator<Item = [String; 2]> {
    let rules = total.stats.facts.iter().map(|(name, count)| [format!("fired: {name}"), count.to_string()]);
    let faults = total.stats.faults.iter().map(|(name, count)| [format!("fault: {name}"), count.to_string()]);
    faults.chain(rules)
}

fn summary(first: u64, total: &Total, violations: Value) -> Value {
    let Stats { calls, members, .. } = &total.stats;
    json!({
        "first_seed": first,
        "seeds": total.seeds,
        "seconds": total.elapsed.as_secs_f64(),
        "steps": total.stats.steps,
        "events": total.stats.events,
        "simulated_us": total.stats.simulated_micros,
        "simulated_node_us": total.stats.node_micros,
        "messages": { "sent": total.stats.messages, "lost": total.stats.lost, "doubled": total.stats.doubled },
        "snapshots_resumed": total.stats.snapshots_resumed,
        "watched": { "changes": total.stats.watched, "history_gone": total.stats.watched_gone },
        "faults": total.stats.faults,
        "rules": total.stats.facts,
        "operations": {
            "written": calls.written,
            "read": calls.read,
            "read_quorum": calls.read_quorum,
            "read_local": calls.read_local,
            "unknown": calls.unknown,
            "refused": calls.refused,
            "retried": calls.retried,
            "answered_again": calls.answered_again,
            "sessions_lost": calls.sessions_lost,
            "not_equal": calls.not_equal,
            "linearized": total.stats.linearized,
        },
        "members": {
            "changes": members.lists,
            "joined": members.joined,
            "promoted": members.promoted,
            "removed": members.removed,
            "replaced": members.replaced,
            "moved": members.moved,
        },
        "settled_most_us": total.stats.settled_most_micros,
        "violations": violations,
    })
}
