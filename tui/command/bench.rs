//! `bench`: a number of clients, each with one operation in flight, for a number of seconds.
//!
//! The answer "overloaded" is counted, not retried: it shows how much the cluster accepts. Latency is measured at the
//! client; CPU time is what the nodes report. The clients share this process and one connection to each node.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use epoca::client::{Client, ClientError, Consistency};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::execute::Context;
use super::grammar::{Bench, BenchOperation};
use super::messages;
use super::outcome::{Outcome, Tone};
use super::table::Table;
use crate::lang::{Localized, Text};

/// How many different keys are written.
const KEYS: u64 = 10_000;
/// How many keys exist before reads are measured.
const KEYS_READ: u64 = 1_000;
/// The longest latency that the histogram distinguishes, in microseconds.
const LATENCY_MAX: u64 = 600_000_000;
/// The pause after an error, so that clients of a cluster without a leader do not retry in a busy loop.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(20);

struct Counts {
    latencies: Mutex<Histogram<u64>>,
    operations: AtomicU64,
    errors: AtomicU64,
    /// The errors with the code `overloaded`.
    overloaded: AtomicU64,
    last_error: Mutex<Option<ClientError>>,
}

impl Counts {
    fn latencies(&self) -> std::sync::MutexGuard<'_, Histogram<u64>> {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs the bench. An error if no operation was done at all.
pub async fn run(args: &Bench, context: &Context) -> Result<Outcome, ClientError> {
    let client = &context.client;
    if args.op == BenchOperation::Get {
        prepare(args, client).await?;
    }
    let latencies = Histogram::new_with_bounds(1, LATENCY_MAX, 3).expect("the bounds are constants that fit");
    let counts = Arc::new(Counts {
        latencies: Mutex::new(latencies),
        operations: AtomicU64::new(0),
        errors: AtomicU64::new(0),
        overloaded: AtomicU64::new(0),
        last_error: Mutex::new(None),
    });
    let cpu_before = cpu_micros(client).await;
    let start = Instant::now();
    let end = start + Duration::from_secs(args.seconds);
    let mut clients = JoinSet::new();
    for number in 0..args.clients {
        clients.spawn(one_client(number, *args, client.that_tells_overload(), counts.clone(), end));
    }
    tokio::join!(async { while clients.join_next().await.is_some() {} }, report_progress(context, &counts, start, end));
    let elapsed = start.elapsed();
    let cpu_after = cpu_micros(client).await;
    let operations = counts.operations.load(Ordering::Relaxed);
    if operations == 0
        && let Some(error) = counts.last_error.lock().unwrap_or_else(PoisonError::into_inner).take()
    {
        return Err(error);
    }
    let cpu = cpu_before.zip(cpu_after).map(|(before, after)| after.saturating_sub(before));
    Ok(report(args, &counts, elapsed, cpu))
}

/// Writes the keys for a bench of reads.
async fn prepare(args: &Bench, client: &Client) -> Result<(), ClientError> {
    let value = Bytes::from(vec![b'v'; args.value_bytes as usize]);
    let mut writes = JoinSet::new();
    for number in 0..KEYS_READ {
        let (client, value) = (client.clone(), value.clone());
        writes.spawn(async move { client.put(key(number), value).await });
        if writes.len() >= 64
            && let Some(Ok(written)) = writes.join_next().await
        {
            written?;
        }
    }
    while let Some(joined) = writes.join_next().await {
        if let Ok(written) = joined {
            written?;
        }
    }
    Ok(())
}

async fn one_client(number: u64, args: Bench, client: Client, counts: Arc<Counts>, end: Instant) {
    let value = Bytes::from(vec![b'v'; args.value_bytes as usize]);
    // A linear congruential generator: each client visits the keys in an order of its own.
    let mut turn = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    while Instant::now() < end {
        turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let begun = Instant::now();
        let done = match args.op {
            BenchOperation::Put => client.put(key((turn >> 33) % KEYS), value.clone()).await.map(drop),
            BenchOperation::Get => {
                client.get(key((turn >> 33) % KEYS_READ), Consistency::Linearizable, None).await.map(drop)
            }
        };
        match done {
            Ok(()) => {
                counts.latencies().saturating_record(begun.elapsed().as_micros() as u64);
                counts.operations.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                counts.errors.fetch_add(1, Ordering::Relaxed);
                counts.overloaded.fetch_add(error.is_overload().into(), Ordering::Relaxed);
                *counts.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
}

fn key(number: u64) -> Bytes {
    Bytes::from(format!("bench/{number:05}"))
}

/// Sends the progress every second.
async fn report_progress(context: &Context, counts: &Counts, start: Instant, end: Instant) {
    let mut before = 0;
    let mut next = start + Duration::from_secs(1);
    while next <= end {
        tokio::time::sleep_until(next.into()).await;
        let operations = counts.operations.load(Ordering::Relaxed);
        let errors = counts.errors.load(Ordering::Relaxed);
        context.send_progress(messages::bench_progress(start.elapsed().as_secs(), operations - before, errors));
        before = operations;
        next += Duration::from_secs(1);
    }
}

/// The CPU time of all nodes so far. `None` if a node does not answer, because the sum would be wrong.
async fn cpu_micros(client: &Client) -> Option<u64> {
    let nodes = client.status().await.ok()?;
    nodes.iter().map(|node| node.reported.as_ref().ok().map(|reported| reported.cpu_micros)).sum()
}

fn report(args: &Bench, counts: &Counts, elapsed: Duration, cpu_micros: Option<u64>) -> Outcome {
    let operations = counts.operations.load(Ordering::Relaxed);
    let [errors, overloaded] = [&counts.errors, &counts.overloaded].map(|count| count.load(Ordering::Relaxed));
    let per_second = operations as f64 / elapsed.as_secs_f64();
    let [p50, p90, p99, p999] = {
        let latencies = counts.latencies();
        [0.5, 0.9, 0.99, 0.999].map(|quantile| latencies.value_at_quantile(quantile))
    };
    let cpu = cpu_micros.filter(|_| operations > 0).map(|cpu| cpu as f64 / operations as f64);
    let rounded = |number: f64| (number * 10.0).round() / 10.0;
    let json = json!({
        "operations": operations,
        "operations_per_second": rounded(per_second),
        "p50_us": p50,
        "p90_us": p90,
        "p99_us": p99,
        "p999_us": p999,
        "errors": errors,
        "overloaded": overloaded,
        "cpu_us_per_operation": cpu.map_or(Value::Null, |cpu| json!(rounded(cpu))),
    });
    let seconds = elapsed.as_secs_f64();
    let summary = match args.op {
        BenchOperation::Put => messages::writes_by_clients(operations, args.clients, seconds),
        BenchOperation::Get => messages::reads_by_clients(operations, args.clients, seconds),
    };
    let latency = format!("p50 {p50} µs, p90 {p90} µs, p99 {p99} µs, p99.9 {p999} µs");
    let row = |name: Text, value: Localized| [name.into(), value];
    let table = Table::new()
        .row(row(messages::THROUGHPUT, messages::throughput(per_second, errors, overloaded)))
        .row(row(messages::LATENCY, latency.into()))
        .row(row(messages::CPU, messages::cpu_per_operation(cpu)));
    let last = counts.last_error.lock().unwrap_or_else(PoisonError::into_inner).take();
    let outcome = Outcome::done(json).line(Tone::Result, summary).table(&table);
    outcome.lines(Tone::Note, last.map(|error| messages::last_error(&error)))
}
