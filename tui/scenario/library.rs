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
    if let Some((name, text)) = LIBRARY.iter().find(|(known, _)| *known == name) {
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
