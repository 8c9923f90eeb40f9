//! Member lists in answers of nodes. Member lists in the log are encoded by the protocol.

use crate::protocol::{EntryId, Listed, Member, MemberKind, Membership};
use crate::wire::convert::ids::{bytes16_to_wire, cluster, incarnation, level, node, position};
use crate::wire::convert::{Malformed, required};
use crate::wire::proto;

impl From<&Listed> for proto::MemberList {
    fn from(listed: &Listed) -> proto::MemberList {
        proto::MemberList {
            cluster: bytes16_to_wire(&listed.membership.cluster.0),
            set_by: Some(listed.id.into()),
            position: listed.position.0,
            members: listed.membership.members.iter().map(Into::into).collect(),
            level: listed.membership.level.0,
        }
    }
}

impl From<&Member> for proto::Member {
    fn from(member: &Member) -> proto::Member {
        proto::Member {
            id: member.id.0,
            address: member.address.clone(),
            incarnation: bytes16_to_wire(&member.incarnation.0),
            kind: proto::MemberKind::from(member.kind).into(),
        }
    }
}

impl From<MemberKind> for proto::MemberKind {
    fn from(kind: MemberKind) -> proto::MemberKind {
        match kind {
            MemberKind::Voter => proto::MemberKind::Voter,
            MemberKind::Joining => proto::MemberKind::Joining,
            MemberKind::Learner => proto::MemberKind::Learner,
        }
    }
}

impl TryFrom<proto::MemberList> for Listed {
    type Error = Malformed;

    fn try_from(list: proto::MemberList) -> Result<Listed, Malformed> {
        let members = list.members.into_iter().map(Member::try_from).collect::<Result<_, _>>()?;
        let membership = Membership { cluster: cluster(&list.cluster)?, level: level(list.level), members };
        if !membership.is_valid() {
            return Err(Malformed::Members);
        }
        let id = EntryId::try_from(required("set_by", list.set_by)?)?;
        Ok(Listed { id, position: position("position", list.position)?, membership })
    }
}

impl TryFrom<proto::Member> for Member {
    type Error = Malformed;

    fn try_from(member: proto::Member) -> Result<Member, Malformed> {
        let kind = match member.kind() {
            proto::MemberKind::Voter => MemberKind::Voter,
            proto::MemberKind::Joining => MemberKind::Joining,
            proto::MemberKind::Learner => MemberKind::Learner,
            proto::MemberKind::Unspecified => return Err(Malformed::Missing("kind")),
        };
        Ok(Member {
            id: node("id", member.id)?,
            address: member.address,
            incarnation: incarnation(&member.incarnation)?,
            kind,
        })
    }
}
