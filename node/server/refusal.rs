//! Refusals: the code for machines and the text for people, which says what to do.

use crate::protocol::{NodeId, Refusal};
use crate::server::requests::NotTaken;
use crate::wire::proto;
use crate::wire::refusal::refused;

pub(super) fn not_taken(why: NotTaken) -> proto::Refusal {
    match why {
        NotTaken::Overloaded => refused("overloaded", "too many requests wait at this node: try again a little later"),
        NotTaken::Stopping => refused("stopping", "this node is stopping: ask another one"),
    }
}

/// A request that one node has passed on already goes no further.
pub(super) fn not_a_leader(leader: NodeId) -> proto::Refusal {
    let text = format!("this node does not lead any more, {leader} does as far as it knows: ask there");
    proto::Refusal { leader: Some(leader.0), ..refused("not_a_leader", text) }
}

/// As good as no leader for whoever asks here; another node may reach it, or lead soon.
pub(super) fn leader_unreachable(leader: NodeId, why: &str) -> proto::Refusal {
    let text = format!("{leader} leads, but this node does not reach it ({why}): ask another node, or wait");
    proto::Refusal { leader: Some(leader.0), ..refused(Refusal::NoLeader.code(), text) }
}

pub(super) fn leader_overloaded(leader: NodeId, why: &str) -> proto::Refusal {
    refused("overloaded", format!("{leader} leads, and has too much to do: {why}"))
}

pub(super) fn by_core(refusal: Refusal) -> proto::Refusal {
    let text = match refusal {
        Refusal::NoLeader => "no leader is known: an election may be under way, or no majority is up; try again",
        Refusal::SteppedDown => "the leader stepped down before it could answer: try again",
        Refusal::Overloaded => "too much waits to be committed: try again when a majority follows",
        Refusal::NotFresh => "the log is not empty any more: elections take care of themselves",
        Refusal::TransferUnderWay => "leadership is being handed over already: see `epoca status`",
        Refusal::NoMember => "the cluster has no such member: see `epoca member list`",
        Refusal::Learner => {
            "it is a learner: it gets all data, but counts in no majority and cannot lead; `epoca member promote` makes it a voter"
        }
        Refusal::NobodyLive => "no replica was heard lately that could lead: restart one first",
        Refusal::JustStarted => "this node was started a moment ago and stands for nothing yet: try again",
        Refusal::TransferFailed => "the target did not come to lead in time; see `epoca status` for who leads now",
        Refusal::NotSettled => {
            "the leader is new and nothing of its own is committed yet: try again when a majority follows"
        }
        Refusal::ChangeUnderWay => "another change of members is not committed yet: try again",
        Refusal::IdInUse => "a live node has this id, with another data folder: choose another id",
        Refusal::NotCaughtUp => "it lacks entries still, or was not heard lately: see `epoca member list`",
        Refusal::LastVoter => "a cluster needs a voter: add and promote another node first",
        Refusal::QuorumAtRisk => {
            "too few of the voters that would be left are heard to make a majority: restart or remove those that are down first"
        }
        Refusal::TooManyMembers => "the cluster has as many members as it may have: remove one first",
        Refusal::Leads => "this node leads, and a leader's log is the truth: inject into a replica",
        Refusal::Standing => "this node is standing for election: try again when a leader is known",
        Refusal::EmptyLog => "the log of this node is empty, there is nothing to continue: write something first",
        Refusal::EpochOutOfRange => {
            "the epoch must not be below the log's last one nor above the node's own: see `epoca status`"
        }
        Refusal::TooMany => "too many forged entries at once: the limit is 1000",
    };
    refused(refusal.code(), text)
}

/// A first attempt was not done; whoever tries again knows no more than before.
pub(super) fn session_lost() -> proto::Refusal {
    let text = "the session of this write is not known any more, so a retry cannot be told from a new write";
    refused("session_lost", text)
}

pub(super) fn lab_only() -> proto::Refusal {
    refused("lab_only", "faults work only in a lab: start the nodes with --lab")
}
