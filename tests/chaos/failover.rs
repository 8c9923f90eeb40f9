//! Measures and prints the time without a leader after a kill.

use std::time::{Duration, Instant};

use bytes::Bytes;
use epoca::verify::patience::within;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{self, PATIENCE};

/// `ROUNDS=30 cargo test --release --test chaos -- --ignored --nocapture failover`; set other times with `HEARTBEAT=25
/// ELECTION_TIMEOUT=150` before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it in release, alone on the machine"]
async fn the_time_of_a_failover_is_measured() {
    let _alone = support::alone().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cluster = support::start_as_usual(folder.path()).await;
    let client = cluster.client(support::scaled(PATIENCE)).expect("a client");
    let mut times = Vec::new();
    for round in 0..support::number("ROUNDS").unwrap_or(20) {
        support::agreed(&client).await;
        let leader = support::leader(&client).await.expect("a node leads");
        let pid = cluster.nodes().into_iter().find(|node| node.id == leader).and_then(|node| node.pid);
        kill(Pid::from_raw(pid.expect("it runs") as i32), Signal::SIGKILL).expect("the process exists");
        let begun = Instant::now();
        // A write in flight to the dead leader has an unknown outcome; the next attempt is another write.
        let value = Bytes::from(round.to_string());
        let put = async { while client.put(Bytes::from_static(b"round"), value.clone()).await.is_err() {} };
        within(PATIENCE, put).await.expect("another node leads and accepts the write");
        times.push(begun.elapsed());
        client.restart(leader).await.expect("it starts again");
    }
    times.sort_unstable();
    let (count, median) = (times.len(), times[times.len() / 2]);
    let milliseconds = |time: Duration| time.as_millis();
    println!(
        "{count} failovers from SIGKILL to the next confirmed write: median {} ms, min {} ms, max {} ms",
        milliseconds(median),
        milliseconds(times[0]),
        milliseconds(times[count - 1])
    );
    cluster.stop().await;
}
