//! `nodes.json`: which nodes belong to the cluster of a data folder, and their last ports. Nodes are added and removed,
//! and the members know each other by address, so a later start uses the same nodes and ports.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cluster::error::ClusterError;
use crate::cluster::json_file::{JsonError, JsonFile};
use crate::cluster::ports::is_taken;

use crate::protocol::NodeId;

const FILE: JsonFile = JsonFile { name: "nodes.json", newest: 1 };

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct KnownNodes {
    /// The first port of the search.
    pub base_port: u16,
    /// By id.
    pub nodes: Vec<KnownNode>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct KnownNode {
    pub id: u64,
    /// It was added later, and asks to be added if it is not a member yet.
    pub joined: bool,
    pub port: u16,
}

impl KnownNodes {
    /// The nodes of a new cluster, whose ports are not chosen yet.
    pub fn founders(nodes: u64) -> KnownNodes {
        KnownNodes::of(&(1..=nodes).map(NodeId).collect::<Vec<_>>())
    }

    pub fn of(ids: &[NodeId]) -> KnownNodes {
        let node = |id: &NodeId| KnownNode { id: id.0, joined: false, port: 0 };
        KnownNodes { base_port: 0, nodes: ids.iter().map(node).collect() }
    }

    /// A cluster that has not changed since its founding must have the number of nodes that is asked for.
    pub fn check(&self, folder: &Path, nodes: u64) -> Result<(), ClusterError> {
        let unchanged = self.nodes.iter().zip(1..).all(|(node, id)| node.id == id && !node.joined);
        match self.nodes.last() {
            Some(last) if unchanged && last.id != nodes => {
                Err(ClusterError::OtherSize { folder: folder.to_owned(), found: NodeId(last.id), nodes })
            }
            _ => Ok(()),
        }
    }

    /// The last ports, if the search begins at the same port and all of them are free.
    pub fn ports(&self, base_port: u16) -> Option<Vec<u16>> {
        let ports: Vec<u16> = self.nodes.iter().map(|node| node.port).collect();
        let fits = base_port == 0 || base_port == self.base_port;
        (fits && ports.iter().all(|port| *port > 0 && !is_taken(*port))).then_some(ports)
    }

    /// `None` if no cluster has run here yet.
    pub fn read(folder: &Path) -> Result<Option<KnownNodes>, ClusterError> {
        let path = folder.join(FILE.name);
        let failed = |reason: String| ClusterError::Folder { action: "read", path: path.clone(), reason };
        let read: Result<Option<KnownNodes>, JsonError> = FILE.read(folder);
        let known = match read {
            Ok(Some(known)) => known,
            Ok(None) => return Ok(None),
            Err(JsonError::FormatTooNew { found, newest }) => {
                return Err(ClusterError::FormatTooNew { path, found, newest });
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        let ascending = known.nodes.windows(2).all(|pair| pair[0].id < pair[1].id);
        let sound = ascending && known.nodes.first().is_some_and(|first| first.id > 0);
        if sound { Ok(Some(known)) } else { Err(failed("it names no node, or a node twice".to_owned())) }
    }

    pub fn write(&self, folder: &Path) -> io::Result<()> {
        FILE.write(folder, self)
    }

    pub fn forget(folder: &Path) {
        FILE.remove(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed() -> KnownNodes {
        let mut known = KnownNodes::founders(4);
        known.nodes.remove(1);
        known.nodes.push(KnownNode { id: 5, joined: true, port: 7105 });
        known
    }

    #[test]
    fn the_nodes_come_back_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(KnownNodes::read(folder.path()).unwrap(), None);
        changed().write(folder.path()).unwrap();
        assert_eq!(KnownNodes::read(folder.path()).unwrap(), Some(changed()));
        KnownNodes::forget(folder.path());
        assert_eq!(KnownNodes::read(folder.path()).unwrap(), None);
    }

    #[test]
    fn a_file_that_names_nodes_twice_or_none_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let twice = r#"[{"id": 2, "joined": false, "port": 1}, {"id": 2, "joined": true, "port": 2}]"#;
        for nodes in ["", "[]", twice] {
            let text = format!(r#"{{"format": 1, "base_port": 7101, "nodes": {nodes}}}"#);
            std::fs::write(folder.path().join(FILE.name), &text).unwrap();
            assert!(KnownNodes::read(folder.path()).unwrap_err().to_string().contains(FILE.name), "{text}");
        }
    }

    #[test]
    fn a_file_of_a_newer_version_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE.name), r#"{"format": 2}"#).unwrap();
        let error = KnownNodes::read(folder.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("nodes.json has format version 2; this epoca reads up to 1: use a newer epoca"),
            "{error}"
        );
    }

    #[test]
    fn another_number_of_nodes_is_refused_until_nodes_are_added_or_removed() {
        let folder = Path::new("data");
        KnownNodes::founders(4).check(folder, 4).unwrap();
        for nodes in [3, 5] {
            let error = KnownNodes::founders(4).check(folder, nodes).unwrap_err().to_string();
            assert!(error.contains("n4") && error.contains("--nodes"), "{error}");
        }
        changed().check(folder, 4).unwrap();
    }

    #[test]
    fn ports_are_taken_up_again_only_where_they_were_sought() {
        let ports = crate::cluster::ports::free_ports(0, 1).unwrap();
        let node = KnownNode { id: 1, joined: false, port: ports[0] };
        let known = KnownNodes { base_port: 7101, nodes: vec![node] };
        assert_eq!((known.ports(0), known.ports(7101)), (Some(ports.clone()), Some(ports)));
        assert_eq!(known.ports(9000), None);
        assert_eq!(KnownNodes::founders(4).ports(0), None);
    }
}
