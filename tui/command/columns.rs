//! How many columns of a terminal a text takes, where it is cut, and the escapes for invisible characters.
//!
//! All code that aligns, cuts or wraps text uses [`width`], which counts as the screen draws: grapheme by grapheme. The
//! sum over characters differs: `⚠️` consists of a character of one column and one of none, and takes two columns.

use std::borrow::Cow;

use ratatui::buffer::CellWidth;
use unicode_segmentation::UnicodeSegmentation;

/// Characters that are invisible on the screen or look like a space, although Unicode does not class them as control,
/// format or separator characters.
const BLANK: [(char, char); 10] = [
    ('\u{34f}', '\u{34f}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{1d159}', '\u{1d159}'),
    ('\u{e0100}', '\u{e01ef}'),
];

/// The number of columns of a text. Control characters take none, because the screen does not draw them.
pub fn width(text: &str) -> usize {
    plain_width(text).unwrap_or_else(|| graphemes(text).map(|(_, columns)| columns).sum())
}

/// The number of columns of a text in which every character is visible and takes one, else `None`. Nearly all text on
/// the screen is of that kind.
pub fn plain_width(text: &str) -> Option<usize> {
    let mut columns = 0;
    for character in text.chars() {
        if !is_narrow(character) {
            return None;
        }
        columns += 1;
    }
    Some(columns)
}

/// The graphemes of a text, each with its columns.
fn graphemes(text: &str) -> impl Iterator<Item = (&str, usize)> {
    text.graphemes(true).map(|grapheme| {
        let is_drawn = !grapheme.contains(char::is_control);
        (grapheme, if is_drawn { usize::from(grapheme.cell_width()) } else { 0 })
    })
}

/// The letters of a text, each with its combining marks.
pub fn letters(text: &str) -> impl Iterator<Item = &str> {
    text.graphemes(true)
}

/// The longest beginning of a text that fits into `columns`.
pub fn fitting(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    let end = graphemes(text).take_while(|(_, wide)| {
        taken += wide;
        taken <= columns
    });
    &text[..end.map(|(grapheme, _)| grapheme.len()).sum()]
}

/// The text without its first `columns`. A grapheme that begins within them is removed entirely.
pub fn behind(text: &str, columns: usize) -> &str {
    let mut passed = 0;
    let start = graphemes(text).take_while(|(_, wide)| {
        let is_before = passed < columns;
        passed += wide;
        is_before
    });
    &text[start.map(|(grapheme, _)| grapheme.len()).sum()..]
}

/// The text if it fits, else its beginning and an ellipsis.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    match columns.checked_sub(1) {
        Some(room) => format!("{}…", fitting(text, room)),
        None => String::new(),
    }
}

/// The text in exactly `columns` columns: cut, or filled with spaces.
pub fn padded(text: &str, columns: usize) -> String {
    let text = cut(text, columns);
    let room = columns.saturating_sub(width(&text));
    text + &" ".repeat(room)
}

/// A text in rows of at most `columns` columns, broken wherever a row is full.
pub fn rows(text: &str, columns: usize) -> Vec<&str> {
    let (mut rows, mut rest) = (Vec::new(), text);
    loop {
        let row = fitting(rest, columns);
        // A grapheme wider than a row gets a row of its own; otherwise the loop would not end.
        let row = if row.is_empty() { rest.graphemes(true).next().unwrap_or_default() } else { row };
        rows.push(row);
        rest = &rest[row.len()..];
        if rest.is_empty() {
            return rows;
        }
    }
}

/// The text with an escape (`\u{200b}`) for each character that is invisible, looks like a space or changes the text
/// around it. Without escapes two different keys could look the same, and a key could reorder a row.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for grapheme in text.graphemes(true) {
        let start = shown.len();
        for character in grapheme.chars() {
            if is_visible_character(character) || widens(&shown[start..], character) {
                shown.push(character);
            } else {
                shown.extend(character.escape_default());
            }
        }
        // A mark without a letter below it.
        if width(&shown[start..]) == 0 {
            shown.truncate(start);
            shown.extend(grapheme.chars().flat_map(char::escape_default));
        }
    }
    if shown == text { Cow::Borrowed(text) } else { Cow::Owned(shown) }
}

/// Whether every character of a text is visible.
pub fn is_visible(text: &str) -> bool {
    matches!(visible(text), Cow::Borrowed(_))
}

/// A quick test for most characters that are measured: printable ASCII, Latin letters, and the symbols of the screen.
/// Each takes one column and never combines with its neighbours.
fn is_narrow(character: char) -> bool {
    matches!(character, ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{2ff}' | '\u{2010}'..='\u{2027}' |
        '\u{2190}'..='\u{2319}' | '\u{2500}'..='\u{25fc}' | '✓' | '✗')
}

/// A quick test for characters that are certainly visible, with signs and ideographs in addition.
fn is_plain(character: char) -> bool {
    matches!(character, ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{2ff}' | '\u{2010}'..='\u{2027}' |
        '\u{2190}'..='\u{27bf}' | '\u{4e00}'..='\u{9fff}')
}

fn is_visible_character(character: char) -> bool {
    if is_plain(character) {
        return true;
    }
    if BLANK.iter().any(|(first, last)| (*first..=*last).contains(&character)) {
        return false;
    }
    // The standard library knows which characters are printable: not the control, format, separator, private or
    // unassigned ones. It accepts a combining mark only behind a letter.
    let mut pair = [b'a'; 5];
    let length = 1 + character.encode_utf8(&mut pair[1..]).len();
    str::from_utf8(&pair[..length]).is_ok_and(|pair| pair.escape_debug().count() == 2)
}

/// Whether the character is a selector that turns the sign before it into an emoji, which takes a second column.
fn widens(before: &str, character: char) -> bool {
    character == '\u{fe0f}' && width(&format!("{before}{character}")) > width(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_takes_the_columns_of_its_graphemes() {
        assert_eq!((width("⚠️"), width("⚠")), (2, 1));
        assert_eq!(width("e\u{301}日"), 3);
        assert_eq!(width("a\nb"), 2);
        for columns in 0..14 {
            let cut = cut("⚠️⚠️⚠️⚠️⚠️⚠️=x", columns);
            assert!(width(&cut) <= columns, "{cut:?} in {columns}");
            assert!(cut.strip_suffix('…').is_none_or(|cut| cut.ends_with('\u{fe0f}') || cut.is_empty()), "{cut:?}");
        }
        assert_eq!(padded("⚠️⚠️⚠️", 4), "⚠️… ");
    }

    #[test]
    fn what_is_measured_quickly_is_measured_as_it_is_drawn() {
        for character in (0..=0x3000).filter_map(char::from_u32).filter(|character| is_narrow(*character)) {
            let text = format!("a{character}b");
            assert_eq!((graphemes(&text).count(), graphemes(&text).map(|(_, wide)| wide).sum()), (3, 3), "{text:?}");
        }
    }

    #[test]
    fn what_is_cut_says_so_and_never_takes_more_than_its_place() {
        assert_eq!(cut("user:42=Ada", 7), "user:4…");
        assert_eq!(cut("x=1", 3), "x=1");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("x", 0), "");
    }

    #[test]
    fn a_long_text_is_in_its_rows_whole() {
        assert_eq!(rows("abcdef", 4), ["abcd", "ef"]);
        assert_eq!(rows("日本語", 5), ["日本", "語"]);
        assert_eq!(rows("日", 1), ["日"]);
        assert_eq!(rows("", 4), [""]);
        assert_eq!(behind("日本語x", 3), "語x");
    }

    #[test]
    fn characters_that_are_not_seen_are_escaped_and_all_others_are_not() {
        for character in
            "\u{200b}\u{200d}\u{202e}\u{2066}\u{feff}\u{ad}\u{a0}\u{3000}\u{2028}\u{1b}\n\u{3164}\u{e0041}".chars()
        {
            let shown = visible(&format!("a{character}b")).into_owned();
            assert_eq!(shown, format!("a{}b", character.escape_default()));
        }
        for text in ["put x=1", "ação", "日本語", "e\u{301}", "⚠️", "🚀", "नमस्ते", "مرحبا"]
        {
            assert_eq!(visible(text), text);
        }
        assert_eq!(visible("\u{301}x"), "\\u{301}x");
        assert_eq!(visible("x\u{fe0f}"), "x\\u{fe0f}");
    }
}
