//! Two logs that differ where both say "committed": data is damaged at one of them.
//!
//! Nothing is truncated then. Each side reads its whole log and computes its chain of digests anew; the one whose chain
//! is broken ends at once and says where; its host moves the folder aside, and it comes back as a new member. If
//! neither is broken, both stop: a person has to look.

use crate::core::Core;
use crate::io::{ChainCheck, Output};
use crate::log::Place;
use crate::message::{Message, Push};
use crate::role::Role;
use crate::types::{LogPoint, NodeId};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Checking {
    No,
    /// The disk is being read; `with` is the node whose log differs from ours at `at`.
    Reading {
        with: NodeId,
        at: LogPoint,
        report: Option<Report>,
    },
    /// Our chain is whole. The next difference means that the other's is, too.
    Whole,
}

/// A replica owes its leader a log state once its own chain is checked, so that the leader checks its own.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Report {
    pub(super) answers: u64,
    pub(super) resync: u64,
}

impl Core {
    /// Our entry at `at` is committed, and `with` has another one there.
    pub(super) fn suspect_damage(&mut self, with: NodeId, at: LogPoint, report: Option<Report>) {
        match self.checking {
            Checking::No => {
                self.checking = Checking::Reading { with, at, report };
                self.output(Output::CheckChain);
            }
            Checking::Reading { .. } => {}
            Checking::Whole => self.fatal(neither_broken(with, at)),
        }
    }

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
                self.show_own_entry(with, at);
                self.fatal(neither_broken(with, at));
            }
        }
    }

    /// A leader whose chain is whole shows its entry there before it stops: the replica, whose chain is whole too,
    /// stops on it. Else it would go on, and stop every later leader in the same way.
    fn show_own_entry(&mut self, replica: NodeId, at: LogPoint) {
        let Role::Leader(leader) = &self.role else { return };
        let Some(progress) = leader.replicas.get(&replica) else { return };
        let resync = progress.resync;
        if let Place::Known(own) = self.log.place(at.position) {
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
