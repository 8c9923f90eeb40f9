//! Why nobody has answered, or why an outcome is unknown. Each variant is a sentence in English; other languages make
//! their own from the fields.

use crate::client::error::ClientError;
use crate::protocol::NodeId;
use crate::wire::doubt::Doubt;
use crate::wire::refusal::{Refusal, names};

/// What an operation met before its deadline came.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Reason {
    /// Words of the operating system or of a library.
    #[error("{0}")]
    System(String),
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The node cannot say what became of the request.
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
    #[error("leads no more")]
    LeadsNoMore,
    #[error("no answer")]
    NoAnswer,
    #[error("it gave no answer in time")]
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
    #[error("there is more than could be read")]
    MoreToRead,
    #[error("nobody took it")]
    NotTaken,
    #[error("other requests were still looking for it")]
    Searching,
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    #[error("the answer says nothing")]
    Empty,
    #[error("the answer does not fit the request")]
    Misfit,
    /// A person who has just seen the leader step down must not wait for one: none can come.
    #[error(
        "of {asked} nodes only {answering} answer, and {quorum} are a majority: nobody can lead before another one \
         runs. Nothing was done: try again then",
        answering = names(.answering, " ")
    )]
    NoMajority { asked: usize, answering: Vec<NodeId>, quorum: usize },
    #[error("{}", none_knows(.answering))]
    NoneKnowsLeader { answering: Vec<NodeId> },
    #[error("{leader} leads epoch {epoch} as the others say, but does not answer")]
    LeaderSilent { leader: NodeId, epoch: u64 },
    /// In step mode messages wait for a person, who may have gone without ending it.
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
        [one] => format!("only {one} answers, and it knows of no leader"),
        _ => format!("{} answer, and none of them knows of a leader", names(answering, " ")),
    }
}
