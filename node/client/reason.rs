//! Why there was no answer, or why an outcome is unknown. Each variant has an English text; other languages make theirs
//! from the fields.

use crate::client::error::ClientError;
use crate::protocol::NodeId;
use crate::wire::doubt::Doubt;
use crate::wire::refusal::{Refusal, names};

/// What an operation met before its deadline.
///
/// | field | meaning |
/// | --- | --- |
/// | `address` | the node that was asked, as `HOST:PORT` |
/// | `why` | the reason itself |
/// | `asked`, `answering` | the number of nodes that were asked; those that answered |
/// | `quorum` | the number of nodes that are a majority |
/// | `leader`, `epoch` | the leader by the other nodes' answers, and its epoch |
/// | `nodes` | the nodes in step mode |
#[allow(missing_docs, reason = "the fields are in the table above; a text says what its variant means")]
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Reason {
    /// A text of the operating system or of a library.
    #[error("{0}")]
    System(String),
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The node cannot say whether the request was done.
    #[error("{0}")]
    Doubt(Doubt),
    #[error("{0}")]
    Failed(Box<ClientError>),
    #[error("{address}: {why}")]
    At { address: String, why: Box<Reason> },
    /// The request may have reached the node.
    #[error("{address} may have taken it, but {why}")]
    MayHaveTaken { address: String, why: Box<Reason> },
    #[error("{address} does not answer")]
    Silent { address: String },
    #[error("does not answer")]
    NotAnswering,
    #[error("is no longer the leader")]
    LeadsNoMore,
    #[error("no answer")]
    NoAnswer,
    #[error("it did not answer in time")]
    NoAnswerInTime,
    #[error("no connection in time")]
    NoConnection,
    #[error("no address is known")]
    NoAddress,
    #[error("no node answers")]
    NoNode,
    #[error("another cluster answers there")]
    OtherCluster,
    #[error("the stream has ended")]
    StreamEnded,
    #[error("the node takes no more writes for now")]
    StreamFull,
    #[error("not everything could be read")]
    MoreToRead,
    #[error("no node accepted it")]
    NotTaken,
    #[error("other requests were still looking for it")]
    Searching,
    #[error("the answer does not decode: {0}")]
    Unreadable(String),
    #[error("the answer is empty")]
    Empty,
    #[error("the answer does not fit the request")]
    Misfit,
    /// With this reason a person who has seen the leader step down need not wait for another one.
    #[error(
        "only {answering} of {asked} nodes answer, and a majority needs {quorum}: no leader can be elected before \
         another node runs. Nothing was done: try again then",
        answering = names(.answering, " ")
    )]
    NoMajority { asked: usize, answering: Vec<NodeId>, quorum: usize },
    #[error("{}", none_knows(.answering))]
    NoneKnowsLeader { answering: Vec<NodeId> },
    #[error("{leader} leads epoch {epoch} according to the others, but does not answer")]
    LeaderSilent { leader: NodeId, epoch: u64 },
    /// In step mode messages wait for a person, who may have left without ending it.
    #[error(
        "{why}; step mode is on at {nodes}, every message waits: `epoca fault step off` ends it",
        nodes = names(.nodes, " ")
    )]
    InStepMode { why: Box<Reason>, nodes: Vec<NodeId> },
}

impl Reason {
    pub(super) fn at(self, address: &str) -> Reason {
        Reason::At { address: address.to_owned(), why: Box::new(self) }
    }

    pub(super) fn may_have_taken(address: &str, why: Reason) -> Reason {
        Reason::MayHaveTaken { address: address.to_owned(), why: Box::new(why) }
    }
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Reason {
        Reason::Refused(Box::new(refusal))
    }
}

fn none_knows(answering: &[NodeId]) -> String {
    match answering {
        [one] => format!("only {one} answers, and it knows no leader"),
        _ => format!("{} answer, and none of them knows a leader", names(answering, " ")),
    }
}
