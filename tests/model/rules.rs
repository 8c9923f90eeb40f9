//! The bounds of one search, and the rule that it breaks on purpose.

use crate::state::Link;

/// How often each thing may still happen. It is part of the state, so a search ends when it is used up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Left {
    /// Nodes whose election timeout ends, or that are asked to found the cluster.
    pub elections: u8,
    pub heartbeats: u8,
    pub crashes: u8,
    pub writes: u8,
    pub injections: u8,
    /// Messages that arrive twice.
    pub doubles: u8,
    /// Only on links that keep their order. On the others a message that never arrives is equivalent to a lost one.
    pub losses: u8,
}

#[derive(Clone, Debug)]
pub struct Rules {
    pub voters: u64,
    /// The nodes start with the founding entry final everywhere; otherwise with empty disks.
    pub founded: bool,
    pub left: Left,
    /// Links keep the order of all messages except those of elections, as the streams of the real network do.
    pub streams: bool,
    /// A flush follows each write at once; otherwise at any time later, with everything that is pending then.
    pub flushes_at_once: bool,
    /// The same for the final database.
    pub applies_at_once: bool,
    /// A pre-vote and its answers arrive at once, grants first. They change only the state of the candidate, so the
    /// search misses only late and missing answers.
    pub pre_votes_at_once: bool,
    pub breach: Option<Breach>,
}

impl Rules {
    pub fn in_order(&self, (_, _, election): &Link) -> bool {
        self.streams && !election
    }
}

/// A rule outside of the core that is broken. The search must find the violation that follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Breach {
    /// The disk reports writes as durable that are not.
    StoredTooEarly,
    /// A restart forgets the vote.
    VoteForgotten,
    /// A restart forgets which entries are forged.
    MarkForgotten,
}
