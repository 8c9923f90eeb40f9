//! Standard streams that are full, closed, or not read: a separate error or a quiet exit, and no node is lost.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::members::hand::free_address;
use crate::support::{Cluster, EXECUTABLE, PATIENCE, Said, epoca, run, until};

/// Runs the program with its streams redirected by a shell, as in `>/dev/full` or `<&-`.
fn redirected(words: &[&str], streams: &str) -> Said {
    let script = format!("exec \"$0\" \"$@\" {streams}");
    run(Command::new("/bin/sh").args(["-c", &script, EXECUTABLE]).args(words).stdin(Stdio::null()))
}

fn for_cluster<'a>(words: &[&'a str], addresses: &'a str) -> Vec<&'a str> {
    [words, &["--connect", addresses]].concat()
}

/// Waits until the process exits; kills it and fails the test if it does not.
#[track_caller]
fn end(mut child: Child) -> Said {
    let begun = Instant::now();
    while child.try_wait().expect("the process can be polled").is_none() {
        if begun.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("it does not end: {:?}", child.wait_with_output());
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let output = child.wait_with_output().expect("it has ended");
    let text = |bytes| String::from_utf8(bytes).expect("it is UTF-8");
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn piped(words: &[&str]) -> Child {
    let mut command = Command::new(EXECUTABLE);
    let command = command.args(words).env_remove("EPOCA_CONNECT").stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

#[test]
fn a_result_that_cannot_be_written_is_an_error_of_every_command_that_prints() {
    let cluster = Cluster::start(&["--lab"]);
    let addresses = cluster.addresses().join(",");
    let folder = cluster.data().join("n1");
    cluster.json(0, &["put", "x", "1"]);
    let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/.assets/demo.epoca.jsonl");
    let asked_of_nodes: [&[&str]; 20] = [
        &["put", "y", "1"],
        &["get", "x"],
        &["get", "x", "--raw"],
        &["get", "x", "--output", "json"],
        &["delete", "y"],
        &["cas", "x", "1", "--expect", "1"],
        &["batch", "put z 1", "delete z"],
        &["list"],
        &["list", "--output", "json"],
        &["list", "there is none", "--output", "json"],
        &["log", "--node", "1"],
        &["log", "--node", "1", "--output", "json"],
        &["status"],
        &["status", "--output", "json"],
        &["member", "list"],
        &["leader", "transfer", "1"],
        &["fault", "hold", "2", "heartbeat"],
        &["fault", "list", "--output", "json"],
        &["watch", "--from", "1", "--count", "1"],
        &["bench", "--seconds", "1", "--clients", "1"],
    ];
    let alone: [&[&str]; 13] = [
        &["inspect", folder.to_str().unwrap()],
        &["verify", "--seeds", "1"],
        &["scenario", "list"],
        &["scenario", "show", "normal"],
        &["replay", recording, "--check"],
        &["replay", recording, "--export", "jsonl"],
        &["completions", "bash"],
        &["man"],
        &["man", "put"],
        &["--help"],
        &["put", "--help"],
        &["help", "put"],
        &["--version"],
    ];
    let asked_of_nodes = asked_of_nodes.map(|words| for_cluster(words, &addresses));
    for words in asked_of_nodes.iter().map(Vec::as_slice).chain(alone) {
        let said = redirected(words, ">/dev/full");
        assert_eq!(said.code, Some(5), "{words:?}: {said:?}");
        assert!(said.err.contains("standard output") && said.err.contains("No space left"), "{words:?}: {said:?}");
        let closed = redirected(words, ">&-");
        assert_eq!(closed.code, Some(5), "{words:?}: {closed:?}");
        assert!(closed.err.contains("standard output"), "{words:?}: {closed:?}");
        // Open for reading only: writes fail.
        assert_eq!(redirected(words, "1</dev/null").code, Some(5), "{words:?}");
        let well = redirected(words, ">/dev/null");
        assert_ne!(well.code, Some(5), "{words:?}: {well:?}");
    }
}

#[test]
fn a_command_that_was_not_done_keeps_its_code_and_says_why_on_standard_error() {
    let cluster = Cluster::start(&[]);
    let addresses = cluster.addresses().join(",");
    let said = redirected(&for_cluster(&["get", "nothing", "--output", "json"], &addresses), ">/dev/full");
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("not found") && said.err.contains("standard output"), "{said:?}");
    let said = redirected(&["--connect", "127.0.0.1:1", "status", "--output", "json"], ">/dev/full");
    assert!(said.code == Some(4) && said.err.contains("127.0.0.1:1"), "{said:?}");
}

#[test]
fn a_reader_that_has_read_enough_ends_a_command_without_a_word() {
    let cluster = Cluster::start(&[]);
    let addresses = cluster.addresses().join(",");
    let large = "v".repeat(100_000);
    (0..20).for_each(|number| _ = cluster.json(0, &["put", &format!("{number:02}"), &large]));
    for words in [&["list", "--output", "json"][..], &["get", "00"], &["get", "00", "--raw"], &["status"]] {
        let mut child = piped(&for_cluster(words, &addresses));
        // As `head -c 1` does; the pipe may hold a whole short answer already.
        let mut first = [0];
        child.stdout.as_mut().expect("it has one").read_exact(&mut first).expect("there is output");
        drop(child.stdout.take());
        let said = end(child);
        let quiet = said.err.lines().all(|line| line.contains("revision"));
        assert!(said.code == Some(0) && quiet, "{words:?}: {said:?}");
    }
}

#[test]
fn a_watch_ends_when_its_reader_goes_though_no_further_change_comes() {
    let cluster = Cluster::start(&[]);
    let addresses = cluster.addresses().join(",");
    cluster.json(0, &["put", "x", "1"]);
    for format in ["text", "json"] {
        let mut child = piped(&for_cluster(&["watch", "--from", "1", "--output", format], &addresses));
        let mut out = BufReader::new(child.stdout.take().expect("it has one"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a change");
        assert!(line.contains('x'), "{line}");
        drop(out);
        let said = end(child);
        assert!(said.code == Some(0) && said.err.is_empty(), "{said:?}");
    }
}

#[test]
fn a_closed_standard_input_writes_nothing_over_what_is_there() {
    let cluster = Cluster::start(&[]);
    let addresses = cluster.addresses().join(",");
    cluster.json(0, &["put", "x", "1"]);
    for words in [&["put", "x", "-"][..], &["cas", "x", "-", "--expect", "1"], &["batch"], &["batch", "-"]] {
        for unusable in ["<&-", "0>/dev/null"] {
            let said = redirected(&for_cluster(words, &addresses), unusable);
            assert_eq!(said.code, Some(2), "{words:?} {unusable}: {said:?}");
            assert!(said.err.contains("standard input is closed"), "{words:?} {unusable}: {said:?}");
        }
    }
    assert_eq!(cluster.json(0, &["get", "x"])["value"], "1");
    // An empty stdin is a valid value.
    let said = redirected(&for_cluster(&["put", "x", "-"], &addresses), "</dev/null");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(cluster.json(0, &["get", "x"])["value"], "");
}

/// A single-node cluster that logs to its stderr.
fn node_with_stderr(stderr: Stdio, more: &[&str]) -> (Child, String, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let address = free_address();
    let mut command = Command::new(EXECUTABLE);
    command.args(["node", "--id", "1", "--listen", &address]).args(more).arg("--data").arg(folder.path().join("n1"));
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
    (command.spawn().expect("it starts"), address, folder)
}

/// The node confirms writes while the condition asks for more, and exits cleanly on its signal.
#[track_caller]
fn lives_and_ends_well(mut node: Child, address: &str, writes: usize) {
    until("writes are confirmed", || {
        assert_eq!(node.try_wait().expect("the process can be polled"), None, "it has ended");
        epoca(["--connect", address, "put", "x", "0"]).code == Some(0)
    });
    for number in 1..=writes {
        let said = epoca(["--connect", address, "put", "x", &number.to_string()]);
        assert_eq!(said.code, Some(0), "write {number}: {said:?}");
    }
    kill(Pid::from_raw(node.id() as i32), Signal::SIGTERM).expect("it runs");
    let mut code = None;
    until("it has ended", || {
        code = node.try_wait().expect("the process can be polled").map(|status| status.code());
        code.is_some()
    });
    assert_eq!(code.flatten(), Some(0));
}

#[test]
fn a_node_lives_on_when_its_log_cannot_be_written() {
    let full = || std::fs::File::options().write(true).open("/dev/full").expect("Linux has one");
    let (node, address, _folder) = node_with_stderr(full().into(), &["--log", "debug"]);
    lives_and_ends_well(node, &address, 3);
    // The reading end of the pipe is closed.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let (node, address, _folder) = node_with_stderr(writer.into(), &["--log", "debug"]);
    lives_and_ends_well(node, &address, 3);
    // The log file is on a full disk, and so is stderr.
    let (node, address, _folder) = node_with_stderr(full().into(), &["--log", "debug", "--log-file", "/dev/full"]);
    lives_and_ends_well(node, &address, 3);
}

#[test]
fn a_node_continues_when_the_pipe_of_its_log_is_not_read() {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    // The pipe has no room for another byte.
    fill(&mut writer);
    let (node, address, _folder) = node_with_stderr(writer.into(), &["--log", "trace"]);
    lives_and_ends_well(node, &address, 10);
    drop(reader);
}

/// Writes until the pipe is full.
fn fill(writer: &mut std::io::PipeWriter) {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    fcntl(&*writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("it is a pipe");
    while writer.write(&[b'.'; 512]).is_ok() {}
    fcntl(&*writer, FcntlArg::F_SETFL(OFlag::empty())).expect("it is a pipe");
}

#[test]
fn a_node_that_cannot_start_ends_with_its_code_though_its_reason_cannot_be_written() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("n1");
    let words = ["node", "--id", "1", "--listen", &address, "--data", data.to_str().unwrap()];
    assert_eq!(redirected(&words, "2>/dev/full").code, Some(1));
    assert_eq!(redirected(&words, "2>&-").code, Some(1));
    let said = redirected(&words, "");
    assert!(said.code == Some(1) && said.err.contains("is taken"), "{said:?}");
}

#[test]
fn a_launcher_whose_output_cannot_be_written_keeps_its_nodes_and_reports_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().to_str().unwrap().to_owned();
    let mut command = Command::new(EXECUTABLE);
    let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has one");
    command.args(["cluster", "--base-port", "0", "--data", &data]).env_remove("EPOCA_CONNECT");
    let launcher = command.stdin(Stdio::null()).stdout(full).stderr(Stdio::piped()).spawn().expect("it starts");
    until("the nodes take writes", || epoca(["--data", &data, "put", "x", "1"]).code == Some(0));
    kill(Pid::from_raw(launcher.id() as i32), Signal::SIGTERM).expect("it runs");
    let said = end(launcher);
    assert_eq!(said.code, Some(5), "{said:?}");
    assert_eq!(said.err.matches("cannot write to standard output").count(), 1, "{said:?}");
}

/// The process's peak memory according to the kernel, in MiB.
fn memory_most(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? >> 10)
}

#[test]
fn a_list_takes_the_memory_of_a_page_and_one_that_breaks_off_is_not_taken_for_the_whole() {
    let cluster = Cluster::start(&[]);
    let addresses = cluster.addresses().join(",");
    let (file, value) = (cluster.data().join("value"), vec![b'v'; 1 << 20]);
    std::fs::write(&file, &value).unwrap();
    let count = 64;
    for number in 0..count {
        cluster.json(0, &["put", &format!("{number:03}"), "--file", file.to_str().unwrap(), "--timeout", "60"]);
    }
    let words = for_cluster(&["list", "--output", "json"], &addresses);
    let mut child = piped(&[&words[..], &["--timeout", "60"]].concat());
    let (mut out, mut read, mut most) = (child.stdout.take().expect("it has one"), Vec::new(), 0);
    let mut piece = vec![0; 1 << 20];
    while let Ok(length @ 1..) = out.read(&mut piece) {
        read.extend_from_slice(&piece[..length]);
        most = most.max(memory_most(child.id()).unwrap_or(0));
    }
    let said = end(child);
    assert_eq!(said.code, Some(0), "{said:?}");
    let listed: Vec<Value> = serde_json::from_slice(&read).expect("it is whole");
    assert_eq!(listed.len(), count);
    assert!((1..=80).contains(&most), "{most} MiB for {count} values of 1 MiB");

    // The command blocks on its reader in the first pages when the nodes stop responding.
    let mut child = piped(&[&words[..], &["--timeout", "2"]].concat());
    let mut out = child.stdout.take().expect("it has one");
    out.read_exact(&mut piece).expect("a first piece");
    let pids = cluster.pids();
    let all = |signal| pids.iter().for_each(|pid| kill(Pid::from_raw(*pid), signal).expect("it runs"));
    all(Signal::SIGSTOP);
    let mut rest = piece.clone();
    out.read_to_end(&mut rest).expect("the rest");
    all(Signal::SIGCONT);
    let said = end(child);
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.err.contains("the list is incomplete"), "{said:?}");
    assert!(serde_json::from_slice::<Value>(&rest).is_err(), "it could be taken for the whole");
}
