//! Help and usage errors of the command line in Portuguese. The grammar holds the English texts; this file replaces
//! them before they are shown.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

use crate::lang::Lang;
use crate::words::help as words;

/// The command with all its texts in this language.
pub fn localized(command: Command, lang: Lang) -> Command {
    if lang == Lang::English {
        return command;
    }
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version).help(words::VERSION);
    let mut command = with_own_help(command.disable_version_flag(true).arg(version));
    command.build();
    in_portuguese(command)
}

/// Replaces clap's own option for help, whose text cannot be changed.
fn with_own_help(command: Command) -> Command {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).help(words::HELP);
    command.disable_help_flag(true).arg(help).mut_subcommands(with_own_help)
}

/// `command` is built, so it has the options of all commands.
fn in_portuguese(command: Command) -> Command {
    let mut command = texts(command).mut_args(argument).mut_subcommands(in_portuguese);
    let usage = words::PLACES.iter().fold(usage_of(&mut command), |usage, (from, to)| usage.replace(from, to));
    let mut template = format!("{{about-with-newline}}\n{} {{usage}}\n", words::USAGE.to(Lang::Portuguese));
    let mut part = |is_there: bool, heading: &str, place: &str| {
        if is_there {
            template += &format!("\n{heading}:\n{place}\n");
        }
    };
    part(command.has_subcommands(), words::COMMANDS.to(Lang::Portuguese), "{subcommands}");
    part(command.get_positionals().next().is_some(), words::ARGUMENTS.to(Lang::Portuguese), "{positionals}");
    part(true, words::OPTIONS.to(Lang::Portuguese), "{options}");
    command.override_usage(usage).help_template(template.trim_end().to_owned() + "{after-help}")
}

/// The usage without its heading: `epoca put [OPTIONS] <KEY> <VALUE>`.
fn usage_of(command: &mut Command) -> String {
    let usage = command.render_usage().to_string();
    usage.trim_start_matches(words::USAGE.to(Lang::English)).trim().to_owned()
}

fn texts(mut command: Command) -> Command {
    if let Some(about) = command.get_about().and_then(translated) {
        command = command.about(about);
    }
    if let Some(about) = command.get_long_about().and_then(translated) {
        command = command.long_about(about);
    }
    match command.get_after_help().and_then(translated) {
        Some(after) => command.after_help(after),
        None => command,
    }
}

/// The text of an option, with its default and its values, which clap would name in English.
fn argument(argument: Arg) -> Arg {
    let mut parts: Vec<String> = argument.get_help().and_then(translated).map(str::to_owned).into_iter().collect();
    let takes_values = argument.get_action().takes_values();
    let defaults = argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned());
    let defaults: Vec<_> = defaults.filter(|_| takes_values).collect();
    if !defaults.is_empty() {
        parts.push(format!("[{}: {}]", words::DEFAULT, defaults.join(", ")));
    }
    let values = argument.get_possible_values().into_iter().filter(|value| takes_values && !value.is_hide_set());
    let values: Vec<_> = values.map(|value| value.get_name().to_owned()).collect();
    if !values.is_empty() {
        parts.push(format!("[{}: {}]", words::VALUES, values.join(", ")));
    }
    if parts.is_empty() {
        return argument;
    }
    argument.help(parts.join(" ")).hide_default_value(true).hide_possible_values(true)
}

fn translated(text: &StyledStr) -> Option<&'static str> {
    words::portuguese(&text.to_string())
}

/// A usage error in Portuguese; `None` for help, and for kinds that the grammar does not cause.
pub fn usage_error(error: &clap::Error) -> Option<String> {
    let one = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    let argument = one(ContextKind::InvalidArg);
    let text = match error.kind() {
        ErrorKind::InvalidSubcommand => words::NO_COMMAND.with(&one(ContextKind::InvalidSubcommand)),
        ErrorKind::UnknownArgument => words::NOT_EXPECTED.with(&argument),
        ErrorKind::InvalidValue if one(ContextKind::InvalidValue).is_empty() => words::NEEDS_VALUE.with(&argument),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let value = one(ContextKind::InvalidValue);
            let why = std::error::Error::source(error).map(reason).unwrap_or_default();
            words::DOES_NOT_FIT.with(&format!("{value:?}")) + &words::FOR_ARGUMENT.with(&argument) + &why
        }
        ErrorKind::MissingRequiredArgument => words::MISSING.with(&argument),
        ErrorKind::ArgumentConflict => {
            words::CONFLICT.with(&argument) + &words::CONFLICTS_WITH.with(&one(ContextKind::PriorArg))
        }
        _ => return None,
    };
    let list =
        |place: words::Place, kind| Some(one(kind)).filter(|text| !text.is_empty()).map(|text| place.with(&text));
    let remarks = [
        list(words::VALID, ContextKind::ValidValue),
        list(words::SIMILAR, ContextKind::SuggestedSubcommand),
        list(words::SIMILAR, ContextKind::SuggestedArg),
        list(words::SIMILAR, ContextKind::SuggestedValue),
    ];
    let remarks: String = remarks.into_iter().flatten().collect();
    Some(format!("{text}{remarks}\n{}", words::SEE_HELP))
}

fn reason(source: &(dyn std::error::Error + 'static)) -> String {
    let english = source.to_string();
    let invalid = source.downcast_ref::<crate::command::grammar::Invalid>();
    let portuguese = invalid.map(|invalid| invalid.0.to(Lang::Portuguese)).or_else(|| words::portuguese(&english));
    format!(": {}", portuguese.unwrap_or(&english))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    /// All texts of a command and of those below it. Texts that clap adds are left out.
    fn all(command: &Command, found: &mut Vec<String>) {
        let own = [command.get_about(), command.get_long_about(), command.get_after_help()];
        let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set());
        let arguments = arguments.filter(|argument| !["help", "version"].contains(&argument.get_id().as_str()));
        let helps = arguments.filter_map(Arg::get_help);
        found.extend(own.into_iter().flatten().chain(helps).map(ToString::to_string));
        command.get_subcommands().for_each(|command| all(command, found));
    }

    #[test]
    fn every_text_of_the_help_is_there_in_portuguese() {
        let mut found = Vec::new();
        all(&Cli::command(), &mut found);
        assert!(found.len() > 150, "{}", found.len());
        found.sort();
        found.dedup();
        let missing: Vec<_> = found.iter().filter(|text| words::portuguese(text).is_none()).collect();
        assert!(missing.is_empty(), "{missing:#?}");
    }

    #[test]
    fn no_portuguese_text_belongs_to_a_help_that_is_gone() {
        let mut found = Vec::new();
        all(&Cli::command(), &mut found);
        let mut hidden = Vec::new();
        hidden_texts(&Cli::command(), &mut hidden);
        let gone =
            words::of_commands_and_options().filter(|text| !found.iter().chain(&hidden).any(|known| known == text));
        assert_eq!(gone.collect::<Vec<_>>(), ["Print this message or the help of the given subcommand(s)"]);
    }

    fn hidden_texts(command: &Command, found: &mut Vec<String>) {
        let arguments = command.get_arguments().filter(|argument| argument.is_hide_set());
        found.extend(arguments.filter_map(Arg::get_help).map(ToString::to_string));
        command.get_subcommands().for_each(|command| hidden_texts(command, found));
    }

    #[test]
    fn help_in_portuguese_has_no_english_heading() {
        let mut command = localized(Cli::command(), Lang::Portuguese);
        command.clone().debug_assert();
        let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        let mut pages = vec![command.render_long_help().to_string()];
        for name in names {
            let inner = command.find_subcommand_mut(&name).expect("it is there");
            pages.push(inner.render_help().to_string());
        }
        for page in pages {
            for english in ["Usage:", "Options:", "Commands:", "Arguments:", "[default:", "[possible values", "Print "]
            {
                assert!(!page.contains(english), "{english} in\n{page}");
            }
            assert!(page.contains("Uso:") && page.contains("Opções:"), "{page}");
        }
    }

    #[test]
    fn mistakes_of_usage_are_told_in_portuguese() {
        let told = |words: &[&str]| {
            let words = std::iter::once("epoca").chain(words.iter().copied());
            let error = localized(Cli::command(), Lang::Portuguese).try_get_matches_from(words).expect_err("a mistake");
            usage_error(&error).expect("it has a text")
        };
        assert!(told(&["lst"]).starts_with("não há comando lst; você quis dizer"), "{}", told(&["lst"]));
        assert!(told(&["get"]).starts_with("falta <KEY>"), "{}", told(&["get"]));
        assert!(told(&["get", "x", "--nodee", "1"]).starts_with("--nodee não é esperado aqui"));
        let wrong = told(&["get", "x", "--node", "a"]);
        assert!(wrong.starts_with("\"a\" não serve para --node <N>: um nó é indicado"), "{wrong}");
        let wrong = told(&["get", "x", "--consistency", "odd"]);
        assert!(wrong.contains("valores: linearizable, lease"), "{wrong}");
        let wrong = told(&["status", "--timeout", "0"]);
        assert!(wrong.contains("esperava um número de segundos"), "{wrong}");
    }
}
