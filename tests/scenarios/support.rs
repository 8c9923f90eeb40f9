//! Runs the program and checks that it leaves nothing behind.

#[path = "../support/quiet.rs"]
mod quiet;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use quiet::until;
use serde_json::Value;
use tempfile::TempDir;

/// A folder for the temporary files of one run, so that leftovers are detected.
pub fn workshop() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

pub fn begin(workshop: &Path, words: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_epoca"));
    command.arg("scenario").args(words).current_dir(workshop);
    command.env_remove("EPOCA_CONNECT").env("LC_ALL", "C.UTF-8").env("TMPDIR", workshop).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

pub fn ran(workshop: &Path, words: &[&str]) -> Output {
    begin(workshop, words).wait_with_output().expect("the process can be awaited")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the output is UTF-8")
}

/// Runs scenarios and returns their results. Checks the exit code.
#[track_caller]
pub fn results(workshop: &Path, code: i32, words: &[&str]) -> Vec<Value> {
    let words = [&["run", "--output", "json"], words].concat();
    let output = ran(workshop, &words);
    let said = text(&output.stdout);
    let results: Vec<Value> =
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("no JSON ({error}): {said} {output:?}"));
    let shown: Vec<String> = results.iter().map(shown).collect();
    assert_eq!(output.status.code(), Some(code), "{}\n{}", shown.join("\n"), text(&output.stderr));
    nothing_stays(workshop);
    results
}

fn shown(result: &Value) -> String {
    format!("{} {}: {} ({} s)", result["name"], result["verdict"], result["why"], result["seconds"])
}

/// Checks that no cluster folder and no process of a cluster is left.
#[track_caller]
pub fn nothing_stays(workshop: &Path) {
    let name = workshop.to_str().expect("text");
    until("nothing is left behind", || {
        let processes = processes_that_name(name);
        let folders: Vec<_> = std::fs::read_dir(workshop)
            .expect("it can be read")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.starts_with("epoca-scenario"))
            .collect();
        processes.is_empty() && folders.is_empty()
    });
}

fn processes_that_name(text: &str) -> Vec<String> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let line = |entry: std::io::Result<std::fs::DirEntry>| std::fs::read(entry.ok()?.path().join("cmdline")).ok();
    let lines = processes.filter_map(line).map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(" node ") && line.contains(text)).collect()
}
