//! What the mouse pointer is over. Views compute it, because only they know which rows are drawn.

use epoca::protocol::NodeId;

use crate::console::model::Pane;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Prompt,
    /// The log table, and the node of the row.
    Logs {
        node: Option<NodeId>,
    },
    /// The marks of the tape: the number of records up to the mark, `None` behind the last one.
    Tape {
        at: Option<u64>,
    },
    /// A key of the hint line, by its place in the table of keys.
    Key {
        binding: usize,
    },
    /// The pane of the space-time diagram, and a row of it.
    SpaceTime {
        row: Option<u64>,
    },
    /// The tab bar.
    TabBar {
        pane: Option<Pane>,
    },
    /// The contents of the tab; in the narration and the space-time diagram also the row, by serial.
    Tab {
        row: Option<u64>,
    },
    Elsewhere,
}
