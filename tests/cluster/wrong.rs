//! Nodes that are faulty on purpose: the invariants over observed events detect each of them, and report nothing in a
//! correct cluster under the same faults.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use epoca::client::watch::{Observed, watch};
use epoca::protocol::NodeId;
use epoca::protocol::trace::Fact;
use epoca::verify::invariants::Causal;
use epoca::verify::patience::Patience;
use serde_json::json;

use crate::support::{Cluster, PATIENCE, until};

/// An observer of all nodes that checks their events.
struct Watchers {
    violations: Receiver<String>,
    facts: Receiver<(NodeId, Fact)>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Watchers {
    fn of(cluster: &Cluster) -> Watchers {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (found, violations) = channel();
        let (told, facts) = channel();
        let (joined, all_joined) = channel();
        let (observed, mut observations) = tokio::sync::mpsc::channel(64);
        let _inside = runtime.enter();
        for (index, address) in cluster.addresses().into_iter().enumerate() {
            let (observed, mut stream) = (observed.clone(), watch(address, 0));
            runtime.spawn(async move {
                while let Some(observation) = stream.recv().await {
                    let _ = observed.send((NodeId(index as u64 + 1), observation)).await;
                }
            });
        }
        runtime.spawn(async move {
            let mut checks = Causal::new();
            while let Some((node, observation)) = observations.recv().await {
                let violations = match observation {
                    Observed::Snapshot { snapshot, .. } => {
                        let violations = checks.joined(&snapshot);
                        let _ = joined.send(());
                        violations
                    }
                    Observed::Events(events) => events
                        .into_iter()
                        .flat_map(|event| {
                            let _ = told.send((node, event.fact.clone()));
                            checks.event(event)
                        })
                        .collect(),
                    Observed::Lost(_) | Observed::Disconnected(_) => checks.closed(node),
                };
                for violation in violations {
                    let _ = found.send(violation.to_string());
                }
            }
        });
        for _ in cluster.addresses() {
            wait_for(&all_joined).expect("every node is watched");
        }
        Watchers { violations, facts, runtime: Some(runtime) }
    }

    fn nothing_found(&self) {
        if let Ok(violation) = self.violations.try_recv() {
            panic!("unexpected violation: {violation}");
        }
    }

    fn found(&self) -> String {
        wait_for(&self.violations).expect("the checks find it")
    }

    fn told(&self, wanted: impl Fn(NodeId, &Fact) -> bool) {
        while let Some((node, fact)) = wait_for(&self.facts) {
            if wanted(node, &fact) {
                return;
            }
        }
        panic!("the event was not observed");
    }
}

/// The next violation; `None` if none is reported in time.
fn wait_for<T>(from: &Receiver<T>) -> Option<T> {
    let patience = Patience::of(PATIENCE);
    loop {
        match from.recv_timeout(Duration::from_millis(100)) {
            Err(RecvTimeoutError::Timeout) if !patience.is_over() => {}
            received => return received.ok(),
        }
    }
}

impl Drop for Watchers {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[test]
fn a_node_that_skips_the_check_is_found_out_and_a_right_one_is_not() {
    let cluster = Cluster::start(&["--lab"]);
    let watchers = Watchers::of(&cluster);
    cluster.json(0, &["put", "x", "1"]);
    cluster.text(0, &["fault", "inject", "3", "q", "666"]);
    cluster.json(0, &["put", "y", "2"]);
    let value_of = |key: &str| cluster.epoca(&["get", key, "--node", "3", "--consistency", "local"]).out;
    until("the right node has repaired its log", || value_of("y").contains('2'));
    watchers.nothing_found();

    let said = cluster.text(0, &["fault", "wrong", "3", "skip-check"]);
    assert!(said.contains("FAULTY on purpose"), "{said}");
    assert!(cluster.text(0, &["status"]).contains("n3: FAULTY on purpose: skip-check"));
    assert_eq!(cluster.status()[2]["lab"]["wrong"], "skip-check");
    watchers.told(|node, fact| node == NodeId(3) && *fact == Fact::WrongNode { how: "skip-check".into() });
    until("it follows", || cluster.status()[2]["leader"] == 1);
    cluster.text(0, &["fault", "inject", "3", "q", "666"]);
    cluster.json(0, &["put", "z", "3"]);
    until("the forged entry is final there", || value_of("q").contains("666"));
    watchers.told(|_, fact| matches!(fact, Fact::Rewritten { .. }));
    let found = watchers.found();
    assert!(found.contains("e1·o3"), "{found}");

    cluster.text(0, &["fault", "wrong", "3", "off"]);
    assert_eq!(cluster.status()[2]["lab"]["wrong"], json!(null));
}

#[test]
fn clearing_all_faults_makes_a_wrong_node_right_and_leaves_a_dead_one_dead() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.text(0, &["fault", "wrong", "3", "skip-check"]);
    cluster.text(0, &["fault", "wrong", "4", "skip-check"]);
    cluster.text(0, &["fault", "kill", "4"]);
    let said = cluster.text(0, &["fault", "clear"]);
    assert!(said.contains("n3 is no longer faulty") && !said.contains("n4 is no longer faulty"), "{said}");
    let status = cluster.status();
    assert_eq!((&status[2]["lab"]["wrong"], &status[3]["reachable"]), (&json!(null), &json!(false)));
    assert!(cluster.text(0, &["fault", "in-force"]).contains("no rules or faults are in force"));
    cluster.text(0, &["fault", "restart", "4"]);
    assert_eq!(cluster.status()[3]["lab"]["wrong"], json!(null));
}

#[test]
fn a_leader_that_commits_alone_is_found_out() {
    let cluster = Cluster::start(&["--lab"]);
    let watchers = Watchers::of(&cluster);
    cluster.json(0, &["put", "x", "1"]);
    cluster.text(0, &["fault", "wrong", "2", "commit-alone"]);
    until("it leads", || {
        cluster.epoca(&["fault", "tick", "2"]);
        cluster.status()[1]["role"] == "leader"
    });
    watchers.nothing_found();
    for other in ["1", "3", "4"] {
        cluster.text(0, &["fault", "cut", "2", other]);
    }
    let address = cluster.addresses()[1].clone();
    let alone = crate::support::epoca(["put", "y", "2", "--connect", &address, "--timeout", "5"]);
    assert_eq!(alone.code, Some(0), "it confirms an entry that no other node has: {alone:?}");
    let entry = alone.out.split(' ').nth(1).expect("it says which entry").to_owned();
    let found = watchers.found();
    assert!(found.contains(&entry), "{entry} is on one disk only, but the checks say: {found}");
}
