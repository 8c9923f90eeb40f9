//! Detects that leadership has moved although the scenario did nothing to move it.
//!
//! A scenario names nodes by their role when it begins: `$leader`, `$a`. The protocol does not promise a stable leader:
//! on a machine that stalls for an election timeout another node is elected. Then `$leader` is a replica, and every
//! expectation about it means something else. Such an attempt shows neither that the cluster is right nor that it is
//! wrong. It is void and repeated, and the account names the election that made it void.

use epoca::protocol::trace::Fact;
use epoca::protocol::{Epoch, NodeId};

use super::listener::{EventMark, Listener, ObservedCluster};
use super::messages;
use crate::command::Command;
use crate::command::grammar::Fault;
use crate::lang::Localized;

/// The leader at the time when names were chosen, and whether the scenario has done something since that may move
/// leadership.
#[derive(Clone, Debug, Default)]
pub struct LeadershipWatch {
    leader: Option<(NodeId, Epoch)>,
    since: EventMark,
    may_move: bool,
}

impl LeadershipWatch {
    pub fn start(listener: &Listener) -> LeadershipWatch {
        let observed = listener.observed();
        let leader = observed.leader().and_then(|(id, state)| Some((id, state.epoch?)));
        LeadershipWatch { leader, since: observed.end(), may_move: false }
    }

    /// From now on a change of leader is expected.
    pub fn expect_move(&mut self) {
        self.may_move = true;
    }

    /// Takes into account what the scenario does.
    pub fn on_command(&mut self, command: &Command) {
        self.may_move |= may_move(command, self.leader.map(|(leader, _)| leader));
    }

    /// The election that nothing in the scenario asked for, as a sentence.
    pub fn unexpected_election(&self, observed: &ObservedCluster) -> Option<Localized> {
        let (leader, led) = self.leader.filter(|_| !self.may_move)?;
        observed.since(self.since).find_map(|event| match &event.fact {
            Fact::Elected { epoch, .. } if *epoch > led => {
                Some(messages::leadership_moved(leader, event.node, *epoch, event.number))
            }
            _ => None,
        })
    }
}

/// Whether a command is meant to replace the leader, or may cause that.
fn may_move(command: &Command, leader: Option<NodeId>) -> bool {
    match command {
        Command::Leader(_) | Command::Member(_) => true,
        Command::Fault(fault) => match fault {
            Fault::Kill { node }
            | Fault::Restart { node }
            | Fault::Pause { node }
            | Fault::Damage { node }
            | Fault::Wrong { node, .. } => Some(node.0) == leader,
            Fault::Tick { .. } => true,
            // Stopped timers cause no election. When they continue, only what else was done to the leader matters.
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::parse_line;

    #[test]
    fn only_what_is_done_to_the_leader_or_its_timer_may_move_leadership() {
        let moves = |line: &str| may_move(&parse_line(line).expect(line), Some(NodeId(1)));
        for line in ["kill 1", "restart 1", "pause 1", "tick 3", "leader transfer 2", "member remove 2"] {
            assert!(moves(line), "{line}");
        }
        for line in ["kill 2", "restart 2", "cut 1 2", "hold 1 ack", "put x 1", "inject 2 x y", "release 1", "step on"]
        {
            assert!(!moves(line), "{line}");
        }
    }
}
