//! Parses one line of the console's prompt: the shell's grammar, where `fault` may be omitted and `put k=v` is
//! accepted.
//!
//! Errors tell what was expected and at which byte of the line. They never contain clap's own layout.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use super::grammar::{Command, Fault, Invalid, Node};
use super::messages;
use crate::lang::{Lang, Localized};

/// What was expected, and where in the line.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", .message.to(Lang::English))]
pub struct ParseError {
    pub message: Localized,
    /// The byte of the line with the error, or the line's length if something is missing at the end.
    pub at: usize,
}

#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_help_subcommand = true)]
#[command(name = "", infer_subcommands = false)]
struct Prompt {
    #[command(subcommand)]
    command: PromptCommand,
}

#[derive(clap::Subcommand)]
enum PromptCommand {
    #[command(flatten)]
    Command(Command),
    #[command(flatten)]
    Fault(Fault),
}

/// A command that can be typed, for help and completion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommandHelp {
    /// `put` or `kill`.
    pub name: String,
    /// `put <KEY> <VALUE>`.
    pub usage: String,
    /// What it does, in a few words.
    pub about: String,
}

/// Parses one line of the prompt.
pub fn parse_line(line: &str) -> Result<Command, ParseError> {
    let tokens = split(line)?;
    if tokens.is_empty() {
        return Err(ParseError { message: messages::command_expected(), at: 0 });
    }
    let words = split_assignment(tokens.iter().map(|token| token.text.clone()).collect());
    match Prompt::try_parse_from(words.iter().map(OsString::from)) {
        Ok(Prompt { command: PromptCommand::Command(command) }) => Ok(command),
        Ok(Prompt { command: PromptCommand::Fault(fault) }) => Ok(Command::Fault(fault)),
        Err(error) => Err(explain(line, &tokens, &error)),
    }
}

/// All commands of the prompt, in the grammar's order.
pub fn command_help() -> Vec<CommandHelp> {
    let mut prompt = Prompt::command();
    prompt.build();
    prompt
        .get_subcommands_mut()
        .map(|command| CommandHelp {
            name: command.get_name().to_owned(),
            usage: usage(command),
            about: command.get_about().map(ToString::to_string).unwrap_or_default(),
        })
        .collect()
}

/// What the next word of a line may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Completion {
    Command(Vec<String>),
    Node,
    Key,
    /// One of these words; empty if none is known.
    OneOf(Vec<String>),
}

/// What the last word of the line, which may be empty, can be completed to.
pub fn completion(line: &str) -> Completion {
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
        return if before.peek().is_none() {
            Completion::Command(names.collect())
        } else {
            Completion::OneOf(Vec::new())
        };
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
        return Completion::OneOf(longs.map(|long| format!("--{long}")).collect());
    }
    open.or_else(|| positionals.next()).map_or(Completion::OneOf(Vec::new()), completion_of)
}

fn completion_of(argument: &clap::Arg) -> Completion {
    if argument.get_value_parser().type_id() == std::any::TypeId::of::<Node>() {
        return Completion::Node;
    }
    match argument.get_id().as_str() {
        "key" | "prefix" => Completion::Key,
        _ => {
            let values = argument.get_possible_values();
            Completion::OneOf(values.iter().map(|value| value.get_name().to_owned()).collect())
        }
    }
}

/// `put k=v` means `put k v`.
fn split_assignment(mut words: Vec<String>) -> Vec<String> {
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

/// Splits words like a POSIX shell: quotes and backslashes, but no variables and no comments.
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
                None => return Err(ParseError { message: messages::character_expected(), at: line.len() }),
            },
            _ => text.push(character),
        }
    }
    match quote {
        Some((open, at)) => Err(ParseError { message: messages::open_quote(open), at }),
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
                Some(usage) => messages::not_expected(word, &usage),
                None => unknown_command(word, error),
            };
            ParseError { message, at: place(word) }
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let value = named(ContextKind::InvalidValue).unwrap_or_default();
            let why = reason(error).or_else(|| valid_values(error)).or(usage.map(Localized::from)).unwrap_or_default();
            ParseError { message: messages::does_not_fit(value, &why), at: place(value) }
        }
        _ => {
            let message = usage.map_or_else(|| error.kind().to_string().into(), |usage| messages::expected(&usage));
            ParseError { message, at: line.len() }
        }
    }
}

/// Why a parser of the grammar refused a word.
fn reason(error: &clap::Error) -> Option<Localized> {
    let source = std::error::Error::source(error)?;
    let ours = source.downcast_ref::<Invalid>().map(|invalid| invalid.0.clone());
    Some(ours.unwrap_or_else(|| source.to_string().into()))
}

fn unknown_command(word: &str, error: &clap::Error) -> Localized {
    let similar: Vec<String> = match error.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::Strings(similar)) => similar.iter().filter(|name| is_near(word, name)).cloned().collect(),
        _ => Vec::new(),
    };
    match &similar[..] {
        [_, ..] => messages::unknown_command_like(word, &similar),
        [] => {
            let names: Vec<_> = command_help().into_iter().map(|help| help.name).collect();
            messages::unknown_command(word, &names.join(", "))
        }
    }
}

/// Whether a word may be a mistyped name: at most one letter in three is wrong. clap also suggests names that only
/// share some letters.
fn is_near(word: &str, name: &str) -> bool {
    strsim::damerau_levenshtein(word, name) <= (word.chars().count() / 3).max(1)
}

fn valid_values(error: &clap::Error) -> Option<Localized> {
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => Some(messages::one_of_expected(values)),
        _ => None,
    }
}

/// The usage of the command at the beginning of the line, if it is one.
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
    use crate::command::grammar::{Kinds, MessageRef, Node, Switch};

    fn parsed(line: &str) -> Command {
        parse_line(line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    fn refused(line: &str) -> (String, usize) {
        let error = parse_line(line).expect_err(line);
        (error.message.to(Lang::English).to_owned(), error.at)
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
        assert_eq!(parsed("deliver"), deliver(MessageRef::Next));
        assert_eq!(parsed("deliver next"), deliver(MessageRef::Next));
        assert_eq!(parsed("deliver 17"), deliver(MessageRef::Number(17)));
        let id = MessageId { from: NodeId(1), to: NodeId(2), number: 17 };
        for line in ["deliver 1-2-17", "deliver n1-n2-17", "fault deliver n1→n2#17", "deliver 'n1→n2 #17'"] {
            assert_eq!(parsed(line), deliver(MessageRef::Id(id)), "{line}");
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
        assert_eq!(parsed("step on"), Command::Fault(Fault::Step { switch: Switch::On, all: false }));
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
    fn only_near_names_are_suggested() {
        for (typed, wanted) in
            [("pat x 1", "put?"), ("kil 3", "kill?"), ("restrat 3", "restart?"), ("stauts", "status?")]
        {
            let (message, _) = refused(typed);
            assert!(message.contains(wanted), "{typed}: {message}");
        }
        for typed in ["nosuch", "hello", "xyz 1"] {
            let (message, _) = refused(typed);
            assert!(!message.contains('?') && message.contains("put, get"), "{typed}: {message}");
        }
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
        let is_command = |line: &str| match completion(line) {
            Completion::Command(names) => names.iter().any(|name| name == "put"),
            _ => false,
        };
        assert!(is_command("") && is_command("pu") && !is_command("put "));
        for line in ["kill ", "fault kill ", "cut 1 n", "log --node ", "inject "] {
            assert_eq!(completion(line), Completion::Node, "{line:?}");
        }
        for line in ["get ", "put x", "delete ", "inject 3 "] {
            assert_eq!(completion(line), Completion::Key, "{line:?}");
        }
        let Completion::OneOf(levels) = completion("get x --consistency ") else { panic!("no words") };
        assert!(levels.contains(&"linearizable".to_owned()));
        let Completion::OneOf(options) = completion("bench --") else { panic!("no words") };
        assert!(options.contains(&"--clients".to_owned()));
        assert_eq!(completion("nonsense x"), Completion::OneOf(Vec::new()));
    }

    #[test]
    fn every_command_has_a_usage_and_a_purpose() {
        let all = command_help();
        for name in ["put", "get", "kill", "inject", "fault", "bench"] {
            let help = all.iter().find(|help| help.name == name).expect(name);
            assert!(help.usage.starts_with(name), "{}", help.usage);
            assert!(!help.about.is_empty(), "{name}");
        }
    }

    #[test]
    fn every_mistake_is_explained_in_portuguese_too() {
        let lines = [
            ("", "esperava um comando, como put x 1"),
            ("put x", "esperava put <KEY> <VALUE | - | --file F>"),
            ("pat x 1", "não há comando \"pat\"; você quis dizer put?"),
            ("kill three", "\"three\" não serve: um nó é indicado pelo seu número, como 3 ou n3"),
            ("deliver one", "\"one\" não serve: indique uma mensagem como 17 ou 1-2-17 (a 17ª de n1 para n2), ou next"),
            ("delay 1 2 0", "\"0\" não serve: esperava um número de 1 a 3600000"),
            ("step maybe", "\"maybe\" não serve: esperava on ou off"),
            ("status now", "now não cabe aqui: status"),
            ("put x 'open", "falta fechar as aspas '"),
        ];
        for (line, expected) in lines {
            let error = parse_line(line).expect_err(line);
            assert_eq!(error.message.to(Lang::Portuguese), expected, "{line}");
            assert_ne!(error.message.to(Lang::English), expected, "{line}");
        }
    }
}
