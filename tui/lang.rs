//! The languages of the screen, and texts that exist in each. A text without one of them does not compile.
//!
//! What people type stays English, and so does what a node, the launcher or a runner says; the screen says it again in its
//! language where it knows the words ([`super::answers`]).

use std::fmt::Display;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Lang {
    #[default]
    #[value(name = "en")]
    English,
    #[value(name = "pt-BR", alias = "pt")]
    Portuguese,
}

impl Lang {
    /// From the locale: the first of the three variables that is set decides, as for other programs.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Lang {
        let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
        match set {
            Some(locale) if locale.to_ascii_lowercase().starts_with("pt") => Lang::Portuguese,
            _ => Lang::English,
        }
    }
}

/// One text in all languages. `{name}` is a place that [`Text::with`] fills.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Text {
    english: &'static str,
    portuguese: &'static str,
}

pub const fn text(english: &'static str, portuguese: &'static str) -> Text {
    Text { english, portuguese }
}

impl Text {
    pub const fn to(self, lang: Lang) -> &'static str {
        match lang {
            Lang::English => self.english,
            Lang::Portuguese => self.portuguese,
        }
    }

    /// The text with its places filled; a place that nobody fills becomes nothing.
    pub fn with(self, lang: Lang, places: &[(&str, &dyn Display)]) -> String {
        let mut filled = String::new();
        let mut rest = self.to(lang);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(before);
            if let Some((_, words)) = places.iter().find(|(place, _)| *place == name) {
                filled.push_str(&words.to_string());
            }
            rest = after;
        }
        filled + rest
    }

    /// The names of the places, in the order of a language.
    #[cfg(test)]
    pub fn places(self, lang: Lang) -> Vec<&'static str> {
        let parts = self.to(lang).split('{').skip(1);
        parts.map(|part| part.split_once('}').expect("a brace is open").0).collect()
    }
}

/// One of two, by language.
pub fn choose<T>(lang: Lang, en: T, pt: T) -> T {
    match lang {
        Lang::English => en,
        Lang::Portuguese => pt,
    }
}

/// A text in both languages; one that is missing is taken from the other.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Words {
    pub en: String,
    pub pt: String,
}

impl Words {
    pub fn is_empty(&self) -> bool {
        self.en.is_empty() && self.pt.is_empty()
    }

    pub fn text(&self, lang: Lang) -> &str {
        let (first, other) = choose(lang, (&self.en, &self.pt), (&self.pt, &self.en));
        if first.is_empty() { other } else { first }
    }

    /// Adds a line in one language; lines of one text are joined by a space.
    pub fn add(&mut self, lang: Lang, text: &str) {
        let words = choose(lang, &mut self.en, &mut self.pt);
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(set: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
        move |wanted| set.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn the_first_locale_variable_that_is_set_decides_the_language() {
        let of = |set| Lang::of_environment(variables(set));
        assert_eq!(of(&[("LANG", "pt_BR.UTF-8")]), Lang::Portuguese);
        assert_eq!(of(&[("LC_ALL", "C.UTF-8"), ("LANG", "pt_BR.UTF-8")]), Lang::English);
        assert_eq!(of(&[("LC_ALL", ""), ("LC_MESSAGES", "pt_PT"), ("LANG", "en_US")]), Lang::Portuguese);
        assert_eq!(of(&[]), Lang::English);
    }

    #[test]
    fn places_are_filled_by_name() {
        let asked = text("{node} has {count}", "{count} em {node}");
        assert_eq!(asked.with(Lang::English, &[("count", &2), ("node", &"n3")]), "n3 has 2");
        assert_eq!(asked.with(Lang::Portuguese, &[("count", &2), ("node", &"n3")]), "2 em n3");
    }

    #[test]
    fn a_missing_language_is_taken_from_the_other() {
        let mut words = Words::default();
        words.add(Lang::English, "one");
        words.add(Lang::English, "two");
        assert_eq!((words.text(Lang::English), words.text(Lang::Portuguese)), ("one two", "one two"));
    }
}
