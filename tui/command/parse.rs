//! Reading one line of the console's prompt: the shell's grammar, with `fault` left out if wanted and `put k=v`.
//!
//! Errors say what was expected and at which byte of the line; they never carry the parser's own layout.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use super::grammar::{Command, Fault, Node};

/// What was expected, and where in the line.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    pub message: String,
    /// The byte of the line at which it went wrong; the line's length if something is missing at the end.
    pub at: usize,
}

#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_help_subcommand = true)]
#[command(name = "", infer_subcommands = false)]
struct Prompt {
    #[command(subcommand)]
    said: Said,
}

#[derive(clap::Subcommand)]
enum Said {
    #[command(flatten)]
    Command(Command),
    #[command(flatten)]
    Fault(Fault),
}

/// A command that can be typed, for help and completion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    /// As typed, `put` or `kill`.
    pub name: String,
    /// As `put <KEY> <VALUE>`.
    pub usage: String,
    /// What it does, in a few words.
    pub about: String,
}

/// Reads one line of the prompt.
pub fn parse_line(line: &str) -> Result<Command, ParseError> {
    let tokens = split(line)?;
    if tokens.is_empty() {
        return Err(ParseError { message: "expected a command, as put x 1".to_owned(), at: 0 });
    }
    let words = spread_assignment(tokens.iter().map(|token| token.text.clone()).collect());
    match Prompt::try_parse_from(words.iter().map(OsString::from)) {
        Ok(Prompt { said: Said::Command(command) }) => Ok(command),
        Ok(Prompt { said: Said::Fault(fault) }) => Ok(Command::Fault(fault)),
        Err(error) => Err(explain(line, &tokens, &error)),
    }
}

/// All commands of the prompt, in the grammar's order.
pub fn words() -> Vec<Word> {
    let mut prompt = Prompt::command();
    prompt.build();
    prompt
        .get_subcommands_mut()
        .map(|command| Word {
            name: command.get_name().to_owned(),
            usage: usage(command),
            about: command.get_about().map(ToString::to_string).unwrap_or_default(),
        })
        .collect()
}

/// What may stand where a line goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    Command(Vec<String>),
    Node,
    Key,
    /// One of these words; none is known if there are none.
    OneOf(Vec<String>),
}

/// What is wanted for the last word of the line, which may be empty.
pub fn wanted(line: &str) -> Wanted {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let current = if line.ends_with(char::is_whitespace) { "" } else { words.pop().unwrap_or_default() };
    let mut command = Prompt::command();
    command.build();
    let mut before = words.iter().peekable();
    while let Some(inner) = before.peek().and_then(|word| command.find_subcommand(word)).cloned() {
        command = inner;
        before.next();
    }
    if command.has_subcommands() {
        let names = command.get_subcommands().map(|inner| inner.get_name().to_owned());
        return if before.peek().is_none() { Wanted::Command(names.collect()) } else { Wanted::OneOf(Vec::new()) };
    }
    let option = |word: &str| {
        let name = word.strip_prefix("--")?;
        command.get_arguments().find(|argument| argument.get_long() == Some(name))
    };
    let mut positionals = command.get_positionals();
    let mut open = None;
    for word in before {
        open = match open.take() {
            Some(_) => None,
            None if word.starts_with("--") => option(word).filter(|argument| argument.get_action().takes_values()),
            None => {
                positionals.next();
                None
            }
        };
    }
    if open.is_none() && current.starts_with('-') {
        let longs = command.get_arguments().filter_map(clap::Arg::get_long);
        return Wanted::OneOf(longs.map(|long| format!("--{long}")).collect());
    }
    open.or_else(|| positionals.next()).map_or(Wanted::OneOf(Vec::new()), wanted_by)
}

fn wanted_by(argument: &clap::Arg) -> Wanted {
    if argument.get_value_parser().type_id() == std::any::TypeId::of::<Node>() {
        return Wanted::Node;
    }
    match argument.get_id().as_str() {
        "key" | "prefix" => Wanted::Key,
        _ => {
            let values = argument.get_possible_values();
            Wanted::OneOf(values.iter().map(|value| value.get_name().to_owned()).collect())
        }
    }
}

/// `put k=v` is `put k v`.
fn spread_assignment(mut words: Vec<String>) -> Vec<String> {
    if words.len() == 2
        && words[0] == "put"
        && let Some((key, value)) = words[1].clone().split_once('=')
    {
        words.truncate(1);
        words.extend([key.to_owned(), value.to_owned()]);
    }
    words
}

struct Token {
    text: String,
    at: usize,
}

/// Words as a POSIX shell would split them: quotes and backslashes, but no variables and no comments.
fn split(line: &str) -> Result<Vec<Token>, ParseError> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut quote: Option<(char, usize)> = None;
    let mut inside = false;
    let mut characters = line.char_indices();
    while let Some((at, character)) = characters.next() {
        if quote.is_none() && character.is_whitespace() {
            inside = false;
            continue;
        }
        if !inside {
            tokens.push(Token { text: String::new(), at });
            inside = true;
        }
        let text = &mut tokens.last_mut().expect("a token was begun").text;
        match (character, quote) {
            ('\'' | '"', None) => quote = Some((character, at)),
            (_, Some((open, _))) if character == open => quote = None,
            ('\\', None | Some(('"', _))) => match characters.next() {
                Some((_, escaped)) => text.push(escaped),
                None => return Err(ParseError { message: "expected a character after \\".to_owned(), at: line.len() }),
            },
            _ => text.push(character),
        }
    }
    match quote {
        Some((open, at)) => Err(ParseError { message: format!("the quote {open} is not closed"), at }),
        None => Ok(tokens),
    }
}

fn explain(line: &str, tokens: &[Token], error: &clap::Error) -> ParseError {
    let named = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let place = |text: &str| tokens.iter().find(|token| token.text == text).map_or(line.len(), |token| token.at);
    let usage = usage_of(tokens);
    match error.kind() {
        ErrorKind::InvalidSubcommand | ErrorKind::UnknownArgument => {
            let word = named(ContextKind::InvalidSubcommand).or(named(ContextKind::InvalidArg)).unwrap_or_default();
            let message = match usage {
                Some(usage) => format!("{word} is not expected here: {usage}"),
                None => unknown_word(word, error),
            };
            ParseError { message, at: place(word) }
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let value = named(ContextKind::InvalidValue).unwrap_or_default();
            let why = std::error::Error::source(error).map(ToString::to_string);
            let why = why.or_else(|| valid_values(error)).or(usage).unwrap_or_default();
            ParseError { message: format!("{value:?} does not fit: {why}"), at: place(value) }
        }
        _ => {
            let message = usage.map_or_else(|| error.kind().to_string(), |usage| format!("expected {usage}"));
            ParseError { message, at: line.len() }
        }
    }
}

fn unknown_word(word: &str, error: &clap::Error) -> String {
    match error.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::Strings(near)) if !near.is_empty() => {
            format!("there is no command {word:?}; did you mean {}?", near.join(" or "))
        }
        _ => {
            let names: Vec<_> = words().into_iter().map(|word| word.name).collect();
            format!("there is no command {word:?}; there are {}", names.join(", "))
        }
    }
}

fn valid_values(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => Some(format!("expected {}", values.join(" or "))),
        _ => None,
    }
}

/// The usage of the command that the line begins with, if there is one.
fn usage_of(tokens: &[Token]) -> Option<String> {
    let mut prompt = Prompt::command();
    prompt.build();
    let first = prompt.find_subcommand_mut(&tokens.first()?.text)?;
    let second = tokens.get(1).and_then(|token| first.find_subcommand(&token.text)).cloned();
    Some(usage(&mut second.unwrap_or_else(|| first.clone())))
}

fn usage(command: &mut clap::Command) -> String {
    let rendered = command.render_usage().to_string();
    let words = rendered.trim_start_matches("Usage:").split_whitespace().filter(|word| *word != "epoca");
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use epoca::protocol::trace::MessageId;
    use epoca::protocol::{MessageKind, NodeId};

    use super::*;
    use crate::command::grammar::{Kinds, Node, Switch, Which};

    fn parsed(line: &str) -> Command {
        parse_line(line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    fn refused(line: &str) -> (String, usize) {
        let error = parse_line(line).expect_err(line);
        (error.message, error.at)
    }

    fn node(id: u64) -> Node {
        Node(NodeId(id))
    }

    #[test]
    fn fault_may_be_left_out() {
        assert_eq!(parsed("kill 3"), Command::Fault(Fault::Kill { node: node(3) }));
        assert_eq!(parsed("fault kill n3"), parsed("kill 3"));
        let hold = Fault::Hold { node: node(2), kind: Kinds(Some(MessageKind::CommitOrder)) };
        assert_eq!(parsed("hold n2 commit-order"), Command::Fault(hold));
        assert_eq!(parsed("fault list"), parsed("in-force"));
        assert!(matches!(parsed("list"), Command::List { .. }));
    }

    #[test]
    fn messages_are_named_by_number_or_by_their_ends_too() {
        let deliver = |message| Command::Fault(Fault::Deliver { message });
        assert_eq!(parsed("deliver"), deliver(Which::Next));
        assert_eq!(parsed("deliver next"), deliver(Which::Next));
        assert_eq!(parsed("deliver 17"), deliver(Which::Number(17)));
        let id = MessageId { from: NodeId(1), to: NodeId(2), number: 17 };
        for line in ["deliver 1-2-17", "deliver n1-n2-17", "fault deliver n1→n2#17", "deliver 'n1→n2 #17'"] {
            assert_eq!(parsed(line), deliver(Which::Id(id)), "{line}");
        }
        for line in ["deliver one", "discard", "deliver 1-2", "delay-message 17", "delay-message 17 0"] {
            refused(line);
        }
    }

    #[test]
    fn a_kind_may_be_left_out_where_all_are_meant() {
        let node = node(2);
        assert_eq!(parsed("release 2"), Command::Fault(Fault::Release { node, kind: Kinds(None) }));
        assert_eq!(parsed("hold 2 all"), Command::Fault(Fault::Hold { node, kind: Kinds(None) }));
        assert_eq!(parsed("step on"), Command::Fault(Fault::Step { switch: Switch::On }));
        assert_eq!(parsed("delay 1 2 50"), parsed("delay 1 2 50 all"));
        refused("drop 1 2");
        refused("hold 2");
    }

    #[test]
    fn put_takes_an_assignment_too() {
        assert_eq!(parsed("put x=1"), parsed("put x 1"));
        assert_eq!(parsed("put x=a=b"), parsed("put x a=b"));
        assert_eq!(parsed("put 'a key' \"its \\\" value\""), parsed("put a\\ key 'its \" value'"));
        let Command::Put(put) = parsed("put x=") else { panic!("not a put") };
        assert_eq!(put.value, Some(Bytes::new()));
    }

    #[test]
    fn an_unknown_command_is_named_with_its_place() {
        let (message, at) = refused("  pat x 1");
        assert!(message.contains("\"pat\"") && message.contains("put"), "{message}");
        assert_eq!(at, 2);
    }

    #[test]
    fn half_a_command_says_what_is_missing_at_the_end() {
        let (message, at) = refused("put x");
        assert!(message.contains("<VALUE"), "{message}");
        assert_eq!(at, 5);
        let (message, at) = refused("fault cut 1");
        assert!(message.contains("<A> <B>"), "{message}");
        assert_eq!(at, 11);
        assert_eq!(refused("").1, 0);
        assert!(refused("fault").0.starts_with("expected fault"));
    }

    #[test]
    fn a_word_that_does_not_fit_is_named_with_its_place() {
        let (message, at) = refused("kill three");
        assert!(message.contains("3 or n3"), "{message}");
        assert_eq!(at, 5);
        let (message, at) = refused("hold 2 everything");
        assert!(message.contains("commit-order"), "{message}");
        assert_eq!(at, 7);
        assert_eq!(refused("status now").1, 7);
        assert_eq!(refused("put x 'open").1, 6);
    }

    #[test]
    fn a_line_says_what_its_next_word_may_be() {
        let is_command =
            |line: &str| matches!(wanted(line), Wanted::Command(names) if names.iter().any(|name| name == "put"));
        assert!(is_command("") && is_command("pu") && !is_command("put "));
        for line in ["kill ", "fault kill ", "cut 1 n", "log --node ", "inject "] {
            assert_eq!(wanted(line), Wanted::Node, "{line:?}");
        }
        for line in ["get ", "put x", "delete ", "inject 3 "] {
            assert_eq!(wanted(line), Wanted::Key, "{line:?}");
        }
        let Wanted::OneOf(levels) = wanted("get x --consistency ") else { panic!("no words") };
        assert!(levels.contains(&"linearizable".to_owned()));
        let Wanted::OneOf(options) = wanted("bench --") else { panic!("no words") };
        assert!(options.contains(&"--clients".to_owned()));
        assert_eq!(wanted("nonsense x"), Wanted::OneOf(Vec::new()));
    }

    #[test]
    fn every_command_has_a_word_with_usage_and_purpose() {
        let words = words();
        for wanted in ["put", "get", "kill", "inject", "fault", "bench"] {
            let word = words.iter().find(|word| word.name == wanted).expect(wanted);
            assert!(word.usage.starts_with(wanted), "{}", word.usage);
            assert!(!word.about.is_empty(), "{wanted}");
        }
    }
}
