//! Elections on command, and the lines of voters that have no host in the world.

use epoca::protocol::trace::RoleName;
use epoca::protocol::{Ack, Envelope, LogPoint, Message, NodeId, PreVoteAnswer, PreVoteAsked, VoteAnswer, VoteAsked};

use crate::world::{Pick, World, incarnation};

const ELECTION_KINDS: [&str; 4] = ["pre-vote", "pre-vote-answer", "vote", "vote-answer"];

impl World {
    pub fn role(&self, id: u64) -> RoleName {
        self.host(id).core().node_state(0).role
    }

    /// Wakes the node at its deadlines until it asks for pre-votes; a fresh one is asked to stand.
    pub fn let_stand(&mut self, id: u64) {
        if self.host(id).disk.written().entries.is_empty() {
            self.stand(id);
        }
        for _ in 0..100 {
            let stands = self.role(id) != RoleName::Replica || self.said_by(id, "pre-vote").next().is_some();
            if stands {
                return;
            }
            self.tick(id);
        }
        panic!("n{id} does not stand for election");
    }

    /// The node stands, and election messages (no others) are delivered until none is left.
    pub fn elect(&mut self, id: u64) {
        self.let_stand(id);
        while ELECTION_KINDS.iter().any(|kind| self.deliver(&Pick::kind(kind)) > 0) {}
        assert_eq!(self.role(id), RoleName::Leader, "n{id} stood and should lead");
    }

    /// As [`World::elect`], but the voters are puppets and all grant; the candidate's disk works only as far as it must.
    pub fn elect_by_puppets(&mut self, id: u64) {
        self.hold_disk(id);
        self.let_stand(id);
        for _ in 0..4 {
            if self.role(id) == RoleName::Leader {
                return;
            }
            self.flush_some(id, 1);
            self.grant_by_puppets();
        }
        panic!("n{id} does not lead, although everybody grants");
    }

    /// Puppets grant the votes and pre-votes that they were asked for.
    pub fn grant_by_puppets(&mut self) {
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
        self.say(asked.to.0, asked.from.0, promised, Message::PreVoteAnswer(answer));
    }

    pub fn answer_vote(&mut self, asked: &Envelope, granted: bool) {
        let Message::VoteAsked(VoteAsked { epoch, .. }) = asked.message else { panic!("{asked:?}") };
        self.say(asked.to.0, asked.from.0, Some(epoch.0), Message::VoteAnswer(VoteAnswer { epoch, granted }));
    }

    /// A puppet acks the latest push that was said to it, up to `up_to`.
    pub fn ack_by_puppet(&mut self, puppet: u64, leader: u64, up_to: Option<LogPoint>) {
        let epoch = self.host(leader).core().node_state(0).epoch.map(|epoch| epoch.0);
        let pushes = self.said_to(puppet).filter(|envelope| matches!(envelope.message, Message::Push(_)));
        let answers = pushes.last().expect("a push to the puppet").number;
        self.say(puppet, leader, epoch, Message::Ack(Ack { up_to, finalized: None, answers }));
    }

    /// Messages of a kind that a node said and nobody heard yet.
    pub fn said_by(&self, id: u64, kind: &'static str) -> impl Iterator<Item = &Envelope> {
        self.network
            .pool
            .iter()
            .filter(move |envelope| envelope.from == NodeId(id) && envelope.message.kind().name() == kind)
    }

    pub fn said_to(&self, id: u64) -> impl Iterator<Item = &Envelope> {
        self.network.pool.iter().filter(move |envelope| envelope.to == NodeId(id))
    }
}
