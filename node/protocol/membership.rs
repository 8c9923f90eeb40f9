//! Who belongs to the cluster: member lists, the entries that set them, and one change of a list.
//!
//! ```text
//! member list   cluster 16 · count u32 · (id u64 · incarnation 16 · kind u8 · length u32 · address)…
//! ```
//!
//! In the entry that founds the cluster the list has no kinds: all are voters.
//!
//! The only source of truth is the log: the entry that founds the cluster holds the first list, and each change is an entry
//! with the whole new list. A list counts from the moment that its entry is in the log, committed or not (Raft thesis 4.1), and
//! no longer once the entry is truncated. What the log has given up is in its [`crate::Base`].
//!
//! A member is a node id *and* an incarnation: another data folder under an old id is another member.
//!
//! Absent on purpose: who may change a list and when, which is in [`crate::reconfigure`].

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::entry::{Entry, Kind};
use crate::payload::{Opening, put_bytes, take_16, take_bytes};
use crate::types::{ClusterId, EntryId, Incarnation, NodeId, Position};

/// How many members a cluster may have: each of them is pushed to by one leader.
pub const MEMBERS_MAX: usize = 64;
/// How many lists are remembered: far more than a log gives up at once or than a truncation takes back.
const LISTS_MAX: usize = 64;

/// One member: who it is, where it listens, which data folder it works with, and what it may do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Member {
    pub id: NodeId,
    pub address: String,
    pub incarnation: Incarnation,
    pub kind: MemberKind,
}

/// What a member may do. The numbers are fixed on the wire and on disk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MemberKind {
    /// Counts in every quorum.
    Voter,
    /// A learner that the leader makes a voter once it has caught up.
    Joining,
    /// Gets everything and counts in no quorum.
    Learner,
}

impl Member {
    pub fn voter(id: NodeId, address: String, incarnation: Incarnation) -> Member {
        Member { id, address, incarnation, kind: MemberKind::Voter }
    }
}

impl MemberKind {
    pub const fn code(self) -> u8 {
        match self {
            MemberKind::Voter => 1,
            MemberKind::Joining => 2,
            MemberKind::Learner => 3,
        }
    }

    pub const fn from_code(code: u8) -> Option<MemberKind> {
        match code {
            1 => Some(MemberKind::Voter),
            2 => Some(MemberKind::Joining),
            3 => Some(MemberKind::Learner),
            _ => None,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            MemberKind::Voter => "voter",
            MemberKind::Joining => "joining",
            MemberKind::Learner => "learner",
        }
    }
}

/// A member list and the cluster that it is of.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Membership {
    pub cluster: ClusterId,
    /// Sorted by id, each once.
    pub members: Vec<Member>,
}

impl Membership {
    /// The first list of a cluster. The cluster id follows from the members' ids and incarnations alone, so two candidates
    /// of one first election found the same cluster.
    pub fn found(mut members: Vec<Member>) -> Membership {
        members.sort();
        let mut hasher = blake3::Hasher::new();
        for member in &members {
            hasher.update(&member.id.0.to_le_bytes());
            hasher.update(&member.incarnation.0);
        }
        let mut cluster = [0; 16];
        cluster.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Membership { cluster: ClusterId(cluster), members }
    }

    /// Whether it is what [`Membership::found`] makes of its members, voters all of them.
    pub fn founds(&self) -> bool {
        self.is_sound() && self.learners().next().is_none() && Membership::found(self.members.clone()) == *self
    }

    /// Whether a leader could have made it: each member once, in order, at least one of them a voter.
    pub fn is_sound(&self) -> bool {
        self.members.len() <= MEMBERS_MAX
            && self.members.windows(2).all(|pair| pair[0].id < pair[1].id)
            && self.voters().next().is_some()
    }

    pub fn member(&self, id: NodeId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    /// The member with this very data folder.
    pub fn found_by(&self, id: NodeId, incarnation: Incarnation) -> Option<&Member> {
        self.member(id).filter(|member| member.incarnation == incarnation)
    }

    pub fn lists(&self, id: NodeId, incarnation: Incarnation) -> bool {
        self.found_by(id, incarnation).is_some()
    }

    pub fn is_voter(&self, id: NodeId, incarnation: Incarnation) -> bool {
        self.found_by(id, incarnation).is_some_and(|member| member.kind == MemberKind::Voter)
    }

    pub fn voters(&self) -> impl Iterator<Item = &Member> + Clone {
        self.members.iter().filter(|member| member.kind == MemberKind::Voter)
    }

    pub fn learners(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.kind != MemberKind::Voter)
    }

    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        self.put(&mut out, true);
        out.freeze()
    }

    /// `None` if the bytes are not a member list.
    pub fn decode(body: &Bytes) -> Option<Membership> {
        let mut body = body.clone();
        let list = Membership::take(&mut body, true)?;
        body.is_empty().then_some(list)
    }

    pub(super) fn put(&self, out: &mut BytesMut, kinds: bool) {
        out.put_slice(&self.cluster.0);
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

    pub(super) fn take(body: &mut Bytes, kinds: bool) -> Option<Membership> {
        let cluster = ClusterId(take_16(body)?);
        let count = body.try_get_u32_le().ok()?;
        let mut members = Vec::new();
        for _ in 0..count {
            let id = NodeId(body.try_get_u64_le().ok()?);
            let incarnation = Incarnation(take_16(body)?);
            let kind = if kinds { MemberKind::from_code(body.try_get_u8().ok()?)? } else { MemberKind::Voter };
            let address = String::from_utf8(take_bytes(body)?.to_vec()).ok()?;
            members.push(Member { id, address, incarnation, kind });
        }
        Some(Membership { cluster, members })
    }
}

/// A member list with the entry that set it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Listed {
    pub id: EntryId,
    pub position: Position,
    pub membership: Membership,
}

impl Listed {
    /// The list that an entry sets: a founding, which can only be the first one, or a change.
    pub fn of(entry: &Entry) -> Option<Listed> {
        let membership = match entry.kind {
            Kind::Opening if entry.position == Position::FIRST => Opening::decode(&entry.body)?.founding?,
            Kind::Members => Membership::decode(&entry.body)?,
            Kind::Opening | Kind::Command => return None,
        };
        Some(Listed { id: entry.id, position: entry.position, membership })
    }
}

/// The latest lists that the log holds or has given up, oldest first: the last one counts.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Lists(Vec<Listed>);

impl Lists {
    pub fn new(lists: Vec<Listed>) -> Lists {
        Lists(lists)
    }

    pub fn current(&self) -> Option<&Listed> {
        self.0.last()
    }

    /// The list that counted before the current one.
    pub fn earlier(&self) -> Option<&Listed> {
        self.0.iter().rev().nth(1)
    }

    /// Takes note of an entry that was appended.
    pub fn append(&mut self, entry: &Entry) {
        self.0.extend(Listed::of(entry));
        let gone = self.0.len().saturating_sub(LISTS_MAX);
        self.0.drain(..gone);
    }

    /// The entries after the position are gone: an earlier list counts again.
    pub fn truncate_after(&mut self, position: u64) {
        self.0.retain(|listed| listed.position.0 <= position);
    }

    /// Those that a log which ends there knows.
    pub fn up_to(&self, position: Position) -> Vec<Listed> {
        self.0.iter().filter(|listed| listed.position <= position).cloned().collect()
    }

    pub fn all(&self) -> &[Listed] {
        &self.0
    }
}

/// One change of a list. One server at a time, so that any two lists that follow each other share a voter in all quorums.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum MemberChange {
    /// A new member, never as a voter; one whose data folder was replaced; or one that listens elsewhere now.
    Add(Member),
    /// A learner becomes a voter.
    Promote(NodeId),
    Remove(NodeId),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64, kind: MemberKind) -> Member {
        Member { id: NodeId(id), address: format!("127.0.0.1:{id}"), incarnation: Incarnation([id as u8; 16]), kind }
    }

    fn listed(position: u64) -> Listed {
        let membership = Membership::found(vec![member(position, MemberKind::Voter)]);
        Listed { id: EntryId::new(1, position - 1), position: Position(position), membership }
    }

    #[test]
    fn a_list_comes_back_as_it_went_and_cut_bytes_do_not_decode() {
        let mut list = Membership::found(vec![member(1, MemberKind::Voter), member(2, MemberKind::Voter)]);
        list.members.extend([member(3, MemberKind::Joining), member(4, MemberKind::Learner)]);
        let whole = list.encode();
        assert_eq!(Membership::decode(&whole), Some(list));
        for length in 0..whole.len() {
            assert_eq!(Membership::decode(&whole.slice(..length)), None);
        }
    }

    #[test]
    fn only_voters_found_a_cluster_and_a_list_without_any_is_not_sound() {
        let voter = member(1, MemberKind::Voter);
        assert!(Membership::found(vec![voter.clone()]).founds());
        assert!(!Membership::found(vec![voter.clone(), member(2, MemberKind::Learner)]).founds());
        assert!(!Membership::found(vec![member(2, MemberKind::Learner)]).is_sound());
        assert!(!Membership::found(vec![voter.clone(), voter]).is_sound());
    }

    #[test]
    fn another_data_folder_under_the_same_id_is_no_voter() {
        let list = Membership::found(vec![member(1, MemberKind::Voter)]);
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
