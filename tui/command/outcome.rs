//! The outcome of a command: lines for people, one JSON value for programs, and the exit code.
//!
//! Colours are not decided here: the console has its own, and the shell prints lines as they are.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::lang::{Lang, Localized};

/// How a command ended, with the exit code of the shell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    Done = 0,
    /// Definitely not done: not found, refused, overloaded.
    NotDone = 1,
    Usage = 2,
    /// A write may or may not happen.
    Unknown = 3,
    /// No node was reached, or no leader took it: definitely not done.
    Unreachable = 4,
    /// The command was done, and its result could not be written to standard output.
    OutputFailed = 5,
}

impl Exit {
    pub const ALL: [Exit; 6] =
        [Exit::Done, Exit::NotDone, Exit::Usage, Exit::Unknown, Exit::Unreachable, Exit::OutputFailed];

    /// For programs and recordings.
    pub const fn name(self) -> &'static str {
        match self {
            Exit::Done => "done",
            Exit::NotDone => "not_done",
            Exit::Usage => "usage",
            Exit::Unknown => "unknown",
            Exit::Unreachable => "unreachable",
            Exit::OutputFailed => "output_failed",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// The kind of a line, which decides where and how it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// What was asked for. The shell prints it to standard output.
    Result,
    /// The heads of a table. The shell prints them to standard output.
    Heading,
    /// A remark beside the result. The shell prints it to standard error.
    Note,
    /// What the result leaves out. Like a note, but the shell prints it beside JSON too.
    LeftOut,
    /// What went wrong and what to do. The shell prints it to standard error.
    Error,
}

impl Tone {
    pub const ALL: [Tone; 5] = [Tone::Result, Tone::Heading, Tone::Note, Tone::LeftOut, Tone::Error];

    /// For recordings.
    pub const fn name(self) -> &'static str {
        match self {
            Tone::Result => "result",
            Tone::Heading => "heading",
            Tone::Note => "note",
            Tone::LeftOut => "left_out",
            Tone::Error => "error",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    pub tone: Tone,
    pub text: Localized,
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
    pub fn error(exit: Exit, code: &str, message: impl Into<Localized>) -> Outcome {
        let message = message.into();
        let json = json!({"error": {"code": code, "message": message.to(Lang::English)}});
        Outcome { exit, lines: Vec::new(), json }.line(Tone::Error, message)
    }

    pub fn line(mut self, tone: Tone, text: impl Into<Localized>) -> Outcome {
        self.lines.push(Line { tone, text: text.into() });
        self
    }

    pub fn lines<T: Into<Localized>>(mut self, tone: Tone, texts: impl IntoIterator<Item = T>) -> Outcome {
        self.lines.extend(texts.into_iter().map(|text| Line { tone, text: text.into() }));
        self
    }

    pub fn exit(mut self, exit: Exit) -> Outcome {
        self.exit = exit;
        self
    }

    /// The code of an error for programs; empty if it is none.
    pub fn error_code(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or_default()
    }
}
