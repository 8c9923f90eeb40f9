//! The mark of a call that one node passes on to another: it goes no further.

use tonic::Request;
use tonic::metadata::{MetadataMap, MetadataValue};

const KEY: &str = "epoca-forwarded";

/// The request, marked as passed on.
pub fn forwarded<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(KEY, MetadataValue::from_static("1"));
    request
}

/// Whether another node has passed the call on.
pub fn is_forwarded(metadata: &MetadataMap) -> bool {
    metadata.contains_key(KEY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_passed_on_is_marked() {
        assert!(is_forwarded(forwarded(()).metadata()));
        assert!(!is_forwarded(Request::new(()).metadata()));
    }
}
