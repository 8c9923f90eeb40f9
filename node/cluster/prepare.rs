//! Logs that are written before the nodes start, for a cluster that should begin in a rare state, such as the figures
//! of the Raft paper.
//!
//! Each folder is created as a node creates its own, and holds what its node could have acked earlier. The nodes check
//! all of it at their start. Left out: final data, and committed entries.

use std::path::Path;
use std::sync::mpsc;

use bytes::Bytes;

use crate::cluster::error::ClusterError;
use crate::protocol::{
    Append, Change, Command, Entry, EntryId, Epoch, FeatureLevel, Kind, Member, Membership, NodeId, Opening, Promise,
};
use crate::storage::{OpenOptions, Opened, StorageError, open};

/// The log of a node: this number of entries of each epoch in turn, the first of each its opening.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PreparedLog {
    /// The node that gets the log.
    pub node: NodeId,
    /// Epochs with their numbers of entries, in ascending order.
    pub runs: Vec<(Epoch, u64)>,
    /// The node's promise; `None`: the last epoch of its log, with a vote for itself.
    pub promise: Option<Epoch>,
}

/// Writes the folders of nodes 1 to `nodes` below `data`; nodes without a log get an empty folder.
///
/// Entries of the same epoch and offset are the same in all logs, as one leader would have made them; the first entry
/// founds the cluster.
pub fn prepare(data: &Path, nodes: u64, logs: &[PreparedLog]) -> Result<(), ClusterError> {
    check(nodes, logs)?;
    let open_one = |id: u64| open_folder(data, NodeId(id));
    let mut opened = (1..=nodes).map(open_one).collect::<Result<Vec<Opened>, _>>().map_err(|e| failed(data, &e))?;
    let member = |(index, opened): (usize, &Opened)| {
        let id = NodeId(index as u64 + 1);
        // The addresses are not known yet; the command line passes them to the nodes.
        Member::voter(id, String::new(), opened.incarnation)
    };
    let founding = Membership::founding(opened.iter().enumerate().map(member).collect());
    for log in logs {
        if let Some(opened) = opened.get_mut(log.node.0 as usize - 1) {
            write(opened, log, &founding).map_err(|error| failed(data, &error))?;
        }
    }
    Ok(())
}

fn check(nodes: u64, logs: &[PreparedLog]) -> Result<(), ClusterError> {
    let wrong = |text: String| Err(ClusterError::NotPrepared { text });
    let first = logs.iter().find_map(|log| log.runs.first());
    for log in logs {
        let node = log.node;
        if node.0 == 0 || node.0 > nodes {
            return wrong(format!("there is a log for {node}, but the nodes are n1 to n{nodes}"));
        }
        if log.runs.first().map(|run| run.0) != first.map(|run| run.0) {
            return wrong(format!("the log of {node} begins with another epoch than the first one's"));
        }
        if log.runs.windows(2).any(|pair| pair[0].0 >= pair[1].0) || log.runs.iter().any(|run| run.1 == 0) {
            return wrong(format!("the epochs in the log of {node} must grow, and each have an entry"));
        }
        if log.promise.is_some_and(|promise| log.runs.last().is_some_and(|last| last.0 > promise)) {
            return wrong(format!("{node} has entries of a greater epoch than it has promised"));
        }
    }
    Ok(())
}

fn open_folder(data: &Path, node: NodeId) -> Result<Opened, StorageError> {
    let folder = data.join(node.to_string());
    open(&OpenOptions {
        folder,
        node,
        tail_bytes: 0,
        tail_entries: 0,
        level_max: FeatureLevel::NEWEST,
        progress: &|_| {},
    })
}

fn write(opened: &mut Opened, log: &PreparedLog, founding: &Membership) -> Result<(), StorageError> {
    let promise = log.promise.or(log.runs.last().map(|last| last.0));
    if let Some(epoch) = promise {
        opened.log.save_promise(Promise { epoch, vote: None })?;
    }
    opened.log.append(&Append { truncate_from: None, entries: entries(log, founding), forged: false })?;
    let (done, flushed) = mpsc::channel();
    opened.log.flush(Box::new(move |result| {
        // The receiver is gone only if this process ends.
        let _ = done.send(result);
    }))?;
    flushed.recv().unwrap_or(Ok(()))
}

fn entries(log: &PreparedLog, founding: &Membership) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (epoch, count) in &log.runs {
        for offset in 0..*count {
            let last = entries.last().map(Entry::point);
            let id = EntryId::new(epoch.0, offset);
            let (kind, body) = match offset {
                0 => {
                    let founding = entries.is_empty().then(|| founding.clone());
                    (Kind::Opening, Opening { founding }.encode())
                }
                _ => (Kind::Command, command(id)),
            };
            entries.push(Entry::after(last, id, kind, body));
        }
    }
    entries
}

/// `e4=1`: the value of each write names its place.
fn command(id: EntryId) -> Bytes {
    let (key, value) = (Bytes::from(id.epoch.to_string()), Bytes::from(id.offset.0.to_string()));
    Command { session: 0, sequence: 0, once: None, change: Change::Put { key, value } }.encode()
}

fn failed(data: &Path, error: &StorageError) -> ClusterError {
    ClusterError::NotPrepared { text: format!("the logs below {} cannot be written: {error}", data.display()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(node: u64, runs: &[(u64, u64)], promise: Option<u64>) -> PreparedLog {
        let runs = runs.iter().map(|(epoch, count)| (Epoch(*epoch), *count)).collect();
        PreparedLog { node: NodeId(node), runs, promise: promise.map(Epoch) }
    }

    #[test]
    fn a_prepared_log_is_what_its_node_remembers() {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path(), 2, &[log(1, &[(1, 3), (4, 2)], Some(7)), log(2, &[(1, 3)], None)]).unwrap();
        let one = open_folder(folder.path(), NodeId(1)).unwrap();
        let two = open_folder(folder.path(), NodeId(2)).unwrap();
        assert_eq!(one.restored.promise, Some(Promise { epoch: Epoch(7), vote: None }));
        assert_eq!(two.restored.promise, Some(Promise { epoch: Epoch(1), vote: None }));
        let runs = one.restored.runs.iter().map(|(run, position)| (run.epoch.0, position.0));
        assert_eq!(runs.collect::<Vec<_>>(), [(1, 3), (4, 5)]);
        assert_eq!(one.restored.lists, two.restored.lists);
        assert_eq!(one.restored.runs[0], two.restored.runs[0], "the same entries, by digest");
    }

    #[test]
    fn logs_that_cannot_be_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for logs in [
            vec![log(3, &[(1, 1)], None)],
            vec![log(1, &[(2, 1), (1, 1)], None)],
            vec![log(1, &[(3, 1)], Some(2))],
            vec![log(1, &[(1, 1)], None), log(2, &[(2, 1)], None)],
        ] {
            assert!(matches!(prepare(folder.path(), 2, &logs), Err(ClusterError::NotPrepared { .. })), "{logs:?}");
        }
    }
}
