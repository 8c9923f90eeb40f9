//! The signals that stop a node. A thread of its own receives them, so that none is lost while the node restarts
//! within the process after a quarantine.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::runtime::error::NodeError;
use crate::runtime::event_loop::StopMode;

pub(super) struct Signals(watch::Receiver<Option<StopMode>>);

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
        let (sender, receiver) = watch::channel(None);
        let receive = async move {
            loop {
                let (name, stop) = tokio::select! {
                    _ = terminate.recv() => ("SIGTERM", StopMode::HandOver),
                    _ = interrupt.recv() => ("SIGINT", StopMode::HandOver),
                    _ = hang_up.recv() => ("SIGHUP", StopMode::Immediate),
                };
                tracing::info!("{name}: stopping");
                sender.send_replace(Some(stop));
            }
        };
        let thread = std::thread::Builder::new().name("signals".into());
        thread.spawn(move || runtime.block_on(receive)).map_err(system)?;
        Ok(Signals(receiver))
    }

    /// Resolves once a signal was received, even if that was before this call.
    pub(super) fn received(&self) -> impl Future<Output = StopMode> + use<> {
        let mut receiver = self.0.clone();
        async move {
            let stop = receiver.wait_for(Option::is_some).await.ok().and_then(|stop| *stop);
            // The thread ends only with the process.
            stop.unwrap_or(StopMode::Immediate)
        }
    }
}
