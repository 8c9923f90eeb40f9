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

use super::messages::verify as words;
use super::outcome::{Exit, Outcome, Tone};
use super::print::error_line;
use super::table::Table;
use crate::lang::{Lang, Localized, Text};
use crate::words::invariant;

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

pub fn verify(args: &VerifyArgs, lang: Lang) -> Outcome {
    // A failed assertion of the core ends a run and is part of its result. Without this, each smaller plan would print
    // it.
    std::panic::set_hook(Box::new(|_| {}));
    let first = args.seed.unwrap_or_else(seed_from_clock);
    let total = run_all(args, first, lang);
    match &total.failed {
        None => passed(first, &total),
        Some((seed, failure)) => failed(&total, *seed, failure, lang),
    }
}

/// A seed that fits into the integers of every program that reads JSON.
pub fn seed_from_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_micros() as u64 % 1_000_000_000_000)
}

fn run_all(args: &VerifyArgs, first: u64, lang: Lang) -> Total {
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
            error_line(progress(&total).to(lang));
        }
    }
    for worker in workers {
        // A run catches its panics. If a thread panics nevertheless, its seeds are missing in the count.
        let _ = worker.join();
    }
    total
}

fn progress(total: &Total) -> Localized {
    let Total { seeds, stats, elapsed, .. } = total;
    let steps = stats.steps as f64;
    words::progress(*seeds, steps / 1e6, steps / elapsed.as_secs_f64().max(0.001) / 1e3)
}

fn passed(first: u64, total: &Total) -> Outcome {
    let last = first.wrapping_add(total.seeds.saturating_sub(1));
    let head = words::passed(total.seeds, first, last, total.stats.members.lists);
    let table = Table::new().rows(numbers(total)).rows(faults(total));
    let json = summary(first, total, Value::Array(Vec::new()));
    Outcome::done(json).line(Tone::Result, head).table(&table)
}

fn failed(total: &Total, seed: u64, failure: &Failure, lang: Lang) -> Outcome {
    let name = failure.violation.invariant;
    let name = Localized::new(name, invariant(Lang::Portuguese, name));
    error_line(words::searching(seed, &name).to(lang));
    let plan = Plan::of(Options::of(seed));
    let Shrunk { plan: small, failure: found, tried } = shrink(&plan, failure, SHRINK_TRIES);
    let played = play(&small, true);
    let at = |failure: &Failure| format!("{:.6} s", failure.at as f64 / 1e6);
    let from = played.trace.len().saturating_sub(TRACE_LINES);
    let (faults, calls) = ((small.faults.len(), plan.faults.len()), (small.calls.len(), plan.calls.len()));
    let mut lines: Vec<Localized> = vec![
        words::breaks(seed, &at(failure)),
        format!("  {}", failure.violation).into(),
        "".into(),
        small.options.to_string().into(),
        "".into(),
        words::suffice(faults, calls, tried),
    ];
    lines.extend(small.faults.iter().map(|fault| format!("  {fault}").into()));
    lines.push("".into());
    lines.extend(played.trace[from..].iter().cloned().map(Localized::from));
    lines.push(format!("{:>13}  VIOLATION {}", at(&found), found.violation).into());
    lines.push("".into());
    lines.push(words::repeat(seed));
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
    outcome.line(Tone::Error, words::broken(&name, seed))
}

fn numbers(total: &Total) -> Vec<[Localized; 2]> {
    let Stats { steps, events, messages, lost, doubled, calls, members, linearized, watched, watched_gone, .. } =
        &total.stats;
    let seconds = total.elapsed.as_secs_f64().max(0.001);
    let days = total.stats.node_micros as f64 / 86_400e6;
    let row = |name: Text, value: Localized| [name.into(), value];
    let number = |name: Text, value: u64| row(name, value.to_string().into());
    let counts = |name: Text, text: Text, numbers: &[(&str, u64)]| row(name, words::filled(text, numbers));
    vec![
        row(words::STEPS, words::rate(*steps, *steps as f64 / seconds)),
        number(words::EVENTS, *events),
        row(words::SIMULATED, words::node_time(days)),
        counts(words::MESSAGES, words::MESSAGE_COUNTS, &[("sent", *messages), ("lost", *lost), ("doubled", *doubled)]),
        counts(
            words::WRITES,
            words::WRITE_COUNTS,
            &[("confirmed", calls.written), ("unknown", calls.unknown), ("refused", calls.refused)],
        ),
        counts(
            words::RETRIES,
            words::RETRY_COUNTS,
            &[("retried", calls.retried), ("again", calls.answered_again), ("lost", calls.sessions_lost)],
        ),
        number(words::NOT_EQUAL, calls.not_equal),
        counts(
            words::READS,
            words::READ_COUNTS,
            &[("reads", calls.read), ("quorum", calls.read_quorum), ("local", calls.read_local)],
        ),
        counts(
            words::MEMBERS,
            words::MEMBER_COUNTS,
            &[
                ("lists", members.lists),
                ("joined", members.joined),
                ("promoted", members.promoted),
                ("removed", members.removed),
                ("replaced", members.replaced),
                ("moved", members.moved),
            ],
        ),
        number(words::LINEARIZED, *linearized),
        counts(words::WATCHED, words::WATCH_COUNTS, &[("watched", *watched), ("gone", *watched_gone)]),
        row(words::AGREEMENT, words::seconds(total.stats.settle_micros_max as f64 / 1e6)),
    ]
}

fn faults(total: &Total) -> impl Iterator<Item = [Localized; 2]> {
    let rules = total.stats.facts.iter().map(|(name, count)| [words::fired(name), count.to_string().into()]);
    let faults = total.stats.faults.iter().map(|(name, count)| [words::fault(name), count.to_string().into()]);
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
        "settled_most_us": total.stats.settle_micros_max,
        "violations": violations,
    })
}
