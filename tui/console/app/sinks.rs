//! The consumers of the tape: the recording, the checks and the grades by hand.

use std::path::PathBuf;

use tokio::sync::mpsc::Sender;

use crate::console::app::checks::Checks;
use crate::console::app::grading::Grading;
use crate::console::model::Model;
use crate::console::model::tape::Recording;
use crate::console::update::Msg;
use crate::lang::Lang;
use crate::tape::{FileError, Record, Recorder};

/// The file of a recording and its maximum size.
#[derive(Clone, Debug)]
pub struct RecordTarget {
    pub path: PathBuf,
    pub bytes_max: u64,
}

pub struct Sinks {
    recorder: Option<Recorder>,
    checks: Checks,
    pub grading: Grading,
}

impl Sinks {
    /// Starts the recording, if there is one, and the checks. The checks report to the inbox.
    pub fn begin(target: Option<&RecordTarget>, inbox: Sender<Msg>) -> Result<Sinks, FileError> {
        let recorder = target.map(|RecordTarget { path, bytes_max }| Recorder::begin(path, *bytes_max)).transpose()?;
        Ok(Sinks { recorder, checks: Checks::begin(inbox.clone()), grading: Grading::begin(inbox) })
    }

    /// Passes the new records on.
    pub fn take(&mut self, model: &mut Model) {
        for record in model.tape.take_unread() {
            if let Some(recorder) = &self.recorder {
                recorder.take(Record::clone(&record));
            }
            self.grading.take(record.clone(), model);
            self.checks.take(record, model);
        }
        if let Some(recorder) = &self.recorder {
            let name = recorder.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
            let recording = Some(Recording { name, trouble: recorder.status().problem() });
            if model.tape.recording != recording {
                model.tape.recording = recording;
                model.changed();
            }
        }
    }

    /// Ends the recording and returns a summary.
    pub fn end(self, lang: Lang) -> Option<String> {
        let recorder = self.recorder?;
        let path = recorder.path().to_owned();
        Some(recorder.end().summary(&path).to(lang).to_owned())
    }
}
