//! The bounds of one search, and what of its world is broken on purpose.

use crate::state::Lane;

/// What may still happen. It is part of the state: a search ends because it runs out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Left {
    /// Nodes whose patience ends, or who are asked to found the cluster.
    pub elections: u8,
    pub heartbeats: u8,
    pub crashes: u8,
    pub writes: u8,
    pub injections: u8,
    /// Messages that arrive and come again.
    pub doubles: u8,
    /// Only for links that keep their order; the others may leave any message where it is.
    pub losses: u8,
}

#[derive(Clone, Debug)]
pub struct Rules {
    pub voters: u64,
    /// Starts with the founding entry final everywhere; else with empty disks.
    pub founded: bool,
    pub left: Left,
    /// Links keep the order of all but election messages, as the streams of the real network do.
    pub streams: bool,
    /// A flush follows each write at once; else at any time later, together with all that is pending then.
    pub flushes_at_once: bool,
    /// Likewise for the final database.
    pub applies_at_once: bool,
    /// A pre-vote and its answers arrive at once, grants first. They change no state but the asker's, so what is lost is
    /// how old the answers are and that some are missing.
    pub pre_votes_at_once: bool,
    pub breach: Option<Breach>,
}

impl Rules {
    pub fn in_order(&self, (_, _, election): &Lane) -> bool {
        self.streams && !election
    }
}

/// A rule outside of the core that is broken: the search must find what comes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Breach {
    /// The disk says "stored" and nothing is.
    StoredTooEarly,
    /// A restart forgets whom the node voted for.
    VoteForgotten,
    /// A restart forgets which entries are forged.
    MarkForgotten,
}
