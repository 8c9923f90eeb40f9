//! The screen of the console as a grid of cells.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use crate::console::model::Model;
use crate::console::theme::Look;
use crate::console::view;

pub fn drawn(model: &Model, look: &Look) -> Buffer {
    let (columns, rows) = model.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a grid in memory cannot fail");
    terminal.draw(|frame| view::draw(frame, model, look)).expect("a grid in memory cannot fail");
    terminal.backend().buffer().clone()
}
