//! `epoca node`: runs one node in this process, until SIGTERM or Ctrl-C.
//!
//! What the options mean together is judged by the runtime; here they are read, and the logs get their place.

use std::fs::OpenOptions;
use std::io::{IsTerminal, Read, stderr, stdin};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Mutex;

use epoca::protocol::NodeId;
use epoca::protocol::trace::LinkRule;
use epoca::runtime::{NodeOptions, SnapshotOptions, Wrong, is_address, run as run_node};
use tracing_subscriber::EnvFilter;

use crate::command::conduct::{Conduct, Election};
use crate::command::grammar::Node;
use crate::command::shell::{BoundArgs, SnapshotArgs};

/// A third of a busy leader's own time went into allocating before.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(clap::Args, Debug)]
pub struct NodeArgs {
    /// Which node this is: 1, 2, 3, …
    #[arg(long, value_name = "N")]
    id: Node,

    /// Where to listen for nodes, clients and control, as 127.0.0.1:7101; whoever reaches it may read and write
    #[arg(long, value_name = "ADDRESS")]
    listen: SocketAddr,

    /// Where the others reach this node, as HOST:PORT; by default where it listens. Needed if that is 0.0.0.0 or [::]
    #[arg(long, value_name = "ADDRESS", value_parser = address_of)]
    advertise: Option<String>,

    /// Another node and its address, as 2=127.0.0.1:7102; once for each. They found a cluster together; once its log names
    /// its members, these count. Without any other node this one founds a cluster of its own
    #[arg(long = "peer", value_name = "N=ADDRESS")]
    peers: Vec<Peer>,

    /// Ask the nodes at these addresses to add this one to their cluster; it gets all their data, then becomes a voter
    #[arg(long, value_name = "ADDR,…", value_delimiter = ',', value_parser = address_of)]
    join: Vec<String>,

    /// Once added, get all data but count in no majority, until `epoca member promote`
    #[arg(long)]
    learner: bool,

    /// Found no cluster: wait until `epoca member add` names this node's address
    #[arg(long, conflicts_with_all = ["peers", "join"])]
    wait: bool,

    /// The folder of this node's intermediate and final data; made if it is missing
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// Allow faults on purpose (cut, hold, inject), and show keys and values to whoever watches
    #[arg(long)]
    lab: bool,

    /// A fault that is in force from the start, as "hold * 3 commit-order"
    #[arg(long = "rule", value_name = "RULE", hide = true)]
    rules: Vec<LinkRule>,

    /// Start in step mode
    #[arg(long, hide = true)]
    frozen: bool,

    /// Only with --lab: be WRONG on purpose, to see that the checks find it: skip-check takes every push as if it
    /// matched, commit-alone commits without a quorum
    #[arg(long, value_name = "HOW")]
    wrong: Option<Wrong>,

    #[command(flatten)]
    conduct: Conduct,

    #[command(flatten)]
    snapshots: SnapshotArgs,

    #[command(flatten)]
    bounds: BoundArgs,

    /// What to log: error, warn, info, debug, trace, or a filter as epoca=debug,h2=info
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: String,

    /// Log to the end of this file, not to stderr
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,

    /// End at once when stdin does: the launcher holds its other end
    #[arg(long, hide = true)]
    end_with_stdin: bool,
}

/// Runs the node. The exit code is 0 after SIGTERM or Ctrl-C, else 1 with the reason on stderr.
pub fn run(args: NodeArgs) -> ExitCode {
    if args.end_with_stdin {
        std::thread::spawn(end_with_stdin);
    }
    let ended = start_log(&args).and_then(|()| {
        run_node(args.options()).map_err(|error| {
            if args.log_file.is_some() {
                // Otherwise it would stand on stderr twice.
                tracing::error!("{error}");
            }
            error.to_string()
        })
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("epoca node: {why}");
            ExitCode::FAILURE
        }
    }
}

impl NodeArgs {
    fn options(&self) -> NodeOptions {
        NodeOptions {
            id: self.id.0,
            listen: self.listen,
            advertise: self.advertise.clone(),
            peers: self.peers.iter().map(|peer| (peer.id, peer.address.clone())).collect(),
            join: self.join.clone(),
            learner: self.learner,
            wait: self.wait,
            data: self.data.clone(),
            lab: self.lab,
            rules: self.rules.clone(),
            frozen: self.frozen,
            wrong: self.wrong,
            heartbeat_ms: self.conduct.heartbeat.unwrap_or(NodeOptions::HEARTBEAT_MS),
            election_timeout_ms: self.conduct.election_timeout.unwrap_or(NodeOptions::ELECTION_TIMEOUT_MS),
            manual: self.conduct.election == Election::Manual,
            prefer: self.conduct.prefer.into(),
            lease_ms: self.conduct.lease,
            snapshots: self.snapshots(),
            uncommitted_entries: self.bounds.uncommitted_entries.unwrap_or(NodeOptions::UNCOMMITTED_ENTRIES),
        }
    }
}

impl NodeArgs {
    fn snapshots(&self) -> SnapshotOptions {
        let SnapshotArgs {
            snapshot_entries,
            snapshot_bytes,
            snapshot_margin,
            snapshot_margin_bytes,
            snapshot_bytes_per_second,
        } = self.snapshots;
        let default = SnapshotOptions::default();
        SnapshotOptions {
            entries: snapshot_entries.unwrap_or(default.entries),
            bytes: snapshot_bytes.unwrap_or(default.bytes),
            margin: snapshot_margin.unwrap_or(default.margin),
            margin_bytes: snapshot_margin_bytes.unwrap_or(default.margin_bytes),
            bytes_per_second: snapshot_bytes_per_second.unwrap_or(default.bytes_per_second),
        }
    }
}

/// Nobody writes to this stdin: its end means that the launcher has gone, however it went.
fn end_with_stdin() {
    let mut unread = [0; 64];
    while matches!(stdin().read(&mut unread), Ok(1..)) {}
    std::process::exit(0);
}

fn start_log(args: &NodeArgs) -> Result<(), String> {
    // A bare level is about Epoca; the libraries below it would drown it.
    let bare = tracing::Level::from_str(&args.log).is_ok();
    let text = if bare { format!("warn,epoca={}", args.log) } else { args.log.clone() };
    let filter = EnvFilter::try_new(&text)
        .map_err(|error| format!("--log {}: {error}. Write a level such as info, or a filter", args.log))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    match &args.log_file {
        None => builder.with_ansi(stderr().is_terminal()).with_writer(stderr).init(),
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(|error| {
                format!("cannot write the log file {}: {error}. Give another with --log-file", path.display())
            })?;
            builder.with_ansi(false).with_writer(Mutex::new(file)).init();
        }
    }
    Ok(())
}

#[derive(Clone, Debug)]
pub struct Peer {
    pub id: NodeId,
    pub address: String,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Peer, String> {
        let (id, address) = text.split_once('=').ok_or("write N=ADDRESS, as 2=127.0.0.1:7102")?;
        let Node(id) = id.parse()?;
        Ok(Peer { id, address: address_of(address)? })
    }
}

fn address_of(text: &str) -> Result<String, String> {
    if is_address(text) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is no address: write HOST:PORT, as 127.0.0.1:7102"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_number_and_an_address() {
        let peer: Peer = "n2=localhost:7102".parse().expect("it is one");
        assert_eq!((peer.id, &peer.address[..]), (NodeId(2), "localhost:7102"));
        for wrong in ["2", "2=", "2=host", "2=:7102", "2=host:port", "0=host:1", "x=host:1"] {
            assert!(wrong.parse::<Peer>().is_err(), "{wrong}");
        }
    }
}
