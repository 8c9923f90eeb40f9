//! Consequences of the member list for a running node: its links, its log messages, and rejoining with a new folder.

use std::collections::BTreeMap;

use crate::protocol::{Incarnation, Listed, Membership, NodeId};
use crate::runtime::event_loop::EventLoop;

/// The addresses of the members. The member list has them; but a cluster may have been started at other addresses
/// since then. So the command line takes precedence until the list names a new address.
#[derive(Debug)]
pub(super) struct Addresses {
    /// The addresses on the command line, set at the start.
    named: BTreeMap<NodeId, String>,
    /// The addresses in the first list that this process saw; set once. Bound: the members of one list.
    first: BTreeMap<NodeId, String>,
}

impl Addresses {
    pub(super) fn new(named: &[(NodeId, String)]) -> Addresses {
        Addresses { named: named.iter().cloned().collect(), first: BTreeMap::new() }
    }

    pub(super) fn resolve(&mut self, membership: &Membership) -> Vec<(NodeId, String)> {
        let listed: Vec<(NodeId, String)> =
            membership.members.iter().map(|member| (member.id, member.address.clone())).collect();
        if self.first.is_empty() {
            self.first = listed.iter().cloned().collect();
        }
        let preferred = |id: &NodeId, address: &String| {
            self.named.get(id).filter(|_| self.first.get(id).is_none_or(|first| first == address)).cloned()
        };
        listed.into_iter().map(|(id, address)| (id, preferred(&id, &address).unwrap_or(address))).collect()
    }
}

/// The members as text, for example `n1 n2 n3 n4, n5 (joining)`.
pub(super) fn describe(membership: &Membership) -> String {
    let voters: Vec<String> = membership.voters().map(|member| member.id.to_string()).collect();
    let learners = membership.learners().map(|member| format!("{} ({})", member.id, member.kind.name()));
    [voters.join(" ")].into_iter().chain(learners).collect::<Vec<_>>().join(", ")
}

impl EventLoop {
    /// Another member list is in effect: updates the links and the view of the services.
    pub(super) fn on_members(&mut self, listed: Listed) {
        let me = (self.about.id, self.about.incarnation);
        tracing::info!("member list {}: {}", listed.id, describe(&listed.membership));
        if let Some(why) = not_a_member(&listed.membership, me) {
            tracing::warn!("{why}");
        }
        let addresses = self.addresses.resolve(&listed.membership);
        self.about.membership.set(Some(listed));
        if let Err(bad) = self.links.set_members(&addresses) {
            tracing::warn!("the member list has an invalid address: {bad}");
        }
    }

    /// The others know this node with an earlier data folder. With an empty log it can only be a new member, so it
    /// asks to be added as one. It must not act as the old member: it has lost what that one promised.
    pub(super) fn rejoin(&mut self) {
        if self.core.last().is_some() {
            return;
        }
        if let Some(join) = self.join.take() {
            tracing::warn!(
                "the data folder of {} was emptied or replaced: it does not vote, and asks to be added as a new member",
                self.about.id
            );
            tokio::spawn(join.run());
        }
    }
}

/// Why this node is not one of the members, if so.
pub(super) fn not_a_member(membership: &Membership, (id, incarnation): (NodeId, Incarnation)) -> Option<String> {
    let listed = membership.member(id);
    match listed {
        Some(listed) if listed.incarnation == incarnation => None,
        Some(_) => Some(format!(
            "{id} is a member with another data folder, so this one does not count. To rejoin with it, add --join"
        )),
        None => Some(format!(
            "{id} is not a member: it was removed, and does not campaign. StopMode it; to rejoin, start it with --join"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Member, MemberKind};

    fn list(members: &[(u64, &str)]) -> Membership {
        let member = |(id, address): &(u64, &str)| {
            Member::voter(NodeId(*id), (*address).to_owned(), Incarnation([*id as u8; 16]))
        };
        Membership::founding(members.iter().map(member).collect())
    }

    fn owned(members: &[(u64, &str)]) -> Vec<(NodeId, String)> {
        members.iter().map(|(id, address)| (NodeId(*id), (*address).to_owned())).collect()
    }

    #[test]
    fn the_command_line_knows_better_until_the_list_names_another_address() {
        let mut addresses = Addresses::new(&owned(&[(2, "new:2"), (3, "new:3")]));
        let at_start = addresses.resolve(&list(&[(1, "old:1"), (2, "old:2"), (3, "old:3")]));
        assert_eq!(at_start, owned(&[(1, "old:1"), (2, "new:2"), (3, "new:3")]));
        let later = addresses.resolve(&list(&[(1, "old:1"), (2, "moved:2"), (3, "old:3"), (4, "d:4")]));
        assert_eq!(later, owned(&[(1, "old:1"), (2, "moved:2"), (3, "new:3"), (4, "d:4")]));
    }

    #[test]
    fn another_data_folder_under_a_members_id_is_refused_with_a_reason() {
        let membership = list(&[(1, "a:1"), (2, "b:1")]);
        assert_eq!(not_a_member(&membership, (NodeId(1), Incarnation([1; 16]))), None);
        let why = |id, incarnation| not_a_member(&membership, (NodeId(id), Incarnation([incarnation; 16])));
        assert!(why(1, 9).is_some_and(|why| why.contains("another data folder")));
        assert!(why(3, 3).is_some_and(|why| why.contains("was removed")));
    }

    #[test]
    fn learners_are_named_with_what_they_are() {
        let mut membership = list(&[(1, "a:1"), (2, "b:1")]);
        membership.members[1].kind = MemberKind::Joining;
        assert_eq!(describe(&membership), "n1, n2 (joining)");
    }
}
