//! Splits the bytes of the terminal into characters, escape sequences and pastes, independent of how reads divide them.
//!
//! The grammar is ECMA-48, section 5.4: `ESC [`, parameters, intermediates, a final byte. An unknown sequence is one
//! token and is ignored. None of its bytes acts as a key.

use std::time::Duration;

/// A lone ESC is the Escape key after this time. The bytes of a sequence arrive almost together, also over a network.
const ESCAPE_TIMEOUT: Duration = Duration::from_millis(50);

/// An incomplete sequence or character is dropped after this time.
const REST_TIMEOUT: Duration = Duration::from_secs(1);

/// The same for a terminal string, such as a late answer to a query of another program. It is shorter because Alt with
/// a bracket starts one, too.
const STRING_TIMEOUT: Duration = Duration::from_millis(200);

/// An unfinished paste is given up after this time. Its end may arrive over a slow network.
const PASTE_TIMEOUT: Duration = Duration::from_secs(5);

/// A longer sequence is invalid.
const SEQUENCE_MAX: usize = 64;

const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// A unit of the input.
#[derive(PartialEq, Eq, Debug)]
pub enum Token<'a> {
    /// A character, or ESC with a character.
    Character {
        character: char,
        alt: bool,
    },
    /// ESC alone.
    Escape,
    /// `ESC [ … x` or `ESC O … x`, without the ESC.
    Sequence(&'a [u8]),
    Paste(&'a [u8]),
    /// A paste that exceeds the limit; its size in bytes.
    TooLong(usize),
    /// A paste without an end; the bytes that arrived.
    Unended(usize),
}

pub struct Tokenizer {
    /// Of a longer paste only the size is counted.
    paste_bytes_max: usize,
    /// The incomplete token.
    begun: Vec<u8>,
    /// Within a paste: the number of bytes so far. The first of them are in `begun`.
    pasted: Option<usize>,
}

impl Tokenizer {
    pub fn new(paste_bytes_max: usize) -> Tokenizer {
        Tokenizer { paste_bytes_max, begun: Vec::new(), pasted: None }
    }

    pub fn take(&mut self, bytes: &[u8], emit: &mut impl FnMut(Token)) {
        for byte in bytes {
            self.take_one(*byte, emit);
        }
    }

    /// How long to wait for the rest of the incomplete token; `None` if there is none.
    pub fn timeout(&self) -> Option<Duration> {
        if self.pasted.is_some() {
            return Some(PASTE_TIMEOUT);
        }
        match &self.begun[..] {
            [] => None,
            [0x1b] => Some(ESCAPE_TIMEOUT),
            [0x1b, b']' | b'P' | b'_' | b'^', ..] => Some(STRING_TIMEOUT),
            _ => Some(REST_TIMEOUT),
        }
    }

    pub fn is_incomplete(&self) -> bool {
        self.pasted.is_some() || !self.begun.is_empty()
    }

    /// Called after the timeout. A lone ESC is the Escape key; any other incomplete token is dropped.
    pub fn flush(&mut self, emit: &mut impl FnMut(Token)) {
        if let Some(bytes) = self.pasted.take() {
            emit(Token::Unended(bytes));
        } else if self.begun == [0x1b] {
            emit(Token::Escape);
        }
        self.begun.clear();
    }

    fn take_one(&mut self, byte: u8, emit: &mut impl FnMut(Token)) {
        if self.pasted.is_some() {
            return self.take_pasted(byte, emit);
        }
        self.begun.push(byte);
        match &self.begun[..] {
            [0x1b] => {}
            [0x1b, 0x1b] => {
                emit(Token::Escape);
                self.begun.pop();
            }
            // An ESC inside a sequence starts a new one. It also precedes the end of a terminal string.
            [0x1b, .., 0x1b] => self.begun = vec![0x1b],
            [0x1b, b']' | b'P' | b'_' | b'^', rest @ ..] => {
                if rest.last() == Some(&0x07) || rest.len() > SEQUENCE_MAX * SEQUENCE_MAX {
                    self.begun.clear();
                }
            }
            [0x1b, b'[' | b'O', ..] => self.take_sequence(emit),
            [0x1b, rest @ ..] => self.take_character(rest.to_vec(), true, emit),
            rest => self.take_character(rest.to_vec(), false, emit),
        }
    }

    fn take_sequence(&mut self, emit: &mut impl FnMut(Token)) {
        let Some((last, before)) = self.begun[2..].split_last() else { return };
        let is_over = match (self.begun[1], before, last) {
            // The X10 mouse report: three arbitrary bytes after the M.
            (b'[', [b'M', ..], _) => before.len() == 3,
            (b'[', [], b'M') => false,
            // On the Linux console `ESC [ [ A` is F1.
            (b'[', [], b'[') => false,
            (_, _, 0x40..=0x7e) => true,
            // A control character aborts the sequence and keeps its own meaning.
            (_, _, ..0x20 | 0x7f) => {
                let control = *last;
                self.begun.clear();
                return self.take_one(control, emit);
            }
            _ => self.begun.len() > SEQUENCE_MAX,
        };
        if !is_over {
            return;
        }
        let sequence = std::mem::take(&mut self.begun);
        match &sequence[..] {
            PASTE_BEGINS => self.pasted = Some(0),
            _ => emit(Token::Sequence(&sequence[1..])),
        }
    }

    fn take_character(&mut self, bytes: Vec<u8>, alt: bool, emit: &mut impl FnMut(Token)) {
        match std::str::from_utf8(&bytes) {
            Ok(text) => {
                if let Some(character) = text.chars().next() {
                    emit(Token::Character { character, alt });
                }
                self.begun.clear();
            }
            Err(error) if error.error_len().is_none() => {}
            // Invalid UTF-8. The byte that made it invalid may start a new token.
            Err(_) => {
                self.begun.clear();
                if let [_, .., last] = bytes[..] {
                    self.take_one(last, emit);
                }
            }
        }
    }

    /// Keeps at most the limit of a paste, plus the bytes that may be its end.
    fn take_pasted(&mut self, byte: u8, emit: &mut impl FnMut(Token)) {
        let bytes = self.pasted.get_or_insert_default();
        *bytes += 1;
        let bytes = *bytes;
        self.begun.push(byte);
        if let Some(text) = self.begun.strip_suffix(PASTE_ENDS) {
            match bytes - PASTE_ENDS.len() {
                whole if whole == text.len() && whole <= self.paste_bytes_max => emit(Token::Paste(text)),
                whole => emit(Token::TooLong(whole)),
            }
            self.pasted = None;
            self.begun.clear();
        } else if self.begun.len() > 2 * self.paste_bytes_max {
            self.begun.drain(..self.paste_bytes_max);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASTE_MAX: usize = 64 << 10;

    /// The tokens as text, for input that arrives in reads of `size` bytes.
    fn tokens(input: &[u8], size: usize) -> Vec<String> {
        let (mut tokenizer, mut tokens) = (Tokenizer::new(PASTE_MAX), Vec::new());
        let mut emit = |token: Token| {
            tokens.push(match token {
                Token::Paste(text) => format!("paste {}", String::from_utf8_lossy(text)),
                Token::Sequence(text) => format!("sequence {}", text.escape_ascii()),
                Token::Character { character, alt: false } => character.to_string(),
                token => format!("{token:?}"),
            });
        };
        input.chunks(size).for_each(|read| tokenizer.take(read, &mut emit));
        if tokenizer.timeout().is_some() {
            tokenizer.flush(&mut emit);
        }
        tokens
    }

    #[test]
    fn the_pieces_are_the_same_wherever_the_reads_end() {
        let input = "q\x1b[6~é\x1bOA\x1b[1;5D\x1b[<0;3;4M\x1bx\x1b[200~a\x1b[ q\x1b[201~日\x1b[M !!\x1b[[Az".as_bytes();
        let whole = tokens(input, input.len());
        let expected = [
            "q",
            "sequence [6~",
            "é",
            "sequence OA",
            "sequence [1;5D",
            "sequence [<0;3;4M",
            "Character { character: 'x', alt: true }",
            "paste a\u{1b}[ q",
            "日",
            "sequence [M !!",
            "sequence [[A",
            "z",
        ];
        assert_eq!(whole, expected);
        for size in 1..input.len() {
            assert_eq!(tokens(input, size), whole, "in reads of {size}");
        }
    }

    #[test]
    fn two_escapes_are_the_key_and_the_beginning_of_the_next() {
        assert_eq!(tokens(b"\x1b\x1b[6~", 9), ["Escape", "sequence [6~"]);
        assert_eq!(tokens(b"\x1b", 1), ["Escape"]);
    }

    #[test]
    fn none_of_the_bytes_of_an_unknown_or_unfinished_sequence_is_a_key() {
        assert_eq!(tokens(b"\x1b[?1;2$yq", 3), ["sequence [?1;2$y", "q"]);
        assert_eq!(tokens(b"\x1b]11;rgb:1e1e/kqkq\x07k", 4), ["k"]);
        assert_eq!(tokens(b"\x1bP1$rq\x1b\\k", 4), ["Character { character: '\\\\', alt: true }", "k"]);
        assert_eq!(tokens(b"\x1b[12;", 2), [""; 0]);
        assert_eq!(tokens(b"\x1b[1\x03", 2), ["\u{3}"]);
        assert_eq!(tokens(b"a\xff\xc3q", 1), ["a", "q"]);
    }

    #[test]
    fn a_paste_that_no_line_can_take_is_counted_and_not_kept() {
        let long = [PASTE_BEGINS, &vec![b'x'; 300_000], PASTE_ENDS, b"q"].concat();
        for size in [1_000, 4_096, 400_000] {
            assert_eq!(tokens(&long, size), ["TooLong(300000)", "q"]);
        }
        let fits = [PASTE_BEGINS, &vec![b'x'; PASTE_MAX], PASTE_ENDS].concat();
        assert_eq!(tokens(&fits, 1_024)[0].len(), "paste ".len() + PASTE_MAX);
        assert_eq!(tokens(b"\x1b[200~abc", 2), ["Unended(3)"]);
    }
}
