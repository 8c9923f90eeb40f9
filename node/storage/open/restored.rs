//! What the core is handed at its start, put together from the log.

use std::collections::VecDeque;

use crate::protocol::{Base, Entry, Lists, LogPoint, Offset, Position, Promise, Restored, RunEnd};
use crate::storage::database::point_at;
use crate::storage::log::{Replay, Run};
use crate::storage::open::OpenOptions;
use crate::storage::{LogReader, StorageError};

/// Bodies read from the log at once.
const STEP_BYTES: u64 = 1 << 20;

/// What the scan of a log found, without the entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub promise: Option<Promise>,
    pub runs: Vec<Run>,
    pub last: Option<LogPoint>,
    pub forged_from: Option<Position>,
    pub lists: Lists,
    /// With what the log begins, if its first entries were given up.
    pub base: Option<Base>,
}

impl History {
    /// The last entry that was given up.
    pub(crate) fn purged(&self) -> Option<LogPoint> {
        self.base.as_ref().map(|base| base.last)
    }

    /// The log was replaced: it begins after the base and holds nothing.
    pub(crate) fn replaced(self, base: Base) -> History {
        let replay = Replay { promise: self.promise, ..Replay::after(base) };
        History::of(&replay)
    }

    pub(crate) fn of(replay: &Replay) -> History {
        History {
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
    history: History,
    committed: Option<LogPoint>,
    options: &OpenOptions,
) -> Result<Restored, StorageError> {
    let runs = run_ends(log, &history)?;
    let tail = tail(log, &history, committed, options)?;
    let before = tail.first().map_or(history.last.map(|last| last.position), |first| before(first.position));
    let before_tail = match before {
        Some(position) if Some(position) == history.purged().map(|purged| purged.position) => history.purged(),
        Some(position) => point_at(log, position)?,
        None => None,
    };
    let purged = history.purged();
    let History { promise, forged_from, lists, .. } = history;
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

/// The ends of all epochs, each with the position of its last entry.
fn run_ends(log: &dyn LogReader, history: &History) -> Result<Vec<(RunEnd, Position)>, StorageError> {
    let Some(last) = history.last else { return Ok(Vec::new()) };
    let ends = history.runs.iter().skip(1).filter_map(|run| before(run.start)).chain([last.position]);
    let mut runs = Vec::new();
    let known = history.base.as_ref().map_or(&[][..], |base| &base.runs);
    for (run, end) in history.runs.iter().zip(ends) {
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

/// The last entries: all that are not committed, and before them as many as the bounds allow.
fn tail(
    log: &dyn LogReader,
    history: &History,
    committed: Option<LogPoint>,
    options: &OpenOptions,
) -> Result<Vec<Entry>, StorageError> {
    let Some(last) = history.last else { return Ok(Vec::new()) };
    let (uncommitted, first) = (Position::after(committed), Position::after(history.purged()));
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
