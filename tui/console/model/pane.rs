//! The tabs of the lower pane. `layout`, `words` and `view` match on them, so the compiler reports a tab that one of
//! them misses.

/// In the order of the tab bar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Pane {
    Scenario,
    Sheet,
    Narration,
    Events,
    SpaceTime,
    FinalDb,
    Ops,
    Peers,
    Checks,
    Step,
    Nodes,
}

impl Pane {
    pub const ALL: [Pane; 11] = [
        Pane::Scenario,
        Pane::Sheet,
        Pane::Narration,
        Pane::Events,
        Pane::SpaceTime,
        Pane::FinalDb,
        Pane::Ops,
        Pane::Peers,
        Pane::Checks,
        Pane::Step,
        Pane::Nodes,
    ];
}
