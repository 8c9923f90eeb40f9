//! Requests that the core has taken and not answered yet, each with the way back to its handler.

use std::collections::HashMap;

use tokio::sync::oneshot;

use crate::protocol::apply::Applied;
use crate::protocol::{Answer, Position, RequestId};
use crate::server::requests::WriteAnswer;

/// How many handlers may wait for answers before writes are refused.
const WAITING_MAX: usize = 131_072;

/// The handlers that wait for an answer of the core. The core answers each request once, so no handler stays here.
pub(super) struct PendingRequests {
    waiting: HashMap<RequestId, Reply>,
    last: u64,
    /// What the entries came to that were applied just now, and the position of the first: the core is told that they
    /// are applied, and answers their writes in the same step.
    pub(super) outcomes: (Position, Vec<Applied>),
}

/// The way back to a handler.
pub(super) enum Reply {
    Write(oneshot::Sender<WriteAnswer>),
    Other(oneshot::Sender<Answer>),
}

impl From<oneshot::Sender<WriteAnswer>> for Reply {
    fn from(sender: oneshot::Sender<WriteAnswer>) -> Reply {
        Reply::Write(sender)
    }
}

impl From<oneshot::Sender<Answer>> for Reply {
    fn from(sender: oneshot::Sender<Answer>) -> Reply {
        Reply::Other(sender)
    }
}

impl Default for PendingRequests {
    fn default() -> PendingRequests {
        PendingRequests { waiting: HashMap::new(), last: 0, outcomes: (Position::FIRST, Vec::new()) }
    }
}

impl PendingRequests {
    pub(super) fn add(&mut self, reply: impl Into<Reply>) -> RequestId {
        self.last += 1;
        let request = RequestId(self.last);
        self.waiting.insert(request, reply.into());
        request
    }

    /// A handler that has gone away needs no answer.
    pub(super) fn answer(&mut self, request: RequestId, answer: Answer) {
        match self.waiting.remove(&request) {
            Some(Reply::Write(reply)) => {
                let applied = if let Answer::Written(point) = &answer { self.outcome(point.position) } else { None };
                let _ = reply.send(WriteAnswer { answer, applied });
            }
            Some(Reply::Other(reply)) => _ = reply.send(answer),
            None => {}
        }
    }

    fn outcome(&self, position: Position) -> Option<Applied> {
        let (first, outcomes) = &self.outcomes;
        outcomes.get(position.0.checked_sub(first.0)? as usize).copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_MAX
    }
}
