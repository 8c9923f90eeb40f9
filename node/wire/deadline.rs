//! The time that the caller of the launcher has left. It is sent with the request, so that the launcher waits for a
//! slow node as long as its caller does.

use std::time::{Duration, Instant};

use tonic::metadata::MetadataMap;
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// The metadata key of the milliseconds left when the request is sent.
const NAME: &str = "epoca-deadline-ms";

/// Adds the time left until the deadline to each request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(pub Instant);

impl Interceptor for Deadline {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let left = self.0.saturating_duration_since(Instant::now()).as_millis();
        request.metadata_mut().insert(NAME, (left as u64).into());
        Ok(request)
    }
}

/// The time that the caller has left, if the request states it.
pub(crate) fn time_left(metadata: &MetadataMap) -> Option<Duration> {
    let milliseconds = metadata.get(NAME)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_carries_the_callers_deadline() {
        let deadline = Instant::now() + Duration::from_secs(60);
        let request = Deadline(deadline).call(Request::new(())).expect("nothing is refused");
        let left = time_left(request.metadata()).expect("it is reported");
        assert!(left <= Duration::from_secs(60) && left > Duration::ZERO, "{left:?}");
        assert_eq!(time_left(Request::new(()).metadata()), None);
    }
}
