//! ASCII alone: the finished screen with every other character replaced by one that looks or means alike.
//!
//! It works on the drawn buffer, so that no view can forget it and texts that came from elsewhere are covered too.

use ratatui::buffer::Buffer;

/// Replaces what is not ASCII in the whole buffer, cell by cell; nothing moves.
pub fn fold(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if !cell.symbol().is_ascii() {
            let replacement = cell.symbol().chars().next().map_or(' ', replacement);
            cell.set_char(replacement);
        }
    }
}

fn replacement(character: char) -> char {
    match character {
        '─' | '—' | '–' => '-',
        '│' | '┃' => '|',
        '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' => '+',
        '┆' | '╎' | '┊' => ':',
        '╌' | '┄' => '-',
        '▁' | '▂' => '_',
        '▃' | '▄' => '-',
        '▅' | '▆' => '=',
        '▮' | '▇' | '█' => '#',
        '▏' => '|',
        '‹' => '<',
        '›' => '>',
        '◆' => '*',
        '◇' => 'o',
        '·' | '…' => '.',
        '≠' => '!',
        '✓' => '+',
        '✗' | '×' => 'x',
        '▲' => '^',
        '▼' => 'v',
        '◂' | '←' | '◀' => '<',
        '▸' | '→' | '▶' => '>',
        '↑' => '^',
        '↓' => 'v',
        'µ' => 'u',
        '“' | '”' => '"',
        '‘' | '’' => '\'',
        _ => letter(character).unwrap_or('?'),
    }
}

/// Portuguese letters without their accents.
fn letter(character: char) -> Option<char> {
    let plain = match character.to_lowercase().next()? {
        'á' | 'à' | 'â' | 'ã' => 'a',
        'é' | 'ê' => 'e',
        'í' => 'i',
        'ó' | 'ô' | 'õ' | 'º' => 'o',
        'ú' | 'ü' => 'u',
        'ç' => 'c',
        _ => return None,
    };
    Some(if character.is_uppercase() { plain.to_ascii_uppercase() } else { plain })
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn every_character_is_ascii_and_stands_where_it_stood() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 24, 1));
        buffer.set_string(0, 0, "┆ x=1 ┆┃[ ◇ ]≠é日≠ e1·o2", Style::new());
        fold(&mut buffer);
        let line: String = buffer.content.iter().map(|cell| cell.symbol()).collect();
        assert_eq!(line, ": x=1 :|[ o ]!e? ! e1.o2");
    }
}
