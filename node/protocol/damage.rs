//! Two committed entries that differ at one position: one of the two logs is damaged.
//!
//! Nothing is truncated, because a committed entry may be the last copy of a confirmed write. Each side reads its
//! whole log and recomputes its digests. The side whose chain is broken stops; its host moves the folder aside, and
//! the node returns as a new member. If neither chain is broken, both nodes stop and an operator has to compare them.

use crate::core::Core;
use crate::io::{ChainCheck, Output};
use crate::log::Lookup;
use crate::message::{Message, Push};
use crate::role::Role;
use crate::types::{LogPoint, NodeId};

/// Whether this node checks its own log. It moves from `No` to `Reading` to `Whole` and never back.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Checking {
    /// No difference between committed entries was seen.
    No,
    /// The host is reading the log. `with` is the node whose entry at `at` differs.
    Reading { with: NodeId, at: LogPoint, report: Option<OwedReport> },
    /// This node's chain is intact. On the next difference the other's chain is known to be intact too, and this node
    /// stops.
    Whole,
}

/// A log state that a replica owes its leader once its own chain is checked. The leader checks its chain when it
/// receives it. It carries the numbers that a [`LogState`](crate::LogState) carries.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct OwedReport {
    /// The number of the push that the report answers.
    pub(super) answers: u64,
    /// The resync number of that push.
    pub(super) resync: u64,
}

impl Core {
    /// Starts a check of this log: its entry at `at` is committed, and `with` has a different one there. A second call
    /// while the check runs does nothing; after an intact check it stops the node.
    pub(super) fn check_for_damage(&mut self, with: NodeId, at: LogPoint, report: Option<OwedReport>) {
        match self.checking {
            Checking::No => {
                self.checking = Checking::Reading { with, at, report };
                self.output(Output::CheckChain);
            }
            Checking::Reading { .. } => {}
            Checking::Whole => self.fatal(neither_broken(with, at)),
        }
    }

    /// The result of the check. A replica with an intact chain reports its log state, so that the leader checks its
    /// own log next.
    pub(super) fn on_chain_checked(&mut self, check: ChainCheck) {
        let Checking::Reading { with, at, report } = std::mem::replace(&mut self.checking, Checking::Whole) else {
            return;
        };
        match (check, report) {
            (ChainCheck::Broken(point), _) => self.damaged(format!(
                "this node's log is damaged: the content of entry {} is not what its digest says (found because {with} \
                 has another entry at {})",
                point.id, at.id
            )),
            (ChainCheck::Whole, Some(report)) => self.send_log_state(with, report.answers, report.resync),
            (ChainCheck::Whole, None) => {
                self.send_own_entry(with, at);
                self.fatal(neither_broken(with, at));
            }
        }
    }

    /// Before a leader with an intact chain stops, it sends the replica its entry there. The replica's chain is intact
    /// too, so the replica stops on it. Otherwise the replica would stay and stop every later leader in the same way.
    fn send_own_entry(&mut self, replica: NodeId, at: LogPoint) {
        let Role::Leader(leader) = &self.role else { return };
        let Some(progress) = leader.replicas.get(&replica) else { return };
        let resync = progress.resync;
        if let Lookup::Known(own) = self.log.lookup(at.position) {
            let push = Push { prev: Some(own), entries: Vec::new(), resync, replaces: false, round: 0, acked: None };
            self.send(replica, Message::Push(push));
        }
    }
}

fn neither_broken(with: NodeId, at: LogPoint) -> String {
    format!(
        "this node and {with} have both committed an entry {}, and the two differ, though neither log is damaged in \
         itself. Nothing is deleted; compare the two with `epoca inspect` before either goes on.",
        at.id
    )
}
