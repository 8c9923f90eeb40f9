//! The label of a quarantine: text for the person who finds the folder, and for the node that starts beside it.
//!
//! ```text
//! epoca quarantine, version 1, checksum 2b7e1516
//! node 3
//! incarnation 5f0c…            or: unknown
//! cluster 8a31…                or: unknown
//! member 1 voter 77aa… 127.0.0.1:7101
//! when 1795262400
//! found e1·o7 is damaged in …
//!
//! (what to do)
//! ```

use std::fmt::Write;

use crate::protocol::{ClusterId, Incarnation, Member, MemberKind, NodeId};
use crate::storage::format::{Beginning, FileKind};
use crate::storage::open::identity::decode_16;

const ADVICE: &str = "
The files beside this text are a node's data folder as it was when the damage was found. Nothing was deleted or changed.
If a majority of the other nodes was healthy, the node has returned by itself as a new member and has copied everything
from them: then this folder may be deleted. If too many folders were damaged at once, this may be the last copy of
confirmed data: look at it with `epoca inspect`. To put it back once the file is repaired or restored from a copy: stop
the node, move the files beside this quarantine folder somewhere else, move everything in here except this text to their
place, and start the node again.
";

/// Owner of the folder, what was found and when, and the members of the cluster as far as they could be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// The owner of the folder.
    pub node: NodeId,
    /// The folder's incarnation, if it could be read.
    pub incarnation: Option<Incarnation>,
    /// The cluster, if it could be read.
    pub cluster: Option<ClusterId>,
    /// The members of the newest readable list; empty if there is none.
    pub members: Vec<Member>,
    /// When it was found, in seconds since the Unix epoch.
    pub seconds: u64,
    /// The damage, in one line.
    pub found: String,
}

impl Label {
    pub(super) fn encode(&self) -> String {
        let mut text = format!("{}\nnode {}\n", FileKind::QuarantineLabel.title(), self.node.0);
        let known = |of: Option<String>| of.unwrap_or_else(|| "unknown".to_owned());
        let incarnation = known(self.incarnation.map(|incarnation| incarnation.to_string()));
        let cluster = known(self.cluster.map(|cluster| cluster.to_string()));
        // Writing to a string cannot fail.
        let _ = write!(text, "incarnation {incarnation}\ncluster {cluster}\n");
        for Member { id, address, incarnation, kind } in &self.members {
            let _ = writeln!(text, "member {} {} {incarnation} {address}", id.0, kind.name());
        }
        let _ = write!(text, "when {}\nfound {}\n{ADVICE}", self.seconds, self.found.replace('\n', " "));
        text
    }

    /// `None` if the text is not a label. A line that cannot be read counts as absent: the others are useful without
    /// it.
    pub(super) fn decode(text: &str) -> Option<Label> {
        if !matches!(FileKind::QuarantineLabel.beginning(text.as_bytes()), Beginning::Readable(_)) {
            return None;
        }
        let lines: Vec<(&str, &str)> = text.lines().skip(1).map_while(|line| line.split_once(' ')).collect();
        let field = |name: &str| lines.iter().find(|(found, _)| *found == name).map(|(_, value)| *value);
        Some(Label {
            node: NodeId(field("node")?.parse().ok()?),
            incarnation: field("incarnation").and_then(decode_16).map(Incarnation),
            cluster: field("cluster").and_then(decode_16).map(ClusterId),
            members: lines.iter().filter(|(name, _)| *name == "member").filter_map(|(_, line)| member(line)).collect(),
            seconds: field("when").and_then(|seconds| seconds.parse().ok()).unwrap_or(0),
            found: field("found").unwrap_or_default().to_owned(),
        })
    }
}

fn member(line: &str) -> Option<Member> {
    let mut words = line.splitn(4, ' ');
    let id = NodeId(words.next()?.parse().ok()?);
    let name = words.next()?;
    let kinds = [MemberKind::Voter, MemberKind::Joining, MemberKind::Learner];
    let kind = kinds.into_iter().find(|kind| kind.name() == name)?;
    let incarnation = Incarnation(decode_16(words.next()?)?);
    Some(Member { id, address: words.next()?.to_owned(), incarnation, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label() -> Label {
        let voter = |id: u64| Member::voter(NodeId(id), format!("127.0.0.1:{id}"), Incarnation([id as u8; 16]));
        let learner = Member { kind: MemberKind::Learner, ..voter(9) };
        Label {
            node: NodeId(3),
            incarnation: Some(Incarnation([3; 16])),
            cluster: Some(ClusterId([7; 16])),
            members: vec![voter(1), voter(2), voter(3), learner],
            seconds: 1_795_262_400,
            found: "e1·o7 is damaged".to_owned(),
        }
    }

    #[test]
    fn a_label_comes_back_as_it_went_and_says_what_to_do() {
        let unknown = Label { incarnation: None, cluster: None, members: Vec::new(), ..label() };
        for label in [label(), unknown] {
            assert_eq!(Label::decode(&label.encode()), Some(label));
        }
        assert!(label().encode().contains("To put it back"));
    }

    #[test]
    fn lines_that_cannot_be_read_are_left_out_and_another_text_is_no_label() {
        let spoiled = label().encode().replace("member 2 voter", "member 2 king").replace("when 1", "when yes");
        let read = Label::decode(&spoiled).expect("the rest is a label");
        assert_eq!(read.members.iter().map(|member| member.id.0).collect::<Vec<_>>(), [1, 3, 9]);
        assert_eq!((read.seconds, read.node), (0, NodeId(3)));
        assert_eq!(Label::decode("shopping list\nnode 3\n"), None);
    }
}
