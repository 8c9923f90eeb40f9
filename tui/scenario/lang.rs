//! Texts of scenarios, in both languages of the screen. What people type stays English.

use crate::lang::Lang;

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

    #[test]
    fn a_missing_language_is_taken_from_the_other() {
        let mut words = Words::default();
        words.add(Lang::English, "one");
        words.add(Lang::English, "two");
        assert_eq!((words.text(Lang::English), words.text(Lang::Portuguese)), ("one two", "one two"));
    }
}
