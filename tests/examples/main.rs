//! The examples of the client library run to completion and print the documented output, on a real cluster.
//!
//! Each is the program that `cargo run --example NAME` runs. Where a test connects one to a cluster, `epoca cluster`
//! runs that cluster.

#[path = "../cluster/support.rs"]
#[allow(dead_code, unused_imports, reason = "the tests of the command line use the rest")]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use support::{Cluster, EXECUTABLE, Said, election_timeout_ms, patient, run};

/// The folder of the built examples, after a build: a test binary that is run alone does not build them.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(EXECUTABLE).parent().expect("the program lies in a folder");
        // Set when cargo runs the tests; otherwise the examples must be built already.
        if let Some(cargo) = std::env::var_os("CARGO") {
            let profile: &[&str] = if folder.ends_with("release") { &["--release"] } else { &[] };
            let mut build = Command::new(cargo);
            build.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--locked", "--examples"]);
            let built = build.args(profile).status().expect("cargo starts");
            assert!(built.success(), "the examples do not build");
        }
        folder.join("examples")
    })
}

/// Runs an example with these arguments; it must succeed. Returns its output.
#[track_caller]
fn example(name: &str, arguments: &[String]) -> String {
    let timeout = format!("{:.0}", patient().as_secs_f64());
    let mut command = Command::new(built().join(name));
    command.args(["--timeout", &timeout]).args(arguments).stdin(Stdio::null());
    let Said { code, out, err } = run(&mut command);
    assert_eq!(code, Some(0), "{name}: {out}\n{err}");
    out
}

fn connected(cluster: &Cluster) -> Vec<String> {
    vec!["--connect".to_owned(), cluster.addresses().join(",")]
}

#[test]
fn the_counter_loses_no_increment() {
    let cluster = Cluster::start(&[]);
    let out = example("counter", &connected(&cluster));
    assert!(out.contains("connected to 4 nodes"), "{out}");
    assert!(out.ends_with("4 x 25 increments: the counter grew by 100\n"), "{out}");
    let out = example("counter", &connected(&cluster));
    assert!(out.ends_with("the counter grew by 100\n"), "it goes on where the last one ended: {out}");
}

#[test]
fn the_watcher_resumes_without_a_gap() {
    let cluster = Cluster::start(&[]);
    let out = example("watcher", &connected(&cluster));
    assert!(out.contains("second watcher"), "{out}");
    assert!(out.ends_with("20 changes seen, each once and in order: true\n"), "{out}");
}

#[test]
fn writes_count_once_while_leadership_is_handed_over() {
    let cluster = Cluster::start(&[]);
    let out = example("exactly_once", &connected(&cluster));
    assert!(out.ends_with("each applied once: true\n"), "{out}");
}

#[test]
fn writes_count_once_while_leaders_are_killed() {
    let timeout = election_timeout_ms(1_000).unwrap_or(1_000).to_string();
    let out = example("exactly_once", &["--election-timeout".to_owned(), timeout]);
    assert!(out.contains("led and was killed"), "{out}");
    assert!(out.ends_with("each applied once: true\n"), "{out}");
}
