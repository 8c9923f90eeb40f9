//! The filter of the tabs: which lines are shown. A line is a hit if it has each word of the filter.

use crate::console::model::Model;

/// What was typed after `/`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    pub text: String,
    /// Letters still go to the filter.
    pub is_typing: bool,
}

impl Filter {
    /// Case does not matter. A word that names a node or an epoch (`n3`, `e2`) does not find `n31` or `e21`; any other
    /// word is found anywhere.
    pub fn is_hit(&self, line: &str) -> bool {
        let line = line.to_lowercase();
        self.text.to_lowercase().split_whitespace().all(|word| has(&line, word))
    }
}

impl Model {
    /// Whether letters go to the filter.
    pub fn is_typing_filter(&self) -> bool {
        self.dialog.is_none() && self.filter.as_ref().is_some_and(|filter| filter.is_typing)
    }
}

fn has(line: &str, word: &str) -> bool {
    if !is_name(word) {
        return line.contains(word);
    }
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

/// Whether a word names a node, an epoch, an offset or a rule: a letter and a number.
fn is_name(word: &str) -> bool {
    let digits = word.strip_prefix(|letter: char| letter.is_ascii_lowercase()).unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(text: &str, line: &str) -> bool {
        Filter { text: text.to_owned(), is_typing: false }.is_hit(line)
    }

    #[test]
    fn a_line_is_a_hit_if_it_has_every_word() {
        assert!(hits("", "anything") && hits("PUSH n3", "P2 n1: push of e1·o1 to n2, n3"));
        assert!(!hits("push n4", "P2 n1: push of e1·o1 to n2, n3"));
        assert!(hits("commit", "K1 Committed"));
    }

    #[test]
    fn a_node_or_an_epoch_is_a_word_of_its_own() {
        assert!(hits("e2", "truncates from e2·o3") && !hits("e2", "truncates from e21·o3"));
        assert!(!hits("n3", "n31: live") && hits("n3", "n1→n3 #4"));
        assert!(hits("k1", "K1 n1: committed"), "a rule");
    }
}
