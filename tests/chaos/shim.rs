//! A disk that keeps only synced bytes: a library that is preloaded into a node and replaces `fsync`, `fdatasync` and
//! `ftruncate`.
//!
//! ```text
//! SHADOW/data/INODE     the file's bytes as of its last sync
//! SHADOW/names/INODE    a folder's entries as of its last sync: kind, inode, name, each ended by a zero
//! SHADOW/syncs/INODE    one byte for each sync of the file
//! SHADOW/keep/INODE     a hard link, so that the inode is not reused
//! SHADOW/lie            while it exists, a sync does nothing and reports success
//! ```
//!
//! These functions take precedence over those of the C library; they use `syscall`, which is not replaced, for the real
//! work. Only files below the folder EPOCA_SHADOWED are shadowed. Real syncs are left out, because the test kills
//! processes, not the machine. The test builds this file with `rustc --crate-type cdylib`; it is not part of the test's
//! own crate.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_long};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirEntryExt, FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn getenv(name: *const c_char) -> *const c_char;
}

#[cfg(target_arch = "x86_64")]
const FTRUNCATE: c_long = 77;
#[cfg(target_arch = "aarch64")]
const FTRUNCATE: c_long = 46;

struct Shadow {
    of: PathBuf,
    to: PathBuf,
    /// From this offset on, a file may differ from its shadow.
    changed: Mutex<BTreeMap<u64, u64>>,
}

fn shadow() -> Option<&'static Shadow> {
    static SHADOW: OnceLock<Option<Shadow>> = OnceLock::new();
    let make = || Some(Shadow { of: path(c"EPOCA_SHADOWED")?, to: path(c"EPOCA_SHADOW")?, changed: Mutex::default() });
    SHADOW.get_or_init(make).as_ref()
}

fn path(name: &CStr) -> Option<PathBuf> {
    // SAFETY: the name ends with a NUL byte, and the environment does not change after the start.
    let value = unsafe { getenv(name.as_ptr()) };
    // SAFETY: the value ends with a NUL byte and stays valid.
    let value = (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) })?;
    Some(PathBuf::from(value.to_str().ok()?))
}

impl Shadow {
    /// The file behind a descriptor, if it is below the shadowed folder.
    fn ours(&self, descriptor: c_int) -> Option<PathBuf> {
        let path = fs::read_link(format!("/proc/self/fd/{descriptor}")).ok()?;
        path.starts_with(&self.of).then_some(path)
    }

    fn sync(&self, descriptor: c_int) -> io::Result<()> {
        let Some(path) = self.ours(descriptor) else { return Ok(()) };
        if self.to.join("lie").exists() {
            return Ok(());
        }
        let file = File::open(format!("/proc/self/fd/{descriptor}"))?;
        let metadata = file.metadata()?;
        match metadata.is_dir() {
            true => self.sync_names(&path, metadata.ino()),
            false => self.sync_data(&path, &file, metadata.ino(), metadata.len()),
        }
    }

    fn sync_data(&self, path: &Path, file: &File, inode: u64, length: u64) -> io::Result<()> {
        let keep = self.to.join(format!("keep/{inode}"));
        if !keep.exists() {
            // This fails for a file that was deleted meanwhile, which no test needs.
            let _ = fs::hard_link(path, keep);
        }
        let copy =
            OpenOptions::new().write(true).create(true).truncate(false).open(self.to.join(format!("data/{inode}")))?;
        let held = copy.metadata()?.len();
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        // The log is append-only; the embedded database writes at any offset.
        let appended = path.extension().is_some_and(|extension| extension == "log");
        let from = if appended { held.min(changed.remove(&inode).unwrap_or(held)) } else { 0 };
        let mut bytes = vec![0; length.saturating_sub(from) as usize];
        let from = from.min(length);
        file.read_exact_at(&mut bytes, from)?;
        if held > length {
            // SAFETY: the descriptor is open.
            unsafe { truncate(std::os::fd::AsRawFd::as_raw_fd(&copy), length as i64) };
        }
        copy.write_all_at(&bytes, from)?;
        OpenOptions::new().append(true).create(true).open(self.to.join(format!("syncs/{inode}")))?.write_all(b"s")
    }

    fn sync_names(&self, folder: &Path, inode: u64) -> io::Result<()> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let kind = if entry.file_type()?.is_dir() { 'd' } else { 'f' };
            names.extend(format!("{kind} {} ", entry.ino()).bytes());
            names.extend(entry.file_name().as_bytes());
            names.push(0);
        }
        let target = self.to.join(format!("names/{inode}"));
        let temporary = self.to.join(format!("names/{inode}.{}", std::process::id()));
        fs::write(&temporary, names)?;
        fs::rename(temporary, target)
    }
}

/// # Safety
/// As `ftruncate`.
unsafe fn truncate(descriptor: c_int, length: i64) -> c_int {
    // SAFETY: the arguments are those of the system call.
    unsafe { syscall(FTRUNCATE, c_long::from(descriptor), length as c_long) as c_int }
}

fn synced(descriptor: c_int) -> c_int {
    match shadow().map(|shadow| shadow.sync(descriptor)) {
        None | Some(Ok(())) => 0,
        Some(Err(error)) => {
            eprintln!("the shadow of the disk failed: {error}");
            std::process::abort()
        }
    }
}

/// # Safety
/// As in the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(descriptor: c_int) -> c_int {
    synced(descriptor)
}

/// # Safety
/// As in the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    synced(descriptor)
}

/// # Safety
/// As in the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(descriptor: c_int, length: i64) -> c_int {
    if let Some(shadow) = shadow()
        && shadow.ours(descriptor).is_some()
        && let Ok(metadata) = fs::metadata(format!("/proc/self/fd/{descriptor}"))
    {
        let mut changed = shadow.changed.lock().unwrap_or_else(PoisonError::into_inner);
        let from = changed.entry(metadata.ino()).or_insert(u64::MAX);
        *from = (*from).min(length as u64);
    }
    // SAFETY: the caller's promise.
    unsafe { truncate(descriptor, length) }
}

/// # Safety
/// As in the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate(descriptor: c_int, length: i64) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { ftruncate64(descriptor, length) }
}
