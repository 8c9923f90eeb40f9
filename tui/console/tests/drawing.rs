//! Draws the screen of a sample to a buffer and compares it with the stored one.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};

use crate::console::tests::sample::Sample;
use crate::console::theme::{Depth, Look, Theme};
use crate::console::view;

pub const LARGE: (u16, u16) = (120, 36);
pub const MIDDLE: (u16, u16) = (80, 24);
pub const SMALL: (u16, u16) = (60, 18);

pub fn dark() -> Look {
    Look::new(Theme::Dark, Depth::True, false)
}

pub fn drawn(sample: &Sample, look: &Look) -> Buffer {
    let (columns, rows) = sample.model.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a buffer");
    terminal.draw(|frame| view::draw(frame, &sample.model, look)).expect("a buffer takes all");
    terminal.backend().buffer().clone()
}

pub fn text(buffer: &Buffer) -> String {
    let rows = buffer.content.chunks(usize::from(buffer.area.width));
    let row = |cells: &[Cell]| cells.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned();
    rows.map(row).collect::<Vec<_>>().join("\n")
}

/// The screen as text, in the dark theme.
pub fn screen(sample: &Sample) -> String {
    text(&drawn(sample, &dark()))
}

/// Compares the screen with the stored one.
pub fn check(name: &str, sample: &Sample, look: &Look) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../tests/console/screens");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text(&drawn(sample, look))));
}

/// The cells of the first occurrence of a text.
pub fn cells_of<'a>(buffer: &'a Buffer, wanted: &str) -> &'a [Cell] {
    let length = wanted.chars().count();
    let found =
        buffer.content.windows(length).position(|cells| cells.iter().map(Cell::symbol).collect::<String>() == wanted);
    let start = found.unwrap_or_else(|| panic!("{wanted:?} is not on the screen:\n{}", text(buffer)));
    &buffer.content[start..start + length]
}
