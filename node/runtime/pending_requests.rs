//! Requests that the core has taken and not answered yet, each with the way back to its handler.

use std::collections::HashMap;

use tokio::sync::oneshot;

use crate::protocol::{Answer, RequestId};

/// How many handlers may wait for answers before writes are refused.
const WAITING_MAX: usize = 131_072;

/// The handlers that wait for an answer of the core. The core answers each request once, so no handler stays here.
#[derive(Default)]
pub(super) struct PendingRequests {
    waiting: HashMap<RequestId, oneshot::Sender<Answer>>,
    last: u64,
}

impl PendingRequests {
    /// Keeps the way back to a handler under a new id.
    pub(super) fn add(&mut self, reply: oneshot::Sender<Answer>) -> RequestId {
        self.last += 1;
        let request = RequestId(self.last);
        self.waiting.insert(request, reply);
        request
    }

    /// Answers a request. A handler that has gone away needs no answer.
    pub(super) fn answer(&mut self, request: RequestId, answer: Answer) {
        if let Some(reply) = self.waiting.remove(&request) {
            let _ = reply.send(answer);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_MAX
    }
}
