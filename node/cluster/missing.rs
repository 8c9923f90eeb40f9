//! Data folders that are missing at a start, although `nodes.json` says that their nodes were members.
//!
//! A node without its folder returns as a new member if the others can elect a leader without it. If they cannot, a
//! start would wait forever; and with all folders missing it would found an empty cluster in place of the lost one. A
//! person must decide: put the folders back, restore a backup, or found a new cluster with `--fresh`.

use std::collections::BTreeSet;
use std::path::Path;

use crate::cluster::error::ClusterError;
use crate::cluster::folder::Folder;
use crate::cluster::known::KnownNodes;
use crate::protocol::{MemberKind, NodeId};
use crate::storage::examine;

/// The nodes whose data is missing. An error if the remaining voters are no majority.
pub(super) fn check(folder: &Folder, known: &KnownNodes) -> Result<Vec<NodeId>, ClusterError> {
    let nodes = known.nodes.iter().map(|node| NodeId(node.id));
    let (left, missing): (Vec<NodeId>, Vec<NodeId>) = nodes.partition(|node| folder.has_data(*node));
    if missing.is_empty() {
        return Ok(missing);
    }
    let learners = learners(folder, &left);
    let voters = |nodes: &[NodeId]| nodes.iter().filter(|node| !learners.contains(node)).count();
    let (whole, lost) = (voters(&left), voters(&missing));
    if whole > lost || lost == 0 {
        return Ok(missing);
    }
    Err(ClusterError::DataMissing { folder: folder.path().to_owned(), missing, left })
}

/// The warning for the person who starts the cluster.
pub(super) fn warning(folder: &Path, node: NodeId) -> String {
    format!(
        "the data of {node} is missing: {} is gone or empty. {node} starts with an empty folder and gets everything \
         from the others; if you still have the folder, end the cluster and put it back",
        folder.display()
    )
}

/// The members that are no voters, by the member lists in the remaining folders, as far as these can be read.
fn learners(folder: &Folder, left: &[NodeId]) -> BTreeSet<NodeId> {
    let labels: Vec<_> = left.iter().map(|node| examine(&folder.node(*node), *node, "")).collect();
    let listed = || labels.iter().flat_map(|label| &label.members);
    let voters: BTreeSet<NodeId> =
        listed().filter(|member| member.kind == MemberKind::Voter).map(|member| member.id).collect();
    listed().map(|member| member.id).filter(|id| !voters.contains(id)).collect()
}
