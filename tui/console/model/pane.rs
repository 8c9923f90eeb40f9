//! The tabs of the lower pane. When each is there, what it is called and how it is drawn are said in `layout`, `words`
//! and `view`; a tab that one of them leaves out does not compile.

/// In the order in which they stand on the frame.
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
