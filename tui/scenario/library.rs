//! The scenarios that come with the program, and the search for one by name or file.

use std::fs;
use std::path::Path;

use super::messages;
use super::parse::{TEXT_BYTES_MAX, parse};
use super::script::Script;
use crate::lang::Localized;

macro_rules! library {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("library/", $name, ".txt")))),*]
    };
}

/// The order is that of the keys 1 to 9 and of `run all`.
const LIBRARY: &[(&str, &str)] = library! {
    "normal"
    "old-log"
    "conflict-digest"
    "conflict-id"
    "commit-order"
    "no-quorum"
    "leader-killed"
    "old-leader"
    "lost-answers"
    "members"
    "damage"
    "transfer"
    "exactly-once"
    "snapshot"
    "reads"
    "overload"
    "kill-9"
    "chaos"
    "figure-7"
    "figure-8"
    "figure-8e"
    "assignment"
};

/// The guided tour of a defense. It is no scenario of the list: a person paces it.
pub const DEFENSE: &str = "defense";

const DEFENSE_TEXT: &str = concat!(
    include_str!("defense/tests.txt"),
    include_str!("defense/leader.txt"),
    include_str!("defense/replica.txt"),
    include_str!("defense/questions.txt"),
);

pub fn names() -> impl Iterator<Item = &'static str> {
    LIBRARY.iter().map(|(name, _)| *name)
}

/// All scenarios that come with the program.
pub fn all() -> Vec<Script> {
    let read = |(name, text): &(&str, &str)| parse(name, text);
    LIBRARY.iter().map(read).map(|script| script.expect("a test reads all of them")).collect()
}

/// The scenario of this name, else of this file. The error tells what to do.
pub fn find(name: &str) -> Result<Script, Localized> {
    let known = LIBRARY.iter().chain([&(DEFENSE, DEFENSE_TEXT)]);
    if let Some((name, text)) = known.into_iter().find(|(known, _)| *known == name) {
        return parse(name, text).map_err(|mistake| messages::in_file(name, &mistake.localized()));
    }
    if !name.contains(['/', '.']) {
        let known: Vec<_> = names().collect();
        return Err(messages::no_such_scenario(name, &known.join(", ")));
    }
    let length = fs::metadata(name).map_err(|error| messages::cannot_read_file(name, &error))?.len();
    if length > TEXT_BYTES_MAX as u64 {
        return Err(messages::text_too_long(name));
    }
    let text = fs::read_to_string(name).map_err(|error| messages::cannot_read_file(name, &error))?;
    let stem = Path::new(name).file_stem().map_or(name, |stem| stem.to_str().unwrap_or(name));
    parse(stem, &text).map_err(|mistake| messages::in_file(name, &mistake.localized()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;
    use crate::scenario::account::is_heading;
    use crate::scenario::script::{Item, ItemKind, Points};

    #[test]
    fn every_scenario_of_the_library_can_be_read_and_speaks_both_languages() {
        for (name, text) in LIBRARY {
            let script = parse(name, text).unwrap_or_else(|mistake| panic!("{name}: {mistake:?}"));
            let texts = [&script.title, &script.about].into_iter().chain(script.items.iter().map(|item| &item.words));
            for words in texts.filter(|words| !words.is_empty()) {
                assert!(words.has_both(), "{name}: {words:?}");
            }
            assert!(!script.about.is_empty(), "{name} has no description");
            for index in script.expectations() {
                assert!(
                    !script.items[index].words.is_empty(),
                    "{name}, line {}: nothing to tick",
                    script.items[index].at
                );
            }
            assert!(script.title.to(Lang::Portuguese).chars().count() <= 70, "{name}: a title is one line");
        }
    }

    /// Labels and points of the graded lines.
    fn graded(script: &Script) -> Vec<(String, Points)> {
        let of = |item: &Item| match &item.kind {
            ItemKind::Graded { label: Some(label), points: Some(points) } => Some((label.clone(), *points)),
            _ => None,
        };
        script.items.iter().filter_map(of).collect()
    }

    #[test]
    fn the_defense_shows_every_graded_line_of_the_sheet_and_the_four_tests() {
        let (defense, sheet) = (find(DEFENSE).expect("it is read"), find("assignment").expect("it is read"));
        assert_eq!(graded(&defense), graded(&sheet));
        assert_eq!(graded(&defense).iter().map(|(_, points)| *points).sum::<Points>(), Points(200));
        for test in ["T1", "T2", "T3", "T4"] {
            assert!(defense.items.iter().any(|item| item.label() == Some(test)), "{test}");
        }
    }

    #[test]
    fn every_step_of_the_defense_has_what_a_presenter_needs_in_both_languages() {
        let script = find(DEFENSE).expect("it is read");
        let questions: Vec<usize> = script.questions().collect();
        for (index, item) in script.items.iter().enumerate() {
            let is_heading = is_heading(&item.kind);
            let is_question = questions.contains(&index);
            if is_heading || matches!(item.kind, ItemKind::Then | ItemKind::Expect(_)) {
                assert!(item.words.has_both(), "line {}: {}", item.at, item.line);
            }
            if is_heading {
                assert!(item.why.has_both(), "{}: what happens now", item.line);
                assert!(!item.notes.look.is_empty(), "{}: where to look", item.line);
                assert!(is_question || item.notes.ask.is_some() || index > 20, "{}: the question here", item.line);
            }
            if is_heading && !is_question || matches!(item.kind, ItemKind::Then) && index < questions[0] {
                assert!(item.notes.say.has_both(), "{}: what to say", item.line);
            }
            if is_question {
                assert!(item.notes.answer.has_both(), "{}: the answer", item.line);
                for lang in [Lang::English, Lang::Portuguese] {
                    let answer = item.notes.answer.to(lang);
                    let sentences = answer.split_inclusive(['.', ':']).filter(|part| part.ends_with('.')).count();
                    assert!((2..=5).contains(&sentences), "{}: {sentences} sentences", item.line);
                }
            }
        }
        let asked: Vec<&str> = script.items.iter().filter_map(|item| item.notes.ask.as_deref()).collect();
        for question in
            ["why-three", "two-phase", "raft", "digest", "leader-dies", "timeout", "stale", "power", "log-sled"]
        {
            assert!(asked.contains(&question) && script.question(question).is_some(), "{question}");
        }
        assert_eq!(questions.len(), 9);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = find("nothing").expect_err("there is none");
        for lang in [Lang::English, Lang::Portuguese] {
            assert!(error.to(lang).contains("normal") && error.to(lang).contains("./mine.txt"), "{error:?}");
        }
        let error = find("./no-such-file.txt").expect_err("there is none");
        assert!(error.to(Lang::English).contains("cannot read"), "{error:?}");
    }
}
