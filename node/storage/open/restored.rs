//! What the core gets at its start, read from the log.

use std::collections::VecDeque;

use crate::protocol::{Base, Entry, Lists, LogPoint, Offset, Position, Promise, Restored, RunEnd};
use crate::storage::database::point_at;
use crate::storage::log::{Replay, Run};
use crate::storage::open::OpenOptions;
use crate::storage::{LogReader, StorageError};

/// Bodies read from the log at once.
const STEP_BYTES: u64 = 1 << 20;

/// The content of a log without its entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogSummary {
    pub promise: Option<Promise>,
    pub runs: Vec<Run>,
    pub last: Option<LogPoint>,
    pub forged_from: Option<Position>,
    pub lists: Lists,
    /// The base that the log continues, if its first entries were dropped.
    pub base: Option<Base>,
}

impl LogSummary {
    /// The last dropped entry.
    pub(crate) fn purged(&self) -> Option<LogPoint> {
        self.base.as_ref().map(|base| base.last)
    }

    /// After a reset: an empty log that continues `base`, with the same promise.
    pub(crate) fn replaced(self, base: Base) -> LogSummary {
        let replay = Replay { promise: self.promise, ..Replay::after(base) };
        LogSummary::of(&replay)
    }

    pub(crate) fn of(replay: &Replay) -> LogSummary {
        LogSummary {
            promise: replay.promise,
            runs: replay.runs.clone(),
            last: replay.last(),
            forged_from: replay.forged_from,
            lists: replay.lists.clone(),
            base: replay.base.clone(),
        }
    }
}

pub(crate) fn restored(
    log: &dyn LogReader,
    summary: LogSummary,
    committed: Option<LogPoint>,
    options: &OpenOptions,
) -> Result<Restored, StorageError> {
    let runs = run_ends(log, &summary)?;
    let tail = tail(log, &summary, committed, options)?;
    let before = tail.first().map_or(summary.last.map(|last| last.position), |first| before(first.position));
    let before_tail = match before {
        Some(position) if Some(position) == summary.purged().map(|purged| purged.position) => summary.purged(),
        Some(position) => point_at(log, position)?,
        None => None,
    };
    let purged = summary.purged();
    let LogSummary { promise, forged_from, lists, .. } = summary;
    let (snapshot, bytes_since_snapshot, weights) = (None, 0, Vec::new());
    Ok(Restored {
        promise,
        runs,
        tail,
        before_tail,
        forged_from,
        committed,
        purged,
        snapshot,
        bytes_since_snapshot,
        weights,
        lists: lists.all().to_vec(),
    })
}

fn before(position: Position) -> Option<Position> {
    (position > Position::FIRST).then(|| Position(position.0 - 1))
}

/// The last entries of all epochs, with their positions.
fn run_ends(log: &dyn LogReader, summary: &LogSummary) -> Result<Vec<(RunEnd, Position)>, StorageError> {
    let Some(last) = summary.last else { return Ok(Vec::new()) };
    let ends = summary.runs.iter().skip(1).filter_map(|run| before(run.start)).chain([last.position]);
    let mut runs = Vec::new();
    let known = summary.base.as_ref().map_or(&[][..], |base| &base.runs);
    for (run, end) in summary.runs.iter().zip(ends) {
        if let Some(known) = known.iter().find(|(_, position)| *position == end) {
            runs.push(*known);
            continue;
        }
        let Some(point) = point_at(log, end)? else { continue };
        let last = Offset(end.0 - run.start.0);
        runs.push((RunEnd { epoch: run.epoch, last, digest: point.digest }, end));
    }
    Ok(runs)
}

/// The last entries: all uncommitted ones, and before them as many as the bounds allow.
fn tail(
    log: &dyn LogReader,
    summary: &LogSummary,
    committed: Option<LogPoint>,
    options: &OpenOptions,
) -> Result<Vec<Entry>, StorageError> {
    let Some(last) = summary.last else { return Ok(Vec::new()) };
    let (uncommitted, first) = (Position::after(committed), Position::after(summary.purged()));
    let mut next = Position((last.position.0 + 1).saturating_sub(options.tail_entries as u64).max(1)).min(uncommitted);
    next = next.max(first);
    let (mut tail, mut bytes) = (VecDeque::new(), 0);
    loop {
        let entries = log.read(next, last.position, STEP_BYTES)?;
        let Some(read) = entries.last() else { break };
        next = read.position.next();
        for entry in entries {
            bytes += entry.weight();
            tail.push_back(entry);
        }
        while bytes > options.tail_bytes {
            let Some(first) = tail.front().filter(|first: &&Entry| first.position < uncommitted) else { break };
            bytes -= first.weight();
            tail.pop_front();
        }
    }
    Ok(tail.into())
}
