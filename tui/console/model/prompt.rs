//! The command line: text and cursor, history, history search, completion.
//!
//! Keys are bound in [`crate::console::keys`]. `app` stores the history between runs.

use tui_input::{Input, InputRequest};

/// Lines of the history.
pub const HISTORY_MAX: usize = 1_000;

/// The longest line in bytes. Longer values come from files.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// Longer text is inserted as a whole. Inserting letter by letter costs time proportional to the line for each letter.
const TYPED_MAX: usize = 256;

#[derive(Clone, Debug, Default)]
pub struct Prompt {
    pub input: Input,
    /// The error of the last entered line, until the line changes.
    pub mistake: Option<Mistake>,
    /// The completions, if there are several.
    pub candidates: Vec<String>,
    pub search: Option<Search>,
    /// Letters are missing because the line was full. Such a line is not executed: it is not what was typed.
    pub is_short: bool,
    history: Vec<String>,
    /// The history line that is shown, and the text that was typed before it.
    recalled: Option<(usize, String)>,
}

/// The line would exceed [`LINE_BYTES_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLong;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// Position in characters.
    pub at: usize,
    pub expected: String,
}

/// A backward search through the history: the search text and the found line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Search {
    pub query: String,
    pub found: Option<usize>,
}

impl Prompt {
    pub fn with_history(history: Vec<String>) -> Prompt {
        let excess = history.len().saturating_sub(HISTORY_MAX);
        Prompt { history: history.into_iter().skip(excess).collect(), ..Prompt::default() }
    }

    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// The line that the search found.
    pub fn found(&self) -> Option<&str> {
        let found = self.search.as_ref()?.found?;
        self.history.get(found).map(String::as_str)
    }

    /// Moves the cursor or deletes. Letters are added by [`Prompt::insert`].
    pub fn edit(&mut self, request: InputRequest) {
        let is_full = self.text().len() >= LINE_BYTES_MAX;
        if matches!(request, InputRequest::Yank) && is_full {
            return;
        }
        if self.input.handle(request).is_some_and(|change| change.value) {
            self.changed();
        }
    }

    /// Inserts text at the cursor, all or nothing. Line breaks become spaces, because a line is one command.
    pub fn paste(&mut self, text: &str) -> Result<(), TooLong> {
        let clean: String = text.trim_end_matches(['\r', '\n']).replace("\r\n", "\n");
        let clean = clean.replace(['\r', '\n', '\t'], " ");
        let clean: String = clean.chars().filter(|character| !character.is_control()).collect();
        self.insert(&clean)
    }

    /// Inserts letters at the cursor, all or nothing.
    pub fn insert(&mut self, letters: &str) -> Result<(), TooLong> {
        if self.text().len() + letters.len() > LINE_BYTES_MAX {
            return Err(TooLong);
        }
        if letters.len() <= TYPED_MAX {
            for letter in letters.chars() {
                self.input.handle(InputRequest::InsertChar(letter));
            }
            self.changed();
            return Ok(());
        }
        let cursor = self.input.cursor();
        let mut line: String = self.text().chars().take(cursor).collect();
        let rest: String = self.text().chars().skip(cursor).collect();
        line.push_str(letters);
        let cursor = line.chars().count();
        let is_short = self.is_short;
        self.set(line + &rest);
        self.is_short = is_short;
        self.input.handle(InputRequest::SetCursor(cursor));
        Ok(())
    }

    pub fn set(&mut self, line: String) {
        self.is_short = false;
        self.input = Input::new(line);
        self.changed();
    }

    pub fn clear(&mut self) {
        self.set(String::new());
        self.recalled = None;
    }

    /// Adds a line to the history. False if it equals the previous line.
    pub fn remember(&mut self, line: &str) -> bool {
        self.recalled = None;
        let line = line.trim();
        if line.is_empty() || self.history.last().is_some_and(|last| last == line) {
            return false;
        }
        self.history.push(line.to_owned());
        if self.history.len() > HISTORY_MAX {
            self.history.remove(0);
        }
        true
    }

    pub fn older(&mut self) {
        let (index, typed) = match self.recalled.take() {
            Some((index, typed)) => (index.saturating_sub(1), typed),
            None if self.history.is_empty() => return,
            None => (self.history.len() - 1, self.text().to_owned()),
        };
        self.set(self.history[index].clone());
        self.recalled = Some((index, typed));
    }

    pub fn newer(&mut self) {
        let Some((index, typed)) = self.recalled.take() else { return };
        match self.history.get(index + 1).cloned() {
            Some(line) => {
                self.set(line);
                self.recalled = Some((index + 1, typed));
            }
            None => self.set(typed),
        }
    }

    /// Starts the search, or continues to the next older match.
    pub fn search_on(&mut self) {
        match self.search.take() {
            None => self.search = Some(Search::default()),
            Some(search) => {
                let older = self.find(&search.query, search.found.unwrap_or(self.history.len()));
                self.search = Some(Search { found: older.or(search.found), ..search });
            }
        }
    }

    pub fn search_type(&mut self, character: char) {
        if let Some(mut search) = self.search.take() {
            search.query.push(character);
            self.search = Some(self.search_for(search.query));
        }
    }

    pub fn search_erase(&mut self) {
        if let Some(mut search) = self.search.take() {
            search.query.pop();
            self.search = Some(self.search_for(search.query));
        }
    }

    /// Ends the search and takes the found line.
    pub fn search_accept(&mut self) {
        if let Some(found) = self.found().map(ToOwned::to_owned) {
            self.set(found);
        }
        self.search = None;
    }

    /// Completes the word before the cursor from `words`, as far as all matches agree.
    pub fn complete(&mut self, words: &[String]) {
        let cursor = self.input.cursor();
        let before: String = self.text().chars().take(cursor).collect();
        let after: String = self.text().chars().skip(cursor).collect();
        let start = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let fitting: Vec<String> = words.iter().filter(|word| word.starts_with(&before[start..])).cloned().collect();
        let Some(common) = common_start(&fitting) else { return };
        let end = if fitting.len() == 1 && !after.starts_with(' ') { " " } else { "" };
        let line = format!("{}{common}{end}", &before[..start]);
        let cursor = line.chars().count();
        self.set(line + &after);
        self.input.handle(InputRequest::SetCursor(cursor));
        if fitting.len() > 1 {
            self.candidates = fitting;
        }
    }

    fn changed(&mut self) {
        self.mistake = None;
        self.candidates.clear();
        self.is_short &= !self.text().is_empty();
    }

    fn search_for(&self, query: String) -> Search {
        let found = self.find(&query, self.history.len());
        Search { query, found }
    }

    fn find(&self, query: &str, below: usize) -> Option<usize> {
        self.history[..below].iter().rposition(|line| !query.is_empty() && line.contains(query))
    }
}

fn common_start(words: &[String]) -> Option<String> {
    let (first, others) = words.split_first()?;
    let common = others.iter().fold(first.as_str(), |common, word| {
        let agreed = common.char_indices().zip(word.chars()).take_while(|((_, mine), theirs)| mine == theirs);
        let end = agreed.last().map_or(0, |((at, mine), _)| at + mine.len_utf8());
        &common[..end]
    });
    Some(common.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(lines: &[&str]) -> Prompt {
        Prompt::with_history(lines.iter().map(|line| (*line).to_owned()).collect())
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn the_history_gives_back_what_was_being_typed() {
        let mut prompt = prompt(&["put x 1", "kill 3"]);
        prompt.paste("ge").expect("there is room");
        prompt.older();
        prompt.older();
        prompt.older();
        assert_eq!(prompt.text(), "put x 1");
        prompt.newer();
        prompt.newer();
        assert_eq!(prompt.text(), "ge");
    }

    #[test]
    fn the_search_goes_to_older_lines_that_fit() {
        let mut prompt = prompt(&["kill 3", "put x 1", "kill 2"]);
        prompt.search_on();
        "ki".chars().for_each(|character| prompt.search_type(character));
        assert_eq!(prompt.found(), Some("kill 2"));
        prompt.search_on();
        assert_eq!(prompt.found(), Some("kill 3"));
        prompt.search_on();
        prompt.search_accept();
        assert_eq!((prompt.text(), &prompt.search), ("kill 3", &None));
    }

    #[test]
    fn completion_goes_as_far_as_all_words_agree() {
        let mut prompt = prompt(&[]);
        prompt.paste("re").expect("there is room");
        prompt.complete(&words(&["restart", "resume", "release", "put"]));
        assert_eq!((prompt.text(), prompt.candidates.len()), ("re", 3));
        prompt.paste("s").expect("there is room");
        prompt.complete(&words(&["restart", "resume", "release"]));
        assert_eq!(prompt.text(), "res");
        prompt.paste("t").expect("there is room");
        prompt.complete(&words(&["restart", "resume"]));
        assert_eq!((prompt.text(), prompt.candidates.len()), ("restart ", 0));
    }

    #[test]
    fn a_paste_of_several_lines_becomes_one_line_at_the_cursor() {
        let mut prompt = prompt(&[]);
        prompt.paste("put  1").expect("there is room");
        prompt.input.handle(InputRequest::SetCursor(4));
        prompt.paste("a\r\nb\u{1b}\n").expect("there is room");
        assert_eq!((prompt.text(), prompt.input.cursor()), ("put a b 1", 7));
    }

    #[test]
    fn a_line_is_bounded() {
        let mut prompt = prompt(&[]);
        assert_eq!(prompt.paste(&"é".repeat(LINE_BYTES_MAX)), Err(TooLong));
        assert_eq!(prompt.text(), "");
        assert_eq!(prompt.paste(&"é".repeat(LINE_BYTES_MAX / 2)), Ok(()));
        assert_eq!(prompt.insert("x"), Err(TooLong));
        assert_eq!(prompt.text().len(), LINE_BYTES_MAX);
    }
}
