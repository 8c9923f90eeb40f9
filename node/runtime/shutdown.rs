//! Orderly shutdown: everything durable, everything applied, the database closed.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::protocol::trace::RoleName;
use crate::protocol::{Answer, Input};
use crate::runtime::error::NodeError;
use crate::runtime::event_loop::{EventLoop, StopMode};
use crate::runtime::inbox::{Completion, Inbox};

/// A disk that takes longer is considered hung.
const FLUSH_SECONDS_MAX: u64 = 10;

impl EventLoop {
    /// Stops accepting requests. A leader transfers leadership if it may: the loop continues until that is answered or
    /// times out.
    pub(super) fn begin_shutdown(&mut self, mode: StopMode) -> Result<(), NodeError> {
        self.queue.stop();
        if mode == StopMode::Immediate || self.core.role() != RoleName::Leader {
            return Ok(());
        }
        let (reply, _) = oneshot::channel::<Answer>();
        let request = self.requests.add(reply);
        self.step(Input::Transfer(request, None))
    }

    /// Processes no further input. What the core has not stored by now was never confirmed.
    pub(super) async fn finish(mut self, mut inbox: Inbox) -> Result<(), NodeError> {
        let limit = Duration::from_secs(FLUSH_SECONDS_MAX);
        tokio::time::timeout(limit, self.flush_all(&mut inbox))
            .await
            .map_err(|_| NodeError::FlushHangs(FLUSH_SECONDS_MAX))??;
        self.observers.close();
        self.links.close();
        self.applier.finish();
        self.database.close()?;
        Ok(())
    }

    async fn flush_all(&mut self, inbox: &mut Inbox) -> Result<(), NodeError> {
        if let Some(operation) = self.take_stretched_flush() {
            drop(self.flusher.on_flushed(operation));
        }
        self.flusher.start_flush()?;
        while !self.flusher.is_durable() {
            match inbox.completions.recv().await {
                Some(Completion::Flushed(operation, _)) => {
                    // The messages that waited for it are dropped: the links are closing.
                    drop(self.flusher.on_flushed(operation));
                    self.flusher.start_flush()?;
                }
                Some(Completion::Failed(error)) => return Err(error.into()),
                Some(_) => {}
                None => return Ok(()),
            }
        }
        Ok(())
    }
}
