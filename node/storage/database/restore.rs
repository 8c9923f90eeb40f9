//! A final database that agrees with the log: used as it is if it was closed cleanly, or is proven to hold what its
//! mark says; then caught up. Otherwise it is rebuilt, and says so.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::protocol::{Incarnation, LogPoint, Position};
use crate::storage::database::checksum::{Proven, prove};
use crate::storage::database::clean::{Clean, read_clean, remove_clean};
use crate::storage::database::tree::Tree;
use crate::storage::database::{DatabasePlace, SledDatabase, read_mark, sled_folder};
use crate::storage::log::log_folder;
use crate::storage::open::applied_lost;
use crate::storage::snapshot::SnapshotFile;
use crate::storage::{FinalDatabase, LogReader, StorageError};

/// sled's cache of pages; not a ceiling of its memory. A rebuild with more distinct keys than fit takes about twice as
/// long.
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
    /// The last entry that the log has given up.
    pub purged: Option<LogPoint>,
    /// The files of snapshots that the log continues, the newest first.
    pub snapshots: Vec<PathBuf>,
    /// The commit point that the log has recorded.
    pub committed: Option<LogPoint>,
    pub progress: &'a dyn Fn(&str),
    pub notes: &'a mut Vec<String>,
}

/// Opens the database, applied exactly up to the greater of the recorded commit point and what a clean end says was
/// applied; gives that point.
pub(crate) fn restore(
    place: DatabasePlace,
    restoring: &mut Restoring,
) -> Result<(SledDatabase, Option<LogPoint>), StorageError> {
    let fresh = !sled_folder(&place.folder).exists() && restoring.committed.is_none();
    let marked = read_clean(&place.folder);
    let unclean = marked.is_none();
    let clean = usable(&place, marked, restoring)?;
    let known = clean.as_ref().ok().and_then(|clean| clean.applied);
    let point = [restoring.committed, known].into_iter().flatten().max_by_key(|point| point.position);
    remove_clean(&*place.disk, &place.folder)?;
    let reused = match clean {
        Ok(clean) => reuse(&place, clean, point, restoring)?,
        Err(why) if unclean && sled_folder(&place.folder).exists() => match use_proven(&place, restoring)? {
            Ok(used) => return Ok(used),
            Err(but) => Err(format!("{why}, and {but}")),
        },
        Err(why) => Err(why),
    };
    let database = match reused {
        Ok(database) => database,
        Err(why) => rebuild(place, point, (!fresh).then_some(why), restoring)?,
    };
    Ok((database, point))
}

/// The database as it was closed, caught up, or why it cannot be used.
fn reuse(
    place: &DatabasePlace,
    clean: Clean,
    point: Option<LogPoint>,
    restoring: &mut Restoring,
) -> Result<Result<SledDatabase, String>, StorageError> {
    let tree = match reopen(&place.folder, clean) {
        Ok(tree) => tree,
        Err(why) => return Ok(Err(why)),
    };
    let database = SledDatabase::new(place.clone(), tree)?;
    match catch_up(&database, point, restoring) {
        Ok(0) => {}
        Ok(applied) => {
            restoring.notes.push(format!("the final database was behind: {applied} entries applied from the log"));
        }
        Err(StorageError::Database { reason, .. }) => return Ok(Err(format!("it could not catch up: {reason}"))),
        Err(error) => return Err(error),
    }
    Ok(Ok(database))
}

/// The database as it was left by a process that did not close it, caught up, with what is committed; or why not.
#[allow(clippy::type_complexity, reason = "as `restore`, with a reason")]
fn use_proven(
    place: &DatabasePlace,
    restoring: &mut Restoring,
) -> Result<Result<(SledDatabase, Option<LogPoint>), String>, StorageError> {
    let begun = Instant::now();
    let (tree, proven) = match open_proven(&place.folder, restoring.progress) {
        Ok(proven) => proven,
        Err(why) => return Ok(Err(why)),
    };
    let Proven { applied, rows } = proven;
    // Its rows were checked, so it holds what the log made of it: a log that ends before has lost entries.
    let end = restoring.last.map_or(0, |last| last.position.0);
    if applied.position.0 > end {
        return Err(applied_lost(&log_folder(&place.folder), end, applied));
    }
    let in_log = restoring.purged == Some(applied) || point_at(restoring.log, applied.position)? == Some(applied);
    if !in_log {
        return Ok(Err(format!("what it applied last, {applied}, is not in the log")));
    }
    // What was applied is committed, whatever was recorded of it.
    let point = [restoring.committed, Some(applied)].into_iter().flatten().max_by_key(|point| point.position);
    let database = SledDatabase::new(place.clone(), tree)?;
    let behind = match catch_up(&database, point, restoring) {
        Ok(behind) => behind,
        Err(StorageError::Database { reason, .. }) => return Ok(Err(format!("it could not catch up: {reason}"))),
        Err(error) => return Err(error),
    };
    let seconds = begun.elapsed().as_secs_f64();
    restoring.notes.push(format!(
        "the final database was not closed cleanly: its {rows} rows were checked and {behind} entries applied from the \
         log, in {seconds:.1} s"
    ));
    Ok(Ok((database, point)))
}

fn open_proven(folder: &Path, progress: &dyn Fn(&str)) -> Result<(Tree, Proven), String> {
    progress("final database: checking it, it was not closed cleanly");
    let tree = open_sled(&sled_folder(folder)).map_err(|reason| format!("it could not be opened: {reason}"))?;
    let proven = std::panic::catch_unwind(AssertUnwindSafe(|| prove(&tree)));
    match proven.unwrap_or_else(|_| Err("it is damaged".into())) {
        Ok(proven) => Ok((tree, proven)),
        Err(why) => {
            // What is damaged may panic once more when it is let go of.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| drop(tree)));
            Err(why)
        }
    }
}

/// A new database, made from the log; `why` is said unless the node is new.
fn rebuild(
    place: DatabasePlace,
    point: Option<LogPoint>,
    why: Option<String>,
    restoring: &mut Restoring,
) -> Result<SledDatabase, StorageError> {
    let begun = Instant::now();
    let tree = start_anew(&place.folder)?;
    let database = SledDatabase::new(place, tree)?;
    let loaded = load_snapshot(&database, point, restoring)?;
    let begins = restoring.purged.filter(|purged| loaded.is_none_or(|loaded| loaded.position < purged.position));
    if let Some(LogPoint { position: purged, .. }) = begins {
        let folder = database.place.folder.join("snapshot");
        let why = why.unwrap_or_else(|| "there is none".into());
        return Err(StorageError::SnapshotLost { folder, purged, why });
    }
    let applied = catch_up(&database, point, restoring)?;
    if let Some(why) = why {
        let seconds = begun.elapsed().as_secs_f64();
        let from = loaded.map_or(String::new(), |loaded| format!("a snapshot of {loaded} and "));
        let text =
            format!("the final database was rebuilt from {from}the log, {applied} entries in {seconds:.1} s: {why}");
        restoring.notes.push(text);
    }
    Ok(database)
}

/// Fills a new database from the newest snapshot that is whole; gives what that stands for.
fn load_snapshot(
    database: &SledDatabase,
    point: Option<LogPoint>,
    restoring: &mut Restoring,
) -> Result<Option<LogPoint>, StorageError> {
    for path in &restoring.snapshots {
        let found = SnapshotFile::open(path).and_then(SnapshotFile::verify);
        match found {
            Ok(id) if Some(id.point.position) <= point.map(|point| point.position) => {
                (restoring.progress)(&format!("final database: from the snapshot of {}", id.point));
                database.load(&mut SnapshotFile::open(path)?)?;
                return Ok(Some(id.point));
            }
            Ok(_) => {}
            Err(StorageError::SnapshotDamaged { byte, what, .. }) => {
                let path = path.display();
                restoring.notes.push(format!("the snapshot {path} is not used, it is damaged at byte {byte}: {what}"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Whether what the folder holds may be used as it is, or why not. A clean mark of this very folder beyond the log's
/// end means that the log has lost entries.
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
        return Err(applied_lost(&log_folder(&place.folder), end, applied));
    }
    if restoring.purged.is_some_and(|purged| applied.position < purged.position) {
        return Ok(Err(format!("the log begins after what it applied last, {applied}")));
    }
    if restoring.purged == Some(applied) {
        return Ok(Ok(clean));
    }
    match point_at(restoring.log, applied.position)? {
        Some(found) if found == applied => Ok(Ok(clean)),
        found => {
            let found = found.map_or("nothing".to_owned(), |found| found.to_string());
            let what = format!("{applied} was applied at position {}, there is {found}", applied.position);
            Err(StorageError::LogLost { folder: log_folder(&place.folder), what })
        }
    }
}

/// What was applied after position `end`, as the final database proves: by the mark of a clean end, or else by its
/// rows, which are checked only if its own mark says so. `None` if nothing was, or nothing is proven.
pub(crate) fn applied_for_certain(folder: &Path, incarnation: Incarnation, end: Position) -> Option<LogPoint> {
    let later = |applied: &LogPoint| applied.position > end;
    if !sled_folder(folder).exists() {
        return None;
    }
    if let Some(clean) = read_clean(folder) {
        return clean.applied.filter(|applied| clean.incarnation == incarnation && later(applied));
    }
    let tree = open_sled(&sled_folder(folder)).ok()?;
    let marked = std::panic::catch_unwind(AssertUnwindSafe(|| read_mark(&tree))).ok()?.ok()?.0;
    marked.filter(later)?;
    let proven = std::panic::catch_unwind(AssertUnwindSafe(|| prove(&tree))).ok()?.ok()?;
    Some(proven.applied).filter(later)
}

pub(crate) fn point_at(log: &dyn LogReader, position: Position) -> Result<Option<LogPoint>, StorageError> {
    Ok(log.read(position, position, 1)?.first().map(|entry| entry.point()))
}

/// Opens a database that was closed cleanly, if it holds what it did then.
fn reopen(folder: &Path, clean: Clean) -> Result<Tree, String> {
    let tree = open_sled(&sled_folder(folder)).map_err(|reason| format!("it could not be opened: {reason}"))?;
    let held = std::panic::catch_unwind(AssertUnwindSafe(|| read_mark(&tree)));
    match held {
        Ok(Ok((applied, revision, _))) if (applied, revision) == (clean.applied, clean.revision) => Ok(tree),
        _ => Err("it does not hold what it did when it was closed".into()),
    }
}

pub(crate) fn start_anew(folder: &Path) -> Result<Tree, StorageError> {
    let path = sled_folder(folder);
    empty(&path).map_err(|error| StorageError::io("empty", &path, &error))?;
    open_sled(&path).map_err(|reason| StorageError::Database { folder: path, reason })
}

/// Removes what a folder holds, but not the folder: it may be a link to another disk, where the old data would stay.
fn empty(folder: &Path) -> std::io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() { std::fs::remove_dir_all(&path)? } else { std::fs::remove_file(&path)? }
    }
    Ok(())
}

/// Opens sled, which may panic on damaged files.
pub(crate) fn open_sled(path: &Path) -> Result<Tree, String> {
    let begun = Instant::now();
    loop {
        let config = sled::Config::new().path(path).cache_capacity(CACHE_BYTES).flush_every_ms(None);
        let opened = std::panic::catch_unwind(AssertUnwindSafe(|| config.open()));
        match opened {
            Err(_) => return Err("it is damaged".into()),
            Ok(Ok(database)) => return Ok(Tree::new(sled::Tree::clone(&database))),
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

/// Applies the log up to `point`; gives how many entries that were.
fn catch_up(database: &SledDatabase, point: Option<LogPoint>, restoring: &Restoring) -> Result<u64, StorageError> {
    let Some(point) = point.filter(|point| Some(*point) != database.applied()) else { return Ok(0) };
    let mut reported = Instant::now();
    let first = Position::after(database.applied());
    let folder = sled_folder(&database.place.folder);
    let bulk = || {
        database.apply_in_bulk(|next| {
            if next > point.position {
                return Ok(Vec::new());
            }
            if reported.elapsed() > REPORT_EVERY {
                reported = Instant::now();
                (restoring.progress)(&format!("final database: {} of {} entries applied", next.0 - 1, point.position));
            }
            restoring.log.read(next, point.position, STEP_BYTES)
        })
    };
    let panicked = |_| Err(StorageError::Database { folder, reason: "it panicked while applying".into() });
    std::panic::catch_unwind(AssertUnwindSafe(bulk)).unwrap_or_else(panicked)?;
    Ok(point.position.0 + 1 - first.0)
}
