//! `epoca node`: runs one node in this process, until SIGTERM or Ctrl-C.
//!
//! It reads the options and opens the log. Whether the options fit together is checked by the runtime.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Read, Write, stderr, stdin};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use epoca::protocol::trace::{LinkRule, Pace};
use epoca::protocol::{FeatureLevel, NodeId};
use epoca::runtime::{NodeOptions, SnapshotOptions, Wrong, check_address, is_unspecified, run as run_node};
use tracing_subscriber::EnvFilter;

use super::grammar::{Invalid, Node, address};
use super::log_lines::LogLines;
use super::node_options::{Election, LeadershipArgs, LimitArgs, SnapshotArgs};

#[derive(clap::Args, Debug)]
pub struct NodeArgs {
    /// Which node this is: 1, 2, 3, …
    #[arg(long, value_name = "N")]
    id: Node,

    /// Where to listen for nodes, clients and control, as 127.0.0.1:7101; any client that can connect may read and
    /// write
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address)]
    listen: SocketAddr,

    /// Where the other nodes reach this one, as HOST:PORT [default: where it listens]. Needed with 0.0.0.0 or [::]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    advertise: Option<String>,

    /// Another node and its address, as 2=127.0.0.1:7102; once for each. These nodes found a cluster together; later
    /// the members in its log count. Without this option the node founds a cluster of its own
    #[arg(long = "peer", value_name = "N=ADDRESS")]
    peers: Vec<Peer>,

    /// Ask the nodes at these addresses to add this one to their cluster; it receives all data, then becomes a voter
    #[arg(long, value_name = "ADDR,…", value_delimiter = ',', value_parser = address)]
    join: Vec<String>,

    /// Once added, receive all data but count in no majority, until `epoca member promote`
    #[arg(long)]
    learner: bool,

    /// Found no cluster: wait until `epoca member add` names this node's address
    #[arg(long, conflicts_with_all = ["peers", "join"])]
    wait: bool,

    /// The folder of this node's intermediate and final data; created if it is missing
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// Allow injected faults (cut, hold, inject), and show keys and values in traces
    #[arg(long)]
    lab: bool,

    /// A fault that is active from the start, as "hold * 3 commit-order"
    #[arg(long = "rule", value_name = "RULE", hide = true)]
    rules: Vec<LinkRule>,

    /// Start in step mode
    #[arg(long, hide = true)]
    frozen: bool,

    /// In step mode keep also the messages that change nothing
    #[arg(long, hide = true)]
    every: bool,

    /// Start with time this many times slower than real time
    #[arg(long, value_name = "N", hide = true, default_value_t = Pace::REAL)]
    pace: Pace,

    /// Only with --lab: break a rule, to test that the checks detect it: skip-check accepts every push as if it
    /// matched, commit-alone commits without a quorum
    #[arg(long, value_name = "HOW")]
    wrong: Option<Wrong>,

    #[command(flatten)]
    leadership: LeadershipArgs,

    #[command(flatten)]
    snapshots: SnapshotArgs,

    #[command(flatten)]
    limits: LimitArgs,

    /// What to log: error, warn, info, debug, trace, or a filter as epoca=debug,h2=info
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: String,

    /// Log to the end of this file, not to stderr
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,

    /// Only with --lab: act as an older version, which supports feature levels up to this one
    #[arg(long, value_name = "N", hide = true, default_value_t = FeatureLevel::NEWEST.0)]
    feature_level_max: u32,

    /// End when stdin is closed: the launcher holds its other end
    #[arg(long, hide = true)]
    end_with_stdin: bool,
}

/// How long the end of the process waits for the last lines of the log.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Runs the node. The exit code is 0 after SIGTERM or Ctrl-C, else 1 with the reason on stderr.
pub fn run(args: NodeArgs) -> ExitCode {
    if args.end_with_stdin {
        std::thread::spawn(end_with_stdin);
    }
    // A node without a log could not report anything, so it does not start.
    let Ok(mut stderr) = stderr_lines() else { return ExitCode::FAILURE };
    let log = match start_log(&args, &stderr) {
        Ok(log) => log,
        Err(why) => {
            print_reason(&mut stderr, &why);
            return ExitCode::FAILURE;
        }
    };
    let ended = run_node(args.options());
    if let Err(error) = &ended {
        if args.log_file.is_some() {
            // Without a log file the log is stderr, and the line would appear twice.
            tracing::error!("{error}");
        }
        print_reason(&mut stderr, &error.to_string());
    }
    log.flush_within(LAST_LINES);
    if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Standard error without the lock of the standard library's handle: a write that blocks must not hold it.
fn stderr_lines() -> io::Result<LogLines> {
    let own = stderr().as_fd().try_clone_to_owned()?;
    LogLines::to(std::fs::File::from(own))
}

fn print_reason(stderr: &mut LogLines, why: &str) {
    // LogLines accepts every line.
    let _ = stderr.write_all(format!("epoca node: {why}\n").as_bytes());
    stderr.flush_within(LAST_LINES);
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
            every: self.every,
            pace: self.pace,
            level_max: FeatureLevel(self.feature_level_max),
            wrong: self.wrong,
            heartbeat_ms: self.leadership.heartbeat.unwrap_or(NodeOptions::HEARTBEAT_MS),
            election_timeout_ms: self.leadership.election_timeout.unwrap_or(NodeOptions::ELECTION_TIMEOUT_MS),
            manual: self.leadership.election == Election::Manual,
            prefer: self.leadership.prefer.into(),
            lease_ms: self.leadership.lease,
            snapshots: self.snapshots(),
            uncommitted_entries: self.limits.uncommitted_entries.unwrap_or(NodeOptions::UNCOMMITTED_ENTRIES),
        }
    }

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

/// Ends the process with the launcher, however that ended. Nothing is ever written to this stdin, so that a read
/// returns only when the launcher's end of the pipe is closed.
fn end_with_stdin() {
    let mut unread = [0; 64];
    while matches!(stdin().read(&mut unread), Ok(1..)) {}
    std::process::exit(0);
}

fn start_log(args: &NodeArgs, stderr_lines: &LogLines) -> Result<LogLines, String> {
    // A bare level applies to Epoca alone: at the same level its libraries would log far more.
    let bare = tracing::Level::from_str(&args.log).is_ok();
    let text = if bare { format!("warn,epoca={}", args.log) } else { args.log.clone() };
    let filter = EnvFilter::try_new(&text)
        .map_err(|error| format!("--log {}: {error}. Write a level such as info, or a filter", args.log))?;
    let (lines, colours) = match &args.log_file {
        None => (stderr_lines.clone(), stderr().is_terminal()),
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
            let lines = file.and_then(LogLines::to).map_err(|error| {
                format!("cannot write the log file {}: {error}. Give another with --log-file", path.display())
            })?;
            (lines, false)
        }
    };
    let writer = lines.clone();
    // The library prints its own errors to stderr, and that panics if stderr is full.
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).log_internal_errors(false);
    builder.with_ansi(colours).with_writer(move || writer.clone()).init();
    Ok(lines)
}

/// An address of this machine, or a name of this machine.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    check_address(text, 0)?;
    let found = text.to_socket_addrs().map_err(|error| format!("{error}; expected an address of this machine"))?;
    let found: Vec<SocketAddr> = found.collect();
    // A name with both kinds, as localhost, is most often meant as IPv4.
    let chosen = found.iter().find(|address| address.is_ipv4()).or(found.first());
    chosen.copied().ok_or_else(|| "no address of this machine has that name".to_owned())
}

#[derive(Clone, Debug)]
pub struct Peer {
    pub id: NodeId,
    pub address: String,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Peer, String> {
        let (id, address) = text.split_once('=').ok_or("expected N=ADDRESS, as 2=127.0.0.1:7102")?;
        let Node(id) = id.parse().map_err(|error: Invalid| error.to_string())?;
        let address = self::address(address)?;
        if is_unspecified(&address) {
            return Err(format!(
                "{address} means every address of this machine, and no other node can connect to that; \
                 give the address or host name by which the others reach the node"
            ));
        }
        Ok(Peer { id, address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_number_and_an_address() {
        let peer: Peer = "n2=localhost:7102".parse().expect("it is one");
        assert_eq!((peer.id, &peer.address[..]), (NodeId(2), "localhost:7102"));
        for wrong in
            ["2", "2=", "2=host", "2=:7102", "2=host:port", "2=::1:7102", "0=host:1", "x=host:1", "2=0.0.0.0:1"]
        {
            assert!(wrong.parse::<Peer>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_node_listens_at_an_address_or_at_a_name_of_this_machine() {
        let listens = |text: &str| listen_address(text).map(|address| address.to_string());
        assert_eq!(listens("127.0.0.1:0").as_deref(), Ok("127.0.0.1:0"));
        assert_eq!(listens("[::1]:7101").as_deref(), Ok("[::1]:7101"));
        assert!(listens("localhost:7101").is_ok_and(|address| address.ends_with(":7101")));
        assert!(listens("::1:7101").is_err_and(|why| why.contains("[::1]:7101")));
        assert!(listens("localhost").is_err_and(|why| why.contains("localhost:7101")));
    }
}
