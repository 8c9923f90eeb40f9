//! What the pointer is over. Which rows stand there is known to the views alone, so they say it ([`crate::console::view`]).

use crate::console::model::Pane;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Prompt,
    Logs,
    /// The space-time picture beside the tabs, and the row of it.
    SpaceTime {
        row: Option<u64>,
    },
    /// The names on the frame of the tabs.
    TabBar {
        pane: Option<Pane>,
    },
    /// The inside of the tabs; of the narration and the space-time picture also the line or row, by its serial.
    Tab {
        row: Option<u64>,
    },
    Elsewhere,
}
