//! The meanings of keys. `update` carries them out.

use tui_input::InputRequest;

/// Whether single keys act, or letters go to the prompt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Control,
    Type,
    /// CONTROL while a scenario or a tour runs. These keys come before those of CONTROL.
    Paced,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Action {
    Fault(FaultKey),
    Step(StepKey),
    Pace(PaceKey),
    Type,
    Help,
    Quit,
    Interrupt,
    /// Opens the command palette.
    Palette,
    /// Toggles the presenter's banner.
    Present,
    /// Toggles plain view: the tab without frames, so that a terminal's own selection copies clean text.
    Plain,
    /// Lifts all faults and restarts all nodes, until the cluster is clean.
    Clean,
    /// Writes the next key and value of a demonstration.
    Write,
    /// Reads the last written key at every node.
    ReadAll,
    /// Shows which lines of the sheet were shown by hand.
    Grades,
    /// Runs the last command again.
    Repeat,
    /// Shows the operations with their whole answers.
    Answers,
    /// Copies the selection to the clipboard.
    Copy,
    /// Shows where the code of the selected step is.
    Code,
    /// Opens the screen of one node.
    Node,
    /// Sets the first of two moments, then compares them.
    Moments,
    /// Shows the tab with whole values.
    Whole,
    /// Gives the focused pane the whole screen, or back.
    Zoom,
    /// Types the filter of the tabs.
    Filter,
    /// Explains the selected step.
    Explain,
    /// Moves the focus to the space-time diagram, or back.
    SpaceTime,
    NextPane,
    PreviousPane,
    /// Scrolls the tab by lines; positive is down.
    Scroll(isize),
    ScrollPage(isize),
    /// Scrolls the log table by columns; positive is newer.
    ScrollLog(isize),
    OldestEntry,
    NewestEntry,
    /// Closes what is open, or returns to CONTROL.
    Escape,
    Run,
    Complete,
    Search,
    Older,
    Newer,
    Edit(InputRequest),
    Tape(TapeKey),
    /// Runs the first scenario. The other digits have no binding of their own.
    Scenario,
    /// Opens the list of scenarios.
    Scenarios,
    /// Begins the guided tour of a defense.
    Tour,
    Guide(GuideKey),
}

/// Keys of a running scenario or tour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GuideKey {
    Next,
    Pause,
    Stop,
    /// The step before.
    Back,
    /// This step again.
    Again,
    /// The question that is asked at this step.
    Question,
    /// The list of questions and steps.
    Questions,
}

impl GuideKey {
    /// Whether only a tour has it.
    pub const fn is_of_tours(self) -> bool {
        !matches!(self, GuideKey::Next | GuideKey::Pause | GuideKey::Stop)
    }
}

/// Keys that need a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKey {
    Kill,
    Restart,
    Pause,
    Link,
    Hold,
    Conflict,
}

/// Keys of step mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepKey {
    /// Switches step mode on or off.
    Switch,
    /// Delivers the oldest message.
    Next,
    Deliver,
    Discard,
    Delay,
    Duplicate,
}

/// Keys of slow motion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PaceKey {
    Slower,
    Faster,
    Real,
}

/// Keys of the tape.
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
