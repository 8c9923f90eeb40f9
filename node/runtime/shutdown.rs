//! Ending in order: everything durable, everything applied, the database closed.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::protocol::trace::RoleName;
use crate::protocol::{Answer, Input};
use crate::runtime::error::NodeError;
use crate::runtime::event_loop::{EventLoop, Stop};
use crate::runtime::inbox::{Done, Inbox};

/// A disk that takes longer hangs.
const FLUSH_SECONDS_MAX: u64 = 10;

impl EventLoop {
    /// From now on nothing is taken. A leader hands over, if it may: the loop goes on until that is answered, or a bound.
    pub(super) fn begin_shutdown(&mut self, how: Stop) -> Result<(), NodeError> {
        self.queue.stop();
        if how == Stop::AtOnce || self.core.role() != RoleName::Leader {
            return Ok(());
        }
        let (reply, _) = oneshot::channel::<Answer>();
        let request = self.requests.add(reply);
        self.step(Input::Transfer(request, None))
    }

    /// Takes no input any more: what the core has not stored by now was confirmed to nobody.
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
        self.flusher.start()?;
        while !self.flusher.is_durable() {
            match inbox.completions.recv().await {
                Some(Done::Flushed(operation)) => {
                    // The messages that waited for it are not sent: this node has said its last word.
                    drop(self.flusher.flushed(operation));
                    self.flusher.start()?;
                }
                Some(Done::Failed(error)) => return Err(error.into()),
                Some(_) => {}
                None => return Ok(()),
            }
        }
        Ok(())
    }
}
