//! Carries out effects. Operations and scenarios run as tasks that send messages back.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::command::{Command, Context, Exit, Outcome, execute};
use crate::console::app::event_loop::{App, POLL_PROCESSES};
use crate::console::model::{pace, step_mode};
use crate::console::update::{Effect, Msg, ScenarioMsg, update};
use crate::console::view;
use crate::console::words::screen;

/// Deadline of operations in step mode.
const STEP_TIMEOUT: Duration = Duration::from_secs(3_600);

impl App {
    /// True if the console must end.
    pub fn perform(&mut self, effect: Effect) -> bool {
        match effect {
            Effect::Quit => return true,
            Effect::Remember(line) => {
                if let Some(history) = &self.history {
                    history.add(&line);
                }
            }
            Effect::Copy => self.copy(),
            Effect::PollProcesses => POLL_PROCESSES.notify_one(),
            Effect::Execute { number, command } => self.execute(number, command),
            Effect::RunScenario(name) => self.run_scenario(name),
            Effect::StopScenario => self.scenarios.stop(),
            Effect::OrderScenario(order) => self.scenarios.order(order),
        }
        false
    }

    fn copy(&mut self) {
        let text = view::plain(&self.model);
        if !text.trim().is_empty() {
            self.screen.copy(&text);
        }
        update(&mut self.model, Msg::Copied(text));
    }

    fn execute(&mut self, number: u64, command: Command) {
        let Some(client) = self.client.clone() else {
            let outcome = Outcome::error(Exit::Unreachable, "not_started", screen::NODES_NOT_THERE);
            update(&mut self.model, Msg::OperationEnd(number, outcome, Duration::ZERO));
            return;
        };
        // In step mode a write completes only after a person delivered its messages. In slow motion everything takes
        // longer.
        let pace = pace::wanted(&self.model);
        let client = match step_mode::is_on(&self.model) {
            true => client.with_timeout(STEP_TIMEOUT),
            false if pace.is_real() => client,
            false => {
                let stretched = client.options().timeout.saturating_mul(pace.slowdown());
                client.with_timeout(stretched.min(STEP_TIMEOUT))
            }
        };
        let (progress, mut told) = mpsc::channel(16);
        let outbox = self.outbox.clone();
        let on_the_way = outbox.clone();
        tokio::spawn(async move {
            while let Some(text) = told.recv().await {
                if on_the_way.send(Msg::OperationProgress(number, text)).await.is_err() {
                    return;
                }
            }
        });
        tokio::spawn(async move {
            let context = Context { client, stdin: false, progress: Some(progress) };
            let begun = Instant::now();
            let outcome = execute(&command, &context).await;
            // The send fails only while the console ends.
            let _ = outbox.send(Msg::OperationEnd(number, outcome, begun.elapsed())).await;
        });
    }

    fn run_scenario(&mut self, name: String) {
        match self.client.clone() {
            Some(client) => self.scenarios.begin(name, client, self.outbox.clone()),
            None => {
                let why = ScenarioMsg::Refused(screen::NODES_NOT_THERE.into());
                update(&mut self.model, Msg::Scenario(Box::new(why)));
            }
        }
    }
}
