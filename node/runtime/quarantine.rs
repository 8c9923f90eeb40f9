//! What a node does when its data are damaged: it moves them aside and comes back as a new member.
//!
//! The core has ended before this runs, so nothing acks, votes or truncates any more; what remains is work on files.
//! The node founds no cluster and never votes under its old incarnation: with the folder it has lost what it promised.

use crate::protocol::MemberKind;
use crate::runtime::error::NodeError;
use crate::runtime::options::NodeOptions;
use crate::storage::{Label, Quarantine, examine, quarantine};
use crate::wire::note::Note;

/// Moves the content of the damaged folder aside, if there is another node from which everything can be fetched again.
pub(super) fn move_aside(options: &NodeOptions, found: String) -> Result<(), NodeError> {
    let label = examine(&options.data, options.id, &found);
    if others(options, &label).is_empty() {
        return Err(NodeError::DamagedAlone { folder: options.data.clone(), found });
    }
    tracing::error!("{found}");
    let Quarantine { folder, .. } = quarantine(&options.data, &label)?;
    let id = options.id;
    tracing::warn!(
        "the data of {id} are quarantined in {}; it starts with an empty folder, and does not vote until it is added",
        folder.display()
    );
    Ok(())
}

/// The addresses of the other nodes: from the command line, and from the member list as far as it could be read.
fn others(options: &NodeOptions, label: &Label) -> Vec<String> {
    let named = options.peers.iter().map(|(_, address)| address).chain(&options.join);
    let listed = label.members.iter().filter(|member| member.id != options.id).map(|member| &member.address);
    let mut others: Vec<String> = Vec::new();
    for address in named.chain(listed) {
        if !others.contains(address) {
            others.push(address.clone());
        }
    }
    others
}

/// The options of a node that starts after its folder was quarantined: it asks to be added again, as what it was.
pub(super) fn rejoin_options(options: &NodeOptions, former: &Label) -> NodeOptions {
    let join = others(options, former);
    let kind = former.members.iter().find(|member| member.id == options.id).map(|member| member.kind);
    NodeOptions {
        // Without a known address it waits. It must not found a new cluster: the old one may still exist.
        wait: join.is_empty(),
        learner: options.learner || kind == Some(MemberKind::Learner),
        join,
        ..options.clone()
    }
}

/// A line for the node's status and log.
pub(super) fn note(of: &Quarantine) -> Note {
    Note::Quarantined { folder: of.folder.display().to_string(), found: of.label.found.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Incarnation, Member, NodeId};
    use crate::runtime::tests::options;

    fn label(kind: MemberKind) -> Label {
        let member = |id: u64, kind| Member {
            id: NodeId(id),
            address: format!("host:{id}"),
            incarnation: Incarnation([id as u8; 16]),
            kind,
        };
        Label {
            node: NodeId(1),
            incarnation: None,
            cluster: None,
            members: vec![member(1, kind), member(2, MemberKind::Voter), member(3, MemberKind::Voter)],
            seconds: 0,
            found: "a bit".to_owned(),
        }
    }

    #[test]
    fn a_returning_node_asks_all_known_nodes_and_founds_no_cluster() {
        let options = NodeOptions { peers: vec![(NodeId(2), "host:2".to_owned())], ..options(1) };
        let rejoining = rejoin_options(&options, &label(MemberKind::Voter));
        assert_eq!(rejoining.join, ["host:2", "host:3"]);
        assert!(!rejoining.learner && rejoining.voters("host:1").is_empty());
        let without_members = Label { members: Vec::new(), ..label(MemberKind::Voter) };
        let alone = super::rejoin_options(&self::options(1), &without_members);
        assert!(alone.wait && alone.voters("host:1").is_empty());
    }

    #[test]
    fn damaged_data_is_moved_aside_before_the_node_starts_with_an_empty_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("commit"), "damaged").expect("it is written");
        let peers = vec![(NodeId(2), "host:2".to_owned())];
        let options = NodeOptions { peers, data: folder.path().to_owned(), ..options(1) };
        move_aside(&options, "a bit flipped".to_owned()).expect("another node has everything");
        let names = |folder: &std::path::Path| {
            let entries = std::fs::read_dir(folder).expect("a folder").flatten();
            let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(names(folder.path()), ["lock", "quarantine-1"]);
        assert_eq!(names(&folder.path().join("quarantine-1")), ["commit", "why.txt"]);
    }

    #[test]
    fn a_node_that_knows_no_other_keeps_its_damaged_data_in_place() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("commit"), "damaged").expect("it is written");
        let options = NodeOptions { data: folder.path().to_owned(), ..options(1) };
        let refused = move_aside(&options, "a bit flipped".to_owned());
        assert!(matches!(refused, Err(NodeError::DamagedAlone { .. })), "{refused:?}");
        assert!(folder.path().join("commit").is_file());
    }

    #[test]
    fn a_learner_comes_back_as_a_learner() {
        assert!(rejoin_options(&options(1), &label(MemberKind::Learner)).learner);
    }
}
