//! How bytes and log points are shown: escaped for people, as text or base64 for programs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use epoca::protocol::LogPoint;
use epoca::protocol::trace::utf8_prefix;
use serde_json::{Map, Value, json};

use super::columns::{cut, is_visible, visible};

/// How many columns of a key or value a table or line shows.
pub const CELL_COLUMNS: usize = 60;

/// Bytes for people: visible text unchanged; escapes for bytes that are not UTF-8, for invisible characters, for
/// backslashes, and for spaces at either end. A value can therefore not control the terminal, and two different values
/// never look the same.
pub fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(&visible(&chunk.valid().replace('\\', "\\\\")));
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    if text.ends_with(' ') {
        text.replace_range(text.len() - 1.., SPACE);
    }
    if text.starts_with(' ') {
        text.replace_range(..1, SPACE);
    }
    text
}

/// The escape for a space at either end.
const SPACE: &str = "\\u{20}";

/// A value on lines of its own: as [`shown`], but text keeps its line breaks, spaces and backslashes.
pub fn shown_alone(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.split(['\n', '\t']).all(is_visible) => text.to_owned(),
        _ => shown(bytes),
    }
}

/// The beginning of what [`shown`] returns, in at most `columns` columns. It reads only that much of a long value.
pub fn shown_short(bytes: &[u8], columns: usize) -> String {
    let seen = utf8_prefix(bytes, 4 * columns);
    let text = shown(seen);
    if seen.len() < bytes.len() { cut(&(text + "…"), columns) } else { cut(&text, columns) }
}

/// Sets `key` to the text if the bytes are UTF-8, else `key_base64`. `None` becomes `null`.
pub fn set_bytes(object: &mut Map<String, Value>, key: &str, bytes: Option<&[u8]>) {
    match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => object.insert(key.to_owned(), Value::Null),
        Some((_, Ok(text))) => object.insert(key.to_owned(), json!(text)),
        Some((bytes, Err(_))) => object.insert(format!("{key}_base64"), json!(STANDARD.encode(bytes))),
    };
}

pub fn point_json(point: Option<LogPoint>) -> Value {
    point.map_or(Value::Null, |point| {
        json!({
            "epoch": point.id.epoch.0,
            "offset": point.id.offset.0,
            "position": point.position.0,
        })
    })
}

/// The id for people, `-` for none.
pub fn id_shown(point: Option<LogPoint>) -> String {
    point.map_or("-".to_owned(), |point| point.id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::columns::width;

    #[test]
    fn what_is_not_text_is_escaped() {
        assert_eq!(shown("é\n".as_bytes()), "é\\n");
        assert_eq!(shown(b"a\xff\x00b\\"), "a\\xff\\u{0}b\\\\");
        assert_eq!(shown_alone(b"a\nb\\"), "a\nb\\");
        assert_eq!(shown_alone(b"\x1b[2J"), "\\u{1b}[2J");
        assert_eq!(shown_short(b"abcdef", 4), "abc…");
        assert_eq!(shown_short(b"abcd", 4), "abcd");
    }

    #[test]
    fn two_different_keys_never_look_the_same() {
        let keys =
            ["x", "x\u{200b}", "\u{202e}x", "\\u{202e}x", " x", "x ", "x\u{a0}", "x\t", "\u{feff}x", "x\u{fe0f}"];
        let mut looks: Vec<String> = keys.iter().map(|key| shown(key.as_bytes())).collect();
        assert_eq!(looks[1..4], ["x\\u{200b}", "\\u{202e}x", "\\\\u{202e}x"]);
        looks.sort();
        looks.dedup();
        assert_eq!(looks.len(), keys.len(), "{looks:?}");
        assert_eq!(shown_alone("a\u{202e}b".as_bytes()), "a\\u{202e}b");
    }

    #[test]
    fn a_long_value_is_cut_between_characters_and_in_columns() {
        let value = "日本語".repeat(100);
        for columns in 1..20 {
            let short = shown_short(value.as_bytes(), columns);
            assert!(width(&short) <= columns && short.ends_with('…') && !short.contains('\\'), "{short} in {columns}");
        }
        // The part that is read ends within a character that takes no column.
        let marks = format!("ab{}", "\u{301}".repeat(100));
        assert!(!shown_short(marks.as_bytes(), 7).contains("\\x"));
    }

    #[test]
    fn bytes_go_to_programs_as_text_or_base64() {
        let mut object = Map::new();
        set_bytes(&mut object, "key", Some(b"x"));
        set_bytes(&mut object, "value", Some(b"\xff"));
        set_bytes(&mut object, "other", None);
        assert_eq!(Value::Object(object), json!({"key": "x", "value_base64": "/w==", "other": null}));
    }
}
