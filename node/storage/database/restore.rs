//! A final database that agrees with the log: used as it is, caught up, or rebuilt, and saying so.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::{Duration, Instant};

use sled::Tree;

use crate::protocol::{LogPoint, Position};
use crate::storage::database::clean::{Clean, read_clean, remove_clean};
use crate::storage::database::{DatabasePlace, SledDatabase, read_mark, sled_folder};
use crate::storage::{FinalDatabase, LogReader, StorageError};

/// sled's cache of pages; not a ceiling of its memory. A rebuild with more distinct keys than fit takes about twice as long.
const CACHE_BYTES: u64 = 256 << 20;
/// Bodies read from the log at once while catching up.
const STEP_BYTES: u64 = 1 << 20;
/// How long a database of this process that was just dropped may take to let go of its files.
const PATIENCE: Duration = Duration::from_secs(5);
const REPORT_EVERY: Duration = Duration::from_millis(500);

/// What restoring needs to know and whom it tells.
pub(crate) struct Restoring<'a> {
    pub log: &'a dyn LogReader,
    pub last: Option<LogPoint>,
    /// The commit point that the log has recorded.
    pub committed: Option<LogPoint>,
    pub progress: &'a dyn Fn(&str),
    pub notes: &'a mut Vec<String>,
}

/// Opens the database, applied exactly up to the greater of the recorded commit point and what it held; gives that point.
pub(crate) fn restore(
    place: DatabasePlace,
    restoring: &mut Restoring,
) -> Result<(SledDatabase, Option<LogPoint>), StorageError> {
    let folder = place.folder.clone();
    let clean = read_clean(&folder);
    let fresh = !sled_folder(&folder).exists() && restoring.committed.is_none();
    let usable = usable(&place, clean, restoring)?;
    remove_clean(&*place.disk, &folder)?;
    let opened = match usable {
        Ok(clean) => reopen(&folder, clean),
        Err(why) => Err(why),
    };
    let (tree, rebuilt) = match opened {
        Ok(tree) => (tree, false),
        Err(why) => {
            let tree = start_anew(&folder)?;
            if !fresh {
                restoring.notes.push(format!("the final database is rebuilt from the log: {why}"));
            }
            (tree, !fresh)
        }
    };
    let database = SledDatabase::new(place, tree)?;
    let point = [restoring.committed, database.applied()].into_iter().flatten().max_by_key(|point| point.position);
    catch_up(&database, point, restoring, rebuilt)?;
    Ok((database, point))
}

/// Whether what the folder holds may be used as it is, or why not. A clean mark of this very folder beyond the log's end means
/// that the log has lost entries.
fn usable(
    place: &DatabasePlace,
    clean: Option<Clean>,
    restoring: &Restoring,
) -> Result<Result<Clean, String>, StorageError> {
    if !sled_folder(&place.folder).exists() {
        return Ok(Err("it was missing".into()));
    }
    let Some(clean) = clean else { return Ok(Err("it was not closed cleanly".into())) };
    if clean.incarnation != place.incarnation {
        return Ok(Err("it belongs to another node".into()));
    }
    let Some(applied) = clean.applied else { return Ok(Ok(clean)) };
    let end = restoring.last.map_or(0, |last| last.position.0);
    if applied.position.0 > end {
        let what = format!("it ends at position {end}, but {applied} at position {} was applied", applied.position);
        return Err(StorageError::LogLost { folder: place.folder.clone(), what });
    }
    if point_at(restoring.log, applied.position)? != Some(applied) {
        return Ok(Err(format!("what it applied last, {applied}, is not in the log")));
    }
    Ok(Ok(clean))
}

pub(crate) fn point_at(log: &dyn LogReader, position: Position) -> Result<Option<LogPoint>, StorageError> {
    Ok(log.read(position, position, 1)?.first().map(|entry| entry.point()))
}

/// Opens a database that was closed cleanly, if it holds what it did then.
fn reopen(folder: &Path, clean: Clean) -> Result<Tree, String> {
    let tree = open_sled(&sled_folder(folder)).map_err(|reason| format!("it could not be opened: {reason}"))?;
    let held = std::panic::catch_unwind(AssertUnwindSafe(|| read_mark(&tree)));
    match held {
        Ok(Ok(held)) if held == (clean.applied, clean.revision) => Ok(tree),
        _ => Err("it does not hold what it did when it was closed".into()),
    }
}

fn start_anew(folder: &Path) -> Result<Tree, StorageError> {
    let path = sled_folder(folder);
    match std::fs::remove_dir_all(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(StorageError::io("remove", &path, &error));
        }
        _ => {}
    }
    open_sled(&path).map_err(|reason| StorageError::Database { folder: path, reason })
}

/// Opens sled, which may panic on damaged files.
pub(crate) fn open_sled(path: &Path) -> Result<Tree, String> {
    let begun = Instant::now();
    loop {
        let config = sled::Config::new().path(path).cache_capacity(CACHE_BYTES).flush_every_ms(None);
        let opened = std::panic::catch_unwind(AssertUnwindSafe(|| config.open()));
        match opened {
            Err(_) => return Err("it is damaged".into()),
            Ok(Ok(database)) => return Ok(Tree::clone(&database)),
            Ok(Err(error)) => {
                let locked = error.to_string().contains("could not acquire lock");
                if !locked || begun.elapsed() > PATIENCE {
                    return Err(error.to_string());
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Applies the log up to `point`.
fn catch_up(
    database: &SledDatabase,
    point: Option<LogPoint>,
    restoring: &mut Restoring,
    rebuilt: bool,
) -> Result<(), StorageError> {
    let Some(point) = point.filter(|point| Some(*point) != database.applied()) else { return Ok(()) };
    let begun = Instant::now();
    let mut reported = begun;
    let first = Position::after(database.applied());
    database.apply_in_bulk(|next| {
        if next > point.position {
            return Ok(Vec::new());
        }
        if reported.elapsed() > REPORT_EVERY {
            reported = Instant::now();
            (restoring.progress)(&format!("final database: {} of {} entries applied", next.0 - 1, point.position));
        }
        restoring.log.read(next, point.position, STEP_BYTES)
    })?;
    let applied = point.position.0 + 1 - first.0;
    if rebuilt {
        restoring.notes.push(format!("{applied} entries applied in {:.1} s", begun.elapsed().as_secs_f64()));
    } else {
        restoring.notes.push(format!("the final database was behind: {applied} entries applied from the log"));
    }
    Ok(())
}
