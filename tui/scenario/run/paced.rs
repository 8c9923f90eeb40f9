//! A run that a person paces: the gate between two items, and tours.
//!
//! A tour waits before each step, inside it where its text says so, and after it. Its steps stand alone: each begins
//! with a restored cluster and names for the present roles, so going back, repeating and questions need nothing else.

use std::time::{Duration, Instant};

use super::{Ending, REPEATS_MAX, Runner, acted, is_about_leader};
use crate::lang::Localized;
use crate::scenario::check::CheckResult;
use crate::scenario::leadership::LeadershipWatch;
use crate::scenario::orders::{Go, Orders};
use crate::scenario::presenter::Wait;
use crate::scenario::report_events::{ItemResult, ReportEvent, Verdict};
use crate::scenario::script::{ItemKind, Script};

/// How the play of a step ended.
enum StepEnd {
    Ended,
    Left(Go),
    /// It proves nothing, because leadership has moved.
    Void(Localized),
}

impl Runner<'_> {
    /// Waits here while the run is paused.
    pub(super) async fn gate(&mut self, orders: &mut Orders) {
        if orders.must_wait() {
            self.report(ReportEvent::Waits(Some(Wait::Paused))).await;
            orders.pause().await;
            self.report(ReportEvent::Waits(None)).await;
        }
    }

    /// Plays the steps in the order that the person chooses; without a person all of them, then the questions.
    pub(super) async fn play_tour(&mut self, orders: &mut Orders) -> Ending {
        let steps: Vec<usize> = self.run.steps().collect();
        let all: Vec<usize> = steps.iter().copied().chain(self.script.questions()).collect();
        let Some(mut at) = steps.first().copied() else { return (Verdict::Pass, Localized::default()) };
        let mut is_again = false;
        loop {
            let go = self.visit(at, is_again, orders).await;
            is_again = go == Go::Again;
            let beside = |list: &[usize], by: isize| {
                let place = list.iter().position(|heading| *heading == at)?;
                list.get(place.checked_add_signed(by)?).copied()
            };
            let next = match go {
                Go::Again => Some(at),
                Go::To(heading) => Some(heading),
                Go::Back => self.run.origin.or_else(|| beside(&steps, -1)).or(Some(at)),
                Go::Next => self.run.origin.or_else(|| beside(&steps, 1)),
                Go::Alone => beside(&all, 1),
            };
            match next {
                Some(next) => at = next,
                None => return self.tour_ending(if orders.is_alone() { &all } else { &steps }),
            }
        }
    }

    /// The worst verdict of the steps. A step that was left out is unknown.
    fn tour_ending(&self, steps: &[usize]) -> Ending {
        let verdict = |step: &usize| self.run.verdict_of(*step).unwrap_or(Verdict::Unknown);
        let worst = steps.iter().map(verdict).max().unwrap_or(Verdict::Unknown);
        let why = if worst == Verdict::Pass { Localized::default() } else { self.run.shown() };
        (worst, why)
    }

    /// A step that has passed waits with its evidence. Any other waits at its beginning, runs, and waits again.
    async fn visit(&mut self, heading: usize, is_again: bool, orders: &mut Orders) -> Go {
        self.report(ReportEvent::ItemStarted(heading)).await;
        let has_passed = self.run.verdict_of(heading) == Some(Verdict::Pass);
        if !is_again && !has_passed {
            self.report(ReportEvent::Cleared(heading)).await;
            // From here on an order to go on is about this step, which the person sees.
            orders.settle();
            self.prepare().await;
            match self.wait(Wait::Ready, orders).await {
                Go::Next | Go::Alone => {}
                go => return go,
            }
        }
        if (is_again || !has_passed)
            && let Some(go) = self.play_step(heading, orders).await
        {
            return go;
        }
        self.wait(Wait::Done, orders).await
    }

    async fn wait(&mut self, wait: Wait, orders: &mut Orders) -> Go {
        if wait != Wait::Ready {
            orders.settle();
        }
        self.report(ReportEvent::Waits(Some(wait))).await;
        let go = orders.wait().await;
        self.report(ReportEvent::Waits(None)).await;
        go
    }

    /// Restores the cluster and binds the names. If that fails, the step shows what is wrong.
    async fn prepare(&mut self) -> bool {
        match self.begin_line().await {
            Ok(()) => true,
            Err(why) => {
                self.note(why).await;
                false
            }
        }
    }

    /// Returns the order that left the step before its end.
    async fn play_step(&mut self, heading: usize, orders: &mut Orders) -> Option<Go> {
        let script = self.script.clone();
        for repeats in 0.. {
            self.report(ReportEvent::Cleared(heading)).await;
            self.report(ReportEvent::ItemStarted(heading)).await;
            // Since the step was announced, another node may lead, or a person may have caused a fault.
            if !self.prepare().await {
                return None;
            }
            self.begin_part(Some(heading));
            match self.play_step_once(&script, heading, repeats < REPEATS_MAX, orders).await {
                StepEnd::Left(go) => {
                    self.part = None;
                    return Some(go);
                }
                StepEnd::Ended => break,
                StepEnd::Void(why) => self.report(ReportEvent::Repeated { from: heading, why }).await,
            }
        }
        self.end_part().await;
        None
    }

    async fn play_step_once(
        &mut self,
        script: &Script,
        heading: usize,
        may_repeat: bool,
        orders: &mut Orders,
    ) -> StepEnd {
        for index in self.run.items_of(heading) {
            let item = &script.items[index];
            self.gate(orders).await;
            if let Some(go) = orders.take_go() {
                return StepEnd::Left(go);
            }
            if let ItemKind::Then = item.kind {
                self.report(ReportEvent::ItemStarted(index)).await;
                match self.wait(Wait::Then(index), orders).await {
                    Go::Next | Go::Alone => {}
                    go => return StepEnd::Left(go),
                }
                self.report(ended(index, acted(Localized::default()), Duration::ZERO)).await;
                continue;
            }
            let begun = Instant::now();
            let played = tokio::select! {
                played = self.play_item(index, item) => played,
                go = orders.left() => return StepEnd::Left(go),
            };
            if let Some((name, node)) = played.named.clone() {
                self.names.nodes.insert(name, node);
                self.report_names().await;
            }
            let has_passed = played.verdict == Verdict::Pass;
            if !has_passed
                && may_repeat
                && let Some(why) = self.is_void(item)
            {
                return StepEnd::Void(why);
            }
            if has_passed && is_about_leader(item) {
                self.leadership = LeadershipWatch::start(&self.listener);
            }
            self.report(ended(index, played, begun.elapsed())).await;
            if !has_passed {
                return StepEnd::Ended;
            }
            orders.pace(self.options.pace).await;
        }
        StepEnd::Ended
    }
}

fn ended(index: usize, played: CheckResult, took: Duration) -> ReportEvent {
    let CheckResult { verdict, evidence, text, .. } = played;
    ReportEvent::ItemEnded(index, ItemResult { verdict, evidence, text, took })
}
