//! The languages of texts for people, and a text in each of them. A missing translation does not compile.
//!
//! Commands are English in every language.

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
    /// The language of the locale. The first variable that is set decides.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Lang {
        let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
        match set {
            Some(locale) if locale.to_ascii_lowercase().starts_with("pt") => Lang::Portuguese,
            _ => Lang::English,
        }
    }
}

/// A text in all languages. `{name}` is a placeholder that [`Text::with`] fills.
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

    /// Fills the placeholders. A placeholder without a value becomes empty.
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

    /// The names of the placeholders, in the order of the text.
    #[cfg(test)]
    pub fn places(self, lang: Lang) -> Vec<&'static str> {
        let parts = self.to(lang).split('{').skip(1);
        parts.map(|part| part.split_once('}').expect("a brace is open").0).collect()
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
}
