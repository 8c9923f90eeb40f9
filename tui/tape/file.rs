//! A recording in a file: a header, then one record per line. Reading accepts a last line that a crash has torn or that
//! is being written; any other mistake is an error with its line.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::command::messages::shell;
use crate::lang::Localized;
use crate::tape::json;
use crate::tape::order::sorted;
use crate::tape::record::Record;

/// The version of the format. It grows when older programs would misread a file.
const FORMAT: u64 = 1;

/// The greatest length of a line. A snapshot of the longest tail is far shorter.
const LINE_BYTES_MAX: u64 = 32 << 20;

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{} exists already; a recording never overwrites a file: name another file, or delete it", .0.display())]
    Exists(PathBuf),
    #[error("{}: {}", .0.display(), .1)]
    Io(PathBuf, io::Error),
    #[error("{} is no recording: its first line is not the header of one", .0.display())]
    NoRecording(PathBuf),
    #[error("{} has format version {}; this epoca reads up to {FORMAT}: use a newer epoca", .0.display(), .1)]
    FormatTooNew(PathBuf, u64),
    #[error("{}, line {}: {}", .0.display(), .1, .2)]
    Line(PathBuf, u64, String),
}

impl FileError {
    /// What is wrong, in each language.
    pub fn localized(&self) -> Localized {
        match self {
            FileError::Exists(path) => shell::recording_exists(path),
            FileError::Io(path, error) => format!("{}: {error}", path.display()).into(),
            FileError::NoRecording(path) => shell::no_recording(path),
            FileError::FormatTooNew(path, version) => shell::format_too_new(path, *version, FORMAT),
            FileError::Line(path, line, why) => shell::bad_line(path, *line, why),
        }
    }
}

/// Appends records to a file until it is full.
pub struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
    bytes: u64,
    bytes_max: u64,
}

impl Writer {
    /// Creates a new file that only its owner can read, because it holds values that people typed.
    pub fn create(path: &Path, bytes_max: u64) -> Result<Writer, FileError> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => FileError::Exists(path.to_owned()),
            _ => FileError::Io(path.to_owned(), error),
        })?;
        let mut writer = Writer { path: path.to_owned(), file: BufWriter::new(file), bytes: 0, bytes_max };
        let began = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let header = json!({"epoca_recording": FORMAT, "epoca": env!("CARGO_PKG_VERSION"), "began_unix_ms": began});
        writer.line(&header)?;
        writer.flush()?;
        Ok(writer)
    }

    /// False if the file is full. Then nothing of the record is written.
    pub fn write(&mut self, record: &Record) -> Result<bool, FileError> {
        for line in json::lines(record) {
            if !self.line(&line)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub fn flush(&mut self) -> Result<(), FileError> {
        self.file.flush().map_err(|error| self.failed(error))
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn line(&mut self, line: &Value) -> Result<bool, FileError> {
        let line = format!("{line}\n");
        if self.bytes + line.len() as u64 > self.bytes_max {
            return Ok(false);
        }
        self.file.write_all(line.as_bytes()).map_err(|error| self.failed(error))?;
        self.bytes += line.len() as u64;
        Ok(true)
    }

    fn failed(&self, error: io::Error) -> FileError {
        FileError::Io(self.path.clone(), error)
    }
}

/// A recording that was read completely.
#[derive(Debug)]
pub struct Recording {
    pub records: Vec<Record>,
    /// The last line was incomplete and was left out.
    pub torn: bool,
}

/// Reads a whole recording, in happens-before order.
pub fn read(path: &Path) -> Result<Recording, FileError> {
    let Recording { records, torn } = read_as_written(path)?;
    Ok(Recording { records: sorted(records), torn })
}

/// The records in the order of their lines. In recordings of older programs this is the order of arrival.
pub fn read_as_written(path: &Path) -> Result<Recording, FileError> {
    let mut reader = Reader::open(path)?;
    let mut records = Vec::new();
    while let Some(record) = reader.next()? {
        records.push(record);
    }
    Ok(Recording { records, torn: reader.torn })
}

/// Reads a recording record by record.
pub struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    line: u64,
    /// The last line was incomplete and was left out.
    pub torn: bool,
}

impl Reader {
    pub fn open(path: &Path) -> Result<Reader, FileError> {
        let file = File::open(path).map_err(|error| FileError::Io(path.to_owned(), error))?;
        let mut reader = Reader { path: path.to_owned(), file: BufReader::new(file), line: 0, torn: false };
        let header: Option<Value> = reader.line()?.and_then(|line| serde_json::from_str(&line).ok());
        let format = header.as_ref().and_then(|header| header["epoca_recording"].as_u64());
        match format {
            Some(FORMAT) => Ok(reader),
            Some(newer) if newer > FORMAT => Err(FileError::FormatTooNew(reader.path, newer)),
            _ => Err(FileError::NoRecording(reader.path)),
        }
    }

    /// The next record, `None` at the end.
    pub fn next(&mut self) -> Result<Option<Record>, FileError> {
        let Some(line) = self.line()? else { return Ok(None) };
        match json::record(&line) {
            Ok(record) => Ok(Some(record)),
            // Complete lines end with a newline; only the last line may lack it.
            Err(_) if !line.ends_with('\n') => {
                self.torn = true;
                Ok(None)
            }
            Err(why) => Err(FileError::Line(self.path.clone(), self.line, why)),
        }
    }

    fn line(&mut self) -> Result<Option<String>, FileError> {
        let mut bytes = Vec::new();
        let read = self.file.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes);
        let length = read.map_err(|error| FileError::Io(self.path.clone(), error))?;
        self.line += 1;
        if length as u64 == LINE_BYTES_MAX {
            return Err(FileError::Line(self.path.clone(), self.line, "it is longer than any record".to_owned()));
        }
        // Bytes that are not UTF-8 make no record; parsing reports them.
        Ok((length > 0).then(|| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tape::record::What;

    fn record(number: u64) -> Record {
        Record::new(Duration::from_micros(number), What::Begin { number, line: "put x 1".to_owned() })
    }

    /// A recording of three records.
    fn written(folder: &Path) -> PathBuf {
        let path = folder.join("tape.jsonl");
        let mut writer = Writer::create(&path, 1 << 20).expect("a file");
        for number in 1..=3 {
            assert!(writer.write(&record(number)).expect("it is written"));
        }
        writer.flush().expect("it is written");
        assert_eq!(std::fs::metadata(&path).expect("a file").len(), writer.bytes());
        path
    }

    #[test]
    fn a_written_recording_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let recording = read(&written(folder.path())).expect("a recording");
        assert_eq!(recording.records, [record(1), record(2), record(3)]);
        assert!(!recording.torn);
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_reported() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = written(folder.path());
        let whole = std::fs::read(&path).expect("a file");
        let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').expect("lines") + 1;
        for length in last + 1..whole.len() - 1 {
            std::fs::write(&path, &whole[..length]).expect("a file");
            let recording = read(&path).expect("a recording");
            assert_eq!((recording.records.len(), recording.torn), (2, true), "{length}");
        }
        std::fs::write(&path, &whole[..whole.len() - 1]).expect("a file");
        assert_eq!(read(&path).expect("a recording").records.len(), 3, "only the line's end is missing");
    }

    #[test]
    fn a_mistake_in_another_line_is_reported_with_its_number() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = written(folder.path());
        let text = std::fs::read_to_string(&path).expect("a file").replacen("\"begin\":2", "\"begin\":two", 1);
        std::fs::write(&path, text).expect("a file");
        let said = read(&path).expect_err("it is wrong").to_string();
        assert!(said.contains("tape.jsonl, line 3: "), "{said}");
    }

    #[test]
    fn another_format_and_other_files_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("other.jsonl");
        for (text, words) in [
            ("{\"epoca_recording\":2}\n", "has format version 2; this epoca reads up to 1: use a newer epoca"),
            ("{}\n", "is no recording"),
            ("", "is no recording"),
            ("PNG", "is no recording"),
        ] {
            std::fs::write(&path, text).expect("a file");
            let said = read(&path).expect_err(text).to_string();
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn a_full_file_accepts_no_more_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("small.jsonl");
        let mut writer = Writer::create(&path, 200).expect("a file");
        let taken = (1..=10).take_while(|number| writer.write(&record(*number)).expect("it is written")).count();
        writer.flush().expect("it is written");
        assert!((1..10).contains(&taken), "{taken}");
        assert!(std::fs::metadata(&path).expect("a file").len() <= 200);
        assert_eq!(read(&path).expect("a recording").records.len(), taken);
        let said = Writer::create(&path, 200).err().expect("it exists").to_string();
        assert!(said.contains("never overwrites"), "{said}");
    }
}
