//! Runs a scenario: restores the cluster, plays item by item, restores it again. Everything is reported as it happens.
//!
//! An item that is not passed ends the scenario. On the sheet it ends its line alone, and the next line begins with a
//! restored cluster.

mod paced;

use std::sync::Arc;
use std::time::{Duration, Instant};

use epoca::protocol::NodeId;
use epoca::verify::patience::{Patience, on_this_machine};
use tokio::sync::mpsc;

use super::account::{Run, is_heading};
use super::chaos::Chaos;
use super::check::{CheckContext, CheckResult, summary};
use super::excerpt::Excerpt;
use super::late_answers::await_answer;
use super::leadership::LeadershipWatch;
use super::listener::{EventMark, Listener};
use super::load::{Load, LoadResult};
use super::messages;
use super::names::{Names, Operation};
use super::orders::Orders;
use super::report_events::{Evidence, ItemResult, ReportEvent, Verdict};
use super::restore::{restore, restore_under_load};
use super::script::{Action, CommandMode, Expect, Expectation, Item, ItemKind, NamedCommand, Script};
use super::sent_command::SentCommand;
use super::target_cluster::{TargetCluster, with_timeout};
use super::wait::Wait;
use crate::command::verify::seed_from_clock;
use crate::command::{Context, Exit, Outcome, execute, parse_line};
use crate::lang::Localized;
use crate::words::client_error;

/// How long the nodes may take to connect to the listener.
const CONNECTED_WITHIN: Duration = Duration::from_secs(20);
/// The deadline of an operation that a tour leaves open.
const PRESENTED_WITHIN: Duration = Duration::from_secs(3_600);
const PAUSE: Duration = Duration::from_millis(20);
/// How often a void attempt is repeated.
const REPEATS_MAX: usize = 4;

#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// The pause at the beginning of each part, so that a person can follow.
    pub pace: Duration,
    /// The pause before each command, as if a person typed it.
    pub typing: Duration,
    /// Replaces every time of chaos in the text.
    pub chaos: Option<Duration>,
    /// The seed of all random choices; from the clock if absent.
    pub seed: Option<u64>,
}

/// A verdict and the reason if it is not passed.
type Ending = (Verdict, Localized);

/// Runs the script to its end and returns the account. It continues if `events` is closed.
pub async fn run(
    script: Arc<Script>,
    cluster: &TargetCluster,
    options: RunOptions,
    events: mpsc::Sender<ReportEvent>,
) -> Run {
    run_on_orders(script, cluster, options, events, Orders::none()).await
}

/// The same, with a person who may pause it and, in a tour, says when each step begins.
pub async fn run_on_orders(
    script: Arc<Script>,
    cluster: &TargetCluster,
    options: RunOptions,
    events: mpsc::Sender<ReportEvent>,
    mut orders: Orders,
) -> Run {
    // Keeps the measurement of the machine's speed going, so that it is known at once.
    let _measured = Patience::of(Duration::MAX);
    let listener = Listener::start(&cluster.client);
    let since = listener.mark();
    let seed = options.seed.unwrap_or_else(seed_from_clock);
    let mut runner = Runner {
        run: Run::new(script.clone()),
        script,
        cluster,
        options,
        events,
        listener,
        names: Names::default(),
        since,
        part: None,
        load: None,
        load_result: None,
        leadership: LeadershipWatch::default(),
        seed,
    };
    runner.play(&mut orders).await;
    runner.run
}

struct Runner<'a> {
    script: Arc<Script>,
    cluster: &'a TargetCluster,
    options: RunOptions,
    events: mpsc::Sender<ReportEvent>,
    run: Run,
    listener: Listener,
    names: Names,
    /// The beginning of the current step.
    since: EventMark,
    /// The current heading, and the logs at its beginning.
    part: Option<(Option<usize>, Excerpt)>,
    load: Option<Load>,
    load_result: Option<LoadResult>,
    /// Watches the leader from the time when the names were bound.
    leadership: LeadershipWatch,
    seed: u64,
}

impl Runner<'_> {
    async fn report(&mut self, event: ReportEvent) {
        self.mark(&event);
        self.run.apply(event.clone());
        // The receiver may be gone.
        let _ = self.events.send(event).await;
    }

    /// Reports what happens beside the steps. An empty note ends the last one.
    async fn note(&mut self, note: Localized) {
        self.report(ReportEvent::Note(note)).await;
    }

    /// Marks ended steps and the verdict in the recording.
    fn mark(&self, event: &ReportEvent) {
        if let (Some(tap), Some(text)) = (&self.cluster.tap, event.mark(&self.script)) {
            tap.mark(event.mark_kind(), &text);
        }
    }

    async fn play(&mut self, orders: &mut Orders) {
        let begun = Instant::now();
        self.report(ReportEvent::Started(self.script.clone())).await;
        let ending = match self.set_up().await {
            Ok(()) if self.script.is_tour => self.play_tour(orders).await,
            Ok(()) => self.play_items(orders).await,
            Err(why) => (Verdict::Unknown, why),
        };
        let ending = self.take_down(ending).await;
        let (verdict, why) = self.with_invariants(ending);
        self.report(ReportEvent::Ended { verdict, why, took: begun.elapsed() }).await;
    }

    fn nodes(&self) -> Vec<NodeId> {
        self.cluster.client.nodes().into_iter().map(|(id, _)| id).collect()
    }

    async fn set_up(&mut self) -> Result<(), Localized> {
        let nodes = self.nodes();
        let needed = self.script.needs.nodes.unwrap_or(4);
        let is_other_number = self.script.is_tour && nodes.len() as u64 != needed;
        if (nodes.len() as u64) < needed || is_other_number {
            return Err(messages::too_few_nodes(needed, nodes.len()));
        }
        if self.script.needs.logs.is_empty() {
            self.note(messages::restoring()).await;
            restore(&self.cluster.client, &self.listener).await?;
        } else {
            self.wait_for_connections(nodes.len()).await?;
        }
        self.note(Localized::default()).await;
        self.bind_names().await;
        self.begin_part(None);
        Ok(())
    }

    fn begin_part(&mut self, heading: Option<usize>) {
        self.part = Some((heading, Excerpt::of(&self.listener.observed())));
        self.since = self.listener.mark();
    }

    async fn wait_for_connections(&self, nodes: usize) -> Result<(), Localized> {
        let wait = Wait::new(CONNECTED_WITHIN, PAUSE);
        while self.listener.observed().live().len() < nodes {
            if !wait.again().await {
                return Err(messages::not_all_connected());
            }
        }
        Ok(())
    }

    /// Binds `$leader`, and `$a`, `$b`, … to the other nodes in the order of their ids.
    async fn bind_names(&mut self) {
        self.leadership = LeadershipWatch::start(&self.listener);
        self.names.restarted.clear();
        if self.script.is_tour {
            // A name that a step has bound means nothing in another one.
            self.names.nodes.clear();
        }
        let leader = self.listener.observed().leader().map(|(id, _)| id);
        self.names.nodes.extend(leader.map(|leader| ("leader".to_owned(), leader)));
        let others = self.nodes().into_iter().filter(|node| Some(*node) != leader);
        for (letter, node) in ('a'..='z').zip(others) {
            self.names.nodes.insert(letter.to_string(), node);
        }
        self.report_names().await;
    }

    async fn report_names(&mut self) {
        let mut names: Vec<_> = self.names.nodes.clone().into_iter().collect();
        // The leader first, then by name.
        names.sort_by_key(|(name, _)| (name != "leader", name.clone()));
        self.report(ReportEvent::NodesNamed(names)).await;
    }

    /// Returns the worst verdict with its reason.
    async fn play_items(&mut self, orders: &mut Orders) -> Ending {
        let script = self.script.clone();
        let mut worst = (Verdict::Pass, Localized::default());
        let mut is_skipping = false;
        let (mut heading, mut repeats, mut next) = (0, 0, 0);
        while let Some(item) = script.items.get(next) {
            let index = next;
            next += 1;
            if is_heading(&item.kind) {
                repeats = if script.is_sheet() && heading != index { 0 } else { repeats };
                (heading, is_skipping) = (index, false);
                if let Err(why) = self.begin_heading(index, &item.kind).await {
                    return (worst.0.max(Verdict::Unknown), why);
                }
                orders.pace(self.options.pace).await;
                continue;
            }
            if is_skipping {
                continue;
            }
            self.gate(orders).await;
            let begun = Instant::now();
            let CheckResult { verdict, evidence, text, named } = self.play_item(index, item).await;
            if let Some((name, node)) = named {
                self.names.nodes.insert(name, node);
                self.report_names().await;
            }
            if verdict != Verdict::Pass
                && repeats < REPEATS_MAX
                && let Some(why) = self.is_void(item)
            {
                repeats += 1;
                next = if script.is_sheet() { heading } else { 0 };
                if let Err(why) = self.repeat(next, why).await {
                    return (worst.0.max(Verdict::Unknown), why);
                }
                continue;
            }
            if verdict == Verdict::Pass && is_about_leader(item) {
                self.leadership = LeadershipWatch::start(&self.listener);
            }
            if verdict != Verdict::Pass && verdict > worst.0 {
                worst = (verdict, messages::at_line(item.at, &text));
            }
            let result = ItemResult { verdict, evidence, text, took: begun.elapsed() };
            self.report(ReportEvent::ItemEnded(index, result)).await;
            if verdict != Verdict::Pass {
                if !script.is_sheet() {
                    return worst;
                }
                is_skipping = true;
            }
        }
        worst
    }

    async fn begin_heading(&mut self, index: usize, kind: &ItemKind) -> Result<(), Localized> {
        self.end_part().await;
        if matches!(kind, ItemKind::Graded { .. }) {
            self.begin_line().await?;
        }
        self.begin_part(Some(index));
        self.report(ReportEvent::ItemStarted(index)).await;
        Ok(())
    }

    async fn play_item(&mut self, index: usize, item: &Item) -> CheckResult {
        self.report(ReportEvent::ItemStarted(index)).await;
        match &item.kind {
            ItemKind::Do(action) => {
                tokio::time::sleep(self.options.typing).await;
                self.act(action).await
            }
            ItemKind::Expect(expectation) => self.check(expectation).await,
            _ => acted(Localized::default()),
        }
    }

    /// Why a failed item proves nothing: see [`super::leadership`]. On a temporary cluster a scenario cannot be
    /// repeated.
    fn is_void(&self, item: &Item) -> Option<Localized> {
        if self.script.needs_own() || is_about_leader(item) {
            return None;
        }
        self.leadership.unexpected_election(&self.listener.observed())
    }

    /// A line of the sheet restores the cluster when it begins; for any other scenario it is restored here.
    async fn repeat(&mut self, from: usize, why: Localized) -> Result<(), Localized> {
        self.part = None;
        self.report(ReportEvent::Repeated { from, why }).await;
        if self.script.is_sheet() {
            return Ok(());
        }
        self.begin_line().await?;
        self.begin_part(None);
        Ok(())
    }

    /// Each line of the sheet is independent: it begins with a restored cluster and names for its current roles.
    async fn begin_line(&mut self) -> Result<(), Localized> {
        self.tidy().await?;
        self.bind_names().await;
        Ok(())
    }

    async fn check(&self, expectation: &Expectation) -> CheckResult {
        let context = CheckContext {
            cluster: self.cluster,
            listener: &self.listener,
            names: &self.names,
            since: self.since,
            load: self.load.as_ref(),
            load_result: self.load_result.as_ref(),
            leadership: &self.leadership,
        };
        context.check(expectation).await
    }

    async fn act(&mut self, action: &Action) -> CheckResult {
        match action {
            Action::Command(command) => self.run_command(command).await,
            Action::Load(clients) => {
                self.load_result = None;
                match Load::start(&self.cluster.client, *clients, self.seed) {
                    Ok(load) => {
                        self.load = Some(load);
                        acted(messages::clients_started(*clients))
                    }
                    Err(error) => CheckResult::not_passed(Verdict::Unknown, client_error(&error)),
                }
            }
            Action::LoadStop => match self.load.take() {
                None => CheckResult::not_passed(Verdict::Unknown, messages::no_load()),
                Some(load) => {
                    let result = load.stop().await;
                    let text = messages::load_stopped(result.history.len(), result.confirmed.len(), result.unknown());
                    self.load_result = Some(result);
                    acted(text)
                }
            },
            Action::Chaos(time) => self.run_chaos(self.options.chaos.unwrap_or(*time)).await,
            Action::Wait(time) => {
                tokio::time::sleep(on_this_machine(*time)).await;
                acted(Localized::default())
            }
            Action::Restore => match self.restore().await {
                Ok(()) => acted(messages::all_agree()),
                Err(why) => CheckResult::not_passed(Verdict::Unknown, why),
            },
        }
    }

    async fn restore(&self) -> Result<(), Localized> {
        match self.load {
            Some(_) => restore_under_load(&self.cluster.client, &self.listener).await,
            None => restore(&self.cluster.client, &self.listener).await,
        }
    }

    async fn run_chaos(&mut self, time: Duration) -> CheckResult {
        self.leadership.expect_move();
        let end = Instant::now() + time;
        let mut chaos = Chaos::new(self.cluster.client.clone(), self.seed);
        while let Some(fault) = chaos.next(end).await {
            let left = end.saturating_duration_since(Instant::now()).as_secs();
            self.note(messages::chaos_left(left, &fault)).await;
        }
        self.note(Localized::default()).await;
        acted(messages::chaos_done(chaos.faults, time, self.seed))
    }

    async fn run_command(&mut self, named: &NamedCommand) -> CheckResult {
        let line = match self.names.filled(&named.template) {
            Ok(line) => line,
            Err(why) => return CheckResult::not_passed(Verdict::Fail, why),
        };
        let command = match parse_line(&line) {
            Ok(command) => command,
            Err(error) => {
                return CheckResult::not_passed(Verdict::Fail, messages::of_command(&line, &error.message));
            }
        };
        let client = match named.within {
            // While a presenter speaks, an operation may wait for long.
            None if self.script.is_tour && named.mode == CommandMode::Start => {
                with_timeout(&self.cluster.client, PRESENTED_WITHIN)
            }
            None => Ok(self.cluster.client.clone()),
            Some(time) => with_timeout(&self.cluster.client, on_this_machine(time)),
        };
        let client = match client {
            Ok(client) => client,
            Err(error) => return CheckResult::not_passed(Verdict::Unknown, client_error(&error)),
        };
        self.leadership.on_command(&command);
        self.names.note(&command, self.listener.observed().states_read());
        let operation = Operation::begin(&line, &command, self.listener.mark());
        let sent = self.send(&line, &operation).await;
        if let Some(name) = &named.name {
            self.names.operations.insert(name.clone(), operation);
        }
        let context = Context { client, stdin: false, progress: None };
        if named.mode == CommandMode::Start {
            tokio::spawn(async move { sent.answer(execute(&command, &context).await).await });
            return acted(messages::of_command(&line, &messages::in_flight()));
        }
        let outcome = execute(&command, &context).await;
        let outcome = await_answer(&command, &context, outcome, &self.listener, &self.names).await;
        judged(&line, &sent.answer(outcome).await, named.mode)
    }

    /// Reports that a command is sent.
    async fn send(&mut self, line: &str, operation: &Operation) -> SentCommand {
        let sent = SentCommand::new(line, operation, self.cluster.tap.clone(), self.events.clone());
        self.report(ReportEvent::CommandSent { number: sent.number, line: line.to_owned() }).await;
        sent
    }

    /// Ends a part: reports the logs as they are now and as they were at its beginning.
    async fn end_part(&mut self) {
        let after = Excerpt::of(&self.listener.observed());
        if let Some((heading, before)) = self.part.take()
            && (heading.is_some() || before != after)
        {
            self.report(ReportEvent::PartEnded { heading, before, after }).await;
        }
    }

    async fn tidy(&mut self) -> Result<(), Localized> {
        if let Some(load) = self.load.take() {
            load.stop().await;
        }
        self.note(messages::restoring()).await;
        let restored = restore(&self.cluster.client, &self.listener).await;
        self.note(Localized::default()).await;
        restored
    }

    /// A temporary cluster ends with the scenario; any other is restored.
    async fn take_down(&mut self, ending: Ending) -> Ending {
        self.end_part().await;
        if self.script.needs_own() {
            return ending;
        }
        match self.tidy().await {
            Err(why) if ending.0 == Verdict::Pass => (Verdict::Unknown, why),
            _ => ending,
        }
    }

    /// The invariants must have held all the time, whatever the scenario is about.
    fn with_invariants(&self, ending: Ending) -> Ending {
        match self.listener.observed().violations.first() {
            Some(violation) if ending.0 != Verdict::Fail => {
                (Verdict::Fail, messages::violation(violation.invariant, &violation.to_string()))
            }
            _ => ending,
        }
    }
}

fn is_about_leader(item: &Item) -> bool {
    matches!(&item.kind, ItemKind::Expect(Expectation { what: Expect::Leader { .. }, .. }))
}

fn acted(text: Localized) -> CheckResult {
    let evidence = (!text.is_empty()).then(|| Evidence { text: text.clone(), ..Evidence::default() });
    CheckResult { verdict: Verdict::Pass, evidence: evidence.into_iter().collect(), text, named: None }
}

/// A required command that is refused fails the scenario. With an unknown outcome the verdict is unknown.
fn judged(line: &str, outcome: &Outcome, mode: CommandMode) -> CheckResult {
    let text = messages::of_command(line, &summary(outcome));
    match outcome.exit {
        Exit::Done | Exit::OutputFailed => acted(text),
        _ if mode == CommandMode::Try => acted(text),
        Exit::NotDone | Exit::Usage => CheckResult::not_passed(Verdict::Fail, text),
        Exit::Unknown | Exit::Unreachable => CheckResult::not_passed(Verdict::Unknown, text),
    }
}
