//! The keys that make faults: which nodes they offer, and the line of the grammar that each choice stands for. What a
//! key does is done by its line, so that key and typed twin cannot differ.

use epoca::protocol::NodeId;

use crate::console::model::{FaultKey, Model, NodeView, Presence};
use crate::console::words::screen;
use crate::lang::Text;

/// A node that a key offers, under its letter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    pub letter: char,
    pub node: NodeId,
    /// Why it cannot be chosen now, if it cannot.
    pub obstacle: Option<Text>,
}

/// What the choice is called.
pub fn name(fault: FaultKey) -> Text {
    match fault {
        FaultKey::Kill => screen::F_KILL,
        FaultKey::Restart => screen::F_RESTART,
        FaultKey::Pause => screen::F_PAUSE,
        FaultKey::Link => screen::F_LINK,
        FaultKey::Hold => screen::F_HOLD,
        FaultKey::Conflict => screen::F_CONFLICT,
    }
}

pub fn choices(model: &Model, fault: FaultKey, first: Option<NodeId>) -> Vec<Choice> {
    let choice = |(index, (id, node)): (usize, (&NodeId, &NodeView))| Choice {
        letter: letter(index, *id),
        node: *id,
        obstacle: if first == Some(*id) { Some(screen::O_CHOSEN) } else { obstacle(fault, node) },
    };
    model.nodes.iter().enumerate().map(choice).collect()
}

/// The line that the choice stands for; `None` while a second node is to be chosen.
pub fn line(model: &Model, fault: FaultKey, first: Option<NodeId>, node: NodeId) -> Option<String> {
    let view = model.nodes.get(&node)?;
    let number = node.0;
    Some(match fault {
        FaultKey::Kill => format!("kill {number}"),
        FaultKey::Restart => format!("restart {number}"),
        FaultKey::Pause if view.is_paused() => format!("resume {number}"),
        FaultKey::Pause => format!("pause {number}"),
        FaultKey::Hold if view.holds().is_empty() => format!("hold {number} commit-order"),
        FaultKey::Hold => format!("release {number}"),
        FaultKey::Conflict => format!("inject {number} q 666"),
        FaultKey::Link => {
            let first = first?;
            let is_cut = model.cuts().contains(&(first.min(node), first.max(node)));
            format!("{} {} {number}", if is_cut { "heal" } else { "cut" }, first.0)
        }
    })
}

/// The node's own number where it is one digit, a letter beyond.
fn letter(index: usize, id: NodeId) -> char {
    let digit = u32::try_from(id.0).ok().and_then(|number| char::from_digit(number, 10));
    digit.unwrap_or_else(|| char::from(b'a' + (index % 26) as u8))
}

fn obstacle(fault: FaultKey, node: &NodeView) -> Option<Text> {
    let is_down = matches!(node.presence, Presence::Down { .. });
    match fault {
        FaultKey::Kill if is_down => Some(screen::O_DOWN_ALREADY),
        FaultKey::Restart if !is_down => Some(screen::O_RUNS),
        FaultKey::Pause | FaultKey::Hold | FaultKey::Conflict if is_down => Some(screen::O_DOWN),
        FaultKey::Conflict if node.leads() => Some(screen::O_LEADS),
        _ => None,
    }
}
