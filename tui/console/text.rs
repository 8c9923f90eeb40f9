//! Texts in a given width: centering and wrapping. Widths are terminal columns, computed in `command::columns`.

pub use crate::command::columns::{behind, cut, letters, padded, plain_width, rows, visible, width};

/// Centers the text, cut to `columns`.
pub fn center(text: &str, columns: usize) -> String {
    let text = cut(text, columns);
    let room = columns.saturating_sub(width(&text));
    let left = room / 2;
    format!("{}{text}{}", " ".repeat(left), " ".repeat(room - left))
}

/// Wraps a text into rows of at most `columns`, between words where possible. A longer word continues in the next row.
/// Invisible characters are escaped.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    wrap_raw(&visible(text), columns)
}

/// Like [`wrap`], without escaping.
pub fn wrap_raw(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let row = lines.last_mut().expect("there is a first row");
        if !row.is_empty() && width(row) + 1 + width(word) <= columns {
            row.push(' ');
            row.push_str(word);
            continue;
        }
        let mut parts = rows(word, columns.max(1)).into_iter();
        if row.is_empty() {
            row.push_str(parts.next().unwrap_or_default());
        }
        lines.extend(parts.map(ToOwned::to_owned));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stands_in_the_middle() {
        assert_eq!(center("x=1", 5), " x=1 ");
        assert_eq!(center("◇", 5), "  ◇  ");
        assert_eq!(center("⚠️", 4), " ⚠️ ");
    }

    #[test]
    fn long_texts_break_between_words_and_long_words_at_the_end_of_the_row() {
        assert_eq!(wrap("kill a node at once", 8), ["kill a", "node at", "once"]);
        assert_eq!(wrap("x=abcdefgh is long", 6), ["x=abcd", "efgh", "is", "long"]);
        assert_eq!(wrap("a x=abcdefgh", 6), ["a", "x=abcd", "efgh"]);
        assert_eq!(wrap("", 6), [""]);
    }
}
