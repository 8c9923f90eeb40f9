//! The text of a gRPC status.

use std::error::Error;

use tonic::Status;

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
