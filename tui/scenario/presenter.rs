//! What a tour tells its presenter: where the audience should look, what to say, which question comes here.

use super::script::NodeRef;
use crate::lang::Localized;

/// The presenter's part of a heading, or of a place where the tour waits.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Notes {
    /// The regions of the screen to look at.
    pub look: Vec<Region>,
    /// What to say. Never on the projected screen.
    pub say: Localized,
    /// The name of the question that is asked here.
    pub ask: Option<String>,
    /// The answer to a question.
    pub answer: Localized,
}

/// A region of the console's screen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Region {
    Top,
    /// The table of logs, or one node's row of it.
    Logs(Option<NodeRef>),
    SpaceTime,
    /// The tab of the tour, with the evidence.
    Tab,
    Checks,
    Tape,
    Prompt,
}

impl Region {
    /// The names in a text.
    pub const NAMES: [(&str, Region); 7] = [
        ("top", Region::Top),
        ("logs", Region::Logs(None)),
        ("space-time", Region::SpaceTime),
        ("tab", Region::Tab),
        ("checks", Region::Checks),
        ("tape", Region::Tape),
        ("prompt", Region::Prompt),
    ];
}

/// Where a run waits for a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// Before a step of a tour begins.
    Ready,
    /// At this item, inside a step.
    Then(usize),
    /// After a step.
    Done,
    /// Between two items, because it was paused.
    Paused,
}

/// What a person asks of a running scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Begin no further item.
    Pause,
    GoOn,
    /// Go on from where it waits; while paused one item; else without the pauses for readers.
    Next,
    /// The step before; from a question back to the step where it was asked.
    Back,
    /// This step again.
    Again,
    /// To the step or question with this heading.
    To(usize),
}
