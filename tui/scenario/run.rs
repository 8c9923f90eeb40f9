//! Running a scenario: order first, then item by item, then order again. Everything is told as it happens.
//!
//! A step that is not passed ends the scenario; on the sheet it ends that line alone, and the next begins in order.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use epoca::protocol::NodeId;
use epoca::verify::patience::{Patience, on_this_machine};
use tokio::sync::mpsc;

use super::chaos::Chaos;
use super::check::{Found, Scene};
use super::listener::{Ears, Mark};
use super::excerpt::Excerpt;
use super::load::{Load, Worked};
use super::names::{Names, Operation};
use super::late_answers::persist;
use super::restore;
use super::script::{Action, Expect, Expectation, How, Item, ItemKind, Said, Script};
use super::target_cluster::{Stage, with_timeout};
use super::leadership::Steady;
use super::report_events::{Done, Evidence, Run, Told, Verdict, is_heading};
use crate::command::{Context, Exit, Outcome, execute, parse_line};

/// How long the nodes may take to be heard.
const HEARD: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);
/// How often an attempt that was void is made again.
const AGAIN_MAX: usize = 4;

/// Commands are numbered through all runs: one that goes on beside its scenario may end when another has begun.
static ASKED: AtomicU64 = AtomicU64::new(1);

#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// At the beginning of each part, so that a person can follow.
    pub pace: Duration,
    /// Before each command, as a person takes to type it.
    pub typing: Duration,
    /// In the place of every time of chaos that the text names.
    pub chaos: Option<Duration>,
    /// For what is random; by the clock if absent.
    pub seed: Option<u64>,
}

/// Runs the script to its end and gives the account. If nobody takes what is told, it runs on.
pub async fn run(script: Arc<Script>, stage: &Stage, options: RunOptions, told: mpsc::Sender<Told>) -> Run {
    // While it lives, the machine's speed is known at once.
    let _measured = Patience::of(Duration::MAX);
    let ears = Ears::open(&stage.client);
    let since = ears.mark();
    let seed = options.seed.unwrap_or_else(by_the_clock);
    let mut runner = Runner {
        run: Run::new(script.clone()),
        script,
        stage,
        options,
        told,
        ears,
        names: Names::default(),
        since,
        part: None,
        load: None,
        worked: None,
        steady: Steady::default(),
        seed,
    };
    runner.play().await;
    runner.run
}

/// Fits into every program's integers.
fn by_the_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_micros() as u64 % 1_000_000_000_000)
}

struct Runner<'a> {
    script: Arc<Script>,
    stage: &'a Stage,
    options: RunOptions,
    told: mpsc::Sender<Told>,
    run: Run,
    ears: Ears,
    names: Names,
    /// Where the step began.
    since: Mark,
    /// The heading that is under way, and the logs at its beginning.
    part: Option<(Option<usize>, Excerpt)>,
    load: Option<Load>,
    worked: Option<Worked>,
    /// Who is to lead while names stand for what they stand for.
    steady: Steady,
    seed: u64,
}

impl Runner<'_> {
    async fn tell(&mut self, told: Told) {
        self.mark(&told);
        self.run.take(told.clone());
        // Whoever listened may have gone.
        let _ = self.told.send(told).await;
    }

    /// Steps and the verdict are places to come back to in a recording.
    fn mark(&self, told: &Told) {
        if let (Some(tap), Some(text)) = (&self.stage.tap, told.mark(&self.script)) {
            tap.mark(told.mark_kind(), &text);
        }
    }

    async fn play(&mut self) {
        let begun = Instant::now();
        self.tell(Told::Began(self.script.clone())).await;
        let ended = match self.set_up().await {
            Ok(()) => self.play_items().await,
            Err(why) => (Verdict::Unknown, why),
        };
        let ended = self.take_down(ended).await;
        let (verdict, why) = self.with_invariants(ended);
        self.tell(Told::Ended { verdict, why, took: begun.elapsed() }).await;
    }

    async fn set_up(&mut self) -> Result<(), String> {
        let nodes: Vec<NodeId> = self.stage.client.nodes().into_iter().map(|(id, _)| id).collect();
        let wanted = self.script.needs.nodes.unwrap_or(4);
        if (nodes.len() as u64) < wanted {
            return Err(format!("it needs {wanted} nodes, and the cluster has {}", nodes.len()));
        }
        if self.script.needs.logs.is_empty() {
            self.tell(Told::Note("restoring order".to_owned())).await;
            restore::restore(&self.stage.client, &self.ears).await?;
        } else {
            self.until_heard(&nodes).await?;
        }
        self.tell(Told::Note(String::new())).await;
        self.choose(&nodes).await;
        self.begin_part(None);
        Ok(())
    }

    fn begin_part(&mut self, heading: Option<usize>) {
        self.part = Some((heading, Excerpt::of(&self.ears.heard())));
        self.since = self.ears.mark();
    }

    async fn until_heard(&self, nodes: &[NodeId]) -> Result<(), String> {
        let patience = Patience::of(HEARD);
        while self.ears.heard().live().len() < nodes.len() {
            if patience.is_over() {
                return Err("not every node is heard".to_owned());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// `$leader`, then `$a`, `$b`, … for the others in the order of their ids.
    async fn choose(&mut self, nodes: &[NodeId]) {
        self.steady = Steady::now(&self.ears);
        self.names.started.clear();
        let leader = self.ears.heard().leader().map(|(id, _)| id);
        self.names.nodes.extend(leader.map(|leader| ("leader".to_owned(), leader)));
        let others = nodes.iter().filter(|node| Some(**node) != leader);
        for (letter, node) in ('a'..='z').zip(others) {
            self.names.nodes.insert(letter.to_string(), *node);
        }
        self.tell_names().await;
    }

    async fn tell_names(&mut self) {
        let mut names: Vec<_> = self.names.nodes.clone().into_iter().collect();
        // The leader first, then by name.
        names.sort_by_key(|(name, _)| (name != "leader", name.clone()));
        self.tell(Told::Named(names)).await;
    }

    /// Gives the worst verdict and its reason.
    async fn play_items(&mut self) -> (Verdict, String) {
        let script = self.script.clone();
        let mut worst = (Verdict::Pass, String::new());
        let mut skipping = false;
        let (mut heading, mut again, mut next) = (0, 0, 0);
        while let Some(item) = script.items.get(next) {
            let index = next;
            next += 1;
            if is_heading(&item.kind) {
                (heading, again) = (index, if script.is_sheet() && heading != index { 0 } else { again });
                self.end_part().await;
                skipping = false;
                if matches!(item.kind, ItemKind::Graded { .. })
                    && let Err(why) = self.begin_line().await
                {
                    return (worst.0.max(Verdict::Unknown), why);
                }
                self.begin_part(Some(index));
                self.tell(Told::Now(index)).await;
                tokio::time::sleep(self.options.pace).await;
                continue;
            }
            if skipping {
                continue;
            }
            self.tell(Told::Now(index)).await;
            let begun = Instant::now();
            if matches!(item.kind, ItemKind::Do(_)) {
                tokio::time::sleep(self.options.typing).await;
            }
            let found = match &item.kind {
                ItemKind::Do(action) => self.act(action).await,
                ItemKind::Expect(expectation) => self.check(expectation).await,
                ItemKind::Step | ItemKind::Graded { .. } => continue,
            };
            let Found { verdict, evidence, text, named } = found;
            if let Some((name, node)) = named {
                self.names.nodes.insert(name, node);
                self.tell_names().await;
            }
            if verdict != Verdict::Pass
                && again < AGAIN_MAX
                && let Some(why) = self.void(item)
            {
                again += 1;
                let from = if script.is_sheet() { heading } else { 0 };
                if let Err(why) = self.begin_again(from, why).await {
                    return (worst.0.max(Verdict::Unknown), why);
                }
                next = from;
                continue;
            }
            if verdict == Verdict::Pass && asks_who_leads(item) {
                self.steady = Steady::now(&self.ears);
            }
            if verdict != Verdict::Pass && verdict > worst.0 {
                worst = (verdict, format!("line {}: {text}", item.at));
            }
            self.tell(Told::Done(index, Done { verdict, evidence, text, took: begun.elapsed() })).await;
            if verdict != Verdict::Pass {
                if !script.is_sheet() {
                    return worst;
                }
                skipping = true;
            }
        }
        worst
    }

    /// Why what was not passed says nothing: see [`super::leadership`]. A cluster of the scenario's own cannot begin again.
    fn void(&self, item: &Item) -> Option<String> {
        if self.script.needs_own() || asks_who_leads(item) {
            return None;
        }
        self.steady.moved(&self.ears.heard())
    }

    /// A line of the sheet is put in order when it begins; any other scenario here.
    async fn begin_again(&mut self, from: usize, why: String) -> Result<(), String> {
        self.part = None;
        self.tell(Told::Again { from, why }).await;
        if self.script.is_sheet() {
            return Ok(());
        }
        self.begin_line().await?;
        self.begin_part(None);
        Ok(())
    }

    /// Each line of the sheet stands alone: it begins in order, with whoever leads then.
    async fn begin_line(&mut self) -> Result<(), String> {
        self.tidy().await?;
        let nodes: Vec<NodeId> = self.stage.client.nodes().into_iter().map(|(id, _)| id).collect();
        self.choose(&nodes).await;
        Ok(())
    }

    async fn check(&self, expectation: &Expectation) -> Found {
        let worked = self.worked.as_ref();
        let (ears, names, since, load, steady) =
            (&self.ears, &self.names, self.since, self.load.as_ref(), &self.steady);
        let scene = Scene { stage: self.stage, ears, names, since, load, worked, steady };
        scene.check(expectation).await
    }

    async fn act(&mut self, action: &Action) -> Found {
        match action {
            Action::Command(said) => self.command(said).await,
            Action::Load(clients) => {
                self.worked = None;
                match Load::begin(&self.stage.client, *clients, self.seed) {
                    Ok(load) => {
                        self.load = Some(load);
                        acted(format!("{clients} clients write and read"))
                    }
                    Err(error) => not_acted(Verdict::Unknown, error.to_string()),
                }
            }
            Action::LoadStop => match self.load.take() {
                None => not_acted(Verdict::Unknown, "no load runs".to_owned()),
                Some(load) => {
                    let worked = load.stop().await;
                    let text = format!(
                        "{} operations, {} writes confirmed, {} of unknown outcome",
                        worked.history.len(),
                        worked.confirmed.len(),
                        worked.unknown()
                    );
                    self.worked = Some(worked);
                    acted(text)
                }
            },
            Action::Chaos(time) => self.rage(self.options.chaos.unwrap_or(*time)).await,
            Action::Wait(time) => {
                tokio::time::sleep(on_this_machine(*time)).await;
                acted(String::new())
            }
            Action::Restore => match self.restore().await {
                Ok(()) => acted("all nodes agree".to_owned()),
                Err(why) => not_acted(Verdict::Unknown, why),
            },
        }
    }

    async fn restore(&self) -> Result<(), String> {
        match self.load {
            Some(_) => restore::restore_under_load(&self.stage.client, &self.ears).await,
            None => restore::restore(&self.stage.client, &self.ears).await,
        }
    }

    async fn rage(&mut self, time: Duration) -> Found {
        self.steady.move_on_purpose();
        let until = Instant::now() + time;
        let mut chaos = Chaos::new(self.stage.client.clone(), self.seed);
        let mut kinds = BTreeSet::new();
        while let Some(text) = chaos.turn(until).await {
            kinds.insert(text.split_whitespace().nth(1).unwrap_or_default().to_owned());
            let left = until.saturating_duration_since(Instant::now()).as_secs();
            self.tell(Told::Note(format!("{left} s left: {text}"))).await;
        }
        self.tell(Told::Note(String::new())).await;
        acted(format!("{} faults in {:.0} s (seed {})", chaos.faults, time.as_secs_f64(), self.seed))
    }

    async fn command(&mut self, said: &Said) -> Found {
        let line = match self.names.filled(&said.template) {
            Ok(line) => line,
            Err(why) => return not_acted(Verdict::Fail, why),
        };
        let command = match parse_line(&line) {
            Ok(command) => command,
            Err(error) => return not_acted(Verdict::Fail, format!("{line}: {error}")),
        };
        let client = match said.within {
            None => Ok(self.stage.client.clone()),
            Some(time) => with_timeout(&self.stage.client, on_this_machine(time)),
        };
        let client = match client {
            Ok(client) => client,
            Err(error) => return not_acted(Verdict::Unknown, error.to_string()),
        };
        self.steady.note(&command);
        self.names.note(&command, self.ears.heard().reads());
        let operation = Operation::begin(&line, &command, self.ears.mark());
        let (ended, begun) = (operation.ended.clone(), operation.begun);
        if let Some(name) = &said.name {
            self.names.operations.insert(name.clone(), operation);
        }
        let tap = self.stage.tap.clone();
        let number = tap.as_ref().map_or(0, |tap| tap.begin(&line));
        let (asked, told) = (ASKED.fetch_add(1, Ordering::Relaxed), self.told.clone());
        self.tell(Told::Asked { number: asked, line: line.clone() }).await;
        // Whoever waits for it says it again if a busy machine was late with the answer.
        let (ears, names) = (&self.ears, &self.names);
        let context = Context { client, stdin: false, progress: None };
        let report = async move |outcome: Outcome| {
            if let Some(tap) = tap {
                tap.end(number, &outcome, begun.elapsed());
            }
            let (answer, took) = (outcome.clone(), begun.elapsed());
            // Whoever listened may have gone.
            let _ = told.send(Told::Answered { number: asked, outcome: answer, took }).await;
            *ended.lock().unwrap_or_else(PoisonError::into_inner) = Some((outcome.clone(), begun.elapsed()));
            outcome
        };
        if said.how == How::Start {
            tokio::spawn(async move { report(execute(&command, &context).await).await });
            return acted(format!("{line}: under way"));
        }
        let outcome = execute(&command, &context).await;
        let outcome = persist(&command, &context, outcome, ears, names).await;
        answered(&line, &report(outcome).await, said.how)
    }

    /// The end of a part: what the logs hold now stands beside what they held at its beginning.
    async fn end_part(&mut self) {
        let after = Excerpt::of(&self.ears.heard());
        if let Some((heading, before)) = self.part.take()
            && (heading.is_some() || before != after)
        {
            self.tell(Told::Part { heading, before, after }).await;
        }
    }

    async fn tidy(&mut self) -> Result<(), String> {
        if let Some(load) = self.load.take() {
            load.stop().await;
        }
        self.tell(Told::Note("restoring order".to_owned())).await;
        let restored = restore::restore(&self.stage.client, &self.ears).await;
        self.tell(Told::Note(String::new())).await;
        restored
    }

    /// A cluster of its own ends with the scenario; any other is left in order.
    async fn take_down(&mut self, ended: (Verdict, String)) -> (Verdict, String) {
        self.end_part().await;
        if self.script.needs_own() {
            return ended;
        }
        match self.tidy().await {
            Err(why) if ended.0 == Verdict::Pass => (Verdict::Unknown, why),
            _ => ended,
        }
    }

    /// Whatever a scenario shows, the invariants must have held all the time.
    fn with_invariants(&self, ended: (Verdict, String)) -> (Verdict, String) {
        match self.ears.heard().violations.first() {
            Some(violation) if ended.0 != Verdict::Fail => (Verdict::Fail, violation.to_string()),
            _ => ended,
        }
    }
}

fn asks_who_leads(item: &Item) -> bool {
    matches!(&item.kind, ItemKind::Expect(Expectation { what: Expect::Leader { .. }, .. }))
}

fn acted(text: String) -> Found {
    let evidence = Evidence { rule: "answer", text: text.clone(), ..Evidence::default() };
    let evidence = if text.is_empty() { Vec::new() } else { vec![evidence] };
    Found { verdict: Verdict::Pass, evidence, text, named: None }
}

fn not_acted(verdict: Verdict, text: String) -> Found {
    Found { verdict, evidence: Vec::new(), text, named: None }
}

/// What must be done and is refused is wrong; what might be done or not leaves the scenario without a verdict.
fn answered(line: &str, outcome: &Outcome, how: How) -> Found {
    let text = format!("{line}: {}", super::check::said(outcome));
    match outcome.exit {
        Exit::Done | Exit::NotWritten => acted(text),
        _ if how == How::Try => acted(text),
        Exit::Not | Exit::Usage => not_acted(Verdict::Fail, text),
        Exit::Unknown | Exit::Nobody => not_acted(Verdict::Unknown, text),
    }
}
