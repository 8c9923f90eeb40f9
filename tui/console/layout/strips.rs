//! The lines between the panes and the prompt: left out while they have nothing to say, and on small screens.

use crate::console::model::{Model, step_mode};

/// Where there is one line only, the tape has it unless a check has failed.
const CHECKS_FROM: u16 = 30;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strip {
    Step,
    Checks,
    Tape,
}

/// The strips that have something to say now, from the upper to the lower.
pub fn strips(model: &Model) -> impl Iterator<Item = Strip> {
    [Strip::Step, Strip::Checks, Strip::Tape].into_iter().filter(|strip| match strip {
        Strip::Step => step_mode::is_on(model),
        Strip::Checks => model.checks.is_some() && (model.size.1 >= CHECKS_FROM || model.findings().next().is_some()),
        Strip::Tape => model.tape.ring.end() > 0,
    })
}
