//! Whether what is expected is so: looked for again and again until it is seen, cannot be any more, or the time is up.

mod answers;

mod disk;

mod events;

mod logs;

mod verdicts;

use std::time::{Duration, Instant};

use epoca::client::Client;
use epoca::verify::patience::{Patience, slowness};

pub use answers::said;

use super::listener::{Ears, Mark};
use super::load::{Load, Worked};
use super::names::{Entry, Names};
use super::script::{Expect, Expectation};
use super::target_cluster::Stage;
use super::leadership::Steady;
use super::report_events::{Evidence, Verdict};
use crate::command::{Context, execute, parse_line};

/// Between two times at which a command is said.
const AGAIN: Duration = Duration::from_millis(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(15);
/// Once leadership has moved by itself, an expectation that is not met after so long is given up: see
/// [`super::leadership`].
const VOID_AFTER: Duration = Duration::from_secs(3);

/// What an expectation may look at.
pub struct Scene<'a> {
    pub stage: &'a Stage,
    pub ears: &'a Ears,
    pub names: &'a Names,
    /// Events count from the beginning of the step.
    pub since: Mark,
    /// The load that runs.
    pub load: Option<&'a Load>,
    /// What the clients of the load saw, once it has ended.
    pub worked: Option<&'a Worked>,
    pub steady: &'a Steady,
}

/// What one look gives.
pub enum Seen {
    Yes(Vec<Evidence>),
    /// Not yet; what it comes to if the time is up.
    NotYet(Verdict, String),
    /// It will never be.
    No(Verdict, String),
}

/// What was seen in the end, and a node that the expectation names.
pub struct Found {
    pub verdict: Verdict,
    pub evidence: Vec<Evidence>,
    pub text: String,
    pub named: Option<(String, epoca::protocol::NodeId)>,
}

impl Scene<'_> {
    fn client(&self) -> &Client {
        &self.stage.client
    }

    pub async fn check(&self, expectation: &Expectation) -> Found {
        let patience = Patience::of(expectation.within);
        let begun = Instant::now();
        let confirmed = self.load.map_or(0, Load::confirmed);
        let mut said = None;
        loop {
            if let Some(template) = &expectation.repeating
                && said.is_none_or(|said: Instant| said.elapsed() >= AGAIN)
            {
                said = Some(Instant::now());
                self.say(template).await;
            }
            let over = patience.is_over() || self.is_void(&expectation.what, begun);
            match self.look(&expectation.what, &patience, confirmed).await {
                Seen::Yes(evidence) => return self.found(&expectation.what, evidence),
                Seen::No(verdict, why) => return missed(verdict, why),
                Seen::NotYet(verdict, why) if over => {
                    let waited = (patience.passed().min(expectation.within).as_secs_f64() * 10.0).round() / 10.0;
                    let text = format!("not within {waited} s: {why}{}", on_a_busy_machine());
                    return missed(verdict, text);
                }
                Seen::NotYet(..) => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether to wait longer is of no use. Who leads may always be asked.
    fn is_void(&self, expect: &Expect, begun: Instant) -> bool {
        let asks_who_leads = matches!(expect, Expect::Leader { .. });
        !asks_who_leads && begun.elapsed() >= VOID_AFTER && self.steady.moved(&self.ears.heard()).is_some()
    }

    /// What it comes to does not count: it is said again if it was of no use.
    async fn say(&self, template: &str) {
        if let Ok(line) = self.names.filled(template)
            && let Ok(command) = parse_line(&line)
        {
            let context = Context { client: self.client().clone(), stdin: false, progress: None };
            execute(&command, &context).await;
        }
    }

    fn found(&self, expect: &Expect, evidence: Vec<Evidence>) -> Found {
        let named = match expect {
            Expect::Leader { name: Some(name), .. } => {
                evidence.first().and_then(|evidence| evidence.node).map(|node| (name.clone(), node))
            }
            _ => None,
        };
        Found { verdict: Verdict::Pass, evidence, text: String::new(), named }
    }

    /// `confirmed`: how many writes of the load were confirmed when the expectation began.
    async fn look(&self, expect: &Expect, patience: &Patience, confirmed: u64) -> Seen {
        match expect {
            Expect::Outcome { of, wanted } => self.outcome(of, *wanted),
            Expect::Unconfirmed { of, time } => self.unconfirmed(of, patience.passed() >= *time),
            Expect::Fact { nodes, pattern } => self.fact(nodes, pattern),
            Expect::NoFact { nodes, pattern, time } => self.no_fact(nodes, pattern, patience.passed() >= *time),
            Expect::Holds { nodes, entries, state } => self.holds(nodes, entries, *state),
            Expect::Lacks { nodes, entries } => self.lacks(nodes, entries),
            Expect::Reads { by, key, value } => self.reads(by, key, value.as_deref()).await,
            Expect::LogsEqual { nodes } => self.logs_equal(nodes),
            Expect::LogIs { nodes, runs } => self.log_is(nodes, runs),
            Expect::DiskHolds { node, entries, state } => self.disk_holds(node, entries, *state).await,
            Expect::DiskReads { node, key, value } => self.disk_reads(node, key, value.as_deref()).await,
            Expect::Leader { not, .. } => self.leader(not.as_ref()),
            Expect::MajorityFirst { of } => self.majority_first(of),
            Expect::Invariants => self.invariants(),
            Expect::Linearizable => self.linearizable(),
            Expect::Kept => self.kept().await,
            Expect::Confirms { writes } => self.confirms(*writes, confirmed),
        }
    }
}

/// Times are those of a quiet machine; who has waited for longer is told why.
fn on_a_busy_machine() -> String {
    let slowness = slowness();
    if slowness < 2.0 { String::new() } else { format!(" (this busy machine had {slowness:.0} times as long)") }
}

fn missed(verdict: Verdict, text: String) -> Found {
    Found { verdict, evidence: Vec::new(), text, named: None }
}

fn not_yet(why: impl Into<String>) -> Seen {
    Seen::NotYet(Verdict::Fail, why.into())
}

/// A name that stands for nothing will stand for nothing later, too.
fn nameless(why: String) -> Seen {
    Seen::No(Verdict::Fail, why)
}

/// `e1·o2#4f2a x=1`; less where less is known.
pub fn entry_text(entry: &Entry) -> String {
    let id = entry.point.map_or_else(|| entry.id.to_string(), |point| point.to_string());
    match &entry.content {
        Some(content) => format!("{id} {content}"),
        None => id,
    }
}
