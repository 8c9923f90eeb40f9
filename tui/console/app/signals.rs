//! The signals that the console hears: to end, to stop and go on, and that the terminal has another size.

use std::task::Poll;

use nix::sys::signal::Signal as Kind;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AppSignal {
    Terminate,
    /// To stop, as Ctrl-Z does where the line is not raw.
    Stop,
    /// It was stopped, and goes on.
    Continue,
    /// The terminal has another size.
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

    /// The next one; of several that wait, one that asks to end.
    pub async fn next(&mut self) -> AppSignal {
        std::future::poll_fn(|context| {
            let came =
                self.0.iter_mut().find_map(|(asked, signal)| signal.poll_recv(context).is_ready().then_some(*asked));
            came.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}
