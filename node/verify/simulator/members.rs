//! Simulated operators: each wants one change of the members, asks any node for it, goes where it is told, and asks again
//! until it is done or its patience ends.
//!
//! They are reasonable: nobody removes a good node where too few good ones would be left, and no disk is destroyed in such a
//! moment either ([`Simulation::may_lose`]). Everything else is the core's business, at any time and several at once.

use crate::protocol::{
    Answer, Input, Listed, Member, MemberChange, MemberKind, Membership, NodeId, Refusal, RequestId,
};
use crate::verify::simulator::host::Host;
use crate::verify::simulator::plan::MemberWish;
use crate::verify::simulator::queue::Due;
use crate::verify::simulator::world::{Simulation, Step, wrong};

/// The requests of operators; what is below it belongs to clients.
pub(super) const OPERATORS: u64 = 1 << 62;

const ATTEMPTS: u64 = 1 << 12;

/// For so many election timeouts an operator asks.
const PATIENCE_TIMEOUTS: u64 = 10;

/// A change that somebody wants.
pub(super) struct Wanted {
    node: NodeId,
    wish: MemberWish,
    attempt: u64,
    until: u64,
    ended: bool,
}

/// Good and lost members of a list; any of the lost ones may be made a voter before the loss is known.
struct Health {
    good: usize,
    lost: usize,
}

impl Health {
    /// Whether the list can go on, whatever becomes of its learners.
    fn is_well(&self) -> bool {
        self.good > self.lost
    }
}

impl Simulation<'_> {
    pub(super) fn want(&mut self, node: NodeId, wish: MemberWish) {
        self.want_until(node, wish, self.now + self.plan.options.election_timeout_micros * PATIENCE_TIMEOUTS);
    }

    /// Nobody gives up.
    pub(super) fn want_for_ever(&mut self, node: NodeId, wish: MemberWish) {
        self.want_until(node, wish, u64::MAX);
    }

    fn want_until(&mut self, node: NodeId, wish: MemberWish, until: u64) {
        self.wanted.push(Wanted { node, wish, attempt: 0, until, ended: false });
        let anybody = self.any_node();
        self.ask_for_change(self.wanted.len() - 1, anybody, 0);
    }

    fn any_node(&mut self) -> NodeId {
        NodeId(self.dice.between(1, self.hosts.len() as u64))
    }

    /// Nobody asks for anything any more.
    pub(super) fn operators_are_done(&self) -> bool {
        self.wanted.iter().all(|wanted| wanted.ended)
    }

    fn ask_for_change(&mut self, index: usize, node: NodeId, pause: u64) {
        let timeout = self.plan.options.election_timeout_micros;
        let at = self.now + pause + self.network.client_delay(&mut self.dice);
        let wanted = &mut self.wanted[index];
        wanted.attempt += 1;
        if wanted.attempt >= ATTEMPTS || at >= wanted.until {
            wanted.ended = true;
            return;
        }
        let attempt = wanted.attempt;
        self.queue.put(at, Due::Change { wanted: index, attempt, node });
        // Now and then an operator asks again while its last request is still on its way.
        let patience = if self.dice.one_in(4) { timeout / 3 } else { timeout * 3 };
        self.queue.put(at + patience, Due::ChangeAgain { wanted: index, attempt });
    }

    pub(super) fn ask_for_change_again(&mut self, index: usize, attempt: u64) {
        let wanted = &self.wanted[index];
        if !wanted.ended && wanted.attempt == attempt {
            let anybody = self.any_node();
            self.ask_for_change(index, anybody, 0);
        }
    }

    /// The request arrives. What it says of a node is what that node is now.
    pub(super) fn on_change(&mut self, index: usize, attempt: u64, node: NodeId) -> Step {
        let pause = self.plan.options.election_timeout_micros / 10;
        let Wanted { node: whom, wish, ended, .. } = self.wanted[index];
        if ended {
            return Ok(());
        }
        if !self.host(node).is_up() {
            let anybody = self.any_node();
            self.ask_for_change(index, anybody, pause);
            return Ok(());
        }
        if !self.is_reasonable(node, whom, wish) {
            self.wanted[index].ended = true;
            return Ok(());
        }
        let host = self.host(whom);
        let address = format!("127.0.0.1:{}", if wish == MemberWish::Move { 9_000 + host.run } else { 7_100 + whom.0 });
        let kind = if wish == MemberWish::Learn { MemberKind::Learner } else { MemberKind::Joining };
        let member = Member { id: whom, address, incarnation: host.config.incarnation, kind };
        let change = match wish {
            MemberWish::Join | MemberWish::Learn | MemberWish::Move => MemberChange::Add(member),
            MemberWish::Promote => MemberChange::Promote(whom),
            MemberWish::Remove => MemberChange::Remove(whom),
        };
        let request = RequestId(OPERATORS | (index as u64 * ATTEMPTS + attempt));
        self.step(node, Input::ChangeMembers(request, change))
    }

    /// Only a removal takes something away: of good nodes enough must be left.
    fn is_reasonable(&self, at: NodeId, whom: NodeId, wish: MemberWish) -> bool {
        let list = self.hosts[at.0 as usize - 1].core.as_ref().and_then(|core| core.members());
        match (wish, list) {
            (MemberWish::Remove, Some(listed)) => {
                let mut list = listed.membership.clone();
                list.members.retain(|member| member.id != whom);
                self.health(&list, None).is_well()
            }
            _ => true,
        }
    }

    pub(super) fn on_change_answer(&mut self, node: NodeId, request: RequestId, answer: &Answer) -> Step {
        let number = request.0 & !OPERATORS;
        let (index, attempt) = ((number / ATTEMPTS) as usize, number % ATTEMPTS);
        if let Answer::Applied { entry, .. } = answer {
            let Wanted { node: whom, wish, .. } = self.wanted[index];
            self.truth.is_listed(*entry, whom, wish)?;
        }
        if self.wanted[index].ended || self.wanted[index].attempt != attempt {
            return Ok(());
        }
        let pause = self.plan.options.election_timeout_micros / 4;
        let anybody = self.any_node();
        match answer {
            Answer::Applied { .. } | Answer::Done => self.wanted[index].ended = true,
            Answer::Forward(leader) => self.ask_for_change(index, *leader, 0),
            Answer::Refused(Refusal::NoMember | Refusal::LastVoter) => self.wanted[index].ended = true,
            Answer::Refused(_) | Answer::Unknown => self.ask_for_change(index, anybody, pause),
            Answer::Readable | Answer::Injected(_) | Answer::Snapshot(_) => {
                return Err(wrong("answers fit their requests", format!("{node} answers a change: {answer:?}")));
            }
        }
        Ok(())
    }

    /// The list that counts, as far as somebody outside can say: the leader's, or the last that was committed.
    pub(super) fn list(&self) -> Option<&Membership> {
        let leader = self.leader().map(|leader| &self.hosts[leader.0 as usize - 1]);
        let core = leader.and_then(|host| host.core.as_ref());
        let listed = core.and_then(|core| core.members()).or(self.truth.list());
        listed.map(|listed| &listed.membership)
    }

    /// A list counts somewhere.
    pub(super) fn on_members(&mut self, listed: Listed) {
        if !self.lists.iter().any(|known| known.id == listed.id) {
            self.lists.push(listed);
        }
    }

    /// Whether the disk of this node may be destroyed: whatever list is committed next, a majority of its voters must be good.
    /// Before the cluster is founded everybody is needed.
    pub(super) fn may_lose(&self, node: NodeId) -> bool {
        let Some(known) = self.truth.list() else { return false };
        let later = self.lists.iter().filter(|listed| listed.id > known.id);
        later.chain([known]).all(|listed| self.health(&listed.membership, Some(node)).is_well())
            && self.founders_are_well(node)
    }

    /// A leader that does not know that the first change is committed needs a majority of the founders for it, but for those
    /// whose folder the change has replaced.
    fn founders_are_well(&self, without: NodeId) -> bool {
        let mut lists = self.truth.committed_lists().iter();
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
        let is_good = |host: &Host| host.is_member(list) && host.disk.damage().is_none();
        let is_lost = |member: &&Member| Some(member.id) == without || !is_good(&self.hosts[member.id.0 as usize - 1]);
        let lost = list.members.iter().filter(is_lost).count();
        let good = list.voters().filter(|member| !is_lost(member)).count();
        Health { good, lost }
    }

    /// Nobody pushes to a node for ever that was removed.
    pub(super) fn check_strays(&self, from: NodeId, to: NodeId) -> Step {
        let list = self.hosts[from.0 as usize - 1].core.as_ref().and_then(|core| core.members());
        if !self.strays_are_over || list.is_none_or(|listed| listed.membership.member(to).is_some()) {
            return Ok(());
        }
        Err(wrong("who was removed is left alone", format!("{from} still pushes to {to}, which is no member")))
    }
}

impl Host {
    /// Whether the list has this node with the disk that it works with.
    pub(super) fn is_member(&self, list: &Membership) -> bool {
        list.contains(self.id(), self.config.incarnation)
    }
}
