//! ASCII mode: replaces each non-ASCII character of the drawn screen by a similar ASCII character.
//!
//! It works on the finished buffer, so it covers every view and every text, also texts from nodes.

use ratatui::buffer::Buffer;

/// Replaces all non-ASCII cells. Positions do not change.
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
        '━' => '=',
        '┏' | '┓' | '┗' | '┛' => '#',
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

/// Portuguese letters without accents.
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
