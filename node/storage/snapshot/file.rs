//! The file of a snapshot, written once from front to back. A backup is such a file.
//!
//! ```text
//! header   beginning 16 · length u32 · revision u64 · base … · checksum u32
//! blocks   length u32 · checksum u32 · (key length u32 · key · value length u32 · value)…     as many as it takes
//! end      0 u32 · rows u64 · digest 16
//! ```
//!
//! The beginning names kind and version, see [`crate::storage::format`].
//!
//! The base is that of the log ([`crate::storage::log::base`]): the last entry of the snapshot, the epochs up to it,
//! the member lists. The rows are those of the database in its own layout ([`crate::storage::database::layout`]). The
//! digest is the first 16 bytes of BLAKE3 over everything before it.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::protocol::{Base, Digest, LogPoint, SnapshotId};
use crate::storage::disk::{Disk, DiskFile};
use crate::storage::format::{BEGINNING_BYTES, FileKind};
use crate::storage::log::{put_base, take_base, u32_at, u64_at};
use crate::storage::{Dump, Rows, StorageError};

/// A block ends after this many bytes.
const BLOCK_BYTES: usize = 64 << 10;
/// No block is longer: a block before it, and one row with the longest key and value.
const BLOCK_BYTES_MAX: usize = 4 << 20;
/// No header is longer: several hundred thousand epochs.
const HEADER_BYTES_MAX: usize = 16 << 20;

/// Writes a snapshot to a new file.
pub(crate) struct SnapshotWriter {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    hasher: blake3::Hasher,
    base: Base,
    block: Vec<u8>,
    rows: u64,
    bytes: u64,
}

impl SnapshotWriter {
    pub(crate) fn create(disk: &dyn Disk, path: PathBuf, base: &Base, revision: u64) -> Result<Self, StorageError> {
        let file = disk.create(&path).map_err(|error| StorageError::io("create", &path, &error))?;
        let hasher = blake3::Hasher::new();
        let mut writer = SnapshotWriter { path, file, hasher, base: base.clone(), block: vec![], rows: 0, bytes: 0 };
        let mut content = revision.to_le_bytes().to_vec();
        put_base(&mut content, base);
        let mut header = FileKind::Snapshot.magic().to_vec();
        header.extend_from_slice(&(content.len() as u32).to_le_bytes());
        header.extend_from_slice(&content);
        header.extend_from_slice(&crc32fast::hash(&header).to_le_bytes());
        writer.write(&header)?;
        Ok(writer)
    }

    pub(crate) fn put(&mut self, rows: &Rows) -> Result<(), StorageError> {
        for (key, value) in rows {
            for bytes in [key, value] {
                self.block.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                self.block.extend_from_slice(bytes);
            }
            self.rows += 1;
            if self.block.len() >= BLOCK_BYTES {
                self.end_block()?;
            }
        }
        Ok(())
    }

    /// Completes and syncs the file. The caller renames it.
    pub(crate) fn finish(mut self) -> Result<SnapshotId, StorageError> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        let mut end = 0_u32.to_le_bytes().to_vec();
        end.extend_from_slice(&self.rows.to_le_bytes());
        self.write(&end)?;
        let digest = short(&self.hasher);
        self.file.append(&digest.0).and_then(|()| self.file.sync()).map_err(|error| self.error("write", &error))?;
        Ok(SnapshotId { point: self.base.last, bytes: self.bytes + 16, digest })
    }

    fn end_block(&mut self) -> Result<(), StorageError> {
        let block = std::mem::take(&mut self.block);
        let mut frame = Vec::with_capacity(block.len() + 8);
        frame.extend_from_slice(&(block.len() as u32).to_le_bytes());
        frame.extend_from_slice(&crc32fast::hash(&block).to_le_bytes());
        frame.extend_from_slice(&block);
        self.write(&frame)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.append(bytes).map_err(|error| self.error("write", &error))
    }

    fn error(&self, action: &'static str, error: &io::Error) -> StorageError {
        StorageError::io(action, &self.path, error)
    }
}

/// Reads a snapshot from front to back. The rows are verified only once [`SnapshotFile::next`] has returned `None`.
pub(crate) struct SnapshotFile {
    source: Source,
    rows: u64,
    pub base: Base,
    pub revision: u64,
    /// The file's length.
    bytes: u64,
    /// Set once the whole file was read and verified.
    digest: Option<Digest>,
}

impl SnapshotFile {
    /// Opens a file and verifies its header.
    pub(crate) fn open(path: &Path) -> Result<SnapshotFile, StorageError> {
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (bytes, file) = opened.map_err(|error| StorageError::io("read", path, &error))?;
        let file = BufReader::with_capacity(BLOCK_BYTES, file);
        let mut source = Source { path: path.to_path_buf(), file, hasher: blake3::Hasher::new(), at: 0 };
        let (revision, base) = read_header(&mut source)?;
        Ok(SnapshotFile { source, rows: 0, base, revision, bytes, digest: None })
    }

    fn next_block(&mut self) -> Result<Option<Rows>, StorageError> {
        let length = u32_at(&self.source.take(4)?, 0) as usize;
        if length == 0 {
            self.digest = Some(self.read_end()?);
            return Ok(None);
        }
        if length > BLOCK_BYTES_MAX {
            return Err(self.source.damaged("a block is longer than any"));
        }
        let checksum = u32_at(&self.source.take(4)?, 0);
        let block = self.source.take(length)?;
        if crc32fast::hash(&block) != checksum {
            return Err(self.source.damaged("the checksum of a block is wrong"));
        }
        let rows = rows_of(block).ok_or_else(|| self.source.damaged("a block does not end with a row"))?;
        self.rows += rows.len() as u64;
        Ok(Some(rows))
    }

    fn read_end(&mut self) -> Result<Digest, StorageError> {
        let rows = u64_at(&self.source.take(8)?, 0);
        let digest = short(&self.source.hasher);
        let found = self.source.take(16)?;
        if found[..] != digest.0 || rows != self.rows || self.source.at != self.bytes {
            return Err(self.source.damaged("its digest does not match its content"));
        }
        Ok(digest)
    }

    /// The id by header and end of the file, without verifying the rest.
    pub(crate) fn unverified_id(self) -> Result<SnapshotId, StorageError> {
        use std::os::unix::fs::FileExt;
        let mut digest = [0; 16];
        let Some(end) = self.bytes.checked_sub(16) else { return Err(self.source.damaged("its end is missing")) };
        let read = self.source.file.get_ref().read_exact_at(&mut digest, end);
        read.map_err(|error| StorageError::io("read", &self.source.path, &error))?;
        Ok(SnapshotId { point: self.base.last, bytes: self.bytes, digest: Digest(digest) })
    }

    /// The length of the intact beginning of a file: its header and the intact blocks after it. The whole file only if
    /// its digest is right.
    pub(crate) fn intact_bytes(path: &Path) -> Result<u64, StorageError> {
        let mut file = match SnapshotFile::open(path) {
            Ok(file) => file,
            Err(StorageError::SnapshotDamaged { .. }) => return Ok(0),
            Err(error) => return Err(error),
        };
        loop {
            let whole = file.source.at;
            match file.next_block() {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(file.source.at),
                Err(StorageError::SnapshotDamaged { .. }) => return Ok(whole),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads and verifies the whole file, and returns its id.
    pub(crate) fn verify(mut self) -> Result<SnapshotId, StorageError> {
        while self.next_block()?.is_some() {}
        let digest = self.digest.ok_or_else(|| self.source.damaged("its end is missing"))?;
        Ok(SnapshotId { point: self.base.last, bytes: self.bytes, digest })
    }
}

impl Dump for SnapshotFile {
    fn applied(&self) -> Option<LogPoint> {
        Some(self.base.last)
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    /// The rows of a block; `None` at the end of a verified file.
    fn next(&mut self) -> Result<Option<Rows>, StorageError> {
        self.next_block()
    }
}

/// A file that is hashed as it is read.
struct Source {
    path: PathBuf,
    file: BufReader<File>,
    hasher: blake3::Hasher,
    at: u64,
}

impl Source {
    fn take(&mut self, length: usize) -> Result<Bytes, StorageError> {
        let mut bytes = vec![0; length];
        self.file.read_exact(&mut bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged("its end is missing"),
            _ => StorageError::io("read", &self.path, &error),
        })?;
        self.hasher.update(&bytes);
        self.at += length as u64;
        Ok(Bytes::from(bytes))
    }

    fn damaged(&self, what: &str) -> StorageError {
        StorageError::SnapshotDamaged { path: self.path.clone(), byte: self.at, what: what.to_string() }
    }
}

fn read_header(source: &mut Source) -> Result<(u64, Base), StorageError> {
    let beginning = source.take(BEGINNING_BYTES)?;
    let is_snapshot = FileKind::Snapshot.is_readable(&source.path, &beginning)?;
    let length_bytes = source.take(4)?;
    let length = u32_at(&length_bytes, 0) as usize;
    if !is_snapshot || length > HEADER_BYTES_MAX {
        return Err(source.damaged("it is not a snapshot"));
    }
    let rest = source.take(length + 4)?;
    let content = rest.slice(..length);
    let checksum = crc32fast::hash(&[&beginning[..], &length_bytes, &content].concat());
    let base = content.get(8..).and_then(|_| take_base(&content.slice(8..)));
    match base.filter(|(_, end)| end + 8 == length && checksum == u32_at(&rest, length)) {
        Some((base, _)) => Ok((u64_at(&content, 0), base)),
        None => Err(source.damaged("the checksum of its header is wrong")),
    }
}

fn rows_of(mut block: Bytes) -> Option<Rows> {
    let mut rows = Vec::new();
    let take = |block: &mut Bytes| {
        let length = block.get(..4).map(|bytes| u32_at(bytes, 0) as usize)?;
        let rest = block.len() - 4;
        (length <= rest).then(|| block.split_to(4 + length).slice(4..))
    };
    while !block.is_empty() {
        let key = take(&mut block)?;
        rows.push((key, take(&mut block)?));
    }
    Some(rows)
}

fn short(hasher: &blake3::Hasher) -> Digest {
    let mut digest = [0; 16];
    digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    Digest(digest)
}
