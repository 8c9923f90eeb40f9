//! How long the launcher waits for a node on behalf of a caller: longer if the caller has a longer deadline. On a busy
//! machine a node starts more slowly, and its caller was given a longer deadline for that.

use std::time::Duration;

use tonic::Request;

use crate::wire::deadline::time_left;

/// The deadline for which the launcher's timeouts were chosen: the default of the commands.
const USUAL: Duration = Duration::from_secs(5);
/// A longer deadline of the caller lengthens no timeout further.
const MOST: Duration = Duration::from_secs(3_600);

tokio::task_local! {
    /// The time that the caller of the current request had left when the request arrived.
    static LEFT: Duration;
}

/// Runs a request; everything that waits in it knows the caller's time.
pub(super) async fn for_caller<M, T>(request: &Request<M>, work: impl Future<Output = T>) -> T {
    let left = time_left(request.metadata()).unwrap_or(USUAL);
    LEFT.scope(left, work).await
}

/// A timeout, lengthened in proportion to the caller's deadline.
pub(super) fn grown(time: Duration) -> Duration {
    let left = LEFT.try_with(|left| *left).unwrap_or(USUAL).clamp(USUAL, MOST);
    time.mul_f64(left.div_duration_f64(USUAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_caller_with_more_time_is_waited_for_longer() {
        let two = Duration::from_secs(2);
        let with = |left: u64| LEFT.scope(Duration::from_secs(left), async move { grown(two) });
        assert_eq!(grown(two), two);
        assert_eq!((with(1).await, with(5).await, with(50).await), (two, two, 10 * two));
        assert_eq!(with(1_000_000).await, 720 * two, "there is a bound");
    }
}
