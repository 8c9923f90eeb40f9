//! The command line for each choice of a fault key. A key acts through its command, so that both cannot differ.

use epoca::protocol::NodeId;

use crate::console::keys::FaultKey;
use crate::console::model::Model;

/// The command; `None` while a second node has to be selected.
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
        // It has a dialog of its own.
        FaultKey::Conflict => return None,
        FaultKey::Link => {
            let first = first?;
            let is_cut = model.cuts().contains(&(first.min(node), first.max(node)));
            format!("{} {} {number}", if is_cut { "heal" } else { "cut" }, first.0)
        }
    })
}
