//! Damaged disks. A bit of a record flips, which shows only when the record is read. Then the node does what a real one
//! does: it stops at once, its folder is moved aside, and it comes back with an empty folder, as another incarnation
//! that asks to be added until it is.
//!
//! Left out: which checksum finds the damage. The real storage is tested with real bits.

use crate::protocol::trace::Fact;
use crate::protocol::{LogPoint, MemberKind, NodeId};
use crate::verify::host::Checked;
use crate::verify::simulator::Notification;
use crate::verify::simulator::plan::MemberRequest;
use crate::verify::simulator::world::Simulation;

/// The ways in which damage is found, as the summary counts them.
pub(super) const AT_A_START: &str = "flipped bit found at startup";
pub(super) const BY_A_READ: &str = "flipped bit found by a read";

/// Half of the flips are among this many of the last entries.
const RECENT_ENTRIES: u64 = 40;

impl Simulation<'_> {
    /// A bit of a durable entry's record flips; `stopped`: while the machine has no power.
    pub(super) fn flip_bit(&mut self, node: NodeId, stopped: bool) {
        if stopped {
            self.cut_power(node, 100, false);
        }
        // Most reads are of recent entries.
        let nth = if self.rng.one_in(2) { self.rng.below(RECENT_ENTRIES) } else { self.rng.next_u64() };
        self.host_mut(node).disk.flip_bit(nth);
    }

    /// Ends a process whose disk is damaged, so that its next start reads the whole log.
    pub(super) fn stop_if_damaged(&mut self, node: NodeId) {
        if self.host(node).disk.damage().is_some() && self.host(node).is_up() {
            self.stop(node);
            self.host_mut(node).disk.kill();
        }
    }

    /// The damaged record was read. Nothing that is in progress inside the process is sent or stored any more.
    pub(super) fn quarantine(&mut self, node: NodeId, at: LogPoint, how: &'static str) -> Checked {
        *self.stats.faults.entry(how).or_default() += 1;
        if let Some(transcript) = &mut self.transcript {
            transcript.line(self.now, format_args!("DAMAGE {how}: {at} at {node}, which begins with an empty folder"));
        }
        if self.host(node).is_up() {
            let time = self.machine(node).clock.at(self.now);
            self.trace(node, time, Fact::Damaged { text: "a simulated bit flipped".into() })?;
            self.stop(node);
        }
        let request = self.join_request(node);
        let machine = self.machine_mut(node);
        machine.wipe();
        // It founds no cluster any more, whatever its command line says.
        machine.host.config.voters.clear();
        self.watch.left(node);
        self.notify(Notification::Left(node));
        self.start(node)?;
        self.request_forever(node, request);
        Ok(())
    }

    /// A node that was a learner by its own log asks to be one again.
    fn join_request(&self, node: NodeId) -> MemberRequest {
        let lists = self.host(node).disk.written().lists();
        let member = lists.current().and_then(|listed| listed.membership.member(node));
        match member.map(|member| member.kind) {
            Some(MemberKind::Learner) => MemberRequest::Learn,
            _ => MemberRequest::Join,
        }
    }
}
