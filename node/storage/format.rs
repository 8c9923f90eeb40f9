//! The kinds of files that a node writes, and the version of each format.
//!
//! ```text
//! binary   magic 8 · version u32 · CRC-32 of the 12 bytes before u32
//! text     TITLE, version N, checksum CRC-32 of what stands before the last comma, in hexadecimal digits
//! ```
//!
//! The beginning of a file is the same in every version. Its own checksum tells a file of another version from a
//! damaged one: a damaged folder is moved aside and the node returns as a new member, a folder of a newer version is
//! refused and stays as it is.
//!
//! A change of a format that an older program would misread raises its version here. New kinds of log entries raise
//! the feature level instead, see [`crate::protocol`].
//!
//! Left out: files of the launcher, which are JSON with a field `format`, and recordings, whose header is one JSON
//! object. Files without content (`lock`) and output for people (`n1.log`) have no format.

use std::fmt::Write;
use std::path::Path;

use crate::storage::StorageError;

/// How many bytes the beginning of a binary file takes, in every version.
pub(crate) const BEGINNING_BYTES: usize = 16;
const MAGIC_BYTES: usize = 8;
const CHECKED_BYTES: usize = 12;

/// The kinds of files in a data folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FileKind {
    /// `identity`
    Identity,
    /// `log/NUMBER.log`
    Segment,
    /// `log/base`
    LogBase,
    /// `commit`; each of its two slots has a beginning of its own.
    CommitPoint,
    /// `snapshot/POSITION.snapshot`, also as a backup and on the wire. It holds the rows of the database as they are.
    Snapshot,
    /// `final/format`: how rows are laid out in the embedded database beside it.
    Database,
    /// `final.clean`
    CleanMark,
    /// `quarantine-N/why.txt`
    QuarantineLabel,
}

/// How a file of a kind begins, and which versions of it this program reads. It writes the newest.
struct Format {
    start: Start,
    oldest: u32,
    newest: u32,
}

#[derive(Clone, Copy)]
enum Start {
    Magic(&'static [u8; MAGIC_BYTES]),
    Title(&'static str),
}

/// What the beginning of a file says about the rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Beginning {
    /// A version that this program reads.
    Readable(u32),
    /// A version that this program does not read.
    OtherVersion(u32),
    /// No beginning of this kind of file, or not all of one.
    Damaged,
}

impl FileKind {
    const fn format(self) -> Format {
        let start = match self {
            FileKind::Identity => Start::Title("epoca data folder"),
            FileKind::Segment => Start::Magic(b"EPOCALOG"),
            FileKind::LogBase => Start::Magic(b"EPOCABAS"),
            FileKind::CommitPoint => Start::Magic(b"EPOCACMT"),
            FileKind::Snapshot => Start::Magic(b"EPOCASNP"),
            FileKind::Database => Start::Title("epoca final database"),
            FileKind::CleanMark => Start::Magic(b"EPOCACLN"),
            FileKind::QuarantineLabel => Start::Title("epoca quarantine"),
        };
        // Every format was numbered from 1 again when the versions got a checksum of their own, before the first
        // release.
        Format { start, oldest: 1, newest: 1 }
    }

    /// The beginning of a binary file of the newest version.
    pub(crate) fn magic(self) -> [u8; BEGINNING_BYTES] {
        self.magic_of(self.format().newest)
    }

    pub(super) fn magic_of(self, version: u32) -> [u8; BEGINNING_BYTES] {
        let mut out = [0; BEGINNING_BYTES];
        if let Start::Magic(magic) = self.format().start {
            out[..MAGIC_BYTES].copy_from_slice(magic);
        }
        out[MAGIC_BYTES..CHECKED_BYTES].copy_from_slice(&version.to_le_bytes());
        let checksum = crc32fast::hash(&out[..CHECKED_BYTES]);
        out[CHECKED_BYTES..].copy_from_slice(&checksum.to_le_bytes());
        out
    }

    /// The first line of a text file of the newest version, without its end.
    pub(crate) fn title(self) -> String {
        self.title_of(self.format().newest)
    }

    pub(super) fn title_of(self, version: u32) -> String {
        let name = if let Start::Title(title) = self.format().start { title } else { "" };
        let mut line = format!("{name}, version {version}");
        let checksum = crc32fast::hash(line.as_bytes());
        // Writing to a string cannot fail.
        let _ = write!(line, ", checksum {checksum:08x}");
        line
    }

    /// Reads the beginning of a file of this kind; more bytes may follow.
    pub(crate) fn beginning(self, file: &[u8]) -> Beginning {
        match self.version(file) {
            None => Beginning::Damaged,
            Some(version) if self.reads(version) => Beginning::Readable(version),
            Some(version) => Beginning::OtherVersion(version),
        }
    }

    fn version(self, file: &[u8]) -> Option<u32> {
        match self.format().start {
            Start::Magic(_) => {
                let version = file.get(MAGIC_BYTES..CHECKED_BYTES)?.try_into().ok().map(u32::from_le_bytes)?;
                file.starts_with(&self.magic_of(version)).then_some(version)
            }
            Start::Title(name) => {
                let line = file.split(|byte| *byte == b'\n').next()?;
                let rest = std::str::from_utf8(line).ok()?.strip_prefix(name)?.strip_prefix(", version ")?;
                let version = rest.split(',').next()?.parse().ok()?;
                (line == self.title_of(version).as_bytes()).then_some(version)
            }
        }
    }

    fn reads(self, version: u32) -> bool {
        let Format { oldest, newest, .. } = self.format();
        (oldest..=newest).contains(&version)
    }

    /// The error of a file whose beginning names another version; `Ok` for a readable and for a damaged beginning.
    pub(crate) fn check(self, path: &Path, file: &[u8]) -> Result<Beginning, StorageError> {
        let beginning = self.beginning(file);
        let Beginning::OtherVersion(found) = beginning else { return Ok(beginning) };
        let Format { oldest, newest, .. } = self.format();
        let path = path.to_path_buf();
        Err(if found > newest {
            StorageError::FormatTooNew { path, found, newest }
        } else {
            StorageError::FormatTooOld { path, found, oldest }
        })
    }

    /// Like [`FileKind::check`], true if the beginning is readable and false if it is damaged.
    pub(crate) fn is_readable(self, path: &Path, file: &[u8]) -> Result<bool, StorageError> {
        self.check(path, file).map(|beginning| matches!(beginning, Beginning::Readable(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [FileKind; 8] = [
        FileKind::Identity,
        FileKind::Segment,
        FileKind::LogBase,
        FileKind::CommitPoint,
        FileKind::Snapshot,
        FileKind::Database,
        FileKind::CleanMark,
        FileKind::QuarantineLabel,
    ];

    fn beginning_of(kind: FileKind, version: u32) -> Vec<u8> {
        match kind.format().start {
            Start::Magic(_) => kind.magic_of(version).to_vec(),
            Start::Title(_) => kind.title_of(version).into_bytes(),
        }
    }

    #[test]
    fn the_version_is_read_from_every_beginning_whatever_follows() {
        for kind in KINDS {
            let newest = kind.format().newest;
            for version in [0, newest, newest + 1, u32::MAX] {
                let mut file = beginning_of(kind, version);
                file.extend_from_slice(b"\nanything\0");
                let expected =
                    if kind.reads(version) { Beginning::Readable(version) } else { Beginning::OtherVersion(version) };
                assert_eq!(kind.beginning(&file), expected, "{kind:?}");
            }
        }
    }

    #[test]
    fn a_flipped_bit_or_a_missing_byte_is_damage_and_no_other_version() {
        for kind in KINDS {
            let whole = beginning_of(kind, 1);
            for bit in 0..whole.len() * 8 {
                let mut flipped = whole.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(kind.beginning(&flipped), Beginning::Damaged, "{kind:?}, bit {bit}");
            }
            for length in 0..whole.len() {
                assert_eq!(kind.beginning(&whole[..length]), Beginning::Damaged, "{kind:?}, {length} bytes");
            }
        }
    }

    #[test]
    fn no_kind_begins_like_another_one() {
        for one in KINDS {
            for other in KINDS.into_iter().filter(|other| *other != one) {
                assert_eq!(other.beginning(&beginning_of(one, 1)), Beginning::Damaged, "{one:?} and {other:?}");
            }
        }
    }
}
