//! The mark of a call that one node forwards to another: it is not forwarded again, so that nodes that disagree on the
//! leader cannot send it in circles.

use tonic::Request;
use tonic::metadata::{MetadataMap, MetadataValue};

const KEY: &str = "epoca-forwarded";

/// A request that is marked as forwarded.
pub fn forwarded<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(KEY, MetadataValue::from_static("1"));
    request
}

/// Whether another node has forwarded the call.
pub fn is_forwarded(metadata: &MetadataMap) -> bool {
    metadata.contains_key(KEY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forwarded_call_is_marked() {
        assert!(is_forwarded(forwarded(()).metadata()));
        assert!(!is_forwarded(Request::new(()).metadata()));
    }
}
