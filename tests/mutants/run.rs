//! Builds and tests a copy, within a time, and reads from the tests' output who noticed what.

use std::fmt;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::copy::Copy;
use crate::table::Tests;

const BUILD_TIME: Duration = Duration::from_secs(900);
/// Far more than the tests need; a mutant that makes them run for ever is caught by it.
const TEST_TIME: Duration = Duration::from_secs(180);
/// Random schedules count their seeds from a number behind a thousand.
const SEEDS_APART: u64 = 1_000;

pub enum Verdict {
    Survived,
    /// The tests that failed, in the order of the output, and how many seeds the quickest random one of them took.
    Caught {
        by: Vec<String>,
        seeds: Option<u64>,
    },
    TooSlow,
    /// Then nothing was tested: the mutant itself is wrong.
    DoesNotBuild,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Survived => write!(f, "**survived**"),
            Verdict::DoesNotBuild => write!(f, "**does not build**"),
            Verdict::TooSlow => write!(f, "time limit of {} s", TEST_TIME.as_secs()),
            Verdict::Caught { by, seeds } => {
                let first = by.first().and_then(|name| name.rsplit("::").next()).unwrap_or("a crash of the tests");
                write!(f, "`{first}`")?;
                if by.len() > 1 {
                    write!(f, " and {} more", by.len() - 1)?;
                }
                match seeds {
                    Some(1) => write!(f, "; random: 1 seed"),
                    Some(seeds) => write!(f, "; random: {seeds} seeds"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl Copy {
    /// The tests that are named for the trap first, then all quick ones, the random ones last: a mutant's trap should be
    /// caught by its name, and what is caught early need not run on.
    pub fn test(&self, tests: &Tests, trap: Option<u32>) -> Verdict {
        if self.cargo(tests, &["--no-run".into()], BUILD_TIME).is_none_or(|status| !status.success()) {
            eprintln!("{}", self.said());
            return Verdict::DoesNotBuild;
        }
        let named = trap.map(|trap| vec!["--".into(), format!("trap_{trap:02}_")]);
        let quick = vec!["--".into(), tests.filter.into(), "--skip".into(), "random::".into()];
        let random = vec!["--".into(), "random::".into()];
        for stage in named.into_iter().chain([quick, random]) {
            match self.cargo(tests, &stage, TEST_TIME) {
                None => return Verdict::TooSlow,
                Some(status) if status.success() => {}
                Some(_) => return caught(&self.said()),
            }
        }
        Verdict::Survived
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.output()).unwrap_or_default()
    }

    fn output(&self) -> std::path::PathBuf {
        self.path().join("output")
    }

    /// `None` if it took too long.
    fn cargo(&self, tests: &Tests, more: &[String], most: Duration) -> Option<ExitStatus> {
        let output = File::create(self.output()).expect("the output has a file");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.arg("test").args(tests.arguments).args(more).current_dir(self.path());
        // Nothing of the cargo that runs this test may reach the one that it starts.
        cargo.env("CARGO_TARGET_DIR", &self.target).env_remove("RUSTFLAGS").env("RUST_BACKTRACE", "0");
        cargo.stdin(Stdio::null()).stdout(output.try_clone().expect("a file has two handles")).stderr(output);
        let child = cargo.process_group(0).spawn().expect("cargo starts");
        wait(child, most)
    }
}

/// Ends the whole group when the time is over: cargo's tests are its children.
fn wait(mut child: Child, most: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + most;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let group = Pid::from_raw(child.id() as i32);
    // It may have ended by itself just now.
    let _ = killpg(group, Signal::SIGKILL);
    let _ = child.wait();
    None
}

fn caught(output: &str) -> Verdict {
    let failed = |line: &str| Some(line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?.to_string());
    let seed = |line: &str| -> Option<u64> {
        let (_, rest) = line.split_once(" with seed ")?;
        let seed: u64 = rest.split_once(" failed")?.0.parse().ok()?;
        Some((seed - 1) % SEEDS_APART + 1)
    };
    Verdict::Caught { by: output.lines().filter_map(failed).collect(), seeds: output.lines().filter_map(seed).min() }
}
