//! The structure of the sources: allowed module dependencies, purity, file lengths, and the contents of the top folder.
//!
//! Checks the text of the sources without comments. What the compiler enforces (the library cannot use the binary) is
//! not repeated here.

mod console;

mod docs;

mod portuguese;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module of the library with the modules that it may use besides itself, as the documentation of `node/lib.rs`
/// states it: one line per module, `room uses other other`.
fn rooms() -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string(top().join("node/lib.rs")).expect("node/lib.rs can be read");
    let line = |line: &str| {
        let mut words = line.strip_prefix("//! ")?.split_whitespace().map(str::to_owned);
        let room = words.next()?;
        (words.next()? == "uses").then(|| (room, words.filter(|other| other != "nothing").collect()))
    };
    let rooms: Vec<_> = text.lines().filter_map(line).collect();
    assert!(rooms.len() > 8, "node/lib.rs has lost its table of rooms: {rooms:?}");
    rooms
}

/// Each part of what people touch with the rooms of the library that it may name.
///
/// The first that a path begins with counts.
const TOUCHED: [(&str, &[&str]); 12] = [
    ("tui/command/node.rs", &["protocol", "runtime"]),
    ("tui/command/inspect.rs", &["protocol", "storage"]),
    ("tui/command/backup.rs", &["protocol", "storage"]),
    ("tui/command", &["protocol", "client", "cluster", "verify"]),
    ("tui/console", &["protocol", "client", "cluster", "verify"]),
    ("tui/scenario", &["protocol", "client", "cluster", "verify"]),
    ("tui/tape", &["protocol", "client", "cluster", "verify"]),
    ("tui/words", &["protocol", "client", "verify"]),
    ("tui/cli.rs", &[]),
    ("tui/help.rs", &[]),
    ("tui/lang.rs", &[]),
    ("tui/main.rs", &["protocol", "client"]),
];

/// Anything that would make the protocol depend on more than its inputs.
const IMPURE: [&str; 12] = [
    "std::time",
    "std::thread",
    "std::net",
    "std::fs",
    "std::env",
    "std::process",
    "std::io",
    "HashMap",
    "HashSet",
    "Instant",
    "SystemTime",
    "RandomState",
];

const TOP: [&str; 9] =
    ["Cargo.toml", "Cargo.lock", "LICENSE", "README.md", "build.rs", "node", "proto", "tests", "tui"];

/// Created locally, and ignored by git.
const IGNORED: [&str; 2] = ["target", "epoca-data"];

const LINES_MAX: usize = 500;
const COLUMNS_MAX: usize = 120;

struct Source {
    /// The path from the top of the repository, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// The lines that are not comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust sources below a folder, or the one file.
fn sources(below: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&top().join(below), &mut found);
    assert!(!found.is_empty() || !top().join(below).exists(), "{below} holds no source");
    found
}

fn collect(path: &Path, found: &mut Vec<Source>) {
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a folder of the repository can be read");
        entries.for_each(|entry| collect(&entry.expect("an entry can be read").path(), found));
    } else if path.extension().is_some_and(|extension| extension == "rs") && path.is_file() {
        let text = fs::read_to_string(path).expect("a source is text");
        let path = path.strip_prefix(top()).expect("it is below the top folder");
        let path = path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        found.push(Source { path, text });
    }
}

/// The names directly after `root::`, or in the braces there.
fn named_behind(root: &str, code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(&format!("{root}::")) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|before| before.is_alphanumeric() || "_:$".contains(before)) {
            continue;
        }
        let rest = code[at + root.len() + 2..].trim_start();
        match rest.strip_prefix('{') {
            Some(group) => names.extend(heads(group)),
            None => _ = names.insert(word(rest)),
        }
    }
    names
}

/// The first names of a group's members: `a::b, c` gives `a` and `c`.
fn heads(group: &str) -> Vec<String> {
    let (mut depth, mut fresh, mut names) = (0, true, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            _ if fresh && (character.is_alphabetic() || character == '_') => {
                names.push(word(&group[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    names
}

fn word(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

fn whole_code(source: &Source) -> String {
    source.code().map(|(_, line)| line).collect::<Vec<_>>().join("\n")
}

/// The modules that a source uses after `root::` and that are neither its own nor allowed.
fn trespasses(source: &Source, root: &str, allowed: &[&str]) -> Vec<String> {
    let rooms: BTreeSet<String> = rooms().into_iter().map(|(room, _)| room).collect();
    named_behind(root, &whole_code(source))
        .into_iter()
        .filter(|name| rooms.contains(name) && !allowed.contains(&&name[..]))
        .map(|name| format!("{} names {root}::{name}", source.path))
        .collect()
}

#[track_caller]
fn nothing(what: &str, wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}

#[test]
fn every_room_names_only_the_rooms_that_it_may_call() {
    let check = |(room, others): &(String, Vec<String>)| {
        let allowed: Vec<&str> = others.iter().chain([room]).map(String::as_str).collect();
        let found = |source: &Source| trespasses(source, "crate", &allowed);
        // A module's tests wait like all tests, with `verify::patience`.
        let in_tests = |source: &Source| source.path.ends_with("/tests.rs") || source.path.contains("/tests/");
        let waits = |source: &Source, wrong: &String| in_tests(source) && wrong.ends_with(" names crate::verify");
        let sources = sources(&format!("node/{room}"));
        sources
            .iter()
            .flat_map(|source| found(source).into_iter().filter(|wrong| !waits(source, wrong)))
            .collect::<Vec<_>>()
    };
    // The protocol is a separate package: Cargo keeps it from using the others.
    let rooms = rooms().into_iter().filter(|(room, _)| room != "protocol");
    nothing("against the directions of the house", rooms.flat_map(|room| check(&room)).collect());
}

#[test]
fn every_folder_of_the_library_is_a_room_with_directions() {
    let folders = fs::read_dir(top().join("node")).expect("node/ can be read");
    let names = folders.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_room = |name: &String| rooms().iter().any(|(room, _)| room == name);
    let unknown = names.filter(|name| !["lib.rs", "README.md"].contains(&&name[..]) && !is_room(name));
    nothing("rooms without directions", unknown.collect());
}

#[test]
fn what_people_touch_starts_no_node_and_opens_no_store() {
    let check = |source: &Source| match TOUCHED.iter().find(|(part, _)| source.path.starts_with(part)) {
        Some((_, allowed)) => trespasses(source, "epoca", allowed),
        None => vec![format!("{} has no directions", source.path)],
    };
    nothing("against the directions of the house", sources("tui").iter().flat_map(check).collect());
}

#[test]
fn only_rooms_that_speak_grpc_name_the_generated_types() {
    let may = [
        "node/wire/",
        "node/membership/",
        "node/peers/",
        "node/server/",
        "node/client/",
        "node/cluster/service.rs",
        "node/runtime/tests",
    ];
    let others = ["node", "tui"].into_iter().flat_map(sources);
    let others = others.filter(|source| !may.iter().any(|may| source.path.starts_with(may)));
    let names = |source: &Source| whole_code(source).contains("wire::proto").then(|| source.path.clone());
    nothing("generated types outside of their rooms", others.filter_map(|source| names(&source)).collect());
}

#[test]
fn only_storage_names_the_embedded_stores() {
    let others = ["node", "tui"].into_iter().flat_map(sources);
    let others = others.filter(|source| !source.path.starts_with("node/storage/"));
    let names = |source: &Source| {
        let code = whole_code(source);
        ["sled::", "raft_log::"].iter().any(|store| code.contains(store)).then(|| source.path.clone())
    };
    nothing("embedded stores outside of the storage", others.filter_map(|source| names(&source)).collect());
}

#[test]
fn the_protocol_has_no_clock_disk_network_threads_or_hash_order() {
    let check = |source: &Source| {
        let found = |(number, line): (usize, &str)| {
            let impure = IMPURE.iter().find(|name| line.contains(*name))?;
            Some(format!("{}:{number} names {impure}", source.path))
        };
        source.code().filter_map(found).collect::<Vec<_>>()
    };
    nothing("the protocol is not pure", sources("node/protocol").iter().flat_map(check).collect());
}

#[test]
fn the_protocol_package_depends_on_bytes_and_the_hash_alone() {
    let manifest = fs::read_to_string(top().join("node/protocol/Cargo.toml")).expect("the manifest can be read");
    let manifest: toml::Table = manifest.parse().expect("the manifest is TOML");
    let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
    let names = tables.iter().filter_map(|table| manifest.get(*table)?.as_table()).flat_map(toml::Table::keys);
    assert_eq!(names.collect::<Vec<_>>(), ["blake3", "bytes"]);
}

#[test]
fn no_file_has_more_than_five_hundred_lines() {
    let all = ["node", "tui", "tests"].into_iter().flat_map(sources);
    let long = |source: Source| {
        let lines = source.text.lines().count();
        (lines > LINES_MAX).then(|| format!("{} has {lines} lines, {LINES_MAX} are the limit", source.path))
    };
    nothing("too long to be read", all.filter_map(long).collect());
}

#[test]
fn no_line_is_longer_than_a_hundred_and_twenty_columns() {
    let all = ["node", "tui", "tests"].into_iter().flat_map(sources);
    let wide = |source: &Source| {
        let lines = source.text.lines().enumerate();
        let wide = lines.filter(|(_, line)| line.chars().count() > COLUMNS_MAX);
        wide.map(|(index, _)| format!("{}:{}", source.path, index + 1)).collect::<Vec<_>>()
    };
    nothing("lines of more than 120 columns", all.flat_map(|source| wide(&source)).collect());
}

#[test]
fn every_file_says_at_its_head_what_it_is_for() {
    let all = ["node", "tui", "tests", "build.rs"].into_iter().flat_map(sources);
    let headless = all.filter(|source| !source.text.starts_with("//! "));
    nothing("files without a head", headless.map(|source| source.path).collect());
}

#[test]
fn widths_of_texts_are_computed_in_one_place() {
    let names = |source: &Source| {
        let own = ["unicode_width", "unicode_segmentation", "CellWidth", "visual_cursor"];
        let is_its_place = source.path == "tui/command/columns.rs";
        let found = own.iter().find(|own| !is_its_place && whole_code(source).contains(*own))?;
        Some(format!("{} names {found}", source.path))
    };
    nothing("another way to count columns", sources("tui").iter().filter_map(names).collect());
}

#[test]
fn one_crossterm_is_in_the_lock_file() {
    let lock = fs::read_to_string(top().join("Cargo.lock")).expect("there is a lock file");
    assert_eq!(lock.matches("name = \"crossterm\"\n").count(), 1, "two crossterms would fight over one terminal");
}

#[test]
fn the_top_holds_nothing_but_what_was_agreed() {
    let entries = fs::read_dir(top()).expect("the top can be read");
    let names = entries.map(|entry| entry.expect("an entry can be read").file_name().to_string_lossy().into_owned());
    let other =
        names.filter(|name| !name.starts_with('.') && !TOP.contains(&&name[..]) && !IGNORED.contains(&&name[..]));
    nothing("does not belong at the top", other.collect());
}

#[test]
fn the_reader_of_names_sees_groups_and_paths() {
    let code = "use crate::{lab::Gate, wire::{a, b}, storage};\nlet x = crate::client::Client; mycrate::no; xcrate::no";
    let names: Vec<String> = named_behind("crate", code).into_iter().collect();
    assert_eq!(names, ["client", "lab", "storage", "wire"]);
}
