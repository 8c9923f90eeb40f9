//! Printing for the shell. What cannot be written to standard output is an error of its own: a command that was done
//! and whose result nobody got has not done what was asked of it.
//!
//! A reader that has read enough (`epoca list | head`) is no error: then the command ends without a word. What cannot
//! be written to standard error is lost; there is nowhere left to say so.

use std::io::{self, ErrorKind, Write};

use super::outcome::{Exit, Outcome, Tone};
use super::options::Format;
use super::streams;

/// Results to standard output, the rest to standard error; as JSON, one value to standard output, and on standard error
/// only what that leaves out. Gives the exit code.
pub fn outcome(outcome: &Outcome, format: Format) -> Exit {
    let printed = match format {
        Format::Text => text(outcome),
        Format::Json => json(outcome),
    };
    let Err(error) = printed else { return outcome.exit };
    if is_gone(&error) {
        return outcome.exit;
    }
    if format == Format::Json {
        // They were to be part of what could not be written.
        errors(outcome);
    }
    let done = if outcome.exit == Exit::Done { "; the command itself was done" } else { "" };
    error_line(&format!("epoca: {}{done}", not_written(&error)));
    // A command that was not done, or whose outcome is unknown, says more by its own code.
    if outcome.exit == Exit::Done { Exit::NotWritten } else { outcome.exit }
}

/// What a command ends with whose output is written as it comes, once that fails.
pub fn cut_short(error: &io::Error) -> Outcome {
    if is_gone(error) {
        return Outcome::done(serde_json::Value::Null);
    }
    let said = Outcome { exit: Exit::NotWritten, ..Outcome::done(serde_json::Value::Null) };
    said.line(Tone::Error, not_written(error))
}

fn not_written(error: &io::Error) -> String {
    format!("cannot write to standard output: {error}")
}

/// Whether it says that the reader has gone.
pub fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}

fn text(outcome: &Outcome) -> io::Result<()> {
    let mut printed = Ok(());
    for line in &outcome.lines {
        match line.tone {
            Tone::Result | Tone::Heading if printed.is_ok() => printed = result_line(&line.text),
            Tone::Result | Tone::Heading => {}
            Tone::Note | Tone::LeftOut => error_line(&line.text),
            Tone::Error => error_line(&format!("epoca: {}", line.text)),
        }
    }
    printed
}

fn json(outcome: &Outcome) -> io::Result<()> {
    let left_out = outcome.lines.iter().filter(|line| line.tone == Tone::LeftOut);
    left_out.for_each(|line| error_line(&line.text));
    if outcome.json.is_null() {
        // What was printed as it came is said already; what went wrong then is not.
        errors(outcome);
        return Ok(());
    }
    result_line(&outcome.json.to_string())
}

fn errors(outcome: &Outcome) {
    let errors = outcome.lines.iter().filter(|line| line.tone == Tone::Error);
    errors.for_each(|line| error_line(&format!("epoca: {}", line.text)));
}

pub fn result_line(text: &str) -> io::Result<()> {
    let mut line = String::with_capacity(text.len() + 1);
    line.push_str(text);
    line.push('\n');
    result(line.as_bytes())
}

/// What is printed past this module is lost without an error if this gives one.
pub fn check_open() -> io::Result<()> {
    match streams::stdout_is_unusable() {
        true => Err(io::Error::other("it is closed, or not open for writing")),
        false => Ok(()),
    }
}

/// Writes the bytes to standard output, all of them and at once.
pub fn result(bytes: &[u8]) -> io::Result<()> {
    check_open()?;
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())
}

pub fn error_line(text: &str) {
    // In one piece, so that lines of two processes do not mix.
    let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

/// Standard output for what writes by itself.
pub struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        result(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
