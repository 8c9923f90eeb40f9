//! Evidence that a peer's process has ended, as the links of a real node report it: mostly true, sometimes lost, and
//! sometimes wrong.
//!
//! Its draws are a stream of their own, so that they change no other draw of a seed.

use crate::protocol::NodeId;
use crate::verify::rng::Rng;
use crate::verify::simulator::queue::Due;
use crate::verify::simulator::world::Simulation;

/// The number of the stream of random numbers. Streams 1 to 13 are taken.
const STREAM: u64 = 14;
/// One in this number of reports of an ended process is lost.
const LOST_IN: u64 = 4;
/// One in this number of cut links resets connections, which looks like an ended process.
const WRONG_IN: u64 = 3;

pub(super) fn stream(seed: u64) -> Rng {
    Rng::stream(seed, STREAM)
}

impl Simulation<'_> {
    /// The process of a node was killed: its kernel tells those that are connected.
    pub(super) fn report_ended(&mut self, ended: NodeId) {
        for node in self.ids().into_iter().filter(|node| *node != ended) {
            if !self.evidence.one_in(LOST_IN) {
                self.report_gone(node, ended);
            }
        }
    }

    /// A link was cut. A firewall that resets connections makes a live node look like an ended process.
    pub(super) fn report_cut(&mut self, from: u64, to: u64) {
        let known = |node: u64| node as usize <= self.machines.len();
        if known(from) && known(to) && self.evidence.one_in(WRONG_IN) {
            self.report_gone(NodeId(to), NodeId(from));
        }
    }

    fn report_gone(&mut self, node: NodeId, peer: NodeId) {
        let at = self.now + self.network.client_delay(&mut self.evidence);
        let run = self.machine(node).run;
        self.queue.put(at, Due::PeerGone { node, run, peer });
    }
}
