//! Builds a copy, runs its tests with one mutant active and a time limit, and reads the failures from the output.

use std::fmt;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::copy::Copied;
use crate::switch::VARIABLE;
use crate::table::Tests;

const BUILD_TIME: Duration = Duration::from_secs(1_800);
/// Far more than the tests need on a busy machine; it catches a mutant that makes them run forever.
const TEST_TIME: Duration = Duration::from_secs(400);
/// The simulator runs for [`simulator_seconds`], and then finishes the current seed.
const SIMULATOR_TIME: Duration = Duration::from_secs(150);

/// The time limit of the simulator per mutant: `SECONDS`, which the simulator reads, too.
pub fn simulator_seconds() -> u64 {
    std::env::var("SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

/// The outcome of the tests.
pub enum Verdict {
    Survived,
    /// The failed tests, in the order of the output.
    Caught(Vec<String>),
    TooSlow(Duration),
}

/// The outcome of the simulator.
pub enum Seeds {
    /// The number of seeds, and the violation.
    Caught(u64, String),
    Clean(u64),
    /// A run did not end.
    TooSlow,
    /// The core crashed before a run could be reported.
    Broken,
    /// The mutant is not in the core.
    NotSimulated,
}

impl Verdict {
    pub fn is_caught(&self) -> bool {
        matches!(self, Verdict::Caught(_) | Verdict::TooSlow(_))
    }
}

impl Seeds {
    pub fn is_caught(&self) -> bool {
        matches!(self, Seeds::Caught(..) | Seeds::TooSlow | Seeds::Broken)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Survived => write!(f, "**none**"),
            Verdict::TooSlow(limit) => write!(f, "time limit of {} s", limit.as_secs()),
            Verdict::Caught(by) => {
                let first = by.first().and_then(|name| name.rsplit("::").next()).unwrap_or("a crash of the tests");
                write!(f, "`{first}`")?;
                if by.len() > 1 { write!(f, " and {} more", by.len() - 1) } else { Ok(()) }
            }
        }
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seeds::Caught(seeds, what) => write!(f, "{seeds} ({what})"),
            Seeds::Clean(seeds) => write!(f, "– (not in {seeds})"),
            Seeds::TooSlow => write!(f, "a run never ends"),
            Seeds::Broken => write!(f, "1 (the run broke down)"),
            Seeds::NotSimulated => write!(f, "– (not in the core)"),
        }
    }
}

/// One of several concurrent test runners, each with its own target folder.
#[derive(Clone, Copy)]
pub struct Worker(pub usize);

impl Worker {
    /// The tests named for the trap run first, then all quick ones, the random ones last: a mutant's trap should be
    /// detected by its name, and an early failure ends the run. Without a mutant the sources are unchanged.
    pub fn test(self, copy: &Copied, tests: &Tests, mutant: Option<(usize, Option<u32>)>) -> Verdict {
        let named = mutant.and_then(|(_, trap)| trap).map(|trap| vec!["--".into(), format!("trap_{trap:02}_")]);
        let quick = vec!["--".into(), tests.filter.into(), "--skip".into(), "random::".into()];
        let random = vec!["--".into(), "random::".into()];
        let number = mutant.map(|(number, _)| number);
        for stage in named.into_iter().chain([quick, random]) {
            let arguments = tests.arguments.iter().map(|argument| (*argument).to_owned()).chain(stage);
            match self.cargo(copy, tests, number, arguments, TEST_TIME) {
                Some(status) if status.success() => {}
                Some(_) => return Verdict::Caught(failed(&self.said(copy))),
                // Some tests hang, and others may have failed before.
                None => {
                    let by = failed(&self.said(copy));
                    return if by.is_empty() { Verdict::TooSlow(TEST_TIME) } else { Verdict::Caught(by) };
                }
            }
        }
        Verdict::Survived
    }

    /// Runs seeds until a violation.
    pub fn simulate(self, copy: &Copied, tests: &Tests, number: usize) -> Seeds {
        if tests.seeds.is_empty() {
            return Seeds::NotSimulated;
        }
        let arguments = tests.seeds.iter().map(|argument| (*argument).to_owned());
        match self.cargo(copy, tests, Some(number), arguments, SIMULATOR_TIME) {
            None => Seeds::TooSlow,
            Some(_) => played(&self.said(copy)).unwrap_or(Seeds::Broken),
        }
    }

    pub fn build(self, copy: &Copied, tests: &Tests) {
        let folders = tests.folders.iter().filter(|folder| !folder.contains('/'));
        let binaries = folders.flat_map(|folder| ["--test".to_owned(), (*folder).to_owned()]);
        let arguments: Vec<String> = match tests.folders {
            [] => tests.arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            _ => binaries.collect(),
        };
        let arguments = arguments.into_iter().chain(["--no-run".to_owned()]);
        let built = self.cargo(copy, tests, None, arguments, BUILD_TIME).is_some_and(|status| status.success());
        assert!(built, "the mutants of {} do not build:\n{}", tests.name, self.said(copy));
    }

    fn said(self, copy: &Copied) -> String {
        String::from_utf8_lossy(&std::fs::read(self.output(copy)).unwrap_or_default()).into_owned()
    }

    fn output(self, copy: &Copied) -> std::path::PathBuf {
        copy.path().join(format!("output-{}", self.0))
    }

    /// `None` after the time limit. Runs at low priority, so that interactive work stays responsive.
    fn cargo(
        self,
        copy: &Copied,
        tests: &Tests,
        mutant: Option<usize>,
        arguments: impl Iterator<Item = String>,
        most: Duration,
    ) -> Option<ExitStatus> {
        let output = File::create(self.output(copy)).expect("the output has a file");
        let mut cargo = Command::new("nice");
        cargo.args(["-n", "5", env!("CARGO"), "test"]).args(tests.release.then_some("--release")).args(arguments);
        cargo.current_dir(copy.path());
        // The environment of the outer cargo must not reach the inner one.
        cargo.env("CARGO_TARGET_DIR", &copy.target).env_remove("RUSTFLAGS").env("RUST_BACKTRACE", "0");
        cargo.env_remove(VARIABLE).envs(mutant.map(|number| (VARIABLE, number.to_string())));
        cargo.stdin(Stdio::null()).stdout(output.try_clone().expect("a file has two handles")).stderr(output);
        let child = cargo.process_group(0).spawn().expect("cargo starts");
        wait(child, most)
    }
}

/// Kills the whole process group at the time limit: cargo's tests are its children.
fn wait(mut child: Child, most: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + most;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let group = Pid::from_raw(child.id() as i32);
    // The process may have exited already.
    let _ = killpg(group, Signal::SIGKILL);
    let _ = child.wait();
    None
}

fn failed(output: &str) -> Vec<String> {
    let failed = |line: &str| Some(line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?.to_string());
    output.lines().filter_map(failed).collect()
}

fn played(output: &str) -> Option<Seeds> {
    output.lines().find_map(|line| {
        if let Some(seeds) = line.strip_prefix("nothing wrong in ") {
            return Some(Seeds::Clean(seeds.strip_suffix(" seeds")?.parse().ok()?));
        }
        let (seeds, what) = line.strip_prefix("wrong after ")?.split_once(" seeds: ")?;
        Some(Seeds::Caught(seeds.parse().ok()?, what.to_string()))
    })
}
