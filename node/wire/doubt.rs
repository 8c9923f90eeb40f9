//! Why the outcome of a request is unknown.

use crate::protocol::NodeId;
use crate::wire::typed::typed;

typed! {
    /// The request may or may not take effect.
    ///
    /// | field | meaning |
    /// | --- | --- |
    /// | `leader`, `next` | the node that the request was forwarded to; the node that leads now |
    /// | `detail` | why its answer was lost |
    #[allow(missing_docs, reason = "the fields are in the table above; a text says what its variant means")]
    #[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
    Doubt = Unknown, UnknownReason, reason {
        #[error("the leader stepped down with the entry in its log")]
        SteppedDown = "stepped_down" {}
        #[error("the node stopped before it could answer")]
        Stopped = "stopped" {}
        #[error("it was forwarded to {leader}, whose answer was lost: {detail}")]
        AnswerLost = "answer_lost" { leader: NodeId, detail: String }
        #[error("it was forwarded to {leader}, which did not answer, and {next} leads now")]
        Deposed = "deposed" { leader: NodeId, next: NodeId }
        #[error("the node gave an answer that does not fit the request")]
        Misfit = "misfit" {}
    }
}
