//! What people can say to a running cluster: one grammar for the shell and the console's prompt.
//!
//! What only the shell can say (start a cluster, run a node) is in [`super::shell`]; what the commands do is in
//! [`super::execute`].

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use bytes::Bytes;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use epoca::protocol::NodeId;

/// A command for a running cluster.
#[derive(Subcommand, Clone, Debug, PartialEq)]
pub enum Command {
    /// Write a value under a key
    #[command(override_usage = "epoca put <KEY> <VALUE | - | --file F>")]
    Put(Put),
    /// Read the value of a key
    Get(Get),
    /// Delete a key
    Delete {
        /// The key to delete; deleting an absent key is done, too
        #[arg(value_name = "KEY", value_parser = bytes())]
        key: Bytes,
    },
    /// List the final records, in the order of their keys
    List {
        /// Only keys that start with this
        #[arg(value_name = "PREFIX", default_value = "", hide_default_value = true, value_parser = bytes())]
        prefix: Bytes,
        /// At most so many records
        #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
        limit: u64,
    },
    /// Show each node's role, epoch and log
    Status,
    /// Show a node's log, intermediate entries too
    Log {
        /// The node, as 3 or n3
        #[arg(long, value_name = "N")]
        node: Node,
        /// The first position to show
        #[arg(long, value_name = "P", default_value_t = 1)]
        from: u64,
        /// At most so many entries
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
        limit: u64,
    },
    /// Make something go wrong on purpose
    #[command(subcommand)]
    Fault(Fault),
    /// Measure how fast the cluster confirms
    Bench(Bench),
}

#[derive(Args, Clone, Debug, PartialEq)]
pub struct Put {
    /// The key, at most 4 KiB
    #[arg(value_name = "KEY", value_parser = bytes())]
    pub key: Bytes,
    /// The value, at most 1 MiB; `-` reads it from standard input
    #[arg(value_name = "VALUE", required_unless_present = "file", allow_hyphen_values = true, value_parser = bytes())]
    pub value: Option<Bytes>,
    /// Read the value from this file
    #[arg(long, value_name = "F", conflicts_with = "value")]
    pub file: Option<PathBuf>,
}

#[derive(Args, Clone, Debug, PartialEq)]
pub struct Get {
    /// The key to read
    #[arg(value_name = "KEY", value_parser = bytes())]
    pub key: Bytes,
    /// What the read must see
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = Consistency::Linearizable)]
    pub consistency: Consistency,
    /// Ask this node, as 3 or n3
    #[arg(long, value_name = "N")]
    pub node: Option<Node>,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// All that was confirmed before the read began
    Linearizable,
    /// What the asked node has made final so far, perhaps old
    Local,
}

/// Faults made on purpose; at the prompt `fault` may be left out.
#[derive(Subcommand, Clone, Debug, PartialEq)]
pub enum Fault {
    /// End a node's process at once (SIGKILL); it stays dead until it is restarted
    Kill { node: Node },
    /// Start a node's process again
    Restart { node: Node },
    /// Freeze a node's process (SIGSTOP)
    Pause { node: Node },
    /// Let a frozen process go on
    Resume { node: Node },
    /// Cut the link between two nodes, in both directions
    Cut { a: Node, b: Node },
    /// Mend the link between two nodes
    Heal { a: Node, b: Node },
    /// Hold back the messages of one kind that come to a node
    Hold {
        node: Node,
        #[arg(value_enum, value_name = "KIND")]
        kind: HeldKind,
    },
    /// Deliver what was held back, and hold no more
    Release { node: Node },
    /// Put forged intermediate entries at the end of a replica's log
    Inject(Inject),
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldKind {
    /// The leader's orders to make entries final
    CommitOrder,
}

impl HeldKind {
    /// The kind's name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            HeldKind::CommitOrder => "commit-order",
        }
    }
}

#[derive(Args, Clone, Debug, PartialEq)]
pub struct Inject {
    /// The replica that gets them
    pub node: Node,
    /// The key that the forged entries write
    #[arg(value_name = "KEY", value_parser = bytes())]
    pub key: Bytes,
    /// The value that they write
    #[arg(value_name = "VALUE", allow_hyphen_values = true, value_parser = bytes())]
    pub value: Bytes,
    /// Their epoch; by default that of the last entry, so that their ids are those that the leader gives next
    #[arg(long, value_name = "E")]
    pub epoch: Option<u64>,
    /// How many
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub count: u64,
}

#[derive(Args, Clone, Copy, Debug, PartialEq)]
pub struct Bench {
    /// What to measure
    #[arg(long, value_enum, default_value_t = BenchOperation::Put)]
    pub op: BenchOperation,
    /// Clients, each with one operation under way at a time
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub clients: u64,
    /// The length of each value
    #[arg(long, value_name = "BYTES", default_value_t = 256, value_parser = clap::value_parser!(u64).range(0..=1_048_576))]
    pub value_bytes: u64,
    /// How long to measure
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum BenchOperation {
    Put,
    Get,
}

/// A node as people name it: `3` or `n3`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Node(pub NodeId);

impl FromStr for Node {
    type Err = String;

    fn from_str(text: &str) -> Result<Node, String> {
        let digits = text.strip_prefix('n').unwrap_or(text);
        let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
        match number {
            Some(id) if id > 0 => Ok(Node(NodeId(id))),
            _ => Err("a node is named by its number, as 3 or n3".to_owned()),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Keys and values are bytes: what the shell hands over need not be UTF-8.
fn bytes() -> impl TypedValueParser<Value = Bytes> {
    OsStringValueParser::new().map(|text| Bytes::from(text.into_encoded_bytes()))
}
