//! Opening a final database that agrees with the log.
//!
//! A database that was closed cleanly is used as it is. After an unclean end it is used if its checksum matches its
//! mark. Then it is caught up from the log. Otherwise it is rebuilt from the newest usable snapshot and the log, and a
//! note says why. The mark of a clean shutdown is removed durably before the database is opened.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::protocol::{Incarnation, LogPoint, Position};
use crate::storage::database::checksum::{Verified, verify};
use crate::storage::database::clean::{Clean, read_clean, remove_clean};
use crate::storage::database::rows::read_mark;
use crate::storage::database::tree::Tree;
use crate::storage::database::{DatabaseFiles, SledDatabase, create, open, sled_folder};
use crate::storage::log::log_folder;
use crate::storage::open::applied_lost;
use crate::storage::snapshot::SnapshotFile;
use crate::storage::{FinalDatabase, LogReader, StorageError};

/// Bodies read from the log at once while catching up.
const STEP_BYTES: u64 = 1 << 20;
const REPORT_EVERY: Duration = Duration::from_millis(500);

/// The inputs of a restore, and where progress and notes go.
pub(crate) struct Restoring<'a> {
    pub log: &'a dyn LogReader,
    pub last: Option<LogPoint>,
    /// The last entry that the log has dropped.
    pub purged: Option<LogPoint>,
    /// The files of the snapshots that the log continues, newest first.
    pub snapshots: Vec<PathBuf>,
    /// The recorded commit point.
    pub committed: Option<LogPoint>,
    pub progress: &'a dyn Fn(&str),
    pub notes: &'a mut Vec<String>,
}

/// Opens the database and returns the point up to which it is applied: the greater of the recorded commit point and
/// what the database itself had applied.
pub(crate) fn restore(
    files: DatabaseFiles,
    restoring: &mut Restoring,
) -> Result<(SledDatabase, Option<LogPoint>), StorageError> {
    let fresh = !sled_folder(&files.folder).exists() && restoring.committed.is_none();
    let marked = read_clean(&files.folder);
    let unclean = marked.is_none();
    let clean = usable(&files, marked, restoring)?;
    let known = clean.as_ref().ok().and_then(|clean| clean.applied);
    let point = [restoring.committed, known].into_iter().flatten().max_by_key(|point| point.position);
    remove_clean(&*files.disk, &files.folder)?;
    let reused = match clean {
        Ok(clean) => reuse(&files, clean, point, restoring)?,
        Err(why) if unclean && sled_folder(&files.folder).exists() => match reuse_verified(&files, restoring)? {
            Ok(used) => return Ok(used),
            Err(but) => Err(format!("{why}, and {but}")),
        },
        Err(why) => Err(why),
    };
    let database = match reused {
        Ok(database) => database,
        Err(why) => rebuild(files, point, (!fresh).then_some(why), restoring)?,
    };
    Ok((database, point))
}

/// The database as it was closed, caught up. The inner error says why it cannot be used.
fn reuse(
    files: &DatabaseFiles,
    clean: Clean,
    point: Option<LogPoint>,
    restoring: &mut Restoring,
) -> Result<Result<SledDatabase, String>, StorageError> {
    let tree = match reopen(&files.folder, clean) {
        Ok(tree) => tree,
        Err(why) => return Ok(Err(why)),
    };
    let database = SledDatabase::new(files.clone(), tree)?;
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

/// A database that was not closed, verified and caught up, with its commit point. The inner error says why it cannot be
/// used.
#[allow(clippy::type_complexity, reason = "as `restore`, with a reason")]
fn reuse_verified(
    files: &DatabaseFiles,
    restoring: &mut Restoring,
) -> Result<Result<(SledDatabase, Option<LogPoint>), String>, StorageError> {
    let begun = Instant::now();
    let (tree, verified) = match open_verified(&files.folder, restoring.progress) {
        Ok(verified) => verified,
        Err(why) => return Ok(Err(why)),
    };
    let Verified { applied, rows } = verified;
    // Its rows were verified, so they come from this log: if the log ends before, it has lost entries.
    let end = restoring.last.map_or(0, |last| last.position.0);
    if applied.position.0 > end {
        return Err(applied_lost(&log_folder(&files.folder), end, applied));
    }
    let in_log = restoring.purged == Some(applied) || point_at(restoring.log, applied.position)? == Some(applied);
    if !in_log {
        return Ok(Err(format!("what it applied last, {applied}, is not in the log")));
    }
    // Only committed entries are applied, so this is committed even if the recorded point is lower.
    let point = [restoring.committed, Some(applied)].into_iter().flatten().max_by_key(|point| point.position);
    let database = SledDatabase::new(files.clone(), tree)?;
    let behind = match catch_up(&database, point, restoring) {
        Ok(behind) => behind,
        Err(StorageError::Database { reason, .. }) => return Ok(Err(format!("it could not catch up: {reason}"))),
        Err(error) => return Err(error),
    };
    let seconds = begun.elapsed().as_secs_f64();
    restoring.notes.push(format!(
        "the final database was not closed cleanly: its {rows} rows were verified and {behind} entries applied from \
         the log, in {seconds:.1} s"
    ));
    Ok(Ok((database, point)))
}

fn open_verified(folder: &Path, progress: &dyn Fn(&str)) -> Result<(Tree, Verified), String> {
    progress("final database: it was not closed cleanly and is verified");
    let tree = open(&sled_folder(folder)).map_err(|reason| format!("it could not be opened: {reason}"))?;
    let verified = std::panic::catch_unwind(AssertUnwindSafe(|| verify(&tree)));
    match verified.unwrap_or_else(|_| Err("it is damaged".into())) {
        Ok(verified) => Ok((tree, verified)),
        Err(why) => {
            // A damaged database may panic again when it is dropped.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| drop(tree)));
            Err(why)
        }
    }
}

/// A new database, filled from snapshot and log. `why` becomes a note, unless the node is new.
fn rebuild(
    files: DatabaseFiles,
    point: Option<LogPoint>,
    why: Option<String>,
    restoring: &mut Restoring,
) -> Result<SledDatabase, StorageError> {
    let begun = Instant::now();
    let tree = create(&*files.disk, &files.folder)?;
    let database = SledDatabase::new(files, tree)?;
    let loaded = load_snapshot(&database, point, restoring)?;
    let begins = restoring.purged.filter(|purged| loaded.is_none_or(|loaded| loaded.position < purged.position));
    if let Some(LogPoint { position: purged, .. }) = begins {
        let folder = database.files.folder.join("snapshot");
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

/// Fills a new database from the newest intact snapshot, and returns its last entry.
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

/// Whether the database may be used as it is. The inner error says why not. If the mark of a clean shutdown of this
/// data folder is beyond the end of the log, the log has lost entries.
fn usable(
    files: &DatabaseFiles,
    clean: Option<Clean>,
    restoring: &Restoring,
) -> Result<Result<Clean, String>, StorageError> {
    if !sled_folder(&files.folder).exists() {
        return Ok(Err("it was missing".into()));
    }
    let Some(clean) = clean else { return Ok(Err("it was not closed cleanly".into())) };
    if clean.incarnation != files.incarnation {
        return Ok(Err("it belongs to another node".into()));
    }
    let Some(applied) = clean.applied else { return Ok(Ok(clean)) };
    let end = restoring.last.map_or(0, |last| last.position.0);
    if applied.position.0 > end {
        return Err(applied_lost(&log_folder(&files.folder), end, applied));
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
            Err(StorageError::LogLost { folder: log_folder(&files.folder), what })
        }
    }
}

/// The last applied entry, if it is certain and after position `end`: by the mark of a clean shutdown, else by a
/// verification of the rows, which is made only if the database's mark is after `end`.
pub(crate) fn applied_for_certain(folder: &Path, incarnation: Incarnation, end: Position) -> Option<LogPoint> {
    let later = |applied: &LogPoint| applied.position > end;
    if !sled_folder(folder).exists() {
        return None;
    }
    if let Some(clean) = read_clean(folder) {
        return clean.applied.filter(|applied| clean.incarnation == incarnation && later(applied));
    }
    let tree = open(&sled_folder(folder)).ok()?;
    let marked = std::panic::catch_unwind(AssertUnwindSafe(|| read_mark(&tree))).ok()?.ok()?.0;
    marked.filter(later)?;
    let verified = std::panic::catch_unwind(AssertUnwindSafe(|| verify(&tree))).ok()?.ok()?;
    Some(verified.applied).filter(later)
}

pub(crate) fn point_at(log: &dyn LogReader, position: Position) -> Result<Option<LogPoint>, StorageError> {
    Ok(log.read(position, position, 1)?.first().map(|entry| entry.point()))
}

/// Opens a database that was closed cleanly, if its mark is still the same.
fn reopen(folder: &Path, clean: Clean) -> Result<Tree, String> {
    let tree = open(&sled_folder(folder)).map_err(|reason| format!("it could not be opened: {reason}"))?;
    let held = std::panic::catch_unwind(AssertUnwindSafe(|| read_mark(&tree)));
    match held {
        Ok(Ok((applied, revision, _))) if (applied, revision) == (clean.applied, clean.revision) => Ok(tree),
        _ => Err("it does not hold what it did when it was closed".into()),
    }
}

/// Applies the log up to `point`, and returns the number of entries.
fn catch_up(database: &SledDatabase, point: Option<LogPoint>, restoring: &Restoring) -> Result<u64, StorageError> {
    let Some(point) = point.filter(|point| Some(*point) != database.applied()) else { return Ok(0) };
    let mut reported = Instant::now();
    let first = Position::after(database.applied());
    let folder = sled_folder(&database.files.folder);
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
