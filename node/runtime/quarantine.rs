//! What a node does whose data are damaged: it moves them aside, and comes back as a new member.
//!
//! It was told to stop acking, voting and truncating by ending its core; all that is left to do is done with files. It
//! founds no cluster and votes under no old incarnation: with its folder it has lost its memory of what it has promised.

use crate::protocol::MemberKind;
use crate::runtime::error::NodeError;
use crate::runtime::options::NodeOptions;
use crate::storage::{Label, Quarantine, examine, quarantine};

/// Moves the damaged folder's content aside, if there is anybody from whom the node could get everything again.
pub(super) fn retreat(options: &NodeOptions, found: String) -> Result<(), NodeError> {
    let label = examine(&options.data, options.id, &found);
    if others(options, &label).is_empty() {
        return Err(NodeError::DamagedAlone { folder: options.data.clone(), found });
    }
    tracing::error!("{found}");
    let Quarantine { folder, .. } = quarantine(&options.data, &label)?;
    let id = options.id;
    tracing::warn!(
        "the data of {id} are quarantined in {}; it votes for nothing and begins anew, with an empty folder",
        folder.display()
    );
    Ok(())
}

/// Where the others are: by the command line, or by the member list as far as it could be read.
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

/// With what a node starts whose folder was quarantined: it asks to be added as what it was.
pub(super) fn returning(options: &NodeOptions, former: &Label) -> NodeOptions {
    let join = others(options, former);
    let kind = former.members.iter().find(|member| member.id == options.id).map(|member| member.kind);
    NodeOptions {
        // Whoever knows nobody waits; nobody founds a cluster in place of the one that may only be ill.
        wait: join.is_empty(),
        learner: options.learner || kind == Some(MemberKind::Learner),
        join,
        ..options.clone()
    }
}

/// For the status of the node and for its log.
pub(super) fn note(of: &Quarantine) -> String {
    format!("quarantined: {} holds what this node had before: {}", of.folder.display(), of.label.found)
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
    fn a_node_that_comes_back_asks_all_that_it_knew_and_founds_nothing() {
        let options = NodeOptions { peers: vec![(NodeId(2), "host:2".to_owned())], ..options(1) };
        let returning = returning(&options, &label(MemberKind::Voter));
        assert_eq!(returning.join, ["host:2", "host:3"]);
        assert!(!returning.learner && returning.voters("host:1").is_empty());
        let nobody = Label { members: Vec::new(), ..label(MemberKind::Voter) };
        let alone = super::returning(&self::options(1), &nobody);
        assert!(alone.wait && alone.voters("host:1").is_empty());
    }

    #[test]
    fn damaged_data_are_moved_aside_before_the_node_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("commit"), "damaged").expect("it is written");
        let peers = vec![(NodeId(2), "host:2".to_owned())];
        let options = NodeOptions { peers, data: folder.path().to_owned(), ..options(1) };
        retreat(&options, "a bit turned".to_owned()).expect("there is somebody who has everything");
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
    fn whoever_knows_nobody_keeps_its_damaged_data_where_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("commit"), "damaged").expect("it is written");
        let options = NodeOptions { data: folder.path().to_owned(), ..options(1) };
        let refused = retreat(&options, "a bit turned".to_owned());
        assert!(matches!(refused, Err(NodeError::DamagedAlone { .. })), "{refused:?}");
        assert!(folder.path().join("commit").is_file());
    }

    #[test]
    fn a_learner_comes_back_as_a_learner() {
        assert!(returning(&options(1), &label(MemberKind::Learner)).learner);
    }
}
