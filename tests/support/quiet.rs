//! Times of an idle machine, scaled to this one, for the tests of real processes: how long to wait, and the timeouts of
//! nodes and commands. `epoca::verify::patience` measures the machine.
#![allow(dead_code, reason = "each test binary uses some of it")]

use std::ffi::OsString;
use std::time::{Duration, Instant};

use epoca::verify::patience::{Patience, on_this_machine, slowness, within};

/// The longest wait on an idle machine; any longer is a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The defaults of commands and nodes.
const TIMEOUT: Duration = Duration::from_secs(5);
const ELECTION_TIMEOUT_MS: u64 = 1_000;

/// Waits for a condition; panics when it takes too long.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    until_some(what, || condition().then_some(()));
}

/// Waits until the function returns a value; panics when it takes too long.
#[track_caller]
pub fn until_some<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let patience = Patience::of(PATIENCE);
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(!patience.is_over(), "timed out: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The result of the future; panics when it takes too long.
pub async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    within(PATIENCE, future).await.unwrap_or_else(|| panic!("timed out: {what}"))
}

/// The deadline of client operations that must succeed, however busy the machine is.
pub fn patient() -> Duration {
    on_this_machine(PATIENCE)
}

/// An election timeout for nodes, given as that of an idle machine.
pub fn election_timeout_ms(quiet: u64) -> Option<u64> {
    Some(milliseconds(on_this_machine(Duration::from_millis(quiet))))
}

/// The scale of the times that a cluster's nodes were started with, for times that are compared with them.
#[derive(Clone, Copy)]
pub struct Scale(f64);

impl Scale {
    pub fn of_this_machine() -> Scale {
        Scale(slowness())
    }

    pub fn of(self, quiet: Duration) -> Duration {
        quiet.mul_f64(self.0)
    }

    /// Lets time pass in which something must not happen, relative to timeouts of the same scale.
    pub fn let_pass(self, quiet: Duration) {
        let begun = Instant::now();
        until("time passes", || begun.elapsed() >= self.of(quiet));
    }

    /// Multiplies the times behind `--timeout` and `--election-timeout`.
    pub fn all(self, words: &mut [OsString]) {
        self.behind("--timeout", words, |time| format!("{:.3}", self.of(Duration::from_secs_f64(time)).as_secs_f64()));
        let milliseconds = |time: f64| milliseconds(self.of(Duration::from_secs_f64(time / 1_000.0))).to_string();
        self.behind("--election-timeout", words, milliseconds);
    }

    /// The options that are missing in the arguments, with their defaults.
    pub fn timeout_unless_given(self, words: &mut Vec<OsString>) {
        if !words.iter().any(|word| word == "--timeout") {
            words.splice(0..0, ["--timeout".into(), TIMEOUT.as_secs().to_string().into()]);
        }
    }

    pub fn election_timeout_unless_given(self, words: &mut Vec<OsString>) {
        if !words.iter().any(|word| word == "--election-timeout") {
            words.extend(["--election-timeout".into(), ELECTION_TIMEOUT_MS.to_string().into()]);
        }
    }

    fn behind(self, option: &str, words: &mut [OsString], scaled: impl Fn(f64) -> String) {
        for at in 1..words.len() {
            // An invalid time stays as it is: the test expects its refusal.
            let time = words[at].to_str().and_then(|text| text.parse().ok());
            if let Some(time) = time.filter(|_| words[at - 1] == option) {
                words[at] = scaled(time).into();
            }
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    time.as_millis() as u64
}
