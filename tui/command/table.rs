//! The one table printer: cells aligned to the left, two spaces between columns, heads in the screen's language.
//!
//! Widths come from [`columns`](super::columns), as for all text of the program. Crates that print tables count
//! characters in ways of their own, so that a table and the screen around it would disagree about emoji and combining
//! marks. They also need all rows before they print the first one, and `list` and `log` print page by page.

use super::columns::{padded, width};
use super::outcome::{Outcome, Tone};
use crate::lang::{Lang, Localized, Text};

/// Rows of cells, below a row of heads unless the table has none.
#[derive(Default)]
pub struct Table {
    heads: Vec<Localized>,
    rows: Vec<Vec<Localized>>,
}

impl Table {
    /// A table without heads.
    pub fn new() -> Table {
        Table::default()
    }

    pub fn with_heads(heads: &[Text]) -> Table {
        Table { heads: heads.iter().map(|head| (*head).into()).collect(), rows: Vec::new() }
    }

    pub fn row<T: Into<Localized>>(mut self, cells: impl IntoIterator<Item = T>) -> Table {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    pub fn rows<T: Into<Localized>, R: IntoIterator<Item = T>>(self, rows: impl IntoIterator<Item = R>) -> Table {
        rows.into_iter().fold(self, |table, row| table.row(row))
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The line of heads, if there are any.
    fn head(&self) -> Option<&Vec<Localized>> {
        Some(&self.heads).filter(|heads| !heads.is_empty())
    }

    /// All lines, the heads first.
    fn lines(&self) -> Vec<Localized> {
        let in_language = |lang| {
            let cells = |row: &Vec<Localized>| row.iter().map(|cell| cell.to(lang).to_owned()).collect();
            let rows: Vec<Vec<String>> = self.head().into_iter().chain(&self.rows).map(cells).collect();
            Widths::default().lines(&rows)
        };
        let (english, portuguese) = (in_language(Lang::English), in_language(Lang::Portuguese));
        english.into_iter().zip(portuguese).map(|(english, portuguese)| Localized::new(english, portuguese)).collect()
    }
}

impl Outcome {
    /// Adds a table: its heads as a heading, its rows as results.
    pub fn table(self, table: &Table) -> Outcome {
        let mut lines = table.lines().into_iter();
        let head = if table.head().is_some() { lines.next() } else { None };
        self.lines(Tone::Heading, head).lines(Tone::Result, lines)
    }
}

/// The widths of the columns of a table that is printed part by part. A column grows with the first part that needs it
/// wider; earlier parts stay as they were printed.
#[derive(Default)]
pub struct Widths(Vec<usize>);

impl Widths {
    /// The rows as lines.
    pub fn lines(&mut self, rows: &[Vec<String>]) -> Vec<String> {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0).max(self.0.len());
        self.0.resize(columns, 0);
        for (column, widest) in self.0.iter_mut().enumerate() {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell));
            *widest = cells.chain([*widest]).max().unwrap_or(0);
        }
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&self.0).map(|(cell, width)| padded(cell, width + 2));
            cells.collect::<String>().trim_end().to_owned()
        };
        rows.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::text;

    #[test]
    fn columns_are_aligned_in_each_language() {
        let table =
            Table::with_heads(&[text("node", "nó"), text("role", "papel")]).row(["n1", "leader"]).row(["⚠️", "x"]);
        let in_language = |lang| table.lines().iter().map(|line| line.to(lang).to_owned()).collect::<Vec<_>>();
        assert_eq!(in_language(Lang::English), ["node  role", "n1    leader", "⚠️    x"]);
        assert_eq!(in_language(Lang::Portuguese), ["nó  papel", "n1  leader", "⚠️  x"]);
    }

    #[test]
    fn a_table_without_heads_has_no_heading() {
        let outcome = Outcome::done(serde_json::Value::Null).table(&Table::new().row(["a", "b"]));
        assert_eq!(outcome.lines.iter().map(|line| line.tone).collect::<Vec<_>>(), [Tone::Result]);
    }
}
