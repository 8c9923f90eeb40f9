//! The history of the command line, kept between runs in the XDG state folder. It is optional: a folder that is not
//! writable disables the history, not the console.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::console::model::prompt::HISTORY_MAX;

/// The history of the command line, oldest line first.
#[derive(Clone, Debug)]
pub struct History {
    path: PathBuf,
}

impl History {
    pub fn new(folder: &Path) -> History {
        History { path: folder.join("history") }
    }

    /// Reads the newest lines. Truncates a file that has grown far beyond them.
    pub fn read(&self) -> Vec<String> {
        let text = fs::read(&self.path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let lines: Vec<String> = text.lines().filter(|line| !line.trim().is_empty()).map(ToOwned::to_owned).collect();
        let kept = lines[lines.len().saturating_sub(HISTORY_MAX)..].to_vec();
        if lines.len() > 2 * HISTORY_MAX
            && let Err(error) = self.replace(&kept)
        {
            tracing::warn!("cannot truncate {}: {error}", self.path.display());
        }
        kept
    }

    /// Appends a line in one write, so that lines of two consoles do not interleave.
    pub fn add(&self, line: &str) {
        let add = || {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder)?;
            }
            open_private(OpenOptions::new().append(true), &self.path)?.write_all(format!("{line}\n").as_bytes())
        };
        if let Err(error) = add() {
            tracing::warn!("cannot write the history to {}: {error}", self.path.display());
        }
    }

    fn replace(&self, lines: &[String]) -> io::Result<()> {
        // Temporary files have mode 0600, like all files that this crate creates.
        let mut file = tempfile::NamedTempFile::new_in(self.path.parent().unwrap_or(Path::new(".")))?;
        file.write_all((lines.join("\n") + "\n").as_bytes())?;
        file.persist(&self.path).map(drop).map_err(|error| error.error)
    }
}

/// Opens a file for its user alone: lines and logs hold typed values.
pub fn open_private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_is_kept_and_bounded() {
        let folder = tempfile::tempdir().expect("a folder");
        let history = History::new(&folder.path().join("epoca"));
        assert_eq!(history.read(), Vec::<String>::new());
        for number in 0..2 * HISTORY_MAX + 5 {
            history.add(&format!("put x {number}"));
        }
        let lines = history.read();
        assert_eq!((lines.len(), lines.last().map(String::as_str)), (HISTORY_MAX, Some("put x 2004")));
        let size = fs::read_to_string(&history.path).expect("a file").lines().count();
        assert_eq!(size, HISTORY_MAX);
    }
}
