//! Client histories on a cluster with faults of every kind, checked for linearizability; local reads are checked for
//! their own guarantees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use epoca::client::LogLine;
use epoca::protocol::{Digest, EntryId, Kind, LogPoint, NodeId, Position};
use epoca::verify::linearizability::{Action, Operation, check};

use crate::clients::{Clock, LocalRead, Worked, read_locally, work};
use crate::locals::Past;
use crate::nemesis::Nemesis;
use crate::pinned::{read_at, write_at};
use crate::support::{self, ELECTION_TIMEOUT, NODES, PATIENCE};

const CLIENTS: u64 = 6;
/// Short, so that an operation on a hanging node ends as unknown and its client continues.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The timeout of two clients out of three: they use the next leader while the old one still believes that it leads.
const HASTE: Duration = ELECTION_TIMEOUT;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_are_linearizable_while_nodes_are_killed_paused_cut_off_and_restarted() {
    let _alone = support::alone().await;
    run(support::seed(), Duration::from_secs(12)).await;
}

/// `SEED=7 SECONDS=600 cargo test --release --test chaos -- --ignored --nocapture long_histories`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs for SECONDS, 300 unless told"]
async fn long_histories_are_linearizable() {
    let _alone = support::alone().await;
    let (seed, seconds) = (support::seed(), support::number("SECONDS").unwrap_or(300));
    // A new cluster for each minute, because the linearizability search grows with the history.
    for round in 0..seconds.div_ceil(60) {
        run(seed + round, Duration::from_secs(60.min(seconds - 60 * round))).await;
    }
}

/// The operations of all clients.
struct Seen {
    worked: Worked,
    locals: Vec<(NodeId, Vec<LocalRead>)>,
    schedule: Vec<String>,
}

async fn run(seed: u64, time: Duration) {
    println!("seed {seed}, {} s of faults", time.as_secs());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cluster = support::start(&support::executable(), folder.path()).await;
    let patient = cluster.client(support::scaled(PATIENCE)).expect("a client");
    let seen = chaos(&cluster, seed, time).await;
    let schedule = seen.schedule.join("\n");
    // Fails at once: waiting cannot converge logs that have diverged.
    check(&seen.worked.history).unwrap_or_else(|why| panic!("seed {seed}: {why}\nWhat was done:\n{schedule}"));
    let put = patient.put(Bytes::from_static(b"after"), Bytes::from_static(b"all")).await;
    assert!(put.is_ok(), "seed {seed}: once healed, writes are taken: {put:?}\n{schedule}");
    let agreed = support::agreed(&patient).await;
    judge(&seen, &agreed.log).unwrap_or_else(|why| panic!("seed {seed}: {why}\nWhat was done:\n{schedule}"));
    cluster.stop().await;
    let unknown = seen.worked.history.iter().filter(|operation| operation.returned.is_none()).count();
    let locals: usize = seen.locals.iter().map(|(_, reads)| reads.len()).sum();
    let (operations, confirmed) = (seen.worked.history.len(), seen.worked.confirmed.len());
    println!(
        "{operations} operations ({confirmed} confirmed writes, {unknown} of unknown outcome), {locals} local reads, \
         {} faults",
        seen.schedule.len()
    );
    assert!(confirmed > 20 && locals > 100, "so little happened that nothing was checked:\n{schedule}");
}

async fn chaos(cluster: &epoca::cluster::Cluster, seed: u64, time: Duration) -> Seen {
    let clock = Arc::new(Clock::default());
    let client = |timeout| cluster.client(support::scaled(timeout)).expect("a client");
    let patience = |number: u64| if number.is_multiple_of(3) { TIMEOUT } else { HASTE };
    let worker = |number| tokio::spawn(work(client(patience(number)), number, seed, clock.clone()));
    let workers: Vec<_> = (1..=CLIENTS).map(worker).collect();
    let pinned = NODES.into_iter().zip(cluster.addresses()).flat_map(|(node, address)| {
        let reader = tokio::spawn(read_at(client(HASTE), node, seed, clock.clone()));
        [reader, tokio::spawn(write_at(address, node, seed, clock.clone()))]
    });
    let pinned: Vec<_> = pinned.collect();
    let reader = |node: &NodeId| tokio::spawn(read_locally(client(TIMEOUT), *node, seed, clock.clone()));
    let readers: Vec<_> = NODES.iter().map(reader).collect();
    let mut nemesis = Nemesis::new(client(Duration::from_secs(10)), seed);
    nemesis.rage(time).await;
    nemesis.heal().await;
    clock.over.store(true, Ordering::SeqCst);
    let mut worked = Worked::default();
    for worker in workers {
        let one = worker.await.expect("no client panics");
        worked.history.extend(one.history);
        worked.confirmed.extend(one.confirmed);
    }
    for client in pinned {
        worked.history.extend(client.await.expect("no client panics"));
    }
    let mut locals = Vec::new();
    for (node, reader) in NODES.into_iter().zip(readers) {
        locals.push((node, reader.await.expect("no reader panics")));
    }
    Seen { worked, locals, schedule: nemesis.schedule }
}

fn judge(seen: &Seen, log: &[LogLine]) -> Result<(), String> {
    let log = &effective(log)[..];
    for (operation, written) in &seen.worked.confirmed {
        let line = log.iter().find(|line| line.point.id == written.id);
        if !line.is_some_and(|line| line.point.position == written.position && is_write(line, operation)) {
            return Err(format!("confirmed as {written:?}, but the log has {line:?} there: {operation}"));
        }
    }
    let mut values = BTreeSet::new();
    let twice = log.iter().filter_map(|line| line.value.as_ref()).find(|value| !values.insert(*value));
    if let Some(value) = twice {
        return Err(format!("the value {} was applied twice", value.escape_ascii()));
    }
    let past = Past::new(log);
    seen.locals.iter().try_for_each(|(node, reads)| past.check(reads).map_err(|why| format!("{node}: {why}")))
}

/// The log without the entries that change nothing: retries of a write, and writes that follow a write of the same
/// session with a greater sequence number. A client has one write in flight, and declares with each that all earlier
/// ones are complete.
fn effective(log: &[LogLine]) -> Vec<LogLine> {
    let mut greatest: BTreeMap<u64, u64> = BTreeMap::new();
    let mut is_new = |(session, sequence): (u64, u64)| {
        let before = greatest.get(&session).copied();
        greatest.insert(session, sequence.max(before.unwrap_or(0)));
        before < Some(sequence)
    };
    log.iter().filter(|line| line.write.is_none_or(&mut is_new)).cloned().collect()
}

fn is_write(line: &LogLine, operation: &Operation) -> bool {
    let value = match &operation.action {
        Action::Put(value) | Action::CompareAndSet { value, .. } => Some(value),
        Action::Delete => None,
        Action::Get(_) => return false,
    };
    line.key.as_ref() == Some(&operation.key) && line.value.as_ref() == value
}

/// Seed 928302 of 2026-11-21: a frozen node forwarded a write that its client had abandoned.
#[test]
fn what_changes_nothing_is_left_out_of_the_log() {
    let line = |position: u64, write| LogLine {
        point: LogPoint { id: EntryId::new(1, position), position: Position(position), digest: Digest([0; 16]) },
        committed: true,
        kind: Kind::Command,
        key: None,
        value: None,
        forged: false,
        write,
    };
    let writes = [Some((7, 1)), None, Some((7, 3)), Some((7, 3)), Some((7, 2)), Some((8, 2)), None];
    let log: Vec<LogLine> = (1..).zip(writes).map(|(position, write)| line(position, write)).collect();
    let left: Vec<u64> = effective(&log).iter().map(|line| line.point.position.0).collect();
    assert_eq!(left, [1, 2, 3, 6, 7]);
}
