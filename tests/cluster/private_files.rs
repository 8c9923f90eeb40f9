//! Files are accessible only to the user who runs the nodes, and a node does not keep writing to deleted files.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::members::log_of;
use crate::support::{Cluster, EXECUTABLE, epoca, epoca_until_it_ends, run, until};

/// The files of a folder that grant rights to other users, with their modes.
fn open_to_others(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).expect("it can be listed") {
        let path = file.expect("a file").path();
        // The database may delete a file during the listing.
        let Ok(metadata) = path.metadata() else { continue };
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            found.push((path.clone(), format!("{mode:o}")));
        }
        if metadata.is_dir() {
            found.extend(open_to_others(&path));
        }
    }
    found
}

/// The program, with umask 0.
fn openly(words: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "umask 0; exec \"$0\" \"$@\"", EXECUTABLE]).args(words);
    command.env_remove("EPOCA_CONNECT");
    command
}

#[test]
fn all_files_with_data_are_for_their_user_alone_whatever_the_umask_is() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = place.path().join("data");
    let text = data.to_str().expect("a path of text");
    let small = ["--snapshot-entries", "20", "--snapshot-margin", "5", "--nodes", "3", "--base-port", "0"];
    let mut launcher = openly(&[&["cluster", "--data", text], &small[..]].concat())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let value = "v".repeat(9_000);
    until("writes are confirmed", || epoca(["put", "x", &value, "--data", text]).code == Some(0));
    for number in 0..40 {
        assert_eq!(epoca(["put", &format!("k{number}"), &value, "--data", text]).code, Some(0));
    }
    let (backup, recording, restored) =
        (place.path().join("backup"), place.path().join("recording"), place.path().join("restored"));
    let backup = backup.to_str().expect("a path of text");
    assert_eq!(run(&mut openly(&["backup", backup, "--data", text])).code, Some(0));
    assert_eq!(run(&mut openly(&["restore", backup, restored.to_str().expect("text")])).code, Some(0));
    let record = ["record", recording.to_str().expect("text"), "--data", text, "--for", "1s"];
    // Whatever it prints: none of its files is accessible to others.
    run(&mut openly(&record));
    let found = open_to_others(place.path());
    kill(Pid::from_raw(launcher.id() as i32), Signal::SIGTERM).expect("the process exists");
    launcher.wait().expect("it ends");
    assert_eq!(found, []);
    assert!(data.join("n1/snapshot").is_dir() && data.join("nodes.json").is_file(), "there is something to look at");
    assert_eq!(open_to_others(place.path()), []);
}

#[test]
fn a_node_alone_whose_folder_is_deleted_or_moved_confirms_nothing_more_and_says_why() {
    for moved in [false, true] {
        let cluster = Cluster::start(&["--nodes", "1"]);
        cluster.json(0, &["put", "x", "1"]);
        let folder = cluster.data().join("n1");
        if moved {
            std::fs::rename(&folder, cluster.data().join("elsewhere")).expect("it can be moved");
        } else {
            std::fs::remove_dir_all(&folder).expect("it can be removed");
        }
        let said = cluster.epoca(&["put", "x", "2", "--timeout", "3"]);
        assert_ne!(said.code, Some(0), "it was confirmed, and is nowhere: {said:?}");
        until("the node reports why it has ended", || log_of(&cluster, 1).contains("no longer exists"));
        until("the node has ended", || cluster.epoca(&["get", "x", "--timeout", "1"]).code != Some(0));
    }
}

#[test]
fn fresh_deletes_nothing_through_a_link() {
    let mut cluster = Cluster::start(&["--nodes", "1"]);
    cluster.json(0, &["put", "x", "1"]);
    cluster.launched.signal(Signal::SIGTERM);
    cluster.launched.wait();
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let (node, target) = (cluster.data().join("n1"), elsewhere.path().join("n1"));
    for part in ["", "final"] {
        let (link, target) = (node.join(part), target.join(part));
        std::fs::create_dir_all(target.parent().expect("it has one")).expect("it can be made");
        let copied = Command::new("mv").args([&link, &target]).status().expect("it starts");
        assert!(copied.success());
        let link = PathBuf::from(link.to_str().expect("text").trim_end_matches('/'));
        std::os::unix::fs::symlink(&target, &link).expect("it can be made");
        let data = cluster.data();
        let fresh = ["cluster", "--fresh", "--data", data.to_str().expect("text"), "--base-port", "0"];
        let said = epoca_until_it_ends(fresh);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains("deletes nothing") && said.err.contains("link"), "{said:?}");
        assert!(target.is_dir() && link.symlink_metadata().expect("it exists").is_symlink());
        // Only the other link, next time.
        std::fs::remove_file(&link).expect("it can be removed");
        assert!(Command::new("mv").args([&target, &link]).status().expect("it starts").success());
    }
}
