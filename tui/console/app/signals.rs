//! The signals that the console handles: terminate, stop, continue, window change.

use std::task::Poll;

use nix::sys::signal::Signal as Kind;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The request behind a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AppSignal {
    Terminate,
    /// Stop, as Ctrl-Z in cooked mode.
    Stop,
    /// The process was stopped and continues.
    Continue,
    /// The terminal has a new size.
    Resize,
}

pub struct Signals(Vec<(AppSignal, Signal)>);

impl Signals {
    pub fn new() -> std::io::Result<Signals> {
        let asked = [
            (AppSignal::Terminate, SignalKind::interrupt()),
            (AppSignal::Terminate, SignalKind::terminate()),
            (AppSignal::Terminate, SignalKind::hangup()),
            (AppSignal::Stop, SignalKind::from_raw(Kind::SIGTSTP as i32)),
            (AppSignal::Continue, SignalKind::from_raw(Kind::SIGCONT as i32)),
            (AppSignal::Resize, SignalKind::window_change()),
        ];
        let signals = asked.into_iter().map(|(asked, kind)| Ok((asked, signal(kind)?)));
        Ok(Signals(signals.collect::<std::io::Result<_>>()?))
    }

    /// The next signal. If several are pending, termination comes first.
    pub async fn next(&mut self) -> AppSignal {
        std::future::poll_fn(|context| {
            let came =
                self.0.iter_mut().find_map(|(asked, signal)| signal.poll_recv(context).is_ready().then_some(*asked));
            came.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}
