//! Keeps the speaker notes of a running tour in the cluster's data folder, for `epoca notes`.

use std::path::Path;

use epoca::protocol::NodeId;

use crate::console::model::Model;
use crate::console::words::tour as words;
use crate::lang::Lang;
use crate::scenario::Wait;
use crate::scenario::notes::{NotesFile, Page};

pub struct SpeakerNotes {
    file: Option<NotesFile>,
    /// What the last page was made from.
    seen: Option<Seen>,
    /// When the running tour began, in milliseconds of the Unix epoch.
    begun: Option<u64>,
}

/// What a page depends on: while it stays the same, no page is made.
type Seen = (Option<usize>, Option<usize>, Option<Wait>, Vec<(String, NodeId)>, Lang);

impl SpeakerNotes {
    /// Without a folder there are none: a cluster that is known by its addresses alone.
    pub fn new(folder: Option<&Path>) -> SpeakerNotes {
        SpeakerNotes { file: folder.map(NotesFile::new), seen: None, begun: None }
    }

    /// `now`: milliseconds of the Unix epoch.
    pub fn follow(&mut self, model: &mut Model, now: u64) {
        let tour = model.scenarios.tour();
        let seen = tour.map(|run| (run.step, run.scene(), run.waits, run.names.clone(), model.lang));
        let Some(file) = self.file.as_mut().filter(|_| self.seen != seen) else { return };
        self.seen = seen;
        self.begun = tour.map(|_| self.begun.unwrap_or(now));
        let page = tour.zip(self.begun).and_then(|(run, begun)| Page::of(run, model.lang, begun));
        if let Err(error) = file.show(page) {
            self.file = None;
            model.warn(words::NO_NOTES.with(model.lang, &[("error", &error)]));
        }
    }
}
