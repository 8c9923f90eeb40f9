//! How bytes, points and tables look: escaped for people, text or base64 for programs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use epoca::protocol::LogPoint;
use serde_json::{Map, Value, json};
use unicode_width::UnicodeWidthStr;

/// Bytes for people: text as it is, control characters and what is not UTF-8 escaped, so that no value can talk to the
/// terminal.
pub fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                _ if character.is_control() => text.extend(character.escape_default()),
                _ => text.push(character),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// A value that stands alone: as [`shown`], but text keeps its lines and backslashes.
pub fn shown_alone(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(|character| character.is_control() && !"\n\t".contains(character)) => {
            text.to_owned()
        }
        _ => shown(bytes),
    }
}

/// The beginning of what [`shown`] gives, at most `width` characters.
pub fn shown_short(bytes: &[u8], width: usize) -> String {
    let text = shown(&bytes[..bytes.len().min(4 * width)]);
    if text.chars().count() <= width && bytes.len() <= 4 * width {
        return text;
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Sets `key` to the text if the bytes are UTF-8, else `key_base64`; `null` for `None`.
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

/// The id for people; `-` for none.
pub fn id_shown(point: Option<LogPoint>) -> String {
    point.map_or("-".to_owned(), |point| point.id.to_string())
}

/// Rows with their columns aligned to the left, two spaces between them, the first row being the head.
pub fn table(rows: &[Vec<String>]) -> Vec<String> {
    table_widening(rows, &mut Vec::new())
}

/// The same for a part of a table whose columns have these widths so far; they grow where a cell is wider.
pub fn table_widening(rows: &[Vec<String>], widths: &mut Vec<usize>) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0).max(widths.len());
    widths.resize(columns, 0);
    for (column, width) in widths.iter_mut().enumerate() {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
        *width = cells.chain([*width]).max().unwrap_or(0);
    }
    let line = |row: &Vec<String>| {
        let mut text = String::new();
        for (cell, width) in row.iter().zip(widths.iter()) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width - cell.width() + 2));
        }
        text.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn bytes_go_to_programs_as_text_or_base64() {
        let mut object = Map::new();
        set_bytes(&mut object, "key", Some(b"x"));
        set_bytes(&mut object, "value", Some(b"\xff"));
        set_bytes(&mut object, "other", None);
        assert_eq!(Value::Object(object), json!({"key": "x", "value_base64": "/w==", "other": null}));
    }

    #[test]
    fn columns_are_aligned() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        assert_eq!(table(&[row(["node", "role"]), row(["n1", "leader"])]), ["node  role", "n1    leader"]);
    }
}
