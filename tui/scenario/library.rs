//! The scenarios that come with the program, and finding one by name or in a file.

use std::fs;
use std::path::Path;

use super::parse::{TEXT_BYTES_MAX, parse};
use super::script::Script;

macro_rules! library {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("library/", $name, ".txt")))),*]
    };
}

/// In the order of the keys 1 to 9 and of `run all`.
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

/// All that come with the program.
pub fn all() -> Vec<Script> {
    let read = |(name, text): &(&str, &str)| parse(name, text);
    LIBRARY.iter().map(read).map(|script| script.expect("a test reads all of them")).collect()
}

/// One that comes with the program, else a file. The error says what to do.
pub fn find(name: &str) -> Result<Script, String> {
    if let Some((name, text)) = LIBRARY.iter().find(|(known, _)| *known == name) {
        return parse(name, text).map_err(|mistake| format!("{name}: {mistake}"));
    }
    if !name.contains(['/', '.']) {
        let known: Vec<_> = names().collect();
        let known = known.join(", ");
        return Err(format!("there is no scenario {name:?}; there are {known}, and files as ./mine.txt"));
    }
    let length = fs::metadata(name).map_err(|error| format!("cannot read {name}: {error}"))?.len();
    if length > TEXT_BYTES_MAX as u64 {
        return Err(format!("{name} is longer than 1 MiB, the most that a scenario may have"));
    }
    let text = fs::read_to_string(name).map_err(|error| format!("cannot read {name}: {error}"))?;
    let stem = Path::new(name).file_stem().map_or(name, |stem| stem.to_str().unwrap_or(name));
    parse(stem, &text).map_err(|mistake| format!("{name}: {mistake}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;

    #[test]
    fn every_scenario_of_the_library_can_be_read_and_speaks_both_languages() {
        for (name, text) in LIBRARY {
            let script = parse(name, text).unwrap_or_else(|mistake| panic!("{name}: {mistake}"));
            let texts = [&script.title, &script.about].into_iter().chain(script.items.iter().map(|item| &item.words));
            for words in texts.filter(|words| !words.is_empty()) {
                assert!(!words.en.is_empty() && !words.pt.is_empty(), "{name}: {words:?}");
            }
            assert!(!script.about.is_empty(), "{name} says what it shows");
            for index in script.expectations() {
                assert!(
                    !script.items[index].words.is_empty(),
                    "{name}, line {}: nothing to tick",
                    script.items[index].at
                );
            }
            assert!(script.title.text(Lang::Portuguese).chars().count() <= 70, "{name}: a title is one line");
        }
    }

    #[test]
    fn a_name_that_is_none_tells_those_that_there_are() {
        let error = find("nothing").unwrap_err();
        assert!(error.contains("normal") && error.contains("./mine.txt"), "{error}");
        assert!(find("./no-such-file.txt").unwrap_err().contains("cannot read"));
    }
}
