//! The scenario that runs or has run last, the assignment's sheet, and the cluster that is shown meanwhile if the
//! scenario has one of its own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::console::model::Model;
use crate::scenario::{ReportEvent, Run, Script};

#[derive(Clone, Debug, Default)]
pub struct Scenarios {
    /// Asked for and not begun yet: the nodes of its own cluster are being started.
    pub asked: Option<String>,
    pub run: Option<Run>,
    /// What the run was made of, each with how many records of the tape lay behind it.
    told: Vec<(u64, ReportEvent)>,
    /// The sheet's account, kept while other scenarios run.
    pub sheet: Option<Run>,
    sheet_told: Vec<(u64, ReportEvent)>,
    /// The item whose evidence is shown; none goes along with what happens.
    pub selected: Option<usize>,
    pub selected_line: Option<usize>,
    /// The numbers that what it asks of the cluster has here.
    pub asked_here: BTreeMap<u64, u64>,
}

impl Scenarios {
    pub fn is_running(&self) -> bool {
        self.asked.is_some() || self.run.as_ref().is_some_and(|run| run.end.is_none())
    }

    pub fn begin(&mut self, script: Arc<Script>) {
        self.asked = None;
        (self.selected, self.selected_line) = (None, None);
        self.asked_here.clear();
        self.told.clear();
        if script.is_sheet() {
            self.sheet_told.clear();
        }
        self.run = Some(Run::new(script));
    }

    /// Takes in what is told when so many records lie on the tape.
    pub fn take(&mut self, told: ReportEvent, at: u64) {
        let Some(run) = &mut self.run else { return };
        run.apply(told.clone());
        if run.script.is_sheet() {
            self.sheet = Some(run.clone());
            self.sheet_told.push((at, told.clone()));
        }
        self.told.push((at, told));
    }

    /// What was told so far lies before the beginning of a tape that begins now.
    pub fn on_new_tape(&mut self) {
        self.told.iter_mut().chain(&mut self.sheet_told).for_each(|(at, _)| *at = 0);
    }

    /// The run as it stood when so many records lay on the tape.
    pub fn run_at(&self, at: u64) -> Option<Run> {
        self.run.as_ref().map(|run| as_of(run, &self.told, at))
    }

    pub fn sheet_at(&self, at: u64) -> Option<Run> {
        self.sheet.as_ref().map(|run| as_of(run, &self.sheet_told, at))
    }

    /// The item of the run that is looked at: the selected one, else what is under way or was done last.
    pub fn in_sight(&self, run: &Run) -> Option<usize> {
        self.selected.or(run.now).or_else(|| run.results.iter().rposition(Option::is_some))
    }

    pub fn select(&mut self, down: isize) {
        let Some(run) = &self.run else { return };
        let last = run.script.items.len().saturating_sub(1);
        let here = self.in_sight(run).unwrap_or_default();
        self.selected = Some(here.saturating_add_signed(down).min(last));
    }

    pub fn select_line(&mut self, down: isize) {
        let Some(sheet) = &self.sheet else { return };
        let last = sheet.headings().count().saturating_sub(1);
        let line = self.selected_line.map_or(0, |line| line.saturating_add_signed(down));
        self.selected_line = Some(line.min(last));
    }
}

fn as_of(run: &Run, told: &[(u64, ReportEvent)], at: u64) -> Run {
    let mut then = Run::new(run.script.clone());
    told.iter().take_while(|(told_at, _)| *told_at <= at).for_each(|(_, told)| then.apply(told.clone()));
    then
}

impl Model {
    /// The scenario's account at the moment that is shown, and the sheet's.
    pub fn run_shown(&self) -> Option<Cow<'_, Run>> {
        let tape = &self.shown().tape;
        match tape.past() {
            None => self.scenarios.run.as_ref().map(Cow::Borrowed),
            Some(past) => self.scenarios.run_at(past.at).map(Cow::Owned),
        }
    }

    pub fn sheet_shown(&self) -> Option<Cow<'_, Run>> {
        let tape = &self.shown().tape;
        match tape.past() {
            None => self.scenarios.sheet.as_ref().map(Cow::Borrowed),
            Some(past) => self.scenarios.sheet_at(past.at).map(Cow::Owned),
        }
    }

    /// Shows a cluster that a scenario has for itself, in the place of the console's own, which goes on behind it. It
    /// has a tape of its own: one tape could not tell two nodes of the same number apart.
    pub fn show_aside(&mut self) -> &mut Model {
        let aside = Model { is_aside: true, now: self.now, ..Model::new(self.size, Vec::new()) };
        self.aside.insert(Box::new(aside))
    }

    /// What belongs to whoever sits there holds for the cluster that is shown, too.
    pub fn sit_aside(&mut self) {
        let Some(aside) = &mut self.aside else { return };
        (aside.size, aside.mode, aside.lang, aside.pane) = (self.size, self.mode, self.lang, self.pane);
        // What it has to say is said on the one line that there is.
        self.notice = aside.notice.take().or(self.notice.take());
    }

    /// Goes back to the console's own cluster. True if another one was shown.
    pub fn back_to_own(&mut self) -> bool {
        let was_aside = self.aside.take().is_some();
        if was_aside {
            self.changed();
        }
        was_aside
    }

    /// The model of the cluster that is shown.
    pub fn shown(&self) -> &Model {
        self.aside.as_deref().unwrap_or(self)
    }

    pub fn shown_mut(&mut self) -> &mut Model {
        match self.aside {
            Some(ref mut aside) => aside,
            None => self,
        }
    }
}
