//! What the mouse pointer is over. Views compute it, because only they know which rows are drawn.

use crate::console::model::Pane;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Prompt,
    Logs,
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
