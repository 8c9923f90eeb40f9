//! Decodes a token of the input to a key, a click or a paste. Key sequences are those of xterm and compatible
//! terminals. Other sequences are ignored.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::console::terminal::input::Event;
use crate::console::terminal::input::tokens::Token;

pub fn event(token: Token) -> Option<Event> {
    Some(match token {
        Token::Character { character, alt } => {
            let KeyEvent { code, modifiers, .. } = typed(character);
            Event::Key(KeyEvent::new(code, modifiers | if alt { KeyModifiers::ALT } else { KeyModifiers::NONE }))
        }
        Token::Escape => Event::Key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE)),
        Token::Sequence(bytes) => sequence(bytes)?,
        Token::Paste(bytes) => Event::Paste(String::from_utf8_lossy(bytes).into_owned()),
        Token::TooLong(bytes) => Event::TooLong(bytes),
        Token::Unended(bytes) => Event::Unended(bytes),
    })
}

fn typed(character: char) -> KeyEvent {
    let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
    let control = |character| KeyEvent::new(KeyCode::Char(character), KeyModifiers::CONTROL);
    match character {
        '\r' => plain(KeyCode::Enter),
        '\t' => plain(KeyCode::Tab),
        '\x7f' => plain(KeyCode::Backspace),
        '\0' => control(' '),
        '\x01'..='\x1a' => control((character as u8 - 1 + b'a') as char),
        '\x1c'..='\x1f' => control((character as u8 - 0x1c + b'4') as char),
        _ => plain(KeyCode::Char(character)),
    }
}

/// `[ … x` or `O … x`.
fn sequence(bytes: &[u8]) -> Option<Event> {
    match bytes {
        [b'[', b'M', button, x, y] => return click(u16::from(*button).checked_sub(32)?, at(*x)?, at(*y)?, false),
        [b'[', b'[', letter @ b'A'..=b'E'] => return Some(key(KeyCode::F(1 + letter - b'A'), None)),
        _ => {}
    }
    let (last, rest) = bytes.get(1..)?.split_last()?;
    let text = std::str::from_utf8(rest).ok()?;
    if let Some(report) = text.strip_prefix('<') {
        let mut numbers = report.split(';').map(|number| number.parse::<u16>().ok());
        let (button, x, y) = (numbers.next()??, numbers.next()??, numbers.next()??);
        return click(button, x.checked_sub(1)?, y.checked_sub(1)?, *last == b'm');
    }
    let mut numbers = text.split(';').map(|number| number.split(':').next()?.parse::<u16>().ok());
    let (first, modifiers) = (numbers.next().flatten(), numbers.next().flatten());
    // With another number it is an answer to a query. This program sends none.
    if last.is_ascii_uppercase() && !matches!(first, None | Some(1)) {
        return None;
    }
    let code = match (last, first) {
        (b'A', _) => KeyCode::Up,
        (b'B', _) => KeyCode::Down,
        (b'C', _) => KeyCode::Right,
        (b'D', _) => KeyCode::Left,
        (b'H', _) | (b'~', Some(1 | 7)) => KeyCode::Home,
        (b'F', _) | (b'~', Some(4 | 8)) => KeyCode::End,
        (b'Z', _) => KeyCode::BackTab,
        (letter @ b'P'..=b'S', _) => KeyCode::F(1 + letter - b'P'),
        (b'M', None) if bytes[0] == b'O' => KeyCode::Enter,
        (b'~', Some(2)) => KeyCode::Insert,
        (b'~', Some(3)) => KeyCode::Delete,
        (b'~', Some(5)) => KeyCode::PageUp,
        (b'~', Some(6)) => KeyCode::PageDown,
        (b'~', Some(number @ 11..=15)) => KeyCode::F(number as u8 - 10),
        (b'~', Some(number @ 17..=21)) => KeyCode::F(number as u8 - 11),
        (b'~', Some(number @ (23 | 24))) => KeyCode::F(number as u8 - 12),
        _ => return None,
    };
    Some(key(code, modifiers))
}

/// Decodes xterm's modifier parameter: 1, plus 1 for Shift, 2 for Alt, 4 for Ctrl.
fn key(code: KeyCode, modifiers: Option<u16>) -> Event {
    let bits = modifiers.unwrap_or(1).saturating_sub(1);
    let held = [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)];
    let held = held.into_iter().filter(|(bit, _)| bits & bit != 0);
    Event::Key(KeyEvent::new(code, held.fold(KeyModifiers::NONE, |all, (_, one)| all | one)))
}

fn at(byte: u8) -> Option<u16> {
    u16::from(byte).checked_sub(33)
}

/// Decodes xterm's button number: 0 to 2, plus 4 for Shift, 8 for Alt, 16 for Ctrl; 32 for motion; 64 and above for the
/// wheel.
fn click(number: u16, column: u16, row: u16, is_up: bool) -> Option<Event> {
    let button = match number & 3 {
        0 => Some(MouseButton::Left),
        1 => Some(MouseButton::Middle),
        2 => Some(MouseButton::Right),
        _ => None,
    };
    let kind = match (number & 0b1110_0000, button) {
        (0, Some(button)) if is_up => MouseEventKind::Up(button),
        (0, Some(button)) => MouseEventKind::Down(button),
        (32, Some(button)) => MouseEventKind::Drag(button),
        (32, None) => MouseEventKind::Moved,
        (64, Some(MouseButton::Left)) => MouseEventKind::ScrollUp,
        (64, Some(MouseButton::Middle)) => MouseEventKind::ScrollDown,
        _ => return None,
    };
    Some(Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<Event> {
        event(Token::Sequence(bytes))
    }

    fn is(code: KeyCode, modifiers: KeyModifiers) -> Option<Event> {
        Some(Event::Key(KeyEvent::new(code, modifiers)))
    }

    #[test]
    fn keys_are_those_of_xterm() {
        const NONE: KeyModifiers = KeyModifiers::NONE;
        for (bytes, code) in [
            (&b"[A"[..], KeyCode::Up),
            (b"OB", KeyCode::Down),
            (b"[H", KeyCode::Home),
            (b"[4~", KeyCode::End),
            (b"[5~", KeyCode::PageUp),
            (b"[Z", KeyCode::BackTab),
            (b"OP", KeyCode::F(1)),
            (b"[15~", KeyCode::F(5)),
            (b"[24~", KeyCode::F(12)),
            (b"[[B", KeyCode::F(2)),
        ] {
            assert_eq!(read(bytes), is(code, NONE), "{}", bytes.escape_ascii());
        }
        assert_eq!(read(b"[1;5D"), is(KeyCode::Left, KeyModifiers::CONTROL));
        assert_eq!(read(b"[3;3~"), is(KeyCode::Delete, KeyModifiers::ALT));
        let typed = |character| event(Token::Character { character, alt: false });
        assert_eq!(typed('\x03'), is(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert_eq!(typed('\r'), is(KeyCode::Enter, NONE));
        assert_eq!(event(Token::Character { character: 'b', alt: true }), is(KeyCode::Char('b'), KeyModifiers::ALT));
        for unknown in [&b"[?1;2$y"[..], b"[99~", b"[200;1R", b"[", b"Ox"] {
            assert_eq!(read(unknown), None);
        }
    }

    #[test]
    fn clicks_are_where_they_are() {
        let mouse =
            |kind, column, row| Some(Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
        assert_eq!(read(b"[<0;3;4M"), mouse(MouseEventKind::Down(MouseButton::Left), 2, 3));
        assert_eq!(read(b"[<0;3;4m"), mouse(MouseEventKind::Up(MouseButton::Left), 2, 3));
        assert_eq!(read(b"[<65;1;1M"), mouse(MouseEventKind::ScrollDown, 0, 0));
        assert_eq!(read(b"[M \x21\x22"), mouse(MouseEventKind::Down(MouseButton::Left), 0, 1));
        assert_eq!(read(b"[<0;0;4M"), None);
    }
}
