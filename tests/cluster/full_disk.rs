//! A node whose disk fills up, simulated by a limit on file sizes, which needs no privileges. The node stops and
//! reports the reason; with free space again it has every confirmed write.

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{EXECUTABLE, election_timeout_ms, epoca, until};

/// A node process, killed when this is dropped.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A single-node cluster with a limit of this many bytes on its files.
fn start(address: &str, folder: &Path, file_bytes_max: u64) -> Node {
    start_among(&[address.to_owned()], 1, folder, file_bytes_max)
}

/// Node `id` of the cluster at these addresses.
fn start_among(addresses: &[String], id: usize, folder: &Path, file_bytes_max: u64) -> Node {
    // Shells disagree on the unit of `ulimit -f`, so either unit must do. SIGXFSZ must not end the node.
    let script = format!("ulimit -f {}; exec \"$0\" \"$@\"", file_bytes_max / 512);
    let mut command = Command::new("sh");
    command.args(["-c", &script, EXECUTABLE, "node", "--id", &id.to_string(), "--listen", &addresses[id - 1]]);
    let election_timeout = election_timeout_ms(300).expect("it is reported").to_string();
    command.args(["--election-timeout", &election_timeout, "--heartbeat", "50"]);
    for (peer, address) in (1..).zip(addresses).filter(|(peer, _)| *peer != id) {
        command.arg("--peer").arg(format!("{peer}={address}"));
    }
    command.arg("--data").arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    Node(command.spawn().expect("a shell starts"))
}

impl Node {
    /// Waits until the process exits; returns its exit code and the end of its output.
    fn last_words(&mut self) -> (Option<i32>, String) {
        let mut code = None;
        until("the node has ended", || {
            code = self.0.try_wait().unwrap().map(|status| status.code());
            code.is_some()
        });
        let mut err = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (code.flatten(), err)
    }
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn a_full_disk_ends_the_node_with_a_clear_error_and_nothing_confirmed_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("n1");
    let address = free_address();
    let ask = |words: &[&str]| epoca([&["--connect", &address, "--timeout", "5"], words].concat());

    let mut full = start(&address, &data, 1 << 20);
    let value = "v".repeat(100_000);
    until("the node confirms writes", || ask(&["put", "first", &value]).code == Some(0));
    let mut confirmed = vec!["first".to_owned()];
    let refused = (0..200).map(|number| format!("k{number:03}")).find(|key| {
        let done = ask(&["put", key, &value]).code == Some(0);
        done.then(|| confirmed.push(key.clone())).is_none()
    });
    assert!(refused.is_some(), "its files exceed the limit");
    let (code, err) = full.last_words();
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("the disk is full") && err.contains("make room"), "{err}");

    let _roomy = start(&address, &data, 1 << 30);
    let found = confirmed.iter().all(|key| {
        let mut got = None;
        until("the node answers", || {
            got = ask(&["get", key]).code;
            got == Some(0) || got == Some(1)
        });
        got == Some(0)
    });
    assert!(found, "of {confirmed:?} something is lost");
}

#[test]
fn a_full_disk_harms_no_other_node_and_with_room_its_node_returns_with_every_confirmed_write() {
    let folder = tempfile::tempdir().unwrap();
    let addresses: Vec<String> = (0..3).map(|_| free_address()).collect();
    let data = |id: usize| folder.path().join(format!("n{id}"));
    let roomy = 1 << 30;
    let _others = [1, 2].map(|id| start_among(&addresses, id, &data(id), roomy));
    let mut full = start_among(&addresses, 3, &data(3), 1 << 20);
    let everywhere = addresses.join(",");
    let put = |key: &str| {
        let value = "v".repeat(50_000);
        epoca(["--connect", &everywhere, "--timeout", "30", "put", key, &value]).code
    };
    until("they take writes", || put("first") == Some(0));
    // Forty times 50 kB is twice the limit of one node; whether it leads or not, the others continue.
    let keys: Vec<String> = (0..40).map(|number| format!("k{number:02}")).collect();
    for key in &keys {
        assert_eq!(put(key), Some(0), "{key} is confirmed by those that have room");
    }
    let (code, err) = full.last_words();
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("the disk is full") && err.contains("make room"), "{err}");

    let _with_room = start_among(&addresses, 3, &data(3), roomy);
    for key in &keys {
        let local = ["--connect", &everywhere, "get", key, "--node", "3", "--consistency", "local"];
        until("the node with the full disk has every confirmed write", || epoca(local).code == Some(0));
    }
}
