//! `nodes.json`: which nodes belong to the cluster of a data folder, and on which ports they were reached last. Nodes
//! come and go, and the members know each other by their addresses, so a later start begins as the last one ended.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cluster::error::ClusterError;
use crate::cluster::ports::is_taken;
use crate::cluster::replace::replace;
use crate::protocol::NodeId;

const NAME: &str = "nodes.json";

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct KnownNodes {
    /// Where the search for ports began.
    pub base_port: u16,
    /// In the order of ids.
    pub nodes: Vec<KnownNode>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct KnownNode {
    pub id: u64,
    /// It came later, and asks to be added if it is not yet.
    pub joined: bool,
    pub port: u16,
}

impl KnownNodes {
    /// Those of a new cluster, whose ports are not chosen yet.
    pub fn founders(nodes: u64) -> KnownNodes {
        KnownNodes::of(&(1..=nodes).map(NodeId).collect::<Vec<_>>())
    }

    pub fn of(ids: &[NodeId]) -> KnownNodes {
        let node = |id: &NodeId| KnownNode { id: id.0, joined: false, port: 0 };
        KnownNodes { base_port: 0, nodes: ids.iter().map(node).collect() }
    }

    /// A cluster that has not changed since it was founded has as many nodes as are asked for.
    pub fn check(&self, folder: &Path, nodes: u64) -> Result<(), ClusterError> {
        let unchanged = self.nodes.iter().zip(1..).all(|(node, id)| node.id == id && !node.joined);
        match self.nodes.last() {
            Some(last) if unchanged && last.id != nodes => {
                Err(ClusterError::OtherSize { folder: folder.to_owned(), found: NodeId(last.id), nodes })
            }
            _ => Ok(()),
        }
    }

    /// The ports of the last time, if they were sought where they are sought now and all are free.
    pub fn ports(&self, base_port: u16) -> Option<Vec<u16>> {
        let ports: Vec<u16> = self.nodes.iter().map(|node| node.port).collect();
        let fits = base_port == 0 || base_port == self.base_port;
        (fits && ports.iter().all(|port| *port > 0 && !is_taken(*port))).then_some(ports)
    }

    /// `None`: no cluster has run here yet.
    pub fn read(folder: &Path) -> Result<Option<KnownNodes>, ClusterError> {
        let path = folder.join(NAME);
        let failed = |reason: String| ClusterError::Folder { action: "read", path: path.clone(), reason };
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error.to_string())),
        };
        let known: KnownNodes = serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))?;
        let ascending = known.nodes.windows(2).all(|pair| pair[0].id < pair[1].id);
        let sound = ascending && known.nodes.first().is_some_and(|first| first.id > 0);
        if sound { Ok(Some(known)) } else { Err(failed("it names no node, or one of them twice".to_owned())) }
    }

    /// A later start reads the old one or the new one, never half of one.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        replace(folder, NAME, &serde_json::to_vec_pretty(self)?)
    }

    pub fn forget(folder: &Path) {
        // There is mostly none.
        let _ = fs::remove_file(folder.join(NAME));
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
            let text = format!(r#"{{"base_port": 7101, "nodes": {nodes}}}"#);
            fs::write(folder.path().join(NAME), &text).unwrap();
            assert!(KnownNodes::read(folder.path()).unwrap_err().to_string().contains(NAME), "{text}");
        }
    }

    #[test]
    fn another_number_of_nodes_is_refused_until_nodes_have_come_or_gone() {
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
