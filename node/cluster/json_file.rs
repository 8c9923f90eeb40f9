//! The JSON files of the launcher. Each has a field `format`, the version of its kind, and is replaced atomically: a
//! reader sees the old content or the new one.

use std::io::{self, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The name of a file in the data folder of a cluster, and the newest version of its format. Older versions are read
/// too.
pub(super) struct JsonFile {
    pub name: &'static str,
    pub newest: u32,
}

/// Why a file could not be read. The caller adds the file's name.
#[derive(Debug, thiserror::Error)]
pub(super) enum JsonError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it has format version {found}; this epoca reads up to {newest}: use a newer epoca")]
    FormatTooNew { found: u32, newest: u32 },
    #[error("{0}")]
    Content(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct Version {
    format: u32,
}

#[derive(Serialize)]
struct Versioned<'a, T> {
    format: u32,
    #[serde(flatten)]
    content: &'a T,
}

impl JsonFile {
    /// The content of the file; `None` if there is none.
    pub(super) fn read<T: DeserializeOwned>(&self, folder: &Path) -> Result<Option<T>, JsonError> {
        let text = match std::fs::read(folder.join(self.name)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Version { format: found } = serde_json::from_slice(&text)?;
        if found > self.newest {
            return Err(JsonError::FormatTooNew { found, newest: self.newest });
        }
        Ok(Some(serde_json::from_slice(&text)?))
    }

    /// Writes the file under a unique name, syncs it, then renames it. Leaves no file behind if that fails.
    pub(super) fn write(&self, folder: &Path, content: &impl Serialize) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(&Versioned { format: self.newest, content })?;
        let prefix = format!(".{}.", self.name);
        let mut file = tempfile::Builder::new().prefix(&prefix).suffix(".tmp").tempfile_in(folder)?;
        file.write_all(&bytes)?;
        file.as_file().sync_all()?;
        file.persist(folder.join(self.name)).map(drop).map_err(|error| error.error)
    }

    pub(super) fn remove(&self, folder: &Path) {
        // The file may not exist. A reader checks the file that stays.
        let _ = std::fs::remove_file(folder.join(self.name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: JsonFile = JsonFile { name: "nodes.json", newest: 2 };

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Content {
        port: u16,
    }

    #[test]
    fn a_file_that_is_replaced_leaves_those_beside_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("nodes.json.new"), "another file").unwrap();
        assert!(FILE.read::<Content>(folder.path()).unwrap().is_none());
        for port in [1, 2] {
            FILE.write(folder.path(), &Content { port }).unwrap();
            assert_eq!(FILE.read(folder.path()).unwrap(), Some(Content { port }));
        }
        assert_eq!(std::fs::read(folder.path().join("nodes.json.new")).unwrap(), b"another file");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_newer_file_is_refused_by_its_version_and_an_older_one_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE.name);
        std::fs::write(&path, r#"{"format": 1, "port": 7}"#).unwrap();
        assert_eq!(FILE.read(folder.path()).unwrap(), Some(Content { port: 7 }));
        std::fs::write(&path, r#"{"format": 3, "gate": 7}"#).unwrap();
        let refused = FILE.read::<Content>(folder.path()).unwrap_err().to_string();
        assert_eq!(refused, "it has format version 3; this epoca reads up to 2: use a newer epoca");
        for text in ["{}", r#"{"format": "new"}"#, "[]", ""] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(FILE.read::<Content>(folder.path()), Err(JsonError::Content(_))), "{text}");
        }
    }
}
