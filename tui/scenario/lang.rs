//! The languages in which scenarios speak, and texts in both.

use clap::ValueEnum;

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Lang {
    /// English
    #[default]
    En,
    /// Brazilian Portuguese
    Pt,
}

impl Lang {
    /// That of the locale: the first of LC_ALL, LC_MESSAGES and LANG that is set.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Lang {
        let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set);
        if locale.is_some_and(|locale| locale.starts_with("pt")) { Lang::Pt } else { Lang::En }
    }

    pub fn choose<T>(self, en: T, pt: T) -> T {
        match self {
            Lang::En => en,
            Lang::Pt => pt,
        }
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
        let (first, other) = lang.choose((&self.en, &self.pt), (&self.pt, &self.en));
        if first.is_empty() { other } else { first }
    }

    /// Adds a line in one language; lines of one text are joined by a space.
    pub fn add(&mut self, lang: Lang, text: &str) {
        let words = lang.choose(&mut self.en, &mut self.pt);
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides_the_language() {
        let lang = |set: &'static [(&'static str, &'static str)]| {
            Lang::of_environment(|name| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(lang(&[]), Lang::En);
        assert_eq!(lang(&[("LANG", "pt_BR.UTF-8")]), Lang::Pt);
        assert_eq!(lang(&[("LC_ALL", "C"), ("LANG", "pt_BR.UTF-8")]), Lang::En);
        assert_eq!(lang(&[("LC_ALL", ""), ("LANG", "pt_BR.UTF-8")]), Lang::Pt);
    }

    #[test]
    fn a_missing_language_is_taken_from_the_other() {
        let mut words = Words::default();
        words.add(Lang::En, "one");
        words.add(Lang::En, "two");
        assert_eq!((words.text(Lang::En), words.text(Lang::Pt)), ("one two", "one two"));
    }
}
