//! A ratatui backend that sets the cursor explicitly after every character whose width is uncertain.
//!
//! Ratatui assumes that the cursor moves by the width it computed. Terminals disagree about characters such as `⚠️`:
//! one column or two. Without the explicit position, the rest of the row would be shifted, and later diffs would be
//! drawn over it.

use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

use crate::console::text::width;

pub struct WidthSafeBackend<W: Write> {
    inner: CrosstermBackend<W>,
    size: Size,
}

impl<W: Write> WidthSafeBackend<W> {
    /// A backend of fixed size. The event loop queries the real size when the terminal reports a change.
    pub fn new(writer: W, (width, height): (u16, u16)) -> WidthSafeBackend<W> {
        WidthSafeBackend { inner: CrosstermBackend::new(writer), size: Size { width, height } }
    }

    /// Draws adjacent cells after setting the cursor once.
    fn run(&mut self, cells: &[(u16, u16, &Cell)]) -> io::Result<()> {
        if cells.is_empty() {
            return Ok(());
        }
        self.inner.draw(cells.iter().copied())
    }

    /// Blanks all columns of a wide character first. A terminal that takes it for a narrow one would otherwise keep old
    /// content in the second column.
    fn clear_below(&mut self, x: u16, y: u16, cell: &Cell, columns: u16) -> io::Result<()> {
        let mut blank = cell.clone();
        blank.set_symbol(" ");
        self.run(&(x..x + columns).map(|x| (x, y, &blank)).collect::<Vec<_>>())
    }
}

fn is_certain(cell: &Cell) -> bool {
    let mut characters = cell.symbol().chars();
    characters.next().is_none_or(|first| first.is_ascii() || width(cell.symbol()) == 1) && characters.next().is_none()
}

impl<W: Write> Backend for WidthSafeBackend<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut certain: Vec<(u16, u16, &Cell)> = Vec::new();
        // End of the last wide character. It was drawn together with its second column.
        let mut covered = (0, 0);
        for (x, y, cell) in content {
            if y == covered.1 && x < covered.0 {
                continue;
            }
            if is_certain(cell) {
                certain.push((x, y, cell));
                continue;
            }
            let columns = width(cell.symbol()) as u16;
            self.run(&certain)?;
            certain.clear();
            self.clear_below(x, y, cell, columns)?;
            self.run(&[(x, y, cell)])?;
            covered = (x + columns, y);
        }
        self.run(&certain)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        // A query would read its answer from the user's input.
        Err(io::Error::new(io::ErrorKind::Unsupported, "the cursor is where it was set"))
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size, pixels: Size::ZERO })
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.inner)
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::{Terminal, TerminalOptions, Viewport};

    use super::*;

    /// The bytes for several texts, drawn one after the other to a terminal of one row.
    fn written(texts: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let viewport = Viewport::Fixed(Rect::new(0, 0, 20, 1));
        let mut terminal =
            Terminal::with_options(WidthSafeBackend::new(&mut bytes, (20, 1)), TerminalOptions { viewport })
                .expect("a terminal");
        for text in texts {
            terminal.draw(|frame| frame.render_widget(*text, frame.area())).expect("a buffer takes all");
        }
        drop(terminal);
        bytes
    }

    #[test]
    fn a_terminal_that_takes_an_emoji_for_narrow_has_the_rest_in_its_place() {
        let texts = ["[abcdefghijkl] is a", "[⚠️⚠️⚠️日本e\u{301}] [x]", "[⚠️⚠️x]  [日]", "[abc日]"];
        for end in 1..=texts.len() {
            let mut parser = vt100::Parser::new(1.try_into().expect("rows"), 20.try_into().expect("columns"), 0);
            parser.process(&written(&texts[..end]));
            let (text, mut column) = (texts[end - 1], 0);
            for letter in crate::console::text::letters(text) {
                let cell = parser.screen().cell(0, column).expect("it is on the screen");
                assert_eq!(cell.contents().trim(), letter.trim(), "{column} of {text}");
                column += width(letter) as u16;
                // The second column of a wide character is blank.
                let behind = parser.screen().cell(0, column - 1).filter(|_| width(letter) == 2);
                assert!(behind.is_none_or(|cell| cell.contents().trim().is_empty()), "{column} of {text}");
            }
        }
    }

    #[test]
    fn behind_everything_of_uncertain_width_the_cursor_is_set_again() {
        let bytes = written(&["abcdefgh", "⚠️⚠️日e\u{301}x"]);
        let text = String::from_utf8(bytes).expect("it is text");
        for uncertain in ["⚠️", "日", "e\u{301}"] {
            for (at, found) in text.match_indices(uncertain) {
                let rest = &text[at + found.len()..];
                // Colour sequences may come first.
                let next = rest.split('\u{1b}').find(|part| !part.is_empty() && !part.ends_with('m'));
                assert!(next.is_none_or(|next| next.ends_with('H') || next.contains('H')), "{uncertain}: {rest:?}");
                assert!(rest.is_empty() || rest.starts_with('\u{1b}'), "{uncertain}: {rest:?}");
            }
        }
    }
}
