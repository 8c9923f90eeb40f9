//! Recordings of real processes: the checks find no violation in them, other programs can read them, and manipulations
//! are detected.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Cluster, EXECUTABLE, Said, epoca, until};

/// A running `epoca record`.
struct Recorder {
    child: Child,
    file: PathBuf,
}

impl Recorder {
    /// Records the cluster; returns once the recording has an event of each node.
    fn begin(cluster: &Cluster, file: PathBuf) -> Recorder {
        let mut command = Command::new(EXECUTABLE);
        command.arg("record").arg(&file).arg("--data").arg(cluster.data()).env_remove("EPOCA_CONNECT");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("it starts");
        let recorder = Recorder { child, file };
        let nodes = cluster.addresses().len();
        until("all nodes are recorded", || recorder.lines(|line| line.get("snapshot").is_some()).len() == nodes);
        recorder
    }

    fn lines(&self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        // The last line may be incomplete.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(wanted).collect()
    }

    fn end(mut self) {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM).expect("the process exists");
        let status = self.child.wait().expect("the process can be awaited");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // The process may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn replay(file: &Path, arguments: &[&str]) -> Said {
    epoca([&["replay", file.to_str().expect("a path is text")], arguments].concat())
}

fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).expect("a recording");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// Edits the lines of the recording and checks it; returns exit code and findings.
fn doctored(file: &Path, change: impl FnOnce(&mut Vec<Value>)) -> (Option<i32>, Vec<String>) {
    let mut lines = lines(file);
    change(&mut lines);
    let doctored = file.with_extension("doctored");
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(&doctored, text).expect("a file");
    let said = replay(&doctored, &["--check", "--output", "json"]);
    let json = said.json();
    let violations = json["violations"].as_array().expect("a list");
    (said.code, violations.iter().map(|found| found["invariant"].as_str().expect("a name").to_owned()).collect())
}

/// A leader is killed and another one commits a write: `z`, in an epoch that is recorded from its start.
fn recorded(folder: &TempDir) -> PathBuf {
    let cluster = Cluster::start(&["--lab"]);
    let recorder = Recorder::begin(&cluster, folder.path().join("tape.jsonl"));
    cluster.json(0, &["put", "x", "1"]);
    let leader = cluster.status()[0]["leader"].to_string();
    cluster.text(0, &["fault", "kill", &leader]);
    until("another one leads", || cluster.epoca(&["put", "z", "3"]).code == Some(0));
    let finals = |recorder: &Recorder| {
        recorder.lines(|line| line["fact"] == "Finalized" && line["fields"]["up_to"]["offset"] == 1).len()
    };
    until("three nodes have it final", || finals(&recorder) >= 4 + 3);
    let file = recorder.file.clone();
    recorder.end();
    file
}

#[test]
fn a_recording_is_clean_readable_elsewhere_and_reveals_manipulation() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = recorded(&folder);
    let said = replay(&file, &["--check", "--output", "json"]);
    assert_eq!((said.code, &said.json()["violations"]), (Some(0), &json!([])), "{said:?}");
    let events = said.json()["events"].as_u64().expect("a number");
    assert!(events > 100, "{events}");
    let text = replay(&file, &["--check"]);
    assert!(text.out.contains("✓ committed is on a quorum"), "{text:?}");
    exports(&file, events);
    a_commit_without_quorum(&file);
    a_stale_read(&file);
    a_torn_line_and_no_recording(&file);
}

fn exports(file: &Path, events: u64) {
    let said = replay(file, &["--export", "jsonl"]);
    let facts = said.out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["fact"].clone());
    assert_eq!(facts.filter(Value::is_string).count() as u64, events);
    let out = file.with_extension("log");
    let said = replay(file, &["--export", "shiviz", "--out", out.to_str().expect("a path is text")]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let text = fs::read_to_string(&out).expect("it is written");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(r"(?<event>.*)\n(?<host>\S*) (?<clock>{.*})"));
    assert_eq!(lines.next(), Some(""), "one execution");
    let (mut own, mut joined) = (BTreeMap::new(), 0);
    while let (Some(_event), Some(line)) = (lines.next(), lines.next()) {
        let (host, clock) = line.split_once(' ').expect("a host and its clock");
        let clock: BTreeMap<String, u64> = serde_json::from_str(clock).expect("a clock");
        let next = own.entry(host.to_owned()).or_insert(0);
        *next += 1;
        assert_eq!(clock.get(host), Some(&*next), "{line}");
        joined += usize::from(clock.len() > 1);
    }
    assert!(own.len() == 4 && joined > 10, "{own:?} {joined}");
}

/// Only the leader itself has acked the write that it commits.
fn a_commit_without_quorum(file: &Path) {
    let (code, found) = doctored(file, |lines| {
        let epoch =
            lines.iter().rev().find(|line| line["fact"] == "Elected").expect("a leader")["fields"]["epoch"].clone();
        for line in lines.iter_mut().filter(|line| line["fact"] == "Acked") {
            let up_to = &mut line["fields"]["up_to"];
            if up_to["epoch"] == epoch["epoch"] && up_to["offset"] == 1 {
                up_to["offset"] = json!(0);
            }
        }
    });
    assert_eq!((code, found.first().map(String::as_str)), (Some(1), Some("committed is on a quorum")), "{found:?}");
}

/// A read returns a value that was overwritten before the read began.
fn a_stale_read(file: &Path) {
    let operations = |seen: &str| {
        let done = |json: Value| json!({"tone": "result", "text": json.to_string()});
        let operation = |number: u64, line: &str, json: Value| {
            let at = 900_000_000 + 10 * number;
            let lines = [done(json.clone())];
            [
                json!({"at_us": at, "begin": number, "line": line}),
                json!({"at_us": at + 5, "end": number, "took_us": 5, "exit": "done", "lines": lines, "json": json}),
            ]
        };
        let written = |offset: u64| json!({"epoch": 90, "offset": offset, "position": offset});
        let read = json!({"found": true, "value": seen});
        [operation(1, "put k 1", written(1)), operation(2, "put k 2", written(2)), operation(3, "get k", read)].concat()
    };
    assert_eq!(doctored(file, |lines| lines.extend(operations("2"))), (Some(0), Vec::new()));
    assert_eq!(doctored(file, |lines| lines.extend(operations("1"))), (Some(1), vec!["linearizable".to_owned()]));
}

fn a_torn_line_and_no_recording(file: &Path) {
    let whole = fs::read(file).expect("a recording");
    let torn = file.with_extension("torn");
    fs::write(&torn, &whole[..whole.len() - 9]).expect("a file");
    let said = replay(&torn, &["--check"]);
    assert!(said.code == Some(0) && said.err.contains("its last line is incomplete"), "{said:?}");
    let newer = String::from_utf8(whole).expect("text").replacen("\"epoca_recording\":1", "\"epoca_recording\":9", 1);
    fs::write(&torn, newer).expect("a file");
    let said = replay(&torn, &["--check", "--output", "json"]);
    assert_eq!((said.code, said.error().0.as_str()), (Some(2), "recording"), "{said:?}");
    assert!(said.error().1.contains("use a newer epoca"), "{said:?}");
    assert_eq!(replay(Path::new("/nowhere/at/all"), &["--check"]).code, Some(2));
}
