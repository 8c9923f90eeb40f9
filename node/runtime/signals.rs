//! The signals that stop a node. A thread of its own receives them, so that none is lost while the node restarts
//! within the process after a quarantine.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::runtime::error::NodeError;
use crate::runtime::event_loop::Stop;

pub(super) struct Signals(watch::Receiver<Option<Stop>>);

impl Signals {
    /// SIGHUP is sent when the whole cluster stops, so there is no node to transfer leadership to.
    pub(super) fn listen() -> Result<Signals, NodeError> {
        let system = |error| NodeError::System { what: "signals", error };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(system)?;
        let listen = |kind| {
            let _entered = runtime.enter();
            signal(kind).map_err(system)
        };
        let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        let mut hang_up = listen(SignalKind::hangup())?;
        let (told, hears) = watch::channel(None);
        let deliver_to_core = async move {
            loop {
                let (name, stop) = tokio::select! {
                    _ = terminate.recv() => ("SIGTERM", Stop::HandOver),
                    _ = interrupt.recv() => ("SIGINT", Stop::HandOver),
                    _ = hang_up.recv() => ("SIGHUP", Stop::AtOnce),
                };
                tracing::info!("{name}: stopping");
                told.send_replace(Some(stop));
            }
        };
        let thread = std::thread::Builder::new().name("signals".into());
        thread.spawn(move || runtime.block_on(deliver_to_core)).map_err(system)?;
        Ok(Signals(hears))
    }

    /// Resolves once a signal was received, even if that was before this call.
    pub(super) fn told(&self) -> impl Future<Output = Stop> + use<> {
        let mut hears = self.0.clone();
        async move {
            let told = hears.wait_for(Option::is_some).await.ok().and_then(|told| *told);
            // The thread ends only with the process.
            told.unwrap_or(Stop::AtOnce)
        }
    }
}
