//! What a command came to: lines for people, one JSON value for programs, and the exit code.
//!
//! How lines are coloured is the console's business; the shell prints them as they are.

use std::process::ExitCode;

use serde_json::{Value, json};

/// How a command ended, as the shell's exit code says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    Done = 0,
    /// Definitely not done: not found, refused, overloaded.
    Not = 1,
    Usage = 2,
    /// A write may or may not happen.
    Unknown = 3,
    /// Nobody could be reached, or no leader took it: definitely not done.
    Nobody = 4,
    /// The command was done, and its result could not be written to standard output.
    NotWritten = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// What a line is, so that it can be shown accordingly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// What was asked for; the shell prints it to standard output.
    Result,
    /// The head of a table.
    Heading,
    /// Said beside the result; the shell prints it to standard error.
    Note,
    /// What the result leaves out: as a note, but the shell prints it beside JSON, too.
    LeftOut,
    /// What went wrong and what to do; the shell prints it to standard error.
    Error,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    pub tone: Tone,
    pub text: String,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    pub exit: Exit,
    pub lines: Vec<Line>,
    pub json: Value,
}

impl Outcome {
    pub fn done(json: Value) -> Outcome {
        Outcome { exit: Exit::Done, lines: Vec::new(), json }
    }

    /// An error with its code for programs and its message for people.
    pub fn error(exit: Exit, code: &str, message: impl Into<String>) -> Outcome {
        let message = message.into();
        let json = json!({"error": {"code": code, "message": message}});
        Outcome { exit, lines: Vec::new(), json }.line(Tone::Error, message)
    }

    pub fn line(mut self, tone: Tone, text: impl Into<String>) -> Outcome {
        self.lines.push(Line { tone, text: text.into() });
        self
    }

    pub fn lines(mut self, tone: Tone, texts: impl IntoIterator<Item = String>) -> Outcome {
        self.lines.extend(texts.into_iter().map(|text| Line { tone, text }));
        self
    }

    pub fn exit(mut self, exit: Exit) -> Outcome {
        self.exit = exit;
        self
    }
}
