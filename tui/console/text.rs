//! Texts in a given width: centring, breaking into rows. Widths are columns of the terminal, and computed in one place.

pub use crate::command::columns::{behind, cut, letters, padded, plain_width, rows, visible, width};

/// The text in the middle of a place.
pub fn center(text: &str, columns: usize) -> String {
    let text = cut(text, columns);
    let room = columns.saturating_sub(width(&text));
    let left = room / 2;
    format!("{}{text}{}", " ".repeat(left), " ".repeat(room - left))
}

/// A text in rows of at most so many columns, wrap_raw between words where there are any; a word that is longer than a
/// row goes on in the next one.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    wrap_raw(&visible(text), columns)
}

/// [`wrap`], with all characters as they are.
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
