//! The signals that ask a command to end.

use std::future::Future;
use std::io;

use futures_util::future::select_all;
use tokio::signal::unix::{SignalKind, signal};

use super::messages;
use super::outcome::{Exit, Outcome};

/// Waits for the first Ctrl-C, SIGTERM or SIGHUP. From this call on these signals no longer end the process.
pub fn termination() -> Result<impl Future<Output = ()>, Outcome> {
    first_of(&[SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()])
}

/// Like [`termination`], without SIGHUP: `nohup` ignores that signal, and a handler would undo it.
pub fn termination_but_hang_up() -> Result<impl Future<Output = ()>, Outcome> {
    first_of(&[SignalKind::interrupt(), SignalKind::terminate()])
}

fn first_of(kinds: &[SignalKind]) -> Result<impl Future<Output = ()> + use<>, Outcome> {
    let streams: io::Result<Vec<_>> = kinds.iter().map(|kind| signal(*kind)).collect();
    let mut streams = streams.map_err(|error| {
        Outcome::error(Exit::NotDone, "no_signals", messages::shell::cannot_wait_for_signals(&error))
    })?;
    Ok(async move {
        select_all(streams.iter_mut().map(|stream| Box::pin(stream.recv()))).await;
    })
}
