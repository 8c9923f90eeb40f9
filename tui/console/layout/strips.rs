//! The lines between the panes and the prompt. An empty strip takes no row.

use crate::console::model::{GradesShown, Model, step_mode};

/// Below this height there is one strip: the tape, unless a check failed.
const CHECKS_FROM: u16 = 30;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strip {
    Step,
    Grades,
    Checks,
    Tape,
}

/// The strips with contents, from top to bottom.
pub fn strips(model: &Model) -> impl Iterator<Item = Strip> {
    [Strip::Step, Strip::Grades, Strip::Checks, Strip::Tape].into_iter().filter(|strip| match strip {
        Strip::Step => step_mode::is_on(model),
        Strip::Grades => model.grades.place == GradesShown::Strip,
        Strip::Checks => model.checks.is_some() && (model.size.1 >= CHECKS_FROM || model.findings().next().is_some()),
        Strip::Tape => model.tape.ring.end() > 0,
    })
}
