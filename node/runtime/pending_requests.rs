//! Requests that the core has accepted and not yet answered, each with the channel to its handler.

use std::collections::HashMap;

use tokio::sync::oneshot;

use crate::protocol::{Answer, RequestId};

/// The most requests in flight; then writes are refused as overloaded. A backstop: it is twice what
/// `server::admission` lets in.
const WAITING_MAX: usize = 131_072;

/// The core answers each request exactly once, so no entry stays here forever.
#[derive(Default)]
pub(super) struct PendingRequests {
    /// The channel to the handler of each request. Bound: writes are refused beyond [`WAITING_MAX`]; all other
    /// requests are bounded by `server::admission`.
    waiting: HashMap<RequestId, oneshot::Sender<Answer>>,
    last: u64,
}

impl PendingRequests {
    /// Keeps the channel to a handler under a new id.
    pub(super) fn add(&mut self, reply: oneshot::Sender<Answer>) -> RequestId {
        self.last += 1;
        let request = RequestId(self.last);
        self.waiting.insert(request, reply);
        request
    }

    /// Sends the answer to its handler; if that is gone, drops it.
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
