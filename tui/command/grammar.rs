//! The commands for a running cluster: one grammar for the shell and the console's prompt.
//!
//! What only the shell has (start a cluster, run a node) is in [`cli`](crate::cli). What the commands do is in
//! [`execute`](super::execute).

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use bytes::Bytes;
use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use epoca::client::check_address;
use epoca::protocol::trace::{ALL, MessageId, Pace, Wrong};
use epoca::protocol::{MessageKind, NodeId};

use super::messages;
use crate::lang::{Lang, Localized};

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
        /// The key to delete; an absent key is no error
        #[arg(value_name = "KEY", value_parser = bytes())]
        key: Bytes,
    },
    /// Write a value only if the key is as expected
    #[command(override_usage = "epoca cas <KEY> <--expect VALUE | --absent | --revision R> <NEW | - | --file F>")]
    Cas(Cas),
    /// Put and delete several keys as one write, all or nothing
    Batch {
        /// One change each, as "put x 1" or "delete y"; without any, or with `-`, the lines of standard input
        #[arg(value_name = "CHANGE")]
        changes: Vec<String>,
    },
    /// Show committed changes as they happen, each once and in order
    Watch(Watch),
    /// List the final records, in the order of their keys
    List {
        /// Only keys that start with this
        #[arg(value_name = "PREFIX", default_value = "", hide_default_value = true, value_parser = bytes())]
        prefix: Bytes,
        /// The greatest number of records [default: all; at the console's prompt 1000]
        #[arg(long, value_name = "N", value_parser = number(1..=u64::MAX))]
        limit: Option<u64>,
    },
    /// Show each node's role, epoch and log
    Status,
    /// Show the end of a node's log, including intermediate entries
    Log(Log),
    /// Show or change the members of the cluster
    #[command(subcommand)]
    Member(Member),
    /// Choose the leader
    #[command(subcommand)]
    Leader(Leader),
    /// Inject a fault
    // At the prompt, where `fault` may be left out, `list` alone lists records.
    #[command(subcommand, mut_subcommand("in-force", |command| command.visible_alias("list")))]
    Fault(Fault),
    /// Measure how fast the cluster confirms operations
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
    /// Only if this revision was the last to write the key
    #[arg(long, value_name = "R", value_parser = number(0..=u64::MAX))]
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
    /// The first revision to show, at most the one after the newest [default: the next one]
    #[arg(long, value_name = "REVISION", value_parser = number(1..=u64::MAX))]
    pub from: Option<u64>,
    /// End after this many changes
    #[arg(long, value_name = "N", value_parser = number(1..=u64::MAX))]
    pub count: Option<u64>,
}

#[derive(Args, Clone, Debug, PartialEq)]
pub struct Get {
    /// The key to read
    #[arg(value_name = "KEY", value_parser = bytes())]
    pub key: Bytes,
    /// Which writes the read must see
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = Consistency::Linearizable)]
    pub consistency: Consistency,
    /// How many nodes a quorum read asks [default: the smallest number that suffices]
    #[arg(long, value_name = "NR", default_value_t = 0, hide_default_value = true)]
    pub replicas: u32,
    /// Ask this node, as 3 or n3
    #[arg(long, value_name = "N")]
    pub node: Option<Node>,
    /// Write the value's bytes to standard output unchanged, without a newline
    #[arg(long, conflicts_with = "file")]
    pub raw: bool,
    /// Write the value's bytes to this file, which is created or replaced
    #[arg(long, value_name = "F")]
    pub file: Option<PathBuf>,
}

#[derive(Args, Clone, Copy, Debug, PartialEq)]
pub struct Log {
    /// The node, as 3 or n3
    #[arg(long, value_name = "N")]
    pub node: Node,
    /// Show the log from this position on instead of its end
    #[arg(long, value_name = "P", value_parser = number(1..=u64::MAX))]
    pub from: Option<u64>,
    /// The greatest number of entries [default: 100]
    #[arg(long, value_name = "N", conflicts_with = "all", value_parser = number(1..=u64::MAX))]
    pub limit: Option<u64>,
    /// Show all entries of the log (at the console's prompt at most 1000)
    #[arg(long)]
    pub all: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Every write that was confirmed before the read began
    Linearizable,
    /// The same, answered by the leader alone while its lease holds (with nodes started with --lease)
    Lease,
    /// The same, answered by several nodes instead of the leader
    Quorum,
    /// What is final at the asked node, possibly old
    Local,
}

/// Commands for the member list.
#[derive(Subcommand, Clone, Debug, PartialEq)]
pub enum Member {
    /// Show the member list: voters, and learners, which receive all data but count in no majority
    List,
    /// Add a node: it receives all data, then becomes a voter
    Add {
        /// The address of a node that was started with --wait; without it the launcher starts a new node
        #[arg(value_name = "ADDRESS")]
        address: Option<String>,
        /// Keep it a learner until it is promoted
        #[arg(long)]
        learner: bool,
    },
    /// Remove a node; if the launcher started it, its process ends too
    Remove {
        /// The node, as 3 or n3; a leader first transfers its leadership
        node: Node,
    },
    /// Turn a learner that has caught up into a voter
    Promote {
        /// The learner, as 3 or n3
        node: Node,
    },
}

/// Commands for leadership.
#[derive(Subcommand, Clone, Debug, PartialEq)]
pub enum Leader {
    /// Transfer leadership to a node, by default to the most up-to-date one; meanwhile writes wait and are not refused
    #[command(alias = "stand")]
    Transfer {
        /// The new leader, as 3 or n3; without a current leader, this node starts an election
        node: Option<Node>,
    },
}

/// Injected faults. At the prompt the word `fault` may be omitted.
#[derive(Subcommand, Clone, Debug, PartialEq)]
pub enum Fault {
    /// Kill a node's process (SIGKILL); it stays down until it is restarted
    Kill { node: Node },
    /// Start a node's process again
    Restart { node: Node },
    /// Suspend a node's process (SIGSTOP)
    Pause { node: Node },
    /// Resume a suspended process
    Resume { node: Node },
    /// Flip one bit of a node's stored log: the process is killed for that and restarted
    Damage { node: Node },
    /// Cut the link between two nodes, in both directions
    Cut {
        a: Node,
        b: Node,
        /// Cut only the direction from the first node to the second
        #[arg(long)]
        one_way: bool,
    },
    /// Remove all rules from the link between two nodes: cut, drop, delay, double
    Heal { a: Node, b: Node },
    /// Drop the messages of one kind from one node to another, as a link that loses only acks
    Drop {
        from: Node,
        to: Node,
        #[arg(value_name = "KIND", value_parser = kind())]
        kind: Kinds,
    },
    /// Delay messages from one node to another
    Delay {
        from: Node,
        to: Node,
        #[arg(value_name = "MILLIS", value_parser = millis())]
        millis: u64,
        #[arg(value_name = "KIND", default_value = ALL, value_parser = kind())]
        kind: Kinds,
    },
    /// Duplicate messages from one node to another
    Double {
        from: Node,
        to: Node,
        #[arg(value_name = "KIND", default_value = ALL, value_parser = kind())]
        kind: Kinds,
    },
    /// Hold messages to a node, of one kind or all
    Hold {
        node: Node,
        #[arg(value_name = "KIND", value_parser = kind())]
        kind: Kinds,
    },
    /// Deliver the held messages of a kind, or all, and stop holding them
    Release {
        node: Node,
        #[arg(value_name = "KIND", default_value = ALL, value_parser = kind())]
        kind: Kinds,
    },
    /// Show all faults in force
    InForce,
    /// Remove all faults at all nodes; a node that breaks a rule on purpose is restarted without that
    Clear,
    /// Step mode: timers are stopped, and messages are held until the user delivers them
    Step {
        #[arg(value_enum)]
        switch: Switch,
        /// Keep also the messages that change nothing: heartbeats, their answers, repeated acks and commit orders
        #[arg(long)]
        all: bool,
    },
    /// Slow motion: timers, messages and flushes take N times longer; 1 is real time
    Pace {
        /// How many times slower than real time, 1 to 1000
        #[arg(value_name = "N", value_parser = pace())]
        pace: Pace,
    },
    /// Show the waiting messages of all nodes, the oldest first
    Pending,
    /// Deliver a waiting message, by default the oldest
    Deliver {
        /// `next`, or a message as 17 or 1-2-17 (the 17th from n1, to n2)
        #[arg(value_name = "MESSAGE", default_value = "next")]
        message: MessageRef,
    },
    /// Discard a waiting message
    Discard {
        #[arg(value_name = "MESSAGE")]
        message: MessageRef,
    },
    /// Deliver a waiting message automatically after some time
    DelayMessage {
        #[arg(value_name = "MESSAGE")]
        message: MessageRef,
        #[arg(value_name = "MILLIS", value_parser = millis())]
        millis: u64,
    },
    /// Duplicate a waiting message
    Duplicate {
        #[arg(value_name = "MESSAGE")]
        message: MessageRef,
    },
    /// Expire a node's timer now: a replica starts an election, a leader sends heartbeats
    Tick { node: Node },
    /// Restart a node so that it breaks a rule on purpose, to test the checks; `off` restores it
    Wrong {
        node: Node,
        #[arg(value_name = "HOW", value_parser = how())]
        how: How,
    },
    /// Append forged intermediate entries to a replica's log
    Inject(Inject),
}

/// The word that restores a node after `wrong`.
const OFF: &str = "off";

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    On,
    Off,
}

/// A waiting message, as people name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageRef {
    /// The oldest.
    Next,
    /// By the sender's number alone.
    Number(u64),
    /// By sender, receiver and number.
    Id(MessageId),
}

impl FromStr for MessageRef {
    type Err = Invalid;

    /// `next`, `17`, `1-2-17`, `n1-n2-17`, or the form in which it is shown, `n1→n2#17`.
    fn from_str(text: &str) -> Result<MessageRef, Invalid> {
        let invalid = || Invalid(messages::message_expected());
        if text == "next" {
            return Ok(MessageRef::Next);
        }
        let parts: Vec<&str> = text.split(['-', '→', '#', ' ']).filter(|part| !part.is_empty()).collect();
        let number = |part: &str| part.parse().map_err(|_| invalid());
        match parts[..] {
            [alone] => Ok(MessageRef::Number(number(alone)?)),
            [from, to, last] => {
                let end = |part: &str| part.parse::<Node>().map(|node| node.0).map_err(|_| invalid());
                Ok(MessageRef::Id(MessageId { from: end(from)?, to: end(to)?, number: number(last)? }))
            }
            _ => Err(invalid()),
        }
    }
}

/// Why a word of a command does not fit.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", .0.to(Lang::English))]
pub struct Invalid(pub Localized);

/// Messages of one kind, or of every kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kinds(pub Option<MessageKind>);

/// The kinds of messages, and `all`.
fn kind() -> impl TypedValueParser<Value = Kinds> {
    let kinds = MessageKind::ALL.iter().map(|kind| kind.name());
    PossibleValuesParser::new(kinds.chain([ALL])).map(|name| Kinds(MessageKind::from_name(&name)))
}

/// The rule that a node breaks on purpose; `None` for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct How(pub Option<Wrong>);

fn how() -> impl TypedValueParser<Value = How> {
    let ways = Wrong::ALL.iter().map(|wrong| wrong.name());
    PossibleValuesParser::new(ways.chain([OFF])).map(|name| How(Wrong::from_name(&name)))
}

/// `100`, or as it is shown, `1/100`.
fn pace() -> impl TypedValueParser<Value = Pace> {
    |text: &str| text.parse().map_err(|_| Invalid(messages::number_expected(&(1..=u64::from(Pace::SLOWDOWN_MAX)))))
}

fn millis() -> impl TypedValueParser<Value = u64> {
    number(1..=3_600_000)
}

/// A number within a range. Unlike clap's own parser its errors exist in each language.
fn number(range: RangeInclusive<u64>) -> impl TypedValueParser<Value = u64> {
    move |text: &str| match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(Invalid(messages::number_expected(&range))),
    }
}

#[derive(Args, Clone, Debug, PartialEq)]
pub struct Inject {
    /// The replica that receives them
    pub node: Node,
    /// The key that the forged entries write
    #[arg(value_name = "KEY", value_parser = bytes())]
    pub key: Bytes,
    /// The value that they write
    #[arg(value_name = "VALUE", allow_hyphen_values = true, value_parser = bytes())]
    pub value: Bytes,
    /// Their epoch [default: that of the last entry, so that they have the ids that the leader assigns next]
    #[arg(long, value_name = "E", value_parser = number(0..=u64::MAX))]
    pub epoch: Option<u64>,
    /// How many
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = number(1..=1000))]
    pub count: u64,
}

#[derive(Args, Clone, Copy, Debug, PartialEq)]
pub struct Bench {
    /// What to measure
    #[arg(long, value_enum, default_value_t = BenchOperation::Put)]
    pub op: BenchOperation,
    /// How many clients, each with one operation in flight
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = number(1..=10_000))]
    pub clients: u64,
    /// The size of each value
    #[arg(long, value_name = "BYTES", default_value_t = 256, value_parser = number(0..=1_048_576))]
    pub value_bytes: u64,
    /// How long to measure
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = number(1..=86_400))]
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
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Node, Invalid> {
        let digits = text.strip_prefix('n').unwrap_or(text);
        let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
        match number {
            Some(id) if id > 0 => Ok(Node(NodeId(id))),
            _ => Err(Invalid(messages::node_expected())),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Checks that the text has the form `HOST:PORT`. The error shows the right form.
pub fn address(text: &str) -> Result<String, String> {
    let text = text.trim();
    check_address(text, 1).map(|()| text.to_owned())
}

/// Keys and values are bytes: the arguments of a process need not be UTF-8.
fn bytes() -> impl TypedValueParser<Value = Bytes> {
    OsStringValueParser::new().map(|text| Bytes::from(text.into_encoded_bytes()))
}
