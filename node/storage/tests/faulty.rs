//! A fault-injecting disk: it counts syncs, fills up, fails a sync, and at a power cut keeps only synced bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::storage::disk::{Disk, DiskFile, SystemDisk};

#[derive(Default)]
struct State {
    /// The number of synced bytes of every file written through this disk.
    synced: BTreeMap<PathBuf, u64>,
    /// Files whose directory entries are not synced.
    unnamed: BTreeSet<PathBuf>,
    file_syncs: u64,
    /// The remaining space in bytes; `None` is unlimited.
    room: Option<u64>,
    /// The number of file syncs that still succeed; `None` is unlimited.
    syncs_left: Option<u64>,
}

#[derive(Clone, Default)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

impl FaultyDisk {
    pub fn file_syncs(&self) -> u64 {
        self.state.lock().unwrap().file_syncs
    }

    /// Limits the remaining space to this number of bytes.
    pub fn fill_up(&self, room: u64) {
        self.state.lock().unwrap().room = Some(room);
    }

    /// Lets only this number of further file syncs succeed.
    pub fn fail_syncs_after(&self, syncs: u64) {
        self.state.lock().unwrap().syncs_left = Some(syncs);
    }

    /// Removes all limits.
    pub fn mend(&self) {
        let mut state = self.state.lock().unwrap();
        (state.room, state.syncs_left) = (None, None);
    }

    /// Drops unsynced writes, except for at most `kept` bytes at the end of each file; files with unsynced directory
    /// entries are deleted.
    pub fn cut_power(&self, kept: u64) {
        let mut state = self.state.lock().unwrap();
        for path in std::mem::take(&mut state.unnamed) {
            let _ = std::fs::remove_file(&path);
            state.synced.remove(&path);
        }
        for (path, synced) in &mut state.synced {
            let Ok(file) = std::fs::OpenOptions::new().write(true).open(path) else { continue };
            *synced = file.metadata().unwrap().len().min(*synced + kept);
            file.set_len(*synced).unwrap();
        }
        drop(state);
        self.mend();
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = SystemDisk.create(path)?;
        let mut state = self.state.lock().unwrap();
        state.unnamed.insert(path.to_path_buf());
        state.synced.insert(path.to_path_buf(), 0);
        Ok(Box::new(FaultyFile { path: path.to_path_buf(), file, disk: self.clone() }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = SystemDisk.open(path)?;
        let length = std::fs::metadata(path)?.len();
        self.state.lock().unwrap().synced.entry(path.to_path_buf()).or_insert(length);
        Ok(Box::new(FaultyFile { path: path.to_path_buf(), file, disk: self.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemDisk.rename(from, to)?;
        let mut state = self.state.lock().unwrap();
        state.unnamed.remove(from);
        let synced = state.synced.remove(from).unwrap_or(0);
        state.synced.insert(to.to_path_buf(), synced);
        state.unnamed.insert(to.to_path_buf());
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemDisk.remove(path)?;
        self.state.lock().unwrap().synced.remove(path);
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        SystemDisk.sync_folder(folder)?;
        self.state.lock().unwrap().unnamed.retain(|path| path.parent() != Some(folder));
        Ok(())
    }
}

struct FaultyFile {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    disk: FaultyDisk,
}

impl DiskFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let fits = {
            let mut state = self.disk.state.lock().unwrap();
            let fits = state.room.map_or(bytes.len(), |room| bytes.len().min(room as usize));
            state.room = state.room.map(|room| room - fits as u64);
            fits
        };
        self.file.append(&bytes[..fits])?;
        if fits < bytes.len() { Err(io::Error::from_raw_os_error(nix::libc::ENOSPC)) } else { Ok(()) }
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.cut(length)
    }

    fn is_at(&self, path: &Path) -> io::Result<bool> {
        self.file.is_at(path)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state.lock().unwrap();
        match &mut state.syncs_left {
            Some(0) => return Err(io::Error::from_raw_os_error(nix::libc::EIO)),
            Some(left) => *left -= 1,
            None => {}
        }
        state.file_syncs += 1;
        let length = std::fs::metadata(&self.path)?.len();
        state.synced.insert(self.path.clone(), length);
        Ok(())
    }
}
