//! Speaker notes: the present step of a tour in a file of the cluster's data folder, which `epoca notes` follows on
//! another terminal. So nothing that the presenter reads is on the projected screen.
//!
//! `DATA/defense.json` is there while a tour runs: one JSON object, [`Page`], replaced as a whole.

pub mod command;

mod screen;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::account::Run;
use super::presenter::Wait;
use crate::lang::{Lang, Localized};

const FILE: &str = "defense.json";
const FORMAT: &str = "epoca-defense";
const VERSION: u32 = 1;

/// What the presenter reads at one step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Page {
    format: String,
    version: u32,
    /// The console that shows the tour. A page of a process that is gone is an old one.
    pid: i32,
    /// When the tour began.
    begun_unix_ms: u64,
    /// The language of the screen.
    lang: String,
    /// The place among the steps, from 1, and their number; a question has none.
    place: Option<(usize, usize)>,
    state: State,
    title: Both,
    now: Both,
    look: Both,
    say: Both,
    question: Both,
    answer: Both,
    next: Both,
}

/// What the tour does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ready,
    Runs,
    /// It waits inside a step.
    Waits,
    Done,
}

/// A text in both languages; empty if there is none.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Both {
    en: String,
    pt: String,
}

impl Both {
    fn of(run: &Run, text: &Localized) -> Both {
        Both { en: run.named(text, Lang::English), pt: run.named(text, Lang::Portuguese) }
    }

    fn to(&self, lang: Lang) -> &str {
        match lang {
            Lang::English => &self.en,
            Lang::Portuguese => &self.pt,
        }
    }
}

impl Page {
    /// The page of a tour that has reached its first step.
    pub fn of(run: &Run, lang: Lang, begun_unix_ms: u64) -> Option<Page> {
        let (step, scene) = (run.step?, run.scene()?);
        let item = |index: usize| &run.script.items[index];
        let words = |index: usize| Both::of(run, &item(index).words);
        let asked = if run.is_at_question() { Some(step) } else { run.question_here() };
        let title = words(step);
        let title = match item(step).label().filter(|_| run.place(step).is_some()) {
            Some(label) => Both { en: format!("{label} {}", title.en), pt: format!("{label} {}", title.pt) },
            None => title,
        };
        Some(Page {
            format: FORMAT.to_owned(),
            version: VERSION,
            pid: Pid::this().as_raw(),
            begun_unix_ms,
            lang: lang.code().to_owned(),
            place: run.place(step),
            state: match run.waits {
                Some(Wait::Ready) => State::Ready,
                Some(Wait::Then(_)) => State::Waits,
                Some(Wait::Done) => State::Done,
                Some(Wait::Paused) | None => State::Runs,
            },
            title,
            now: run.now().map(|now| Both::of(run, now)).unwrap_or_default(),
            look: run.look().map(|look| Both::of(run, &look)).unwrap_or_default(),
            say: Both::of(run, &item(scene).notes.say),
            question: asked.map(words).unwrap_or_default(),
            answer: asked.map(|asked| Both::of(run, &item(asked).notes.answer)).unwrap_or_default(),
            next: run.next_step().map(words).unwrap_or_default(),
        })
    }
}

/// The file of a console. It is removed with this value.
pub struct NotesFile {
    folder: PathBuf,
    written: Option<Page>,
}

impl NotesFile {
    pub fn new(folder: &Path) -> NotesFile {
        NotesFile { folder: folder.to_owned(), written: None }
    }

    /// Writes the page if it is new; removes the file without one. A reader sees one page or the other, never a half.
    pub fn show(&mut self, page: Option<Page>) -> io::Result<()> {
        if page == self.written {
            return Ok(());
        }
        let path = self.folder.join(FILE);
        match &page {
            None => fs::remove_file(path)?,
            Some(page) => {
                // Readable by its owner alone, as all files of the folder.
                let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
                file.write_all(&serde_json::to_vec(page)?)?;
                file.persist(path).map_err(|error| error.error)?;
            }
        }
        self.written = page;
        Ok(())
    }
}

impl Drop for NotesFile {
    fn drop(&mut self) {
        // If it stays, its process id tells that it is an old one.
        let _ = self.show(None);
    }
}

/// Why there is no page.
#[derive(Debug)]
enum NoPage {
    NoTour,
    Unreadable(String),
}

/// The page of the tour that runs on this folder.
fn read(folder: &Path) -> Result<Page, NoPage> {
    let text = match fs::read(folder.join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(NoPage::NoTour),
        Err(error) => return Err(NoPage::Unreadable(error.to_string())),
    };
    let page: Page = serde_json::from_slice(&text).map_err(|error| NoPage::Unreadable(error.to_string()))?;
    if (page.format.as_str(), page.version) != (FORMAT, VERSION) {
        return Err(NoPage::Unreadable(format!("{} {}", page.format, page.version)));
    }
    let is_gone = kill(Pid::from_raw(page.pid), None) == Err(Errno::ESRCH);
    if is_gone { Err(NoPage::NoTour) } else { Ok(page) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;

    use super::*;
    use crate::scenario::report_events::ReportEvent;
    use crate::scenario::{DEFENSE, find};

    fn page() -> Page {
        let mut run = Run::new(Arc::new(find(DEFENSE).expect("it comes with the program")));
        let step = run.steps().nth(2).expect("there are several");
        run.apply(ReportEvent::NodesNamed(vec![("b".to_owned(), epoca::protocol::NodeId(3))]));
        run.apply(ReportEvent::ItemStarted(step));
        run.apply(ReportEvent::Waits(Some(Wait::Ready)));
        Page::of(&run, Lang::Portuguese, 7).expect("a step has begun")
    }

    #[test]
    fn a_page_is_read_as_it_was_written_by_its_owner_alone_and_goes_with_the_console() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = NotesFile::new(folder.path());
        assert!(matches!(read(folder.path()), Err(NoPage::NoTour)));
        file.show(Some(page())).expect("it is written");
        assert_eq!(read(folder.path()).expect("a page"), page());
        let mode = fs::metadata(folder.path().join(FILE)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(file);
        assert!(matches!(read(folder.path()), Err(NoPage::NoTour)));
    }

    #[test]
    fn a_page_of_a_console_that_was_killed_is_not_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let old = Page { pid: i32::MAX, ..page() };
        fs::write(folder.path().join(FILE), serde_json::to_vec(&old).expect("JSON")).expect("it is written");
        assert!(matches!(read(folder.path()), Err(NoPage::NoTour)));
    }

    #[test]
    fn a_page_names_nodes_by_number_and_holds_the_question_with_its_answer() {
        let page = page();
        assert!(page.now.pt.starts_with("n3 é morta"), "{page:?}");
        assert!(page.title.en.starts_with("Test 2") || page.title.en.starts_with("T2 Test 2"), "{page:?}");
        for text in [&page.say, &page.question, &page.answer, &page.next, &page.look] {
            assert!(!text.en.is_empty() && !text.pt.is_empty(), "{page:?}");
        }
    }
}
