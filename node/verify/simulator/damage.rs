//! Damaged disks: a bit of a record turns, nobody knows it until the place is read, and then the node does what a real one
//! does: it ends at once, its folder is moved aside, and it comes back with an empty one, as another incarnation that asks to be
//! added until it is.
//!
//! Left out: which checksum finds it. The real storage is tested with real bits.

use crate::protocol::trace::Fact;
use crate::protocol::{LogPoint, MemberKind, NodeId};
use crate::verify::simulator::Told;
use crate::verify::simulator::plan::MemberWish;
use crate::verify::simulator::world::{Simulation, Step};

/// How damage is found, as the summary counts it.
pub(super) const AT_A_START: &str = "flipped bit found at a start";
pub(super) const BY_A_READ: &str = "flipped bit found by a read";

/// So many of the last entries.
const FEW: u64 = 40;

impl Simulation<'_> {
    /// A bit of some durable entry's record turns; `stopped`: while the machine has no power.
    pub(super) fn flip_bit(&mut self, node: NodeId, stopped: bool) {
        if stopped {
            self.cut_power(node, 100, false);
        }
        // What is read again is mostly what came lately.
        let nth = if self.dice.one_in(2) { self.dice.below(FEW) } else { self.dice.roll() };
        self.host(node).disk.flip(nth);
    }

    /// The process is ended, so that its next start reads the whole log.
    pub(super) fn end_if_damaged(&mut self, node: NodeId) {
        if self.host(node).disk.damage().is_some() && self.host(node).is_up() {
            self.stop(node);
            self.host(node).disk.kill();
        }
    }

    /// The damaged place was read. Nothing of what was on its way inside the process is said or stored any more.
    pub(super) fn retreat(&mut self, node: NodeId, at: LogPoint, how: &'static str) -> Step {
        *self.stats.faults.entry(how).or_default() += 1;
        if let Some(record) = &mut self.record {
            record.line(self.now, format_args!("DAMAGE {how}: {at} at {node}, which begins anew"));
        }
        if self.host(node).is_up() {
            let time = self.hosts[node.0 as usize - 1].clock.shows(self.now);
            self.trace(node, time, Fact::Damaged { text: "a simulated bit turned".into() })?;
            self.stop(node);
        }
        let wish = self.what_it_was(node);
        let host = self.host(node);
        host.wipe();
        // It founds no cluster any more, whatever its command line says.
        host.config.voters.clear();
        self.watch.left(node);
        self.tell(Told::Left(node));
        self.start(node)?;
        self.want_for_ever(node, wish);
        Ok(())
    }

    /// Whoever was a learner by its own log asks to be one again.
    fn what_it_was(&self, node: NodeId) -> MemberWish {
        let lists = self.hosts[node.0 as usize - 1].disk.written().lists();
        let member = lists.current().and_then(|listed| listed.membership.member(node));
        match member.map(|member| member.kind) {
            Some(MemberKind::Learner) => MemberWish::Learn,
            _ => MemberWish::Join,
        }
    }
}
