//! A command of a scenario between its sending and its answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::names::Operation;
use super::report_events::ReportEvent;
use crate::command::Outcome;
use crate::tape::Tap;

/// Commands are numbered through all runs, because a command may end after its scenario.
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);

pub struct SentCommand {
    pub number: u64,
    /// The number of the operation in the recording, if there is one.
    recorded: Option<(u64, Tap)>,
    begun: Instant,
    answer: Arc<Mutex<Option<(Outcome, Duration)>>>,
    events: mpsc::Sender<ReportEvent>,
}

impl SentCommand {
    pub fn new(line: &str, operation: &Operation, tap: Option<Tap>, events: mpsc::Sender<ReportEvent>) -> SentCommand {
        SentCommand {
            number: NEXT_NUMBER.fetch_add(1, Ordering::Relaxed),
            recorded: tap.map(|tap| (tap.begin(line), tap)),
            begun: operation.begun,
            answer: operation.answer.clone(),
            events,
        }
    }

    /// Reports and records the answer, and makes it known to the checks.
    pub async fn answer(self, outcome: Outcome) -> Outcome {
        let took = self.begun.elapsed();
        if let Some((number, tap)) = self.recorded {
            tap.end(number, &outcome, took);
        }
        // The receiver may be gone.
        let answered = ReportEvent::CommandAnswered { number: self.number, outcome: outcome.clone(), took };
        let _ = self.events.send(answered).await;
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some((outcome.clone(), took));
        outcome
    }
}
