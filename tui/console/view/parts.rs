//! Parts of the screen as texts with styles, for exports that do not draw on a grid of cells.

use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::layout::{Content, layout};
use crate::console::model::space_time::Row;
use crate::console::model::tape::TapeMark;
use crate::console::model::{Model, NodeView};
use crate::console::theme::Look;
use crate::console::view::{checks, message, row_notes, scenario, tape};

pub use crate::console::view::events::rule;
pub use crate::console::view::figure::{Arrow, End, Figure, figure};
pub use crate::console::view::narration::{Sentence, sentence};
pub use crate::console::view::ops::summary as operation;
pub use crate::console::view::top::state as cluster;

type Line = Vec<Span<'static>>;

/// Wide enough that no text is wrapped or omitted.
const WIDE: u16 = 1_000;

/// The name and state of a node, its address, and the note below its log.
pub fn node(model: &Model, node: &NodeView, look: &Look) -> Option<[Line; 3]> {
    let layout = layout((WIDE, WIDE), &Content::of(model))?;
    Some([
        row_notes::label(model, node, &layout, look),
        row_notes::second_label(model, node, &layout, look),
        row_notes::note(model, node, &layout, look),
    ])
}

/// The scenario that runs at the moment: its verdict or progress, its title, and a line for each step.
pub fn scenario(model: &Model, look: &Look) -> Vec<Line> {
    let run = model.run_shown();
    run.map_or(Vec::new(), |run| scenario::lines(&run, model, usize::from(WIDE), look))
}

/// One line for each check, after the evidence of violations.
pub fn checks(model: &Model, look: &Look) -> Vec<Line> {
    checks::lines(model, usize::from(WIDE), look)
}

/// The details of a row of the space-time diagram.
pub fn details(model: &Model, row: &Row, look: &Look) -> Vec<Line> {
    message::lines(model, row, usize::from(WIDE), look)
}

/// The label of a mark of the tape.
pub fn mark(model: &Model, mark: &TapeMark, look: &Look) -> (String, Style) {
    (tape::token(mark, model.lang), tape::style(mark, look))
}
