//! Whether leadership has moved although the scenario asked for no such thing.
//!
//! A scenario names nodes by what they are when it begins: `$leader`, `$a`. The protocol promises no steady leader: on
//! a machine that stalls for an election timeout another node is elected, and then `$leader` is a replica and every
//! expectation about it means something else. Such an attempt says nothing, neither that the cluster is right nor that
//! it is wrong: it is void, and made again, and the account says so with the election that made it void.

use epoca::protocol::trace::Fact;
use epoca::protocol::{Epoch, NodeId};

use super::listener::{Ears, Heard, Mark};
use crate::command::Command;
use crate::command::grammar::Fault;

/// Who leads when names are chosen, and whether the scenario has done something since that may move leadership.
#[derive(Clone, Debug, Default)]
pub struct Steady {
    led: Option<(NodeId, Epoch)>,
    since: Mark,
    is_moved_on_purpose: bool,
}

impl Steady {
    pub fn now(ears: &Ears) -> Steady {
        let heard = ears.heard();
        let led = heard.leader().and_then(|(id, state)| Some((id, state.epoch?)));
        Steady { led, since: heard.end(), is_moved_on_purpose: false }
    }

    /// From here on a change of leader is the scenario's own doing.
    pub fn move_on_purpose(&mut self) {
        self.is_moved_on_purpose = true;
    }

    pub fn note(&mut self, command: &Command) {
        self.is_moved_on_purpose |= may_move(command, self.led.map(|(leader, _)| leader));
    }

    /// The election that nothing asked for, in words.
    pub fn moved(&self, heard: &Heard) -> Option<String> {
        let (leader, led) = self.led.filter(|_| !self.is_moved_on_purpose)?;
        heard.since(self.since).find_map(|event| match &event.fact {
            Fact::Elected { epoch, .. } if *epoch > led => Some(format!(
                "leadership moved by itself from {leader} to {} (epoch {}, its event {}): this machine stood still for an \
                 election timeout",
                event.node, epoch.0, event.number
            )),
            _ => None,
        })
    }
}

/// Whether a command is meant to unseat the leader, or may do so as a matter of course.
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
            // Time that stands still moves nobody, and when it goes on only what else was done to the leader counts.
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
    fn only_what_is_done_to_the_leader_or_to_time_moves_leadership_on_purpose() {
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
