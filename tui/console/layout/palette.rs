//! The command palette: finds commands, keys and scenarios by a subsequence of letters.

use crate::command::command_help;
use crate::console::keys::{self, Action, Mode};
use crate::console::model::Model;
use crate::console::words::{commands, screen};
use crate::scenario;

/// The effect of an entry.
#[derive(Clone, PartialEq, Debug)]
pub enum Does {
    /// Puts this text on the command line.
    Type(String),
    Act(Action),
}

#[derive(Clone, PartialEq, Debug)]
pub struct Item {
    /// The usage of a command, or a key.
    pub label: String,
    pub about: String,
    pub does: Does,
}

/// The matching entries, best first. All entries if the search text is empty.
pub fn items(model: &Model, query: &str) -> Vec<Item> {
    let mut found: Vec<(u32, Item)> = all(model)
        .into_iter()
        .filter_map(|item| {
            let score = score(&item.label, query).max(score(&item.about, query).map(|score| score / 2));
            score.map(|score| (score, item))
        })
        .collect();
    // The sort is stable: entries with equal scores stay in table order.
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, item)| item).collect()
}

fn all(model: &Model) -> Vec<Item> {
    let keys = keys::bindings().iter().filter(|binding| binding.mode == Mode::Control);
    let keys = keys.filter(|binding| !matches!(binding.action, Action::Palette | Action::Interrupt | Action::Type));
    let keys = keys.map(|binding| Item {
        label: binding.hint.map_or_else(|| binding.label.to_owned(), |hint| model.say(hint).to_owned()),
        about: format!(
            "{}  {}",
            model.say(binding.help),
            screen::ON_KEY.with(model.lang, &[("key", &keys::label(binding.label, model.lang))])
        ),
        does: Does::Act(binding.action),
    });
    let commands = command_help().into_iter().map(|word| Item {
        label: word.usage.clone(),
        about: commands::about(&word, model.lang).to_owned(),
        does: Does::Type(word.name),
    });
    let scenarios = scenario::all().into_iter().map(|script| Item {
        label: format!("run {}", script.name),
        about: script.title.to(model.lang).to_owned(),
        does: Does::Type(format!("run {}", script.name)),
    });
    keys.chain(commands).chain(scenarios).collect()
}

/// The score of a match, `None` without one. Starts of words and consecutive letters score higher.
fn score(text: &str, query: &str) -> Option<u32> {
    let mut score = 1;
    let mut previous: Option<usize> = None;
    let characters: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    for letter in query.chars().flat_map(char::to_lowercase).filter(|letter| !letter.is_whitespace()) {
        let from = previous.map_or(0, |previous| previous + 1);
        let at = from + characters.get(from..)?.iter().position(|character| *character == letter)?;
        let begins = at == 0 || characters.get(at - 1).is_some_and(|before| !before.is_alphanumeric());
        score += match (previous.is_some_and(|previous| previous + 1 == at), begins) {
            (true, _) => 8,
            (_, true) => 6,
            _ => 1,
        };
        if previous.is_none() && at == 0 {
            score += 10;
        }
        previous = Some(at);
    }
    Some(score)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(query: &str) -> String {
        let model = Model::new((80, 24), Vec::new());
        items(&model, query).first().map(|item| item.label.clone()).unwrap_or_default()
    }

    #[test]
    fn a_few_letters_in_order_find_a_command_or_a_key() {
        assert!(first("inj").starts_with("inject"), "{}", first("inj"));
        assert!(first("ki").starts_with("kill"), "{}", first("ki"));
        assert!(first("bnch").starts_with("bench"), "{}", first("bnch"));
        assert_eq!(first("run figure-7"), "run figure-7");
        assert_eq!(first("qqqq"), "");
    }

    #[test]
    fn without_letters_all_are_there() {
        let model = Model::new((80, 24), Vec::new());
        assert_eq!(items(&model, "").len(), all(&model).len());
    }
}
