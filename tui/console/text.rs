//! Texts in a given width: cutting, centring, breaking into rows. Widths are columns of the terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text if it fits, else its beginning and an ellipsis.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let mut kept = String::new();
    for character in text.chars() {
        let wide = character.width().unwrap_or_default();
        if wide > room {
            break;
        }
        room -= wide;
        kept.push(character);
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

/// The text in the middle of a place.
pub fn centred(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let room = width.saturating_sub(text.width());
    let left = room / 2;
    format!("{}{text}{}", " ".repeat(left), " ".repeat(room - left))
}

/// A text in rows of at most `width`, broken between words where there are any.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for word in text.split(' ') {
        let row = rows.last_mut().expect("there is a first row");
        if row.is_empty() {
            row.push_str(word);
        } else if row.width() + 1 + word.width() <= width {
            row.push(' ');
            row.push_str(word);
        } else {
            rows.push(word.to_owned());
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_says_so_and_never_takes_more_than_its_place() {
        assert_eq!(cut("user:42=Ada", 7), "user:4…");
        assert_eq!(cut("x=1", 3), "x=1");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("x", 0), "");
    }

    #[test]
    fn a_text_stands_in_the_middle() {
        assert_eq!(centred("x=1", 5), " x=1 ");
        assert_eq!(centred("◇", 5), "  ◇  ");
    }

    #[test]
    fn long_texts_break_between_words() {
        assert_eq!(wrapped("kill a node at once", 8), ["kill a", "node at", "once"]);
    }
}
