//! What people can say to a running cluster: one grammar for the shell and the console's prompt.
//!
//! What only the shell can say (start a cluster, run a node) is in [`super::shell`]; what the commands do is in
//! [`super::execute`].

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use bytes::Bytes;
use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use epoca::client::check_address;
use epoca::protocol::trace::{ALL, MessageId, Wrong};
use epoca::protocol::{MessageKind, NodeId};

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
    /// Write a value only if the key is as expected
    #[command(override_usage = "epoca cas <KEY> <--expect VALUE | --absent | --revision R> <NEW | - | --file F>")]
    Cas(Cas),
    /// Put and delete several keys as one write, all or nothing
    Batch {
        /// One change each, as "put x 1" or "delete y"; without any, or with `-`, lines of standard input
        #[arg(value_name = "CHANGE")]
        changes: Vec<String>,
    },
    /// Show committed changes as they come, each once and in order
    Watch(Watch),
    /// List the final records, in the order of their keys
    List {
        /// Only keys that start with this
        #[arg(value_name = "PREFIX", default_value = "", hide_default_value = true, value_parser = bytes())]
        prefix: Bytes,
        /// At most so many records; all of them, unless told (at the console's prompt the first 1000)
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        limit: Option<u64>,
    },
    /// Show each node's role, epoch and log
    Status,
    /// Show the end of a node's log, intermediate entries too
    Log(Log),
    /// Say who belongs to the cluster
    #[command(subcommand)]
    Member(Member),
    /// Say who is to lead
    #[command(subcommand)]
    Leader(Leader),
    /// Make something go wrong on purpose
    // At the prompt, where `fault` may be left out, `list` alone lists records.
    #[command(subcommand, mut_subcommand("in-force", |command| command.visible_alias("list")))]
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
#[command(group = ArgGroup::new("expected").required(true).args(["expect", "absent", "revision"]))]
pub struct Cas {
    /// The key, at most 4 KiB
    #[arg(value_name = "KEY", value_parser = bytes())]
    pub key: Bytes,
    /// The new value, at most 1 MiB; `-` reads it from standard input
    #[arg(value_name = "NEW", required_unless_present = "file", allow_hyphen_values = true, value_parser = bytes())]
    pub value: Option<Bytes>,
    /// Only if the key has this value
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true, value_parser = bytes())]
    pub expect: Option<Bytes>,
    /// Only if there is no such key
    #[arg(long)]
    pub absent: bool,
    /// Only if this revision wrote the key last
    #[arg(long, value_name = "R")]
    pub revision: Option<u64>,
    /// Read the new value from this file
    #[arg(long, value_name = "F", conflicts_with = "value")]
    pub file: Option<PathBuf>,
}

#[derive(Args, Clone, Debug, PartialEq)]
pub struct Watch {
    /// Only keys that start with this
    #[arg(value_name = "PREFIX", default_value = "", hide_default_value = true, value_parser = bytes())]
    pub prefix: Bytes,
    /// The first revision to show, at most the one after the newest; without it what comes from now on
    #[arg(long, value_name = "REVISION", value_parser = clap::value_parser!(u64).range(1..))]
    pub from: Option<u64>,
    /// End after so many changes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
}

#[derive(Args, Clone, Debug, PartialEq)]
pub struct Get {
    /// The key to read
    #[arg(value_name = "KEY", value_parser = bytes())]
    pub key: Bytes,
    /// What the read must see
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = Consistency::Linearizable)]
    pub consistency: Consistency,
    /// How many nodes a quorum read asks; by default as few as are enough
    #[arg(long, value_name = "NR", default_value_t = 0, hide_default_value = true)]
    pub replicas: u32,
    /// Ask this node, as 3 or n3
    #[arg(long, value_name = "N")]
    pub node: Option<Node>,
    /// Write the value's bytes to standard output as they are, without a newline
    #[arg(long, conflicts_with = "file")]
    pub raw: bool,
    /// Write the value's bytes to this file, which is made or replaced
    #[arg(long, value_name = "F")]
    pub file: Option<PathBuf>,
}

#[derive(Args, Clone, Copy, Debug, PartialEq)]
pub struct Log {
    /// The node, as 3 or n3
    #[arg(long, value_name = "N")]
    pub node: Node,
    /// Show the log from this position on, and not its end
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u64).range(1..))]
    pub from: Option<u64>,
    /// At most so many entries [default: 100]
    #[arg(long, value_name = "N", conflicts_with = "all", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Show all entries that the log holds (at the console's prompt at most 1000)
    #[arg(long)]
    pub all: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// All that was confirmed before the read began
    Linearizable,
    /// The same, answered by the leader alone while its lease holds (nodes started with --lease)
    Lease,
    /// All that was confirmed before, asked of some nodes instead of the leader
    Quorum,
    /// What the asked node has made final so far, perhaps old
    Local,
}

/// Who belongs to the cluster.
#[derive(Subcommand, Clone, Debug, PartialEq)]
pub enum Member {
    /// Show the member list: voters, and learners that get all data but count in no majority
    List,
    /// Add a node: it gets all data, then becomes a voter
    Add {
        /// Where a node listens that was started with --wait; without it the launcher starts one more
        #[arg(value_name = "ADDRESS")]
        address: Option<String>,
        /// It stays a learner until it is promoted
        #[arg(long)]
        learner: bool,
    },
    /// Remove a node; if the launcher has started it, its process ends, too
    Remove {
        /// The node, as 3 or n3; a leader hands over first
        node: Node,
    },
    /// Make a learner that has caught up a voter
    Promote {
        /// The learner, as 3 or n3
        node: Node,
    },
}

/// Who is to lead.
#[derive(Subcommand, Clone, Debug, PartialEq)]
pub enum Leader {
    /// Hand leadership over to a node, or to whoever is caught up best; writes wait meanwhile and are not refused
    #[command(alias = "stand")]
    Transfer {
        /// The node that is to lead, as 3 or n3; if nobody leads, it stands for election
        node: Option<Node>,
    },
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
    /// Turn one bit of a node's stored log: its process is killed for it and started again
    Damage { node: Node },
    /// Cut the link between two nodes, in both directions
    Cut {
        a: Node,
        b: Node,
        /// Only what the first sends the second is lost
        #[arg(long)]
        one_way: bool,
    },
    /// Mend the link between two nodes: nothing is cut, lost, late or doubled there any more
    Heal { a: Node, b: Node },
    /// Lose the messages of one kind from one node to another, as a link that only loses acks
    Drop {
        from: Node,
        to: Node,
        #[arg(value_name = "KIND", value_parser = kind())]
        kind: Kinds,
    },
    /// Let messages from one node to another come late
    Delay {
        from: Node,
        to: Node,
        #[arg(value_name = "MILLIS", value_parser = millis())]
        millis: u64,
        #[arg(value_name = "KIND", default_value = ALL, value_parser = kind())]
        kind: Kinds,
    },
    /// Let messages from one node to another come twice
    Double {
        from: Node,
        to: Node,
        #[arg(value_name = "KIND", default_value = ALL, value_parser = kind())]
        kind: Kinds,
    },
    /// Hold back the messages of one kind that come to a node, or all
    Hold {
        node: Node,
        #[arg(value_name = "KIND", value_parser = kind())]
        kind: Kinds,
    },
    /// Deliver what was held back of a kind, or all, and hold no more
    Release {
        node: Node,
        #[arg(value_name = "KIND", default_value = ALL, value_parser = kind())]
        kind: Kinds,
    },
    /// Show all that is in force
    InForce,
    /// Lift all that is in force, at all nodes; one that is wrong on purpose is started again to be right
    Clear,
    /// Step mode: timers stand still, and every message waits until it is delivered by hand
    Step {
        #[arg(value_enum)]
        switch: Switch,
    },
    /// Show the messages that wait, of all nodes, the oldest first
    Pending,
    /// Deliver a message that waits: by default the oldest
    Deliver {
        /// `next`, or a message as 17 or 1-2-17 (the 17th from n1, to n2)
        #[arg(value_name = "MESSAGE", default_value = "next")]
        message: Which,
    },
    /// Throw a message that waits away
    Discard {
        #[arg(value_name = "MESSAGE")]
        message: Which,
    },
    /// Let a message that waits be delivered by itself after some time
    DelayMessage {
        #[arg(value_name = "MESSAGE")]
        message: Which,
        #[arg(value_name = "MILLIS", value_parser = millis())]
        millis: u64,
    },
    /// Let a message that waits be there twice
    Duplicate {
        #[arg(value_name = "MESSAGE")]
        message: Which,
    },
    /// Let a node's timer run out now: a replica stands for election, a leader sends heartbeats
    Tick { node: Node },
    /// Restart a node so that it is wrong on purpose, to see that the checks find it; `off` makes it right again
    Wrong {
        node: Node,
        #[arg(value_name = "HOW", value_parser = how())]
        how: How,
    },
    /// Put forged intermediate entries at the end of a replica's log
    Inject(Inject),
}

/// What ends a node's being wrong.
const OFF: &str = "off";

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    On,
    Off,
}

/// A message that waits, as people name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// The oldest.
    Next,
    /// By its sender's number alone.
    Number(u64),
    /// By sender, receiver and number.
    Id(MessageId),
}

impl FromStr for Which {
    type Err = String;

    /// `next`, `17`, `1-2-17`, `n1-n2-17`, or as it is shown, `n1→n2#17`.
    fn from_str(text: &str) -> Result<Which, String> {
        let wrong = || "a message is named as 17 or 1-2-17 (the 17th from n1, to n2), or `next`".to_owned();
        if text == "next" {
            return Ok(Which::Next);
        }
        let parts: Vec<&str> = text.split(['-', '→', '#', ' ']).filter(|part| !part.is_empty()).collect();
        let number = |part: &str| part.parse().map_err(|_| wrong());
        match parts[..] {
            [alone] => Ok(Which::Number(number(alone)?)),
            [from, to, last] => {
                let end = |part: &str| part.parse::<Node>().map(|node| node.0).map_err(|_| wrong());
                Ok(Which::Id(MessageId { from: end(from)?, to: end(to)?, number: number(last)? }))
            }
            _ => Err(wrong()),
        }
    }
}

/// Messages of one kind, or of every kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kinds(pub Option<MessageKind>);

/// The kinds of messages, and `all`.
fn kind() -> impl TypedValueParser<Value = Kinds> {
    let kinds = MessageKind::ALL.iter().map(|kind| kind.name());
    PossibleValuesParser::new(kinds.chain([ALL])).map(|name| Kinds(MessageKind::from_name(&name)))
}

/// In which way a node is wrong on purpose; `None` is right again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct How(pub Option<Wrong>);

fn how() -> impl TypedValueParser<Value = How> {
    let ways = Wrong::ALL.iter().map(|wrong| wrong.name());
    PossibleValuesParser::new(ways.chain([OFF])).map(|name| How(Wrong::from_name(&name)))
}

fn millis() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=3_600_000)
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

/// `HOST:PORT`; what is wrong with another word is said with the right form.
pub fn address(text: &str) -> Result<String, String> {
    let text = text.trim();
    check_address(text, 1).map(|()| text.to_owned())
}

/// Keys and values are bytes: what the shell hands over need not be UTF-8.
fn bytes() -> impl TypedValueParser<Value = Bytes> {
    OsStringValueParser::new().map(|text| Bytes::from(text.into_encoded_bytes()))
}
