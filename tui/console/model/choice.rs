//! Which nodes a fault key offers, each under its letter.

use epoca::protocol::NodeId;

use crate::console::keys::FaultKey;
use crate::console::model::{Model, NodeView, Presence};

/// A node that a key offers, under its letter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    pub letter: char,
    pub node: NodeId,
    /// Why it cannot be chosen now, if it cannot.
    pub obstacle: Option<NotSelectable>,
}

/// Why a node cannot be chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotSelectable {
    AlreadyChosen,
    AlreadyDown,
    Running,
    Down,
    Leader,
}

impl Model {
    /// All nodes, for a key that needs one; `first` is the one of a pair that was chosen before.
    pub fn choices(&self, fault: FaultKey, first: Option<NodeId>) -> Vec<Choice> {
        let choice = |(index, (id, node)): (usize, (&NodeId, &NodeView))| Choice {
            letter: letter(index, *id),
            node: *id,
            obstacle: if first == Some(*id) { Some(NotSelectable::AlreadyChosen) } else { unfit(fault, node) },
        };
        self.nodes.iter().enumerate().map(choice).collect()
    }
}

/// The node's own number where it is one digit, a letter beyond.
fn letter(index: usize, id: NodeId) -> char {
    let digit = u32::try_from(id.0).ok().and_then(|number| char::from_digit(number, 10));
    digit.unwrap_or_else(|| char::from(b'a' + (index % 26) as u8))
}

fn unfit(fault: FaultKey, node: &NodeView) -> Option<NotSelectable> {
    let is_down = matches!(node.presence, Presence::Down { .. });
    match fault {
        FaultKey::Kill if is_down => Some(NotSelectable::AlreadyDown),
        FaultKey::Restart if !is_down => Some(NotSelectable::Running),
        FaultKey::Pause | FaultKey::Hold | FaultKey::Conflict if is_down => Some(NotSelectable::Down),
        FaultKey::Conflict if node.leads() => Some(NotSelectable::Leader),
        _ => None,
    }
}
