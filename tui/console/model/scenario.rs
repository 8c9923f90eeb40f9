//! The current or last scenario, the assignment's sheet, and the scenario's own cluster.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::console::keys::{Action, Mode};
use crate::console::model::Model;
use crate::lang::Lang;
use crate::scenario::{RecordedRun, ReportEvent, Run, Script, Verdict};

#[derive(Clone, Debug, Default)]
pub struct Scenarios {
    /// Requested, but not started: the nodes of its cluster are starting.
    pub requested: Option<String>,
    pub run: Option<Run>,
    /// The reports of the run, each with the number of tape records before it.
    reports: Vec<(u64, ReportEvent)>,
    /// The sheet's run; kept while other scenarios run.
    pub sheet: Option<Run>,
    sheet_reports: Vec<(u64, ReportEvent)>,
    /// The runs of a recording, in order.
    recorded: Vec<RecordedRun>,
    /// The item whose evidence is shown; `None` follows the run.
    pub selected: Option<usize>,
    pub selected_line: Option<usize>,
    /// The run is to begin no further item.
    pub pause_asked: bool,
    /// Esc was pressed while it runs; the next one stops it.
    pub leave_asked: bool,
    /// It is being stopped in order to go back to the console's own cluster.
    pub is_left: bool,
    /// The tour begins as soon as the nodes answer.
    pub tour_wanted: bool,
    /// The scenario's operation numbers, mapped to the console's.
    pub operation_numbers: BTreeMap<u64, u64>,
    /// The console's numbers of all operations of scenarios. They are not a person's.
    pub own_operations: BTreeSet<u64>,
}

impl Scenarios {
    pub fn is_running(&self) -> bool {
        let is_under_way = self.run.as_ref().is_some_and(|run| run.end.is_none());
        self.requested.is_some() || is_under_way && self.recorded.is_empty()
    }

    /// The tour that runs.
    pub fn tour(&self) -> Option<&Run> {
        self.run.as_ref().filter(|run| run.script.is_tour && run.end.is_none())
    }

    pub fn begin(&mut self, script: Arc<Script>) {
        self.requested = None;
        (self.pause_asked, self.leave_asked, self.is_left) = (false, false, false);
        (self.selected, self.selected_line) = (None, None);
        self.operation_numbers.clear();
        self.reports.clear();
        if script.is_sheet() {
            self.sheet_reports.clear();
        }
        self.run = Some(Run::new(script));
    }

    /// Takes a report; `at` is the number of tape records before it.
    pub fn take(&mut self, report: ReportEvent, at: u64) {
        let Some(run) = &mut self.run else { return };
        run.apply(report.clone());
        if run.script.is_sheet() {
            self.sheet = Some(run.clone());
            self.sheet_reports.push((at, report.clone()));
        }
        self.reports.push((at, report));
    }

    /// A new tape starts: all reports so far come before its first record.
    pub fn on_new_tape(&mut self) {
        self.reports.iter_mut().chain(&mut self.sheet_reports).for_each(|(at, _)| *at = 0);
    }

    /// Takes the runs of a recording.
    pub fn load(&mut self, runs: Vec<RecordedRun>) {
        for recorded in &runs {
            self.begin(recorded.script.clone());
            recorded.reports.iter().for_each(|(at, report)| self.take(report.clone(), *at));
        }
        self.recorded = runs;
    }

    /// The run after `at` records. Of a recording with several runs: the one that has its first report by then.
    pub fn run_at(&self, at: u64) -> Option<Run> {
        let has_begun = |recorded: &&RecordedRun| recorded.reports.first().is_some_and(|(first, _)| *first <= at);
        if let Some(recorded) = self.recorded.iter().rfind(has_begun).or(self.recorded.first()) {
            return Some(as_of(&Run::new(recorded.script.clone()), &recorded.reports, at));
        }
        self.run.as_ref().map(|run| as_of(run, &self.reports, at))
    }

    /// The text of a mark in the language of the screen, if the mark is of a recorded run: a recording holds the line
    /// of the scenario's text.
    pub fn mark_text(&self, at: u64, text: &str, lang: Lang) -> Option<String> {
        let (verdict, rest) = text.split_once(' ')?;
        let verdict = Verdict::from_name(verdict)?;
        let recorded = self.recorded.iter().find(|recorded| recorded.reports.iter().any(|(of, _)| *of == at))?;
        let script = &recorded.script;
        let item = script.items.iter().find(|item| item.line == rest).map(|item| item.words.to(lang));
        let what = item.filter(|words| !words.is_empty()).unwrap_or(script.title.to(lang));
        Some(format!("{} {} {what}", verdict.mark(), verdict.word(lang)))
    }

    pub fn sheet_at(&self, at: u64) -> Option<Run> {
        self.sheet.as_ref().map(|run| as_of(run, &self.sheet_reports, at))
    }

    /// The selected item, else the current or last one.
    pub fn focused(&self, run: &Run) -> Option<usize> {
        self.selected.or(run.now).or_else(|| run.results.iter().rposition(Option::is_some))
    }

    pub fn select(&mut self, down: isize) {
        let Some(run) = &self.run else { return };
        // A tour shows the items of one step, as far as they have results.
        let shown: Vec<usize> = match run.step.filter(|_| run.script.is_tour) {
            Some(step) => run.items_of(step).filter(|index| run.shows(*index)).collect(),
            None => (0..run.script.items.len()).collect(),
        };
        let here = self.focused(run).unwrap_or_default();
        let place = shown.iter().position(|index| *index >= here).unwrap_or(shown.len().saturating_sub(1));
        let place = place.saturating_add_signed(down).min(shown.len().saturating_sub(1));
        self.selected = shown.get(place).copied();
    }

    pub fn select_line(&mut self, down: isize) {
        let Some(sheet) = &self.sheet else { return };
        let last = sheet.headings().count().saturating_sub(1);
        let line = self.selected_line.map_or(0, |line| line.saturating_add_signed(down));
        self.selected_line = Some(line.min(last));
    }
}

fn as_of(run: &Run, reports: &[(u64, ReportEvent)], at: u64) -> Run {
    let mut then = Run::new(run.script.clone());
    reports.iter().take_while(|(heard_at, _)| *heard_at <= at).for_each(|(_, event)| then.apply(event.clone()));
    then
}

impl Model {
    /// Whether the keys of a running scenario act: in the present, without a line to type.
    pub fn is_paced(&self) -> bool {
        self.mode == Mode::Control && self.scenarios.is_running() && self.shown().tape.past().is_none()
    }

    /// Whether a key of a running scenario has a meaning now.
    pub fn has_guide_key(&self, action: Action) -> bool {
        match action {
            Action::Guide(key) => !key.is_of_tours() || self.scenarios.tour().is_some(),
            _ => true,
        }
    }

    /// The tour at the moment that is shown.
    pub fn tour_shown(&self) -> Option<Cow<'_, Run>> {
        self.run_shown().filter(|run| run.script.is_tour && (run.end.is_none() || self.tape.past().is_some()))
    }

    /// The run at the moment that is shown.
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

    /// Shows a scenario's own cluster instead of the console's cluster, which continues in the background. The
    /// scenario's cluster has a tape of its own, because node numbers of two clusters would collide on one tape.
    pub fn show_scenario_cluster(&mut self) -> &mut Model {
        let cluster = Model { is_scenario_cluster: true, now: self.now, ..Model::new(self.size, Vec::new()) };
        self.scenario_cluster.insert(Box::new(cluster))
    }

    /// Copies the state of the user interface to the cluster that is shown.
    pub fn sync_scenario_cluster(&mut self) {
        let Some(cluster) = &mut self.scenario_cluster else { return };
        (cluster.size, cluster.mode, cluster.lang, cluster.pane) = (self.size, self.mode, self.lang, self.pane);
        cluster.filter.clone_from(&self.filter);
        // There is one line for notices.
        self.notice = cluster.notice.take().or(self.notice.take());
    }

    /// Returns to the console's own cluster. True if another one was shown.
    pub fn leave_scenario_cluster(&mut self) -> bool {
        let was_shown = self.scenario_cluster.take().is_some();
        if was_shown {
            self.changed();
        }
        was_shown
    }

    /// The model of the cluster that is shown.
    pub fn shown(&self) -> &Model {
        self.scenario_cluster.as_deref().unwrap_or(self)
    }

    pub fn shown_mut(&mut self) -> &mut Model {
        match self.scenario_cluster {
            Some(ref mut cluster) => cluster,
            None => self,
        }
    }
}
