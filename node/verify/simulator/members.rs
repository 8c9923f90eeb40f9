//! Simulated operators. Each wants one change of the members, asks any node for it, follows the answer to the leader,
//! and asks again until the change is done or its time is over.
//!
//! They are reasonable: they remove no good node if too few good ones would be left, and no disk is destroyed at such a
//! moment either ([`Simulation::can_lose_disk`]). Apart from that they ask at any time, several at once.

use crate::protocol::{
    Answer, Input, Listed, Member, MemberChange, MemberKind, Membership, NodeId, Refusal, RequestId,
};
use crate::verify::host::{Checked, Host};
use crate::verify::invariants::Violation;
use crate::verify::simulator::plan::MemberRequest;
use crate::verify::simulator::queue::Due;
use crate::verify::simulator::world::Simulation;

/// The requests of operators have this bit. Those without it are of clients.
pub(super) const OPERATORS: u64 = 1 << 62;

const ATTEMPTS: u64 = 1 << 12;

/// How many election timeouts an operator keeps asking.
const ASKING_TIMEOUTS: u64 = 10;

/// A change that an operator wants.
pub(super) struct Wanted {
    node: NodeId,
    request: MemberRequest,
    attempt: u64,
    until: u64,
    ended: bool,
}

/// The voters of a list with good disks, and all its members without. A lost learner may be promoted before its loss is
/// known, so it counts as a lost voter.
struct Health {
    good: usize,
    lost: usize,
}

impl Health {
    /// Whether the list keeps a majority whichever of its learners are promoted.
    fn is_well(&self) -> bool {
        self.good > self.lost
    }
}

impl Simulation<'_> {
    pub(super) fn request(&mut self, node: NodeId, request: MemberRequest) {
        self.request_until(node, request, self.now + self.plan.options.election_timeout_micros * ASKING_TIMEOUTS);
    }

    /// An operator that never gives up.
    pub(super) fn request_forever(&mut self, node: NodeId, request: MemberRequest) {
        self.request_until(node, request, u64::MAX);
    }

    fn request_until(&mut self, node: NodeId, request: MemberRequest, until: u64) {
        self.wanted.push(Wanted { node, request, attempt: 0, until, ended: false });
        let any = self.any_node();
        self.ask_for_change(self.wanted.len() - 1, any, 0);
    }

    fn any_node(&mut self) -> NodeId {
        NodeId(self.rng.between(1, self.machines.len() as u64))
    }

    /// Whether no operator asks any more.
    pub(super) fn operators_are_done(&self) -> bool {
        self.wanted.iter().all(|wanted| wanted.ended)
    }

    fn ask_for_change(&mut self, index: usize, node: NodeId, pause: u64) {
        let timeout = self.plan.options.election_timeout_micros;
        let at = self.now + pause + self.network.client_delay(&mut self.rng);
        let wanted = &mut self.wanted[index];
        wanted.attempt += 1;
        if wanted.attempt >= ATTEMPTS || at >= wanted.until {
            wanted.ended = true;
            return;
        }
        let attempt = wanted.attempt;
        self.queue.put(at, Due::Change { wanted: index, attempt, node });
        // Now and then an operator asks again while its last request is still in progress.
        let wait = if self.rng.one_in(4) { timeout / 3 } else { timeout * 3 };
        self.queue.put(at + wait, Due::ChangeRetry { wanted: index, attempt });
    }

    pub(super) fn retry_change(&mut self, index: usize, attempt: u64) {
        let wanted = &self.wanted[index];
        if !wanted.ended && wanted.attempt == attempt {
            let any = self.any_node();
            self.ask_for_change(index, any, 0);
        }
    }

    /// The request arrives. It names the node with its present incarnation and address.
    pub(super) fn on_change(&mut self, index: usize, attempt: u64, node: NodeId) -> Checked {
        let pause = self.plan.options.election_timeout_micros / 10;
        let Wanted { node: member, request, ended, .. } = self.wanted[index];
        if ended {
            return Ok(());
        }
        if !self.host(node).is_up() {
            let any = self.any_node();
            self.ask_for_change(index, any, pause);
            return Ok(());
        }
        if !self.is_reasonable(node, member, request) {
            self.wanted[index].ended = true;
            return Ok(());
        }
        let change = match request {
            MemberRequest::Join | MemberRequest::Learn | MemberRequest::Move => {
                MemberChange::Add(self.listing(member, request))
            }
            MemberRequest::Promote => MemberChange::Promote(member),
            MemberRequest::Remove => MemberChange::Remove(member),
        };
        let id = RequestId(OPERATORS | (index as u64 * ATTEMPTS + attempt));
        self.step(node, Input::ChangeMembers(id, change))
    }

    fn listing(&self, id: NodeId, request: MemberRequest) -> Member {
        let machine = self.machine(id);
        let port = if request == MemberRequest::Move { 9_000 + machine.run } else { 7_100 + id.0 };
        let kind = if request == MemberRequest::Learn { MemberKind::Learner } else { MemberKind::Joining };
        let incarnation = machine.host.config.incarnation;
        Member { id, address: format!("127.0.0.1:{port}"), incarnation, kind }
    }

    /// Whether enough good nodes are left after a removal.
    fn is_reasonable(&self, at: NodeId, removed: NodeId, request: MemberRequest) -> bool {
        let list = self.host(at).running().and_then(|core| core.members());
        match (request, list) {
            (MemberRequest::Remove, Some(listed)) => {
                let mut list = listed.membership.clone();
                list.members.retain(|member| member.id != removed);
                self.health(&list, None).is_well()
            }
            _ => true,
        }
    }

    pub(super) fn on_change_answer(&mut self, node: NodeId, request: RequestId, answer: &Answer) -> Checked {
        let number = request.0 & !OPERATORS;
        let (index, attempt) = ((number / ATTEMPTS) as usize, number % ATTEMPTS);
        if let Answer::Applied { entry, .. } = answer {
            let Wanted { node: member, request, .. } = self.wanted[index];
            self.oracle.check_listed(*entry, member, request)?;
        }
        if self.wanted[index].ended || self.wanted[index].attempt != attempt {
            return Ok(());
        }
        let pause = self.plan.options.election_timeout_micros / 4;
        let any = self.any_node();
        match answer {
            Answer::Applied { .. } | Answer::Done => self.wanted[index].ended = true,
            Answer::Forward(leader) => self.ask_for_change(index, *leader, 0),
            Answer::Refused(Refusal::NoMember | Refusal::LastVoter) => self.wanted[index].ended = true,
            Answer::Refused(_) | Answer::Unknown => self.ask_for_change(index, any, pause),
            Answer::Readable | Answer::Injected(_) | Answer::Snapshot(_) => {
                return Err(Violation::of(
                    "responses match their requests",
                    format!("{node} responds to a change with {answer:?}"),
                ));
            }
        }
        Ok(())
    }

    /// The list in force as seen from outside: the leader's, or the last one that was committed.
    pub(super) fn list(&self) -> Option<&Membership> {
        let core = self.leader().and_then(|leader| self.host(leader).running());
        let listed = core.and_then(|core| core.members()).or(self.oracle.list());
        listed.map(|listed| &listed.membership)
    }

    /// A list is in force at a node.
    pub(super) fn on_members(&mut self, listed: Listed) {
        if !self.lists.iter().any(|known| known.id == listed.id) {
            self.lists.push(listed);
        }
    }

    /// Whether the disk of this node may be destroyed: whichever list is committed next, a majority of its voters must
    /// have good disks. Before the cluster is founded every disk is needed.
    pub(super) fn can_lose_disk(&self, node: NodeId) -> bool {
        let Some(known) = self.oracle.list() else { return false };
        let later = self.lists.iter().filter(|listed| listed.id > known.id);
        later.chain([known]).all(|listed| self.health(&listed.membership, Some(node)).is_well())
            && self.founders_have_majority(node)
    }

    /// A leader that does not know that the first change is committed needs a majority of the founders for it, without
    /// those whose folder the change has replaced.
    fn founders_have_majority(&self, without: NodeId) -> bool {
        let mut lists = self.oracle.committed_lists().iter();
        let (Some(founding), Some(first), None) = (lists.next(), lists.next(), lists.next()) else { return true };
        let mut founders = founding.membership.clone();
        let stays = |founder: &Member| {
            let known = first.membership.member(founder.id);
            known.is_none_or(|known| known.incarnation == founder.incarnation)
        };
        founders.members.retain(stays);
        self.health(&founders, Some(without)).good > founders.members.len() / 2
    }

    fn health(&self, list: &Membership, without: Option<NodeId>) -> Health {
        let is_good = |host: &Host| is_member(host, list) && host.disk.damage().is_none();
        let is_lost = |member: &&Member| Some(member.id) == without || !is_good(self.host(member.id));
        let lost = list.members.iter().filter(is_lost).count();
        let good = list.voters().filter(|member| !is_lost(member)).count();
        Health { good, lost }
    }

    /// Checks that a leader no longer pushes to a node that was removed.
    pub(super) fn check_removed(&self, from: NodeId, to: NodeId) -> Checked {
        let list = self.host(from).running().and_then(|core| core.members());
        if !self.removed_are_done || list.is_none_or(|listed| listed.membership.member(to).is_some()) {
            return Ok(());
        }
        Err(Violation::of(
            "removed nodes are left alone",
            format!("{from} still pushes to {to}, which is not a member"),
        ))
    }
}

/// Whether the list has this node with the disk that it has now.
pub(super) fn is_member(host: &Host, list: &Membership) -> bool {
    list.contains(host.id(), host.config.incarnation)
}
