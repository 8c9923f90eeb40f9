//! The mutants as data, and the tests that should detect them.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::switch::switched;

/// One replacement in one file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    pub name: String,
    /// The trap's number as in `trap 7`, or the rule that is broken.
    pub rule: String,
    /// A short description.
    pub broken: String,
    pub file: String,
    pub old: String,
    pub new: String,
    /// Which of [`TESTS`] must detect it.
    #[serde(skip)]
    pub tests: &'static str,
}

/// Tests that run on a part of the sources, so that little must be built.
pub struct Tests {
    pub name: &'static str,
    /// The modules of the library that are copied; they use no others.
    pub rooms: &'static [&'static str],
    /// Test folders that are copied.
    pub folders: &'static [&'static str],
    /// Test modules that are left out because they need modules that are not copied.
    pub without: &'static [&'static str],
    pub crates: &'static [&'static str],
    /// Crates that the build script needs; empty: there is no build script.
    pub build: &'static [&'static str],
    /// Optimized, for the simulator's sake. Otherwise built with the profile of the daily tests, so that their
    /// artifacts are reused.
    pub release: bool,
    /// Arguments of `cargo test`.
    pub arguments: &'static [&'static str],
    /// The filter of test names.
    pub filter: &'static str,
    /// The simulator binary, which contains the core only; none: it cannot detect the mutant.
    pub seeds: &'static [&'static str],
}

const WIRE: [&str; 4] = ["prost", "prost-types", "protox", "tonic-prost-build"];

pub const TESTS: [Tests; 4] = [
    Tests {
        name: "protocol",
        rooms: &["protocol", "verify"],
        folders: &["protocol", "verify"],
        without: &["invariants", "linearizability", "simulator"],
        crates: &["blake3", "bytes", "serde", "tokio", "toml"],
        build: &[],
        release: true,
        arguments: &["--test", "protocol"],
        filter: "",
        seeds: &["--test", "verify", "--", "--ignored", "--nocapture", "seeds_until_something_is_wrong"],
    },
    Tests {
        name: "storage",
        rooms: &["protocol", "storage", "verify"],
        folders: &[],
        without: &[],
        crates: &[
            "blake3",
            "bytes",
            "crc32fast",
            "fs4",
            "getrandom",
            "nix",
            "serde",
            "sled",
            "tempfile",
            "thiserror",
            "tokio",
            "tracing",
        ],
        build: &[],
        release: false,
        arguments: &["--lib"],
        filter: "storage::",
        seeds: &[],
    },
    Tests {
        name: "runtime",
        rooms: &["protocol", "storage", "verify", "lab", "wire", "membership", "peers", "server", "runtime"],
        folders: &[],
        without: &[],
        crates: &SERVER,
        build: &WIRE,
        release: false,
        arguments: &["--lib"],
        filter: "runtime::",
        seeds: &[],
    },
    Tests {
        name: "bytes",
        rooms: &["protocol", "storage", "verify", "lab", "wire", "membership", "peers", "server", "runtime"],
        folders: &["bytes", "protocol/world"],
        without: &["program", "node", "support"],
        crates: &SERVER,
        build: &WIRE,
        release: false,
        arguments: &["--test", "bytes"],
        filter: "",
        seeds: &[],
    },
];

/// The sources of nodes, and what their tests need.
const SERVER: [&str; 26] = [
    "blake3",
    "bolero",
    "bytes",
    "crc32fast",
    "fs4",
    "futures-util",
    "getrandom",
    "http-body",
    "nix",
    "prost",
    "prost-types",
    "serde",
    "serde_json",
    "sled",
    "tempfile",
    "thiserror",
    "tokio",
    "tokio-stream",
    "tokio-util",
    "toml",
    "tonic",
    "tonic-health",
    "tonic-prost",
    "tonic-reflection",
    "tracing",
    "tracing-subscriber",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    mutant: Vec<Mutant>,
}

pub fn mutants() -> Vec<Mutant> {
    let tables = [
        (include_str!("protocol.toml"), "protocol"),
        (include_str!("sessions.toml"), "protocol"),
        (include_str!("watching.toml"), "protocol"),
        (include_str!("storage.toml"), "storage"),
        (include_str!("sessions_storage.toml"), "storage"),
        (include_str!("runtime.toml"), "runtime"),
        (include_str!("bytes.toml"), "bytes"),
    ];
    tables.into_iter().flat_map(|(text, tests)| read(text, tests)).collect()
}

fn read(text: &str, tests: &'static str) -> Vec<Mutant> {
    let Table { mut mutant } = toml::from_str(text).expect("the table has the form of a mutant");
    mutant.iter_mut().for_each(|mutant| mutant.tests = tests);
    mutant
}

impl Mutant {
    pub fn trap(&self) -> Option<u32> {
        self.rule.strip_prefix("trap ")?.parse().ok()
    }

    /// The text of the mutant's file with the change applied, or the reason why it cannot be.
    pub fn applied_to(&self, text: &str) -> Result<String, String> {
        let Mutant { name, file, old, new, .. } = self;
        match text.matches(&old[..]).count() {
            1 => Ok(text.replace(&old[..], new)),
            count => Err(format!("{name}: its text stands {count} times in {file}, and should once: {old}")),
        }
    }

    /// Whether the mutant applies to the current sources, or the reason why not.
    pub fn switched(&self) -> Result<(), String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&self.file);
        let text = fs::read_to_string(&path);
        let text = text.map_err(|error| format!("{}: {} cannot be read: {error}", self.name, self.file))?;
        switched(&text, &[(0, self)]).map(drop)
    }
}
