//! The signals that end a node, heard by a thread of its own, so that none is missed between two lives of one process.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::runtime::error::NodeError;
use crate::runtime::event_loop::Stop;

pub(super) struct Signals(watch::Receiver<Option<Stop>>);

impl Signals {
    /// SIGHUP says that all nodes end, so that there is nobody to hand over to.
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

    /// Resolves once a signal has come, also if it came before.
    pub(super) fn told(&self) -> impl Future<Output = Stop> + use<> {
        let mut hears = self.0.clone();
        async move {
            let told = hears.wait_for(Option::is_some).await.ok().and_then(|told| *told);
            // The thread ends with the process alone.
            told.unwrap_or(Stop::AtOnce)
        }
    }
}
