//! Membership changes on real processes: nodes that join, are removed, return, or lose their folder.

pub mod hand;

mod joins;

mod removals;

mod launcher;

mod reads;

use serde_json::Value;

use crate::support::{Cluster, Said, epoca};

/// Short timeouts, so that a disruptive node would show soon.
pub const IMPATIENT: [&str; 4] = ["--election-timeout", "400", "--heartbeat", "50"];

/// `n1 voter`, `n2 voter`, …, as the leader lists them.
pub fn members(cluster: &Cluster) -> Vec<String> {
    let name = |member: &Value| format!("n{} {}", member["id"], member["kind"].as_str().unwrap_or("?"));
    cluster.json(0, &["member", "list"]).as_array().expect("it is a list").iter().map(name).collect()
}

pub fn voters(ids: &[u64]) -> Vec<String> {
    ids.iter().map(|id| format!("n{id} voter")).collect()
}

pub fn incarnation(cluster: &Cluster, node: u64) -> String {
    let list = cluster.json(0, &["member", "list"]);
    let member = list.as_array().expect("it is a list").iter().find(|member| member["id"] == node).cloned();
    member.and_then(|member| member["incarnation"].as_str().map(str::to_owned)).expect("it is a member")
}

/// Removes a node without the launcher, so that its process continues.
#[track_caller]
fn remove(cluster: &Cluster, node: &str) -> Value {
    let said = remove_within(cluster, node, "5");
    assert_eq!(said.code, Some(0), "{said:?}");
    said.json()
}

fn remove_within(cluster: &Cluster, node: &str, seconds: &str) -> Said {
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let folder = elsewhere.path().to_str().expect("it is UTF-8");
    let addresses = cluster.addresses().join(",");
    let words = ["member", "remove", node, "--timeout", seconds, "--output", "json"];
    epoca(words.into_iter().chain(["--connect", &addresses, "--data", folder]))
}

/// The current leader and its epoch.
pub fn leadership(cluster: &Cluster) -> (Value, Value) {
    let nodes = cluster.status();
    let leader = nodes.iter().find(|node| node["role"] == "leader").expect("a node leads");
    (leader["id"].clone(), leader["epoch"].clone())
}

pub fn log_of(cluster: &Cluster, node: u64) -> String {
    std::fs::read_to_string(cluster.data().join(format!("n{node}.log"))).unwrap_or_default()
}
