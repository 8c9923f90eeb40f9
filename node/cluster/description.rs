//! `cluster.json`: where commands find the cluster that runs on a data folder.
//!
//! The file can be out of date if the launcher was killed. A reader trusts it only after a node has answered with the
//! cluster id, or, for requests to the launcher, after the launcher has answered with its process id.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cluster::json_file::{JsonError, JsonFile};
use crate::protocol::ClusterId;

const FILE: JsonFile = JsonFile { name: "cluster.json", newest: 1 };

/// The content of `cluster.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Description {
    /// The process that started the nodes.
    pub launcher: Launcher,
    /// The cluster id in 32 hexadecimal digits; `None` until the first leader has opened its epoch.
    pub cluster: Option<String>,
    /// Whether faults can be injected.
    pub lab: bool,
    /// The nodes, by id.
    pub nodes: Vec<Node>,
}

/// Where requests for processes go.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Launcher {
    /// Its process id.
    pub pid: u32,
    /// `HOST:PORT`, on the loopback interface.
    pub address: String,
}

/// One node of the cluster.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Node {
    /// Its id, n1 being 1.
    pub id: u64,
    /// `HOST:PORT`, where it listens.
    pub address: String,
    /// Its data folder.
    pub data: PathBuf,
}

impl Description {
    /// Reads the description in a data folder; `None` if there is none. The error is a text for people.
    pub fn read(folder: &Path) -> Result<Option<Description>, String> {
        FILE.read(folder).map_err(|error| {
            let path = folder.join(FILE.name);
            match error {
                JsonError::Io(error) => format!("cannot read {}: {error}", path.display()),
                JsonError::FormatTooNew { .. } => format!("cannot read {}: {error}", path.display()),
                JsonError::Content(_) => format!("{} is not a description of a cluster: {error}", path.display()),
            }
        })
    }

    /// The cluster id, 16 bytes; `None` if it is not known or not valid.
    pub fn cluster_bytes(&self) -> Option<Vec<u8>> {
        let digits = self.cluster.as_deref()?;
        let byte = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        (digits.len() == 32).then(|| (0..32).step_by(2).map(byte).collect()).flatten()
    }

    /// The addresses of all nodes, by id.
    pub fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.address.clone()).collect()
    }

    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        FILE.write(folder, self)
    }

    pub(super) fn remove(folder: &Path) {
        FILE.remove(folder);
    }
}

pub(super) fn hexadecimal(cluster: &[u8]) -> Option<String> {
    cluster.try_into().ok().map(|bytes| ClusterId(bytes).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_comes_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Description::read(folder.path()), Ok(None));
        let node = Node { id: 1, address: "127.0.0.1:7101".to_owned(), data: "data/n1".into() };
        let description = Description {
            launcher: Launcher { pid: 7, address: "127.0.0.1:9".to_owned() },
            cluster: hexadecimal(&[0xab; 16]),
            lab: true,
            nodes: vec![node],
        };
        description.write(folder.path()).unwrap();
        assert_eq!(Description::read(folder.path()), Ok(Some(description.clone())));
        assert_eq!(description.cluster_bytes(), Some(vec![0xab; 16]));
        Description::remove(folder.path());
        assert_eq!(Description::read(folder.path()), Ok(None));
    }

    #[test]
    fn a_file_that_is_no_description_is_an_error_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["{", r#"{"format": 2}"#] {
            std::fs::write(folder.path().join(FILE.name), text).unwrap();
            assert!(Description::read(folder.path()).unwrap_err().contains(FILE.name), "{text}");
        }
    }
}
