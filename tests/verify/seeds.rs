//! Runs seeds of the simulator until one fails or the time limit, and prints the count. On the unchanged sources no
//! seed fails; the mutation tests run it on changed ones.

use std::time::{Duration, Instant};

use epoca::verify::simulator::run;

const SECONDS: &str = "SECONDS";

/// `SECONDS=60 cargo test --release --test verify -- --ignored --nocapture seeds_until`
#[test]
#[ignore = "runs for SECONDS, 20 unless told"]
fn seeds_until_something_is_wrong() {
    let seconds = std::env::var(SECONDS).ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut seeds = 0;
    while Instant::now() < end {
        seeds += 1;
        if let Some(failure) = run(seeds).failure {
            // On a separate line, before the panic's.
            println!("\nwrong after {seeds} seeds: {}", failure.violation.invariant);
            panic!("{}", failure.violation);
        }
    }
    println!("\nnothing wrong in {seeds} seeds");
}
