//! The text of a gRPC status, and refusals that end a call.

use std::error::Error;

use prost::Message;
use tonic::{Code, Status};

use crate::wire::proto;
use crate::wire::refusal::Refusal;

/// A call that was not begun because too much is in progress. The refusal itself stands in the details.
pub(crate) fn overloaded(refusal: &Refusal) -> Status {
    let details = refusal.to_wire().encode_to_vec();
    Status::with_details(Code::ResourceExhausted, refusal.to_string(), details.into())
}

/// The refusal in the details of a status.
pub(crate) fn refusal_of(status: &Status) -> Option<Refusal> {
    if status.details().is_empty() {
        return None;
    }
    proto::Refusal::decode(status.details()).ok()?.try_into().ok()
}

/// The message with its innermost cause: "tcp connect error" alone does not say what failed.
pub(crate) fn reason(status: &Status) -> String {
    let mut cause: Option<&dyn Error> = status.source();
    while let Some(deeper) = cause.and_then(Error::source) {
        cause = Some(deeper);
    }
    match cause {
        Some(cause) => format!("{} ({cause})", status.message()),
        None => status.message().to_owned(),
    }
}
