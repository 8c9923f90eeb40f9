//! Corrupt bytes: invalid input from network, disk or keyboard is refused with a reason, and nothing panics.
//!
//! Each target takes bytes, which corrupt valid samples or are used directly (`spoil`). `cargo test --test bytes` runs
//! the corpus beside each target and a bounded number of generated inputs. Deep runs, one target at a time:
//!
//! ```text
//! BOLERO_RANDOM_ITERATIONS=10000000 cargo test --release --test bytes wire
//! EPOCA_SEED=7 cargo test --release --test bytes node
//! ```
//!
//! The second varies the messages to the real nodes. A failing input is printed with its seed, and belongs in
//! `__fuzz__/TARGET/corpus`, which every run reads first.

mod spoil;

mod samples;

mod payload;

mod wire;

mod core;

mod storage;

mod program;

mod node;

#[allow(dead_code, unused_imports, reason = "shared with the tests of the cluster, which use all of it")]
#[path = "../cluster/support.rs"]
mod support;

#[allow(dead_code, unused_imports, reason = "shared with the protocol's tests, which use all of it")]
#[path = "../protocol/world/mod.rs"]
mod world;
