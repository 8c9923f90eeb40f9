//! Nodes started by hand, from a shell.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::support::{EXECUTABLE, Scale};

/// A node in a temporary folder. It is killed when this is dropped.
pub struct Hand {
    child: Child,
    id: u64,
    pub address: String,
    folder: TempDir,
}

impl Hand {
    pub fn start(id: u64, arguments: &[&str]) -> Hand {
        Hand::start_at(id, &free_address(), arguments)
    }

    pub fn start_at(id: u64, address: &str, arguments: &[&str]) -> Hand {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = address.to_owned();
        let child = spawn(id, &address, folder.path().into(), arguments);
        Hand { child, id, address, folder }
    }

    /// Kills the process and starts another one, on the same address and folder.
    pub fn start_again(mut self, arguments: &[&str]) -> Hand {
        self.kill();
        self.child = spawn(self.id, &self.address, self.folder.path().into(), arguments);
        self
    }

    pub fn kill(&mut self) {
        // The process may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(id: u64, address: &str, folder: PathBuf, arguments: &[&str]) -> Child {
    let mut words: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    let scale = Scale::of_this_machine();
    scale.election_timeout_unless_given(&mut words);
    scale.all(&mut words);
    let mut command = Command::new(EXECUTABLE);
    command.args(["node", "--id", &id.to_string(), "--listen", address]).args(words);
    command.arg("--data").arg(folder.join("data")).arg("--log-file").arg(folder.join("log"));
    let quiet = command.env_remove("EPOCA_CONNECT").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.spawn().expect("the node starts")
}

/// An address where no process listened a moment ago.
pub fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it is bound").to_string()
}
