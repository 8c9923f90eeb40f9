//! How long the launcher waits for a node on behalf of a caller: longer for one that has more time. On a busy machine a
//! node takes longer to start than usual, and its caller was given a longer deadline for that.

use std::time::Duration;

use tonic::Request;

use crate::wire::deadline::time_left;

/// The deadline for which the times of the launcher were chosen: that of commands unless told.
const USUAL: Duration = Duration::from_secs(5);
/// Nobody is waited for longer than for a caller with so much time.
const MOST: Duration = Duration::from_secs(3_600);

tokio::task_local! {
    /// What the caller of the request that is worked on had left when it came.
    static LEFT: Duration;
}

/// Does what was asked for with the caller's time known to all that it waits for.
pub(super) async fn for_caller<M, T>(request: &Request<M>, work: impl Future<Output = T>) -> T {
    let left = time_left(request.metadata()).unwrap_or(USUAL);
    LEFT.scope(left, work).await
}

/// A time that fits the usual deadline, grown in the ratio in which the caller's deadline is longer.
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
