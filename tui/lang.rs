//! The languages of the program and texts that exist in each of them. A text without one of them does not compile.
//!
//! What people type and what programs read stays English: commands, options, names of events, JSON. This file holds no
//! sentence; each room has its own.

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
    /// A number that is text already, as with its unit: `1.9 ms` becomes `1,9 ms` in Portuguese. See [`decimal`].
    pub fn number(self, text: String) -> String {
        match self {
            Lang::English => text,
            Lang::Portuguese => text.replace('.', ","),
        }
    }

    /// From the environment of this process.
    pub fn of_process() -> Lang {
        Lang::from_environment(|name| std::env::var(name).ok())
    }

    /// The name in options and files.
    pub const fn code(self) -> &'static str {
        match self {
            Lang::English => "en",
            Lang::Portuguese => "pt-BR",
        }
    }

    /// From the locale: the first of the three variables that is set decides, as for other programs.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Lang {
        let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
        match set {
            Some(locale) if locale.to_ascii_lowercase().starts_with("pt") => Lang::Portuguese,
            _ => Lang::English,
        }
    }
}

/// A text that is known at compile time. `{name}` is a place that [`Text::with`] fills.
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

    /// The text with its places filled. A place without words becomes empty.
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

/// A text in each language, made at run time: a title of a scenario, an answer with its numbers filled in.
///
/// A text that exists in one language only is shown in that one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Localized {
    english: String,
    /// Empty if it is the same as in English.
    portuguese: String,
}

impl Localized {
    pub fn new(english: impl Into<String>, portuguese: impl Into<String>) -> Localized {
        let (english, mut portuguese) = (english.into(), portuguese.into());
        if portuguese == english {
            portuguese.clear();
        }
        Localized { english, portuguese }
    }

    pub fn to(&self, lang: Lang) -> &str {
        let (first, other) = choose(lang, (&self.english, &self.portuguese), (&self.portuguese, &self.english));
        if first.is_empty() { other } else { first }
    }

    pub fn is_empty(&self) -> bool {
        self.english.is_empty() && self.portuguese.is_empty()
    }

    /// The size of the text in all languages.
    pub fn bytes(&self) -> usize {
        self.english.len() + self.portuguese.len()
    }

    #[cfg(test)]
    pub fn has_both(&self) -> bool {
        !self.english.is_empty() && !self.portuguese.is_empty()
    }

    /// Adds a line in one language. Lines of one text are joined by a space.
    pub fn add(&mut self, lang: Lang, line: &str) {
        let text = choose(lang, &mut self.english, &mut self.portuguese);
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(line);
    }

    /// The same change in each language, as cutting it to a width.
    pub fn map(&self, change: impl Fn(&str) -> String) -> Localized {
        let portuguese = if self.portuguese.is_empty() { String::new() } else { change(&self.portuguese) };
        Localized { english: change(&self.english), portuguese }
    }
}

/// Names, numbers, keys, and what a person or the operating system wrote: the same in each language.
impl From<String> for Localized {
    fn from(text: String) -> Localized {
        Localized { english: text, portuguese: String::new() }
    }
}

impl From<&str> for Localized {
    fn from(text: &str) -> Localized {
        text.to_owned().into()
    }
}

impl From<Text> for Localized {
    fn from(text: Text) -> Localized {
        Localized::new(text.english, text.portuguese)
    }
}

/// A [`Localized`] from one format string for each language. Names in braces are variables of the caller, as with
/// [`format!`]; those listed behind `with` are localized themselves, and each format string gets its own language.
macro_rules! localized {
    ($english:literal, $portuguese:literal $(, with $($part:ident),+)? $(,)?) => {
        $crate::lang::Localized::new(
            {
                $($(let $part = $part.to($crate::lang::Lang::English);)+)?
                format!($english)
            },
            {
                $($(let $part = $part.to($crate::lang::Lang::Portuguese);)+)?
                format!($portuguese)
            },
        )
    };
}

pub(crate) use localized;

/// A number with this many decimals, after a point in English and after a comma in Portuguese.
pub fn decimal(number: f64, decimals: usize) -> Localized {
    let text = format!("{number:.decimals$}");
    let portuguese = Lang::Portuguese.number(text.clone());
    Localized::new(text, portuguese)
}

/// One of two, by language.
pub fn choose<T>(lang: Lang, english: T, portuguese: T) -> T {
    match lang {
        Lang::English => english,
        Lang::Portuguese => portuguese,
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
        let of = |set| Lang::from_environment(variables(set));
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
        let mut text = Localized::default();
        text.add(Lang::English, "one");
        text.add(Lang::English, "two");
        assert_eq!((text.to(Lang::English), text.to(Lang::Portuguese)), ("one two", "one two"));
    }

    #[test]
    fn a_localized_text_may_hold_others() {
        let (node, time) = ("n3", decimal(1.25, 1));
        let text = localized!("{node} after {time} s", "{node} após {time} s", with time);
        assert_eq!((text.to(Lang::English), text.to(Lang::Portuguese)), ("n3 after 1.2 s", "n3 após 1,2 s"));
        let whole = localized!("line 4: {text}", "linha 4: {text}", with text).map(str::to_uppercase);
        assert_eq!(whole.to(Lang::Portuguese), "LINHA 4: N3 APÓS 1,2 S");
    }
}
