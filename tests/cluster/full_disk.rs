//! A node whose disk runs full: a limit on the size of files is what a test can set without rights. The node ends and
//! says why; with room again it has all that was confirmed.

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{EXECUTABLE, epoca, until};

/// Ended with the test, however that ends.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A node alone, whose files may grow to so many bytes.
fn start(address: &str, folder: &Path, file_bytes_max: u64) -> Node {
    // Shells disagree on the unit of `ulimit -f`, so either unit must do; without the trap a signal would end the node.
    let script = format!("ulimit -f {}; trap '' XFSZ; exec \"$0\" \"$@\"", file_bytes_max / 512);
    let mut command = Command::new("sh");
    command.args(["-c", &script, EXECUTABLE, "node", "--id", "1", "--listen", address, "--election-timeout", "200"]);
    command.arg("--data").arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    Node(command.spawn().expect("a shell starts"))
}

#[test]
fn a_full_disk_ends_the_node_with_a_clear_error_and_nothing_confirmed_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("n1");
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let ask = |words: &[&str]| epoca([&["--connect", &address, "--timeout", "5"], words].concat());

    let mut full = start(&address, &data, 1 << 20);
    let value = "v".repeat(100_000);
    until("the node takes writes", || ask(&["put", "first", &value]).code == Some(0));
    let mut confirmed = vec!["first".to_owned()];
    let refused = (0..200).map(|number| format!("k{number:03}")).find(|key| {
        let done = ask(&["put", key, &value]).code == Some(0);
        done.then(|| confirmed.push(key.clone())).is_none()
    });
    assert!(refused.is_some(), "its files grew beyond what they may");
    let mut code = None;
    until("the node has ended", || {
        code = full.0.try_wait().unwrap().map(|status| status.code());
        code.is_some()
    });
    let mut err = String::new();
    full.0.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(code, Some(Some(1)), "{err}");
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
