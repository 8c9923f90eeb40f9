//! The mutants as data, and the tests that are to catch them.

use std::fs;
use std::path::Path;

use serde::Deserialize;

/// One change of one text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    pub name: String,
    /// The trap's number as in `trap 7`, or the rule that is broken.
    pub rule: String,
    /// In words.
    pub broken: String,
    pub file: String,
    pub old: String,
    pub new: String,
    /// Which of [`TESTS`] must notice.
    #[serde(skip)]
    pub tests: &'static str,
}

/// Tests that run on a part of the sources, so that a mutant is built in seconds.
pub struct Tests {
    pub name: &'static str,
    /// The rooms of the library that are copied; they name no others.
    pub rooms: &'static [&'static str],
    /// Test folders that are copied.
    pub folders: &'static [&'static str],
    pub crates: &'static [&'static str],
    /// What `cargo test` is told.
    pub arguments: &'static [&'static str],
    /// Which of them all are meant.
    pub filter: &'static str,
}

pub const TESTS: [Tests; 2] = [
    Tests {
        name: "protocol",
        rooms: &["protocol"],
        folders: &["protocol"],
        crates: &["blake3", "bytes", "serde", "toml"],
        arguments: &["--test", "protocol"],
        filter: "",
    },
    Tests {
        name: "storage",
        rooms: &["protocol", "storage"],
        folders: &[],
        crates: &["blake3", "bytes", "crc32fast", "fs4", "getrandom", "nix", "serde", "sled", "tempfile", "thiserror"],
        arguments: &["--lib"],
        filter: "storage::",
    },
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    mutant: Vec<Mutant>,
}

pub fn mutants() -> Vec<Mutant> {
    let protocol = read(include_str!("protocol.toml"), "protocol");
    let storage = read(include_str!("storage.toml"), "storage");
    protocol.into_iter().chain(storage).collect()
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

    /// The text of the mutant's file with the change made, or why it cannot be.
    pub fn applied_to(&self, text: &str) -> Result<String, String> {
        let Mutant { name, file, old, new, .. } = self;
        match text.matches(&old[..]).count() {
            1 => Ok(text.replace(&old[..], new)),
            count => Err(format!("{name}: its text stands {count} times in {file}, and should once: {old}")),
        }
    }

    /// Likewise, in the sources as they are now.
    pub fn applied(&self) -> Result<String, String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&self.file);
        let text = fs::read_to_string(&path);
        self.applied_to(&text.map_err(|error| format!("{}: {} cannot be read: {error}", self.name, self.file))?)
    }
}
