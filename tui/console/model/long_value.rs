//! A value in a view of its own, wrapped to the width of the screen.

use std::sync::Arc;

use crate::console::text::{rows, visible};

/// Columns of the frame and its padding.
const MARGIN: u16 = 4;

const TAB: &str = "    ";

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LongValue {
    pub key: String,
    /// The entry that wrote it.
    pub about: String,
    text: Arc<str>,
    pub rows: Arc<[String]>,
    /// Rows above the top of the window.
    pub scrolled: usize,
}

impl LongValue {
    pub fn new(key: String, about: String, text: &str, columns: u16) -> LongValue {
        let mut value = LongValue { key, about, text: text.into(), rows: Arc::new([]), scrolled: 0 };
        value.fit(columns);
        value
    }

    /// Wraps the text. Nothing is omitted; invisible characters are escaped.
    pub fn fit(&mut self, columns: u16) {
        let room = usize::from(columns.saturating_sub(MARGIN)).max(1);
        let broken = |line: &str| {
            let line = visible(line).into_owned();
            rows(&line, room).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        self.rows = self.text.split('\n').flat_map(|line| broken(&line.replace('\t', TAB))).collect();
        self.scrolled = self.scrolled.min(self.rows.len().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_a_value_is_in_its_rows() {
        let text = "日本語".repeat(30) + "\n\nend\u{200b}";
        let mut value = LongValue::new("k".to_owned(), String::new(), &text, 24);
        assert_eq!(value.rows[..9].concat(), "日本語".repeat(30));
        assert_eq!(value.rows[9..], ["", "end\\u{200b}"]);
        value.fit(104);
        assert_eq!(value.rows.len(), 4);
    }
}
