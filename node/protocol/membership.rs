//! Member lists, the entries that set them, and one change of a list.
//!
//! ```text
//! member list   cluster 16 · level u32 · count u32 · (id u64 · incarnation 16 · kind u8 · length u32 · address)…
//! ```
//!
//! In the entry that founds the cluster the list has no kinds: all members are voters.
//!
//! The log is the only source of a list. The founding entry holds the first one, and each change is an entry with the
//! complete new list. A list is in force from the moment its entry is in the log, committed or not (Raft thesis 4.1),
//! until the entry is truncated. For entries that the log has given up, [`crate::Base`] keeps the latest lists.
//!
//! A member is a node id *and* an incarnation: another data folder under an old id is another member.
//!
//! Left out: who may change a list and when. That is in [`crate::reconfigure`].

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::entry::{Entry, Kind};
use crate::payload::{Opening, put_bytes, take_16, take_bytes};
use crate::types::{ClusterId, EntryId, FeatureLevel, Incarnation, NodeId, Position};

/// The largest number of members. One leader pushes to each of them.
pub(crate) const MEMBERS_MAX: usize = 64;
/// The number of lists that are remembered: far more than a log gives up at once or a truncation removes.
const LISTS_MAX: usize = 64;

/// One member of the cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Member {
    /// The node's id, unique in a list.
    pub id: NodeId,
    /// Where the node listens, as `host:port`.
    pub address: String,
    /// The data folder that counts as this member. Votes and acks of another folder under this id are ignored.
    pub incarnation: Incarnation,
    /// Which rights it has.
    pub kind: MemberKind,
}

/// The rights of a member. The codes are fixed on the wire and on disk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MemberKind {
    /// Counts in every quorum.
    Voter,
    /// Receives everything and counts in no quorum; the leader makes it a voter once it has caught up.
    Joining,
    /// Receives everything and counts in no quorum.
    Learner,
}

impl Member {
    /// A voter.
    pub fn voter(id: NodeId, address: String, incarnation: Incarnation) -> Member {
        Member { id, address, incarnation, kind: MemberKind::Voter }
    }
}

impl MemberKind {
    /// The code on the wire and on disk: 1, 2, 3.
    pub const fn code(self) -> u8 {
        match self {
            MemberKind::Voter => 1,
            MemberKind::Joining => 2,
            MemberKind::Learner => 3,
        }
    }

    /// The kind of a code; `None` if there is none.
    pub const fn from_code(code: u8) -> Option<MemberKind> {
        match code {
            1 => Some(MemberKind::Voter),
            2 => Some(MemberKind::Joining),
            3 => Some(MemberKind::Learner),
            _ => None,
        }
    }

    /// The name in traces, on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            MemberKind::Voter => "voter",
            MemberKind::Joining => "joining",
            MemberKind::Learner => "learner",
        }
    }
}

/// The members of a cluster. The encoding is in the head of the file.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Membership {
    /// The cluster. All lists of one log name the same.
    pub cluster: ClusterId,
    /// The feature level that this list puts in force once it is committed. Never less than in the list before: a level
    /// that fell would leave entries in the log that a member does not know how to read.
    pub level: FeatureLevel,
    /// The members, sorted by id, each id once.
    pub members: Vec<Member>,
}

impl Membership {
    /// The founding list of a cluster, at the newest level. The cluster id is a hash of the members' ids and
    /// incarnations, so two candidates of one first election found the same cluster.
    pub fn founding(mut members: Vec<Member>) -> Membership {
        members.sort();
        let mut hasher = blake3::Hasher::new();
        for member in &members {
            hasher.update(&member.id.0.to_le_bytes());
            hasher.update(&member.incarnation.0);
        }
        let mut cluster = [0; 16];
        cluster.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Membership { cluster: ClusterId(cluster), level: FeatureLevel::NEWEST, members }
    }

    /// The list at another level.
    pub fn at_level(self, level: FeatureLevel) -> Membership {
        Membership { level, ..self }
    }

    /// Whether this is the list that [`Membership::founding`] makes of its members, all of them voters.
    pub(crate) fn is_founding(&self) -> bool {
        self.is_valid()
            && self.learners().next().is_none()
            && Membership::founding(self.members.clone()).at_level(self.level) == *self
    }

    /// Whether a leader could have made this list: at most 64 members, sorted, each once, at least one
    /// voter.
    pub fn is_valid(&self) -> bool {
        self.members.len() <= MEMBERS_MAX
            && self.members.windows(2).all(|pair| pair[0].id < pair[1].id)
            && self.voters().next().is_some()
    }

    /// The member with this id.
    pub fn member(&self, id: NodeId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    /// The member with this id and this data folder.
    pub fn member_with(&self, id: NodeId, incarnation: Incarnation) -> Option<&Member> {
        self.member(id).filter(|member| member.incarnation == incarnation)
    }

    /// Whether the list has this node with this data folder.
    pub fn contains(&self, id: NodeId, incarnation: Incarnation) -> bool {
        self.member_with(id, incarnation).is_some()
    }

    /// Whether the list has this node with this data folder as a voter.
    pub(crate) fn is_voter(&self, id: NodeId, incarnation: Incarnation) -> bool {
        self.member_with(id, incarnation).is_some_and(|member| member.kind == MemberKind::Voter)
    }

    /// The members that count in quorums, by id.
    pub fn voters(&self) -> impl Iterator<Item = &Member> + Clone {
        self.members.iter().filter(|member| member.kind == MemberKind::Voter)
    }

    /// The members that count in no quorum, by id: learners and joining members.
    pub fn learners(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.kind != MemberKind::Voter)
    }

    /// Encodes the list with kinds, as the body of a [`Kind::Members`] entry.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        self.put(&mut out, true);
        out.freeze()
    }

    /// Decodes a list with kinds. `None` if the bytes are not exactly one list.
    pub fn decode(body: &Bytes) -> Option<Membership> {
        let mut body = body.clone();
        let list = Membership::take(&mut body, true)?;
        body.is_empty().then_some(list)
    }

    /// Appends the encoding, with or without kinds.
    pub(super) fn put(&self, out: &mut BytesMut, kinds: bool) {
        out.put_slice(&self.cluster.0);
        out.put_u32_le(self.level.0);
        out.put_u32_le(self.members.len() as u32);
        for member in &self.members {
            out.put_u64_le(member.id.0);
            out.put_slice(&member.incarnation.0);
            if kinds {
                out.put_u8(member.kind.code());
            }
            put_bytes(out, member.address.as_bytes());
        }
    }

    /// Takes a list from the bytes, with or without kinds; without them all members are voters.
    pub(super) fn take(body: &mut Bytes, kinds: bool) -> Option<Membership> {
        let cluster = ClusterId(take_16(body)?);
        let level = body.try_get_u32_le().ok().filter(|level| *level > 0).map(FeatureLevel)?;
        let count = body.try_get_u32_le().ok()?;
        let mut members = Vec::new();
        for _ in 0..count {
            let id = NodeId(body.try_get_u64_le().ok()?);
            let incarnation = Incarnation(take_16(body)?);
            let kind = if kinds { MemberKind::from_code(body.try_get_u8().ok()?)? } else { MemberKind::Voter };
            let address = String::from_utf8(take_bytes(body)?.to_vec()).ok()?;
            members.push(Member { id, address, incarnation, kind });
        }
        Some(Membership { cluster, level, members })
    }
}

/// A member list and the entry that set it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Listed {
    /// The id of the entry.
    pub id: EntryId,
    /// The position of the entry.
    pub position: Position,
    /// The list.
    pub membership: Membership,
}

impl Listed {
    /// The list that an entry sets: the founding list in the first entry of a log, or a change. `None` for other
    /// entries and for a body that does not decode.
    pub fn of(entry: &Entry) -> Option<Listed> {
        let membership = match entry.kind {
            Kind::Opening if entry.position == Position::FIRST => Opening::decode(&entry.body)?.founding?,
            Kind::Members => Membership::decode(&entry.body)?,
            Kind::Opening | Kind::Command => return None,
        };
        Some(Listed { id: entry.id, position: entry.position, membership })
    }
}

/// The latest lists of a log, given-up entries included, oldest first. The last one is in force.
///
/// Invariant: the positions increase, and the list with the last position is the one that the log's entries set. The
/// core updates it in the same step as the log.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Lists(Vec<Listed>);

impl Lists {
    /// The lists as restored from the disk, oldest first.
    pub fn new(lists: Vec<Listed>) -> Lists {
        Lists(lists)
    }

    /// The list in force. `None` until the founding entry is in the log.
    pub fn current(&self) -> Option<&Listed> {
        self.0.last()
    }

    /// The list before the current one. If the current one is not committed, this one may come back.
    pub(crate) fn earlier(&self) -> Option<&Listed> {
        self.0.iter().rev().nth(1)
    }

    /// Adds the list that an appended entry sets, if it sets one. The oldest lists are dropped beyond a fixed number.
    pub fn append(&mut self, entry: &Entry) {
        self.0.extend(Listed::of(entry));
        let gone = self.0.len().saturating_sub(LISTS_MAX);
        self.0.drain(..gone);
    }

    /// Removes the lists of entries after the position; the one before is in force again.
    pub fn truncate_after(&mut self, position: u64) {
        self.0.retain(|listed| listed.position.0 <= position);
    }

    /// The lists of the entries up to `position`.
    pub fn up_to(&self, position: Position) -> Vec<Listed> {
        self.0.iter().filter(|listed| listed.position <= position).cloned().collect()
    }

    /// All remembered lists, oldest first.
    pub fn all(&self) -> &[Listed] {
        &self.0
    }
}

/// One change of a member list. Changes go one member at a time, so any quorum of a list shares a voter with any
/// quorum of the next (Raft thesis 4.1).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum MemberChange {
    /// Adds a member, never as a voter; or replaces the data folder or the address of a known member.
    Add(Member),
    /// Makes a learner a voter. Refused if it has not caught up.
    Promote(NodeId),
    /// Removes a member. A leader that removes itself transfers leadership first.
    Remove(NodeId),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64, kind: MemberKind) -> Member {
        Member { id: NodeId(id), address: format!("127.0.0.1:{id}"), incarnation: Incarnation([id as u8; 16]), kind }
    }

    fn listed(position: u64) -> Listed {
        let membership = Membership::founding(vec![member(position, MemberKind::Voter)]);
        Listed { id: EntryId::new(1, position - 1), position: Position(position), membership }
    }

    #[test]
    fn a_list_comes_back_as_it_went_and_cut_bytes_do_not_decode() {
        let mut list = Membership::founding(vec![member(1, MemberKind::Voter), member(2, MemberKind::Voter)]);
        list.members.extend([member(3, MemberKind::Joining), member(4, MemberKind::Learner)]);
        let whole = list.encode();
        assert_eq!(Membership::decode(&whole), Some(list));
        for length in 0..whole.len() {
            assert_eq!(Membership::decode(&whole.slice(..length)), None);
        }
    }

    #[test]
    fn only_voters_found_a_cluster_and_a_list_without_any_is_not_valid() {
        let voter = member(1, MemberKind::Voter);
        assert!(Membership::founding(vec![voter.clone()]).is_founding());
        assert!(!Membership::founding(vec![voter.clone(), member(2, MemberKind::Learner)]).is_founding());
        assert!(!Membership::founding(vec![member(2, MemberKind::Learner)]).is_valid());
        assert!(!Membership::founding(vec![voter.clone(), voter]).is_valid());
    }

    #[test]
    fn another_data_folder_under_the_same_id_is_no_voter() {
        let list = Membership::founding(vec![member(1, MemberKind::Voter)]);
        assert!(list.is_voter(NodeId(1), Incarnation([1; 16])));
        assert!(!list.is_voter(NodeId(1), Incarnation([2; 16])));
    }

    #[test]
    fn truncating_brings_back_the_earlier_list() {
        let mut lists = Lists::new(vec![listed(1), listed(5), listed(9)]);
        lists.truncate_after(8);
        assert_eq!((lists.current(), lists.earlier()), (Some(&listed(5)), Some(&listed(1))));
        assert_eq!(lists.up_to(Position(4)), [listed(1)]);
    }
}
