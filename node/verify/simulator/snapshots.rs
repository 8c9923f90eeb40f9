//! When a simulated node's work on snapshots is done. The work itself is in [`Host`](crate::verify::host::Host).

use crate::protocol::NodeId;
use crate::verify::host::{Checked, Work};
use crate::verify::simulator::queue::Due;
use crate::verify::simulator::world::Simulation;

/// How many times longer than an apply it takes at most to write or to install a snapshot.
const SLOWER: u64 = 20;

impl Simulation<'_> {
    pub(super) fn on_snapshot_work(&mut self, node: NodeId, work: Work) {
        // Drawn for each kind of work, so that all draws that follow stay the same.
        let soon = self.now + 1 + self.rng.below(self.disk.read_micros_max);
        let run = self.machine(node).run;
        match work {
            Work::TakeSnapshot => self.begin_snapshot(node),
            Work::ReadSnapshot => self.queue.put(soon, Due::SnapshotRead { node, run }),
            Work::WriteSnapshot => self.queue.put(soon, Due::SnapshotWritten { node, run }),
            Work::InstallSnapshot => self.begin_install(node),
            Work::Apply | Work::ReadLog | Work::CheckChain => unreachable!("not work on snapshots"),
        }
    }

    /// Begins to write a snapshot if one is due and the database is at its entry.
    pub(super) fn begin_snapshot(&mut self, node: NodeId) {
        if self.host_mut(node).begin_snapshot() {
            let run = self.machine(node).run;
            let at = self.now + 1 + self.rng.below(self.disk.apply_micros_max * SLOWER);
            self.queue.put(at, Due::SnapshotTaken { node, run });
        }
    }

    pub(super) fn on_snapshot_taken(&mut self, node: NodeId) -> Checked {
        let host = &mut self.machines[node.0 as usize - 1].host;
        let input = host.end_snapshot(&mut self.taken);
        input.map_or(Ok(()), |input| self.step(node, input))
    }

    pub(super) fn on_snapshot_read(&mut self, node: NodeId) -> Checked {
        // The file cannot be read now; a start can. A file that is gone for good, and then a power loss, is a node that
        // does not start.
        let odds = self.disk.snapshots_lost_in;
        let fails = odds > 0 && self.rng.one_in(odds);
        let input = self.host_mut(node).read_snapshot(fails);
        input.map_or(Ok(()), |input| self.step(node, input))
    }

    pub(super) fn on_snapshot_written(&mut self, node: NodeId) -> Checked {
        let host = &mut self.machines[node.0 as usize - 1].host;
        let Some((input, resumed)) = host.write_snapshot(&self.taken)? else { return Ok(()) };
        self.stats.snapshots_resumed += u64::from(resumed);
        self.step(node, input)
    }

    /// Begins to replace the database, once everything that was handed to it is applied.
    pub(super) fn begin_install(&mut self, node: NodeId) {
        if self.host(node).can_install() {
            let run = self.machine(node).run;
            let at = self.now + 1 + self.rng.below(self.disk.apply_micros_max * SLOWER);
            self.queue.put(at, Due::SnapshotInstalled { node, run });
        }
    }

    pub(super) fn on_snapshot_installed(&mut self, node: NodeId) -> Checked {
        let Some((input, point)) = self.host_mut(node).install_snapshot()? else { return Ok(()) };
        self.oracle.on_installed(self.host(node), point)?;
        self.step(node, input)
    }
}
