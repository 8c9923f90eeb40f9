//! Checks of expectations: each is evaluated again and again until it is met, cannot be met any more, or its time is
//! over.

mod answers;

mod disk;

mod events;

mod logs;

mod verdicts;

use std::time::{Duration, Instant};

use epoca::client::Client;
use epoca::protocol::NodeId;
use epoca::verify::patience::slowness;

pub use answers::{answered_read, summary};
pub use disk::Disks;

use super::leadership::LeadershipWatch;
use super::listener::{EventMark, Listener, ObservedCluster};
use super::load::{Load, LoadResult};
use super::messages;
use super::names::{Entry, Names};
use super::report_events::{Evidence, Verdict};
use super::script::{Expect, Expectation};
use super::target_cluster::TargetCluster;
use super::wait::Wait;
use crate::command::{Context, execute, parse_line};
use crate::lang::Localized;

/// The pause between two repetitions of a command.
const REPEAT_EVERY: Duration = Duration::from_millis(60);
/// The pause between two evaluations.
const PAUSE: Duration = Duration::from_millis(15);
/// Once leadership has moved unexpectedly, an expectation that is not met after this time is given up: see
/// [`super::leadership`].
const VOID_AFTER: Duration = Duration::from_secs(3);

/// What the evaluation of an expectation may use.
pub struct CheckContext<'a> {
    pub cluster: &'a TargetCluster,
    pub listener: &'a Listener,
    pub names: &'a Names,
    /// The beginning of the step, from which on events count.
    pub since: EventMark,
    /// The running load.
    pub load: Option<&'a Load>,
    /// The result of the last load, once it has ended.
    pub load_result: Option<&'a LoadResult>,
    pub leadership: &'a LeadershipWatch,
}

/// What the evaluation of an expectation about events, logs and outcomes uses. It asks no node, so that it also judges
/// what a person does: see [`by_hand`](super::by_hand).
pub struct Judge<'a> {
    pub observed: &'a ObservedCluster,
    pub names: &'a Names,
    pub since: EventMark,
}

/// The result of one evaluation.
pub enum Observation {
    Met(Vec<Evidence>),
    /// Not met yet, with the verdict and reason if the time is over.
    NotYet(Verdict, Localized),
    /// It can no longer be met.
    Refuted(Verdict, Localized),
}

/// The result of a check or an action, with the node that an expectation binds to a name.
pub struct CheckResult {
    pub verdict: Verdict,
    pub evidence: Vec<Evidence>,
    pub text: Localized,
    pub named: Option<(String, NodeId)>,
}

impl CheckResult {
    pub fn not_passed(verdict: Verdict, text: Localized) -> CheckResult {
        CheckResult { verdict, evidence: Vec::new(), text, named: None }
    }
}

impl CheckContext<'_> {
    fn client(&self) -> &Client {
        &self.cluster.client
    }

    fn disks(&self) -> Disks<'_> {
        Disks { client: &self.cluster.client, executable: &self.cluster.executable }
    }

    pub async fn check(&self, expectation: &Expectation) -> CheckResult {
        let wait = Wait::new(expectation.within, PAUSE);
        let begun = Instant::now();
        let confirmed = self.load.map_or(0, Load::confirmed);
        let mut repeated = None;
        loop {
            if let Some(template) = &expectation.repeating
                && repeated.is_none_or(|repeated: Instant| repeated.elapsed() >= REPEAT_EVERY)
            {
                repeated = Some(Instant::now());
                self.send(template).await;
            }
            let is_over = wait.is_over() || self.is_void(&expectation.what, begun);
            match self.evaluate(&expectation.what, wait.passed(), confirmed).await {
                Observation::Met(evidence) => return passed(&expectation.what, evidence),
                Observation::Refuted(verdict, why) => return CheckResult::not_passed(verdict, why),
                Observation::NotYet(verdict, why) if is_over => {
                    let waited = wait.passed().min(expectation.within);
                    let text = messages::not_within(waited, &why, slowness_that_mattered());
                    return CheckResult::not_passed(verdict, text);
                }
                Observation::NotYet(..) => {}
            }
            wait.pause().await;
        }
    }

    /// Whether it is useless to wait longer. An expectation about the leader is never void.
    fn is_void(&self, expect: &Expect, begun: Instant) -> bool {
        let is_about_leader = matches!(expect, Expect::Leader { .. });
        !is_about_leader
            && begun.elapsed() >= VOID_AFTER
            && self.leadership.unexpected_election(&self.listener.observed()).is_some()
    }

    /// Sends a repeated command. Its outcome does not matter: if it had no effect, it is sent again.
    async fn send(&self, template: &str) {
        if let Ok(line) = self.names.filled(template)
            && let Ok(command) = parse_line(&line)
        {
            let context = Context { client: self.client().clone(), stdin: false, progress: None };
            execute(&command, &context).await;
        }
    }

    /// `passed`: the time since the check began. `confirmed`: how many writes of the load were confirmed then.
    async fn evaluate(&self, expect: &Expect, passed: Duration, confirmed: u64) -> Observation {
        let judged = {
            let observed = self.listener.observed();
            let judge = Judge { observed: &observed, names: self.names, since: self.since };
            judge.judge(expect, passed)
        };
        match expect {
            Expect::Reads { by, key, value } => self.reads(by, key, value.as_deref()).await,
            Expect::DiskHolds { node, entries, state } => {
                let known = self.names.all_entries(entries, &self.listener.observed());
                self.disks().holds(self.names.node(node), known, *state).await
            }
            Expect::DiskReads { node, key, value } => {
                self.disks().reads(self.names.node(node), key, value.as_deref()).await
            }
            Expect::Outcome { .. }
            | Expect::Unconfirmed { .. }
            | Expect::Fact { .. }
            | Expect::NoFact { .. }
            | Expect::Holds { .. }
            | Expect::Lacks { .. }
            | Expect::LogsEqual { .. }
            | Expect::LogIs { .. }
            | Expect::Leader { .. }
            | Expect::MajorityFirst { .. } => judged.unwrap_or_else(|| not_yet(messages::time_not_over())),
            Expect::Invariants => self.invariants(),
            Expect::Linearizable => self.linearizable(),
            Expect::Kept => self.kept().await,
            Expect::Confirms { writes } => self.confirms(*writes, confirmed),
        }
    }
}

impl Judge<'_> {
    /// Evaluates an expectation that needs no question to a node; `None` for any other. `passed`: the time since the
    /// check began.
    pub fn judge(&self, expect: &Expect, passed: Duration) -> Option<Observation> {
        Some(match expect {
            Expect::Outcome { of, wanted } => self.outcome(of, *wanted),
            Expect::Unconfirmed { of, time } => self.unconfirmed(of, passed >= *time),
            Expect::Fact { nodes, pattern } => self.fact(nodes, pattern),
            Expect::NoFact { nodes, pattern, time } => self.no_fact(nodes, pattern, passed >= *time),
            Expect::Holds { nodes, entries, state } => self.holds(nodes, entries, *state),
            Expect::Lacks { nodes, entries } => self.lacks(nodes, entries),
            Expect::LogsEqual { nodes } => self.logs_equal(nodes),
            Expect::LogIs { nodes, runs } => self.log_is(nodes, runs),
            Expect::Leader { not, .. } => self.leader(not.as_ref()),
            Expect::MajorityFirst { of } => self.majority_first(of),
            Expect::Reads { .. }
            | Expect::DiskHolds { .. }
            | Expect::DiskReads { .. }
            | Expect::Invariants
            | Expect::Linearizable
            | Expect::Kept
            | Expect::Confirms { .. } => return None,
        })
    }
}

fn passed(expect: &Expect, evidence: Vec<Evidence>) -> CheckResult {
    let named = match expect {
        Expect::Leader { name: Some(name), .. } => {
            evidence.first().and_then(|evidence| evidence.node).map(|node| (name.clone(), node))
        }
        _ => None,
    };
    CheckResult { verdict: Verdict::Pass, evidence, text: Localized::default(), named }
}

/// Times are those of a quiet machine. A reader who waited much longer needs to know why.
fn slowness_that_mattered() -> Option<f64> {
    Some(slowness()).filter(|slowness| *slowness >= 2.0)
}

fn not_yet(why: Localized) -> Observation {
    Observation::NotYet(Verdict::Fail, why)
}

/// A name that is not bound now will not be bound later.
fn unbound(why: Localized) -> Observation {
    Observation::Refuted(Verdict::Fail, why)
}

/// `e1·o2#4f2a x=1`, or as much of it as is known.
pub fn entry_text(entry: &Entry) -> String {
    let id = entry.point.map_or_else(|| entry.id.to_string(), |point| point.to_string());
    match &entry.content {
        Some(content) => format!("{id} {content}"),
        None => id,
    }
}
