//! A screen as an SVG picture. Every text has its place and its length on the grid, so no font can shift a column.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use crate::console::text::width;
use crate::console::theme::{Theme, ground};

/// Size of a cell, and the baseline below its upper edge.
const CELL: (f64, f64) = (8.4, 17.0);
const BASELINE: f64 = 13.0;
const FONT: f64 = 14.0;
const MARGIN: f64 = 10.0;

pub fn svg(buffer: &Buffer, theme: Theme, title: &str) -> String {
    let (text, back) = ground(theme);
    let columns = usize::from(buffer.area.width);
    let wide = columns as f64 * CELL.0 + 2.0 * MARGIN;
    let high = f64::from(buffer.area.height) * CELL.1 + 2.0 * MARGIN;
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide:.1}\" height=\"{high:.1}\" \
         viewBox=\"0 0 {wide:.1} {high:.1}\" font-size=\"{FONT}\" \
         font-family=\"'DejaVu Sans Mono', Menlo, Consolas, monospace\" fill=\"{text}\">\n\
         <title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"{back}\"/>\n",
        escaped(title)
    );
    for (row, cells) in buffer.content.chunks(columns.max(1)).enumerate() {
        for run in runs(cells) {
            let place = (MARGIN + run.column as f64 * CELL.0, MARGIN + row as f64 * CELL.1);
            run.draw(&mut picture, place, (text, back));
        }
    }
    picture + "</svg>\n"
}

/// Neighbouring cells of one style. A character that is not one column wide has a run of its own.
struct Run<'a> {
    column: usize,
    columns: usize,
    text: String,
    cell: &'a Cell,
}

fn runs(cells: &[Cell]) -> Vec<Run<'_>> {
    let mut runs: Vec<Run> = Vec::new();
    let mut column = 0;
    while let Some(cell) = cells.get(column) {
        let (symbol, columns) = (cell.symbol(), width(cell.symbol()).max(1));
        let is_next = |run: &&mut Run| {
            columns == 1
                && run.columns == run.text.chars().count()
                && symbol.chars().count() == 1
                && (run.cell.fg, run.cell.bg, run.cell.modifier) == (cell.fg, cell.bg, cell.modifier)
        };
        match runs.last_mut().filter(is_next) {
            Some(run) => {
                run.text.push_str(symbol);
                run.columns += 1;
            }
            None => runs.push(Run { column, columns, text: symbol.to_owned(), cell }),
        }
        column += columns;
    }
    runs
}

impl Run<'_> {
    fn draw(&self, picture: &mut String, (x, y): (f64, f64), (text, back): (&str, &str)) {
        let modifier = self.cell.modifier;
        let ink = colour(self.cell.fg).unwrap_or_else(|| text.to_owned());
        let ground = colour(self.cell.bg);
        let (ink, ground) = match modifier.contains(Modifier::REVERSED) {
            true => (ground.unwrap_or_else(|| back.to_owned()), Some(ink)),
            false => (ink, ground),
        };
        let long = self.columns as f64 * CELL.0;
        if let Some(ground) = ground.filter(|ground| ground != back) {
            let (width, height) = (long, CELL.1);
            push(
                picture,
                format_args!(
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{ground}\"/>\n"
                ),
            );
        }
        let words = self.text.trim_end();
        if words.trim_start().is_empty() {
            return;
        }
        let blanks = words.chars().take_while(|letter| *letter == ' ').count();
        let columns = if words.len() == self.text.len() { self.columns } else { words.chars().count() } - blanks;
        let mut style = String::new();
        if ink != text {
            push(&mut style, format_args!(" fill=\"{ink}\""));
        }
        for (part, attribute) in [
            (Modifier::BOLD, " font-weight=\"bold\""),
            (Modifier::DIM, " opacity=\"0.6\""),
            (Modifier::ITALIC, " font-style=\"italic\""),
        ] {
            style.push_str(if modifier.contains(part) { attribute } else { "" });
        }
        let lines = [(Modifier::CROSSED_OUT, "line-through"), (Modifier::UNDERLINED, "underline")];
        if let Some((_, line)) = lines.iter().find(|(part, _)| modifier.contains(*part)) {
            push(&mut style, format_args!(" text-decoration=\"{line}\""));
        }
        push(
            picture,
            format_args!(
                "<text x=\"{:.1}\" y=\"{:.1}\" textLength=\"{:.1}\" \
             lengthAdjust=\"spacingAndGlyphs\"{style}>{}</text>\n",
                x + blanks as f64 * CELL.0,
                y + BASELINE,
                columns as f64 * CELL.0,
                escaped(words.trim_start()),
            ),
        );
    }
}

fn push(picture: &mut String, part: std::fmt::Arguments) {
    // Memory accepts every text.
    let _ = picture.write_fmt(part);
}

/// `None` is the theme's own colour.
fn colour(colour: Color) -> Option<String> {
    match colour {
        Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        _ => None,
    }
}

/// Text in XML. Characters that XML does not allow become a replacement character.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            // Renderers join plain spaces to one.
            ' ' => escaped.push('\u{a0}'),
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{0}'..='\u{1f}' | '\u{7f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(letter),
        }
    }
    escaped
}
