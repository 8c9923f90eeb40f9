//! Printing for the shell. Whoever reads may have gone (`epoca list | head`): then there is nobody to tell.

use std::io::Write;

use super::outcome::{Outcome, Tone};
use super::shell::Format;

/// Results to standard output, the rest to standard error; as JSON, one value to standard output.
pub fn outcome(outcome: &Outcome, format: Format) {
    if format == Format::Json {
        // What was shown line by line is said already.
        if !outcome.json.is_null() {
            result_line(&outcome.json.to_string());
        }
        return;
    }
    for line in &outcome.lines {
        match line.tone {
            Tone::Result | Tone::Heading => result_line(&line.text),
            Tone::Note => error_line(&line.text),
            Tone::Error => error_line(&format!("epoca: {}", line.text)),
        }
    }
}

pub fn result_line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

pub fn error_line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
