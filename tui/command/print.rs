//! Output of the shell's commands. A result that cannot be written to standard output is an error: the command was
//! done, but its result was lost.
//!
//! A reader that closes the pipe early (`epoca list | head`) is no error; the command then ends without a message. What
//! cannot be written to standard error is dropped: there is no other place to report it.

use std::io::{self, ErrorKind, Write};

use super::messages::shell;
use super::options::Format;
use super::outcome::{Exit, Outcome, Tone};
use super::streams;
use crate::lang::Lang;

/// Prints results to standard output and the rest to standard error; as JSON, one value to standard output, and to
/// standard error only what that leaves out. Returns the exit code.
pub fn outcome(outcome: &Outcome, format: Format, lang: Lang) -> Exit {
    let printed = match format {
        Format::Text => text(outcome, lang),
        Format::Json => json(outcome, lang),
    };
    let Err(error) = printed else { return outcome.exit };
    if is_gone(&error) {
        return outcome.exit;
    }
    if format == Format::Json {
        // The errors were part of the JSON value that could not be written.
        errors(outcome, lang);
    }
    let lost = shell::result_lost(&error, outcome.exit == Exit::Done);
    error_line(&format!("epoca: {}", lost.to(lang)));
    // The code of a command that was not done, or whose outcome is unknown, says more.
    if outcome.exit == Exit::Done { Exit::OutputFailed } else { outcome.exit }
}

/// The outcome of a command that prints page by page, once a page could not be written.
pub fn output_failed(error: &io::Error) -> Outcome {
    if is_gone(error) {
        return Outcome::done(serde_json::Value::Null);
    }
    let outcome = Outcome::done(serde_json::Value::Null).exit(Exit::OutputFailed);
    outcome.line(Tone::Error, shell::result_lost(error, false))
}

/// Whether the error means that the reader has closed the pipe.
pub fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}

fn text(outcome: &Outcome, lang: Lang) -> io::Result<()> {
    let mut printed = Ok(());
    for line in &outcome.lines {
        let text = line.text.to(lang);
        match line.tone {
            Tone::Result | Tone::Heading if printed.is_ok() => printed = result_line(text),
            Tone::Result | Tone::Heading => {}
            Tone::Note | Tone::LeftOut => error_line(text),
            Tone::Error => error_line(&format!("epoca: {text}")),
        }
    }
    printed
}

fn json(outcome: &Outcome, lang: Lang) -> io::Result<()> {
    let left_out = outcome.lines.iter().filter(|line| line.tone == Tone::LeftOut);
    left_out.for_each(|line| error_line(line.text.to(lang)));
    if outcome.json.is_null() {
        // The result was printed page by page; an error after that is in the lines alone.
        errors(outcome, lang);
        return Ok(());
    }
    result_line(&outcome.json.to_string())
}

fn errors(outcome: &Outcome, lang: Lang) {
    let errors = outcome.lines.iter().filter(|line| line.tone == Tone::Error);
    errors.for_each(|line| error_line(&format!("epoca: {}", line.text.to(lang))));
}

pub fn result_line(text: &str) -> io::Result<()> {
    let mut line = String::with_capacity(text.len() + 1);
    line.push_str(text);
    line.push('\n');
    result(line.as_bytes())
}

/// An error if standard output is unusable. The standard library would then drop all output without an error.
pub fn check_open() -> io::Result<()> {
    match streams::stdout_is_unusable() {
        true => Err(io::Error::other("it is closed, or not open for writing")),
        false => Ok(()),
    }
}

/// Writes all bytes to standard output and flushes it.
pub fn result(bytes: &[u8]) -> io::Result<()> {
    check_open()?;
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())
}

pub fn error_line(text: &str) {
    // One write per line, so that lines of two processes do not mix.
    let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

/// Standard output as a writer.
pub struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        result(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
