//! The console's imports run in one direction, and everything below `app` and `terminal` is free of input and output.

use std::collections::BTreeSet;
use std::fs;

use super::{Source, named_behind, nothing, sources, top, whole_code};

const CONSOLE: &str = "tui/console";

/// Each part of the console, from the lowest, with the parts that it may use besides itself. `tests` may use all. The
/// head of `tui/console/mod.rs` describes the parts.
const PARTS: [(&str, &[&str]); 11] = [
    ("text", &[]),
    ("keys", &[]),
    ("theme", &[]),
    ("model", &["keys", "text"]),
    ("words", &["keys", "model"]),
    ("layout", &["keys", "model", "text", "words"]),
    ("update", &["keys", "layout", "model", "text", "words"]),
    ("view", &["keys", "layout", "model", "text", "theme", "words"]),
    ("terminal", &["text"]),
    ("export", &["layout", "model", "terminal", "text", "theme", "update", "view", "words"]),
    ("app", &["keys", "model", "terminal", "theme", "update", "view", "words", "ConsoleOptions", "Source", "Theme"]),
];

/// Parts without input and output. `app` carries out their effects.
const PURE: [&str; 9] = ["text", "keys", "theme", "model", "words", "layout", "update", "view", "export"];

/// Names of clocks, files, sockets, processes, threads.
const OUTSIDE: [&str; 11] = [
    "std::fs",
    "std::io",
    "std::net",
    "std::env",
    "std::thread",
    "std::process",
    "Instant",
    "SystemTime",
    "tokio",
    "nix::",
    "crossterm::terminal",
];

/// The part that a source belongs to: `model` of `tui/console/model/node.rs`, `text` of `tui/console/text.rs`.
fn part(source: &Source) -> &str {
    let path = source.path.strip_prefix("tui/console/").unwrap_or_default();
    path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

fn parts_named(source: &Source) -> BTreeSet<String> {
    let code = whole_code(source);
    let mut names = named_behind("crate::console", &code);
    let is_root = source.path.ends_with("/mod.rs") && source.path.matches('/').count() == 3;
    if is_root || source.path.matches('/').count() == 2 {
        names.extend(named_behind("super", &code).into_iter().filter(|name| !name.is_empty()));
    }
    names
}

fn is_of_the_tests(source: &Source) -> bool {
    source.path.starts_with("tui/console/tests/")
}

#[test]
fn every_part_of_the_console_names_only_the_parts_that_it_may_name() {
    let check = |source: &Source| {
        let part = part(source);
        let Some((_, allowed)) = PARTS.iter().find(|(name, _)| *name == part) else { return Vec::new() };
        let named = parts_named(source).into_iter();
        let wrong = named.filter(|name| name != part && !allowed.contains(&&name[..]));
        let may = if allowed.is_empty() { "no other part".to_owned() } else { allowed.join(", ") };
        wrong.map(|name| format!("{} names {name}; {part} may name {may}", source.path)).collect()
    };
    let wrong = sources(CONSOLE).iter().filter(|source| !is_of_the_tests(source)).flat_map(check).collect();
    nothing("imports of the console that run against its direction", wrong);
}

#[test]
fn no_part_of_the_console_reaches_another_by_going_up_twice() {
    let sources = sources(CONSOLE);
    let wrong = sources.iter().filter(|source| whole_code(source).contains("super::super"));
    nothing("paths that hide which part they name", wrong.map(|source| source.path.clone()).collect());
}

#[test]
fn every_folder_of_the_console_has_its_direction() {
    let entries = fs::read_dir(top().join(CONSOLE)).expect("tui/console can be read");
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names = names.map(|name| name.trim_end_matches(".rs").to_owned());
    let unknown =
        names.filter(|name| !["mod", "tests"].contains(&&name[..]) && PARTS.iter().all(|(part, _)| part != name));
    nothing("parts of the console without a direction", unknown.collect());
}

#[test]
fn what_the_console_shows_is_computed_from_its_model_alone() {
    let check = |source: &Source| {
        let found = |(number, line): (usize, &str)| {
            let outside = OUTSIDE.iter().find(|name| line.contains(*name))?;
            Some(format!("{}:{number} names {outside}: that is for an effect, and for app", source.path))
        };
        source.code().filter_map(found).collect::<Vec<_>>()
    };
    let sources = sources(CONSOLE).into_iter().filter(|source| PURE.contains(&part(source)));
    nothing("input or output where the screen is computed", sources.flat_map(|source| check(&source)).collect());
}

#[test]
fn views_and_words_change_nothing() {
    let sources = sources(CONSOLE).into_iter();
    let still = sources.filter(|source| ["view", "words", "layout"].contains(&part(source)));
    let wrong = still.filter(|source| whole_code(source).contains("&mut Model"));
    nothing("a view changes the model", wrong.map(|source| source.path).collect());
}

#[test]
fn words_know_states_and_not_the_model_that_has_them() {
    let sources = sources(CONSOLE).into_iter().filter(|source| ["words", "theme"].contains(&part(source)));
    let has_model = |source: &Source| named_behind("crate::console::model", &whole_code(source)).contains("Model");
    nothing("words of the whole model", sources.filter(has_model).map(|source| source.path).collect());
}
