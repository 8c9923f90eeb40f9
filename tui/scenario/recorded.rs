//! The scenarios of a recording, from its marks: a recording holds a mark for each expectation that ended, and one for
//! the verdict. The evidence is not recorded.

use std::sync::Arc;
use std::time::Duration;

use super::library;
use super::report_events::{ItemResult, ReportEvent, STOPPED, Verdict};
use super::script::{Item, ItemKind, Script};
use crate::lang::Localized;
use crate::tape::MarkKind;

/// A mark of a scenario, with the number of records up to and including it.
#[derive(Clone, Debug)]
pub struct RecordedMark<'a> {
    pub at: u64,
    pub time: Duration,
    pub kind: MarkKind,
    pub text: &'a str,
}

/// A run with its reports, each with the number of records up to it.
#[derive(Clone, Debug)]
pub struct RecordedRun {
    pub script: Arc<Script>,
    pub reports: Vec<(u64, ReportEvent)>,
}

/// The runs of a recording, in order. A run is left out if no scenario of the library has its steps: a scenario of a
/// person's own file, or one of another version of this program.
pub fn recorded_runs(marks: &[RecordedMark]) -> Vec<RecordedRun> {
    let of_scenarios = |mark: &&RecordedMark| matches!(mark.kind, MarkKind::Scenario | MarkKind::Verdict);
    let marks: Vec<RecordedMark> = marks.iter().filter(of_scenarios).cloned().collect();
    marks.split_inclusive(RecordedMark::is_end).filter_map(recorded_run).collect()
}

impl RecordedMark<'_> {
    fn is_end(&self) -> bool {
        self.kind == MarkKind::Verdict || self.is_stop()
    }

    /// Whether a person stopped the run. The mark has the name of the scenario and no verdict, see
    /// [`ReportEvent::mark`].
    fn is_stop(&self) -> bool {
        let words: Vec<&str> = self.text.split_whitespace().collect();
        matches!(words[..], [_, _, STOPPED])
    }
}

fn recorded_run(marks: &[RecordedMark]) -> Option<RecordedRun> {
    let name = marks.last().filter(|mark| mark.is_end()).and_then(|mark| {
        let mut words = mark.text.split_whitespace();
        words.nth(1).map(str::to_owned)
    });
    let scripts = library::all().into_iter().filter(|script| name.as_ref().is_none_or(|name| *name == script.name));
    scripts.into_iter().find_map(|script| reports_of(Arc::new(script), marks))
}

fn reports_of(script: Arc<Script>, marks: &[RecordedMark]) -> Option<RecordedRun> {
    let mut reports = vec![];
    let mut next = 0;
    for mark in marks {
        let (verdict, rest) = mark.text.split_once(' ')?;
        let verdict = Verdict::from_name(verdict)?;
        let begun = marks.first().map_or(mark.time, |first| first.time);
        let took = mark.time.saturating_sub(begun);
        if mark.is_stop() {
            reports.push((mark.at, ReportEvent::Stopped { took }));
            continue;
        }
        if mark.kind == MarkKind::Verdict {
            let why = rest.split_once(' ').map_or("", |(_, why)| why);
            reports.push((mark.at, ReportEvent::Ended { verdict, why: why.trim().into(), took }));
            continue;
        }
        let found = position(&script.items[next..], rest).map(|index| next + index);
        let index = match found {
            Some(index) => index,
            // An attempt was repeated, which has no mark.
            None => {
                let from = position(&script.items[..next], rest)?;
                reports.push((mark.at, ReportEvent::Repeated { from: 0, why: Localized::default() }));
                next = 0;
                from
            }
        };
        // Commands have no marks. Items are played in order, so those before an ended expectation were sent.
        let commands = (next..index).filter(|command| matches!(script.items[*command].kind, ItemKind::Do(_)));
        reports.extend(commands.map(|command| (mark.at, ended(command, Verdict::Pass))));
        reports.push((mark.at, ended(index, verdict)));
        next = index + 1;
    }
    Some(RecordedRun { script, reports })
}

/// The first expectation with this line.
fn position(items: &[Item], line: &str) -> Option<usize> {
    items.iter().position(|item| item.line == line && !matches!(item.kind, ItemKind::Do(_)))
}

fn ended(item: usize, verdict: Verdict) -> ReportEvent {
    let (evidence, text, took) = (Vec::new(), Localized::default(), Duration::ZERO);
    ReportEvent::ItemEnded(item, ItemResult { verdict, evidence, text, took })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Run;

    fn marks<'a>(lines: &'a [(MarkKind, String)]) -> Vec<RecordedMark<'a>> {
        let mark = |(index, (kind, text)): (usize, &'a (MarkKind, String))| {
            let at = index as u64 + 1;
            RecordedMark { at, time: Duration::from_secs(at), kind: *kind, text }
        };
        lines.iter().enumerate().map(mark).collect()
    }

    /// The marks that a passed run of this scenario leaves.
    fn passed(name: &str) -> Vec<(MarkKind, String)> {
        let script = library::find(name).expect("it comes with the program");
        let items = script.items.iter().enumerate();
        let told = items.filter(|(_, item)| !matches!(item.kind, ItemKind::Step | ItemKind::Graded { .. }));
        let told = told.map(|(index, _)| ended(index, Verdict::Pass));
        let end = ReportEvent::Ended { verdict: Verdict::Pass, why: Localized::default(), took: Duration::ZERO };
        let all: Vec<_> = told.chain([end]).collect();
        all.iter().filter_map(|told| Some((told.mark_kind(), told.mark(&script)?))).collect()
    }

    fn run(recorded: &RecordedRun, up_to: u64) -> Run {
        let mut run = Run::new(recorded.script.clone());
        let reports = recorded.reports.iter().take_while(|(at, _)| *at <= up_to);
        reports.for_each(|(_, report)| run.apply(report.clone()));
        run
    }

    #[test]
    fn every_scenario_of_the_library_is_found_in_its_own_marks() {
        for name in library::names() {
            let lines = passed(name);
            let runs = recorded_runs(&marks(&lines));
            let [recorded] = &runs[..] else { panic!("{name}: {} runs", runs.len()) };
            assert_eq!(recorded.script.name, name);
            let last = run(recorded, u64::MAX);
            assert_eq!(last.verdict(), Verdict::Pass, "{name}");
            assert_eq!(last.ticked().0, last.ticked().1, "{name}");
        }
    }

    #[test]
    fn a_step_is_ticked_at_its_mark_and_not_before() {
        let lines = passed("normal");
        let runs = recorded_runs(&marks(&lines));
        for at in 0..lines.len() as u64 - 1 {
            assert_eq!(run(&runs[0], at).ticked().0 as u64, at);
        }
    }

    #[test]
    fn several_scenarios_follow_each_other_and_the_last_may_have_no_verdict() {
        let lines: Vec<_> = ["normal", "old-log"].into_iter().flat_map(passed).collect();
        let cut = &lines[..lines.len() - 2];
        let runs = recorded_runs(&marks(cut));
        let names: Vec<_> = runs.iter().map(|run| run.script.name.as_str()).collect();
        assert_eq!(names, ["normal", "old-log"]);
        assert!(run(&runs[1], u64::MAX).end.is_none());
    }

    #[test]
    fn a_repeated_attempt_begins_again() {
        let lines = passed("normal");
        let twice: Vec<_> = lines[..2].iter().chain(&lines).cloned().collect();
        let runs = recorded_runs(&marks(&twice));
        assert_eq!(run(&runs[0], 3).ticked().0, 1);
        assert_eq!(run(&runs[0], u64::MAX).verdict(), Verdict::Pass);
    }

    #[test]
    fn a_scenario_that_is_not_in_the_library_has_no_run() {
        let lines =
            vec![(MarkKind::Scenario, "PASS expect own".to_owned()), (MarkKind::Verdict, "PASS own ".to_owned())];
        assert!(recorded_runs(&marks(&lines)).is_empty());
    }

    #[test]
    fn a_scenario_that_was_stopped_is_found_and_the_next_one_too() {
        let stopped = ReportEvent::Stopped { took: Duration::from_secs(1) };
        let script = library::find("normal").expect("it comes with the program");
        let mut lines = passed("normal")[..2].to_vec();
        lines.push((stopped.mark_kind(), stopped.mark(&script).expect("it leaves a mark")));
        lines.extend(passed("old-log"));
        let runs = recorded_runs(&marks(&lines));
        let names: Vec<_> = runs.iter().map(|run| run.script.name.as_str()).collect();
        assert_eq!(names, ["normal", "old-log"]);
        let end = run(&runs[0], u64::MAX).end.expect("it was stopped");
        assert!(end.is_stopped);
        assert_eq!(run(&runs[1], u64::MAX).verdict(), Verdict::Pass);
    }

    #[test]
    fn a_tour_in_a_recording_is_not_taken_for_a_scenario() {
        let lines = passed(library::DEFENSE);
        for count in [1, 2, 3, 6, 9, 30, lines.len()] {
            assert!(recorded_runs(&marks(&lines[..count])).is_empty(), "after {count} marks");
        }
    }
}
