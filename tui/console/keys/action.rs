//! What a key can mean. How it is carried out is the business of `update`.

use tui_input::InputRequest;

/// Whether single keys act or letters go to the prompt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Control,
    Type,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Action {
    Fault(FaultKey),
    Step(StepKey),
    Type,
    Help,
    Quit,
    Interrupt,
    /// Finds commands and keys by a few letters.
    Palette,
    /// The large banner, or without it.
    Present,
    /// Without frames, so that a terminal's own selection copies well; or with them.
    Plain,
    /// Lifts all that was made to go wrong.
    Reset,
    /// What is looked at goes to the clipboard.
    Copy,
    /// A longer explanation of what is looked at.
    Explain,
    /// The arrows go to the space-time picture, or back.
    SpaceTime,
    NextPane,
    PreviousPane,
    /// Lines of the lower pane, down being positive.
    Scroll(isize),
    ScrollPage(isize),
    /// Columns of the log table, newer being positive.
    ScrollLog(isize),
    OldestEntry,
    NewestEntry,
    /// Back to CONTROL, or away with what is in the way.
    Escape,
    Run,
    Complete,
    Search,
    Older,
    Newer,
    Edit(InputRequest),
    Tape(TapeKey),
    /// The first scenario; other digits are taken as they come.
    Scenario,
    /// The list of all.
    Scenarios,
}

/// The keys that need a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKey {
    Kill,
    Restart,
    Pause,
    Link,
    Hold,
    Conflict,
}

/// The keys of step mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepKey {
    /// On or off.
    Switch,
    /// Deliver the oldest message.
    Next,
    Deliver,
    Discard,
    Delay,
    Duplicate,
}

/// The keys of the tape.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TapeKey {
    Back,
    Forward,
    PreviousMark,
    NextMark,
    Live,
    Bookmark,
    Freeze,
    Slower,
    Faster,
}
