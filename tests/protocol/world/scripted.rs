//! Elections on command, and scripted voters: those without a node in the world.

use epoca::protocol::trace::RoleName;
use epoca::protocol::{Ack, Envelope, LogPoint, Message, NodeId, PreVoteAnswer, PreVoteAsked, VoteAnswer, VoteAsked};

use crate::world::{Pick, World, incarnation};

const ELECTION_KINDS: [&str; 4] = ["pre-vote", "pre-vote-answer", "vote", "vote-answer"];

impl World {
    pub fn role(&self, id: u64) -> RoleName {
        self.core(id).role()
    }

    /// Gives the node ticks until it asks for pre-votes. A node with an empty log is asked to start an election.
    pub fn begin_election(&mut self, id: u64) {
        if self.host(id).disk.written().entries.is_empty() {
            self.stand(id);
        }
        for _ in 0..100 {
            let stands = self.role(id) != RoleName::Replica || self.messages_from(id, "pre-vote").next().is_some();
            if stands {
                return;
            }
            self.tick(id);
        }
        panic!("n{id} does not start an election");
    }

    /// The node starts an election, and election messages (no others) are delivered until none is left.
    pub fn elect(&mut self, id: u64) {
        self.begin_election(id);
        while ELECTION_KINDS.iter().any(|kind| self.deliver(&Pick::kind(kind)) > 0) {}
        assert_eq!(self.role(id), RoleName::Leader, "n{id} stood and should lead");
    }

    /// Like [`World::elect`], with scripted voters that all grant. The candidate's disk flushes only what is required.
    pub fn elect_by_script(&mut self, id: u64) {
        self.hold_disk(id);
        self.begin_election(id);
        for _ in 0..4 {
            if self.role(id) == RoleName::Leader {
                return;
            }
            self.flush_some(id, 1);
            self.grant_by_script();
        }
        panic!("n{id} does not lead, although all voters grant");
    }

    /// Scripted voters grant the votes and pre-votes that they were asked for.
    pub fn grant_by_script(&mut self) {
        for asked in self.network.take(&Pick::kind("pre-vote")) {
            self.answer_pre_vote(&asked, true);
        }
        for asked in self.network.take(&Pick::kind("vote")) {
            self.answer_vote(&asked, true);
        }
    }

    pub fn answer_pre_vote(&mut self, asked: &Envelope, granted: bool) {
        let Message::PreVoteAsked(PreVoteAsked { epoch, last }) = asked.message else { panic!("{asked:?}") };
        let answer = PreVoteAnswer { epoch, granted, last, incarnation: incarnation(asked.to) };
        let promised = epoch.0.checked_sub(1).filter(|epoch| *epoch > 0);
        self.send_as(asked.to.0, asked.from.0, promised, Message::PreVoteAnswer(answer));
    }

    pub fn answer_vote(&mut self, asked: &Envelope, granted: bool) {
        let Message::VoteAsked(VoteAsked { epoch, .. }) = asked.message else { panic!("{asked:?}") };
        self.send_as(asked.to.0, asked.from.0, Some(epoch.0), Message::VoteAnswer(VoteAnswer { epoch, granted }));
    }

    /// A scripted voter acks the latest push to it, up to `up_to`.
    pub fn ack_by_script(&mut self, voter: u64, leader: u64, up_to: Option<LogPoint>) {
        let epoch = self.core(leader).epoch().map(|epoch| epoch.0);
        let pushes = self.messages_to(voter).filter(|envelope| matches!(envelope.message, Message::Push(_)));
        let answers = pushes.last().expect("a push to the voter").number;
        self.send_as(voter, leader, epoch, Message::Ack(Ack { up_to, finalized: None, answers }));
    }

    /// The messages of a kind from a node that are in flight.
    pub fn messages_from(&self, id: u64, kind: &'static str) -> impl Iterator<Item = &Envelope> {
        self.network
            .pool
            .iter()
            .filter(move |envelope| envelope.from == NodeId(id) && envelope.message.kind().name() == kind)
    }

    /// The messages to a node that are in flight.
    pub fn messages_to(&self, id: u64) -> impl Iterator<Item = &Envelope> {
        self.network.pool.iter().filter(move |envelope| envelope.to == NodeId(id))
    }
}
