//! The nodes that a fault key offers.

use epoca::protocol::NodeId;

use crate::console::keys::FaultKey;
use crate::console::model::{Model, NodeView, Presence};

/// A node and the letter that selects it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    pub letter: char,
    pub node: NodeId,
    /// Why the node cannot be selected now.
    pub obstacle: Option<NotSelectable>,
}

/// Why a node cannot be selected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotSelectable {
    AlreadyChosen,
    AlreadyDown,
    Running,
    Down,
    Leader,
}

impl Model {
    /// All nodes. `first` is the node of a pair that was selected before.
    pub fn choices(&self, fault: FaultKey, first: Option<NodeId>) -> Vec<Choice> {
        let choice = |(index, (id, node)): (usize, (&NodeId, &NodeView))| Choice {
            letter: letter(index, *id),
            node: *id,
            obstacle: if first == Some(*id) { Some(NotSelectable::AlreadyChosen) } else { unfit(fault, node) },
        };
        self.nodes.iter().enumerate().map(choice).collect()
    }
}

/// The node's number if it has one digit, else a letter.
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
