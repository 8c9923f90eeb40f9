//! Bit flips in the files of a stopped or running node, and the reports when too many disks are lost.

use std::path::Path;

use serde_json::Value;

use crate::damage::{a_replica, comes_back, flip, folder, has, log_file, written};
use crate::members::{incarnation, leadership, log_of, members, voters};
use crate::support::{epoca_until_it_ends, until};

#[test]
fn a_bit_flipped_in_a_dead_replicas_log_costs_nothing_but_a_new_folder() {
    let cluster = written("4");
    let node = a_replica(&cluster);
    let old = incarnation(&cluster, node);
    cluster.text(0, &["fault", "kill", &node.to_string()]);
    flip(&log_file(&folder(&cluster, node)));
    let damaged = std::fs::read(log_file(&folder(&cluster, node))).expect("it exists");
    cluster.json(0, &["put", "x", "while it is away"]);
    cluster.text(0, &["fault", "restart", &node.to_string()]);
    comes_back(&cluster, node, &old, 4);
    let aside = std::fs::read(log_file(&folder(&cluster, node).join("quarantine-1"))).expect("it was kept");
    assert_eq!(aside, damaged, "nothing of it was changed");
    // The next start does not quarantine again.
    let new = incarnation(&cluster, node);
    cluster.text(0, &["fault", "kill", &node.to_string()]);
    cluster.text(0, &["fault", "restart", &node.to_string()]);
    until("it answers", || has(&cluster, node, "x", "while it is away"));
    assert_eq!(incarnation(&cluster, node), new);
}

#[test]
fn a_bit_flipped_in_the_log_of_a_replica_that_runs_is_found_when_it_is_read() {
    let cluster = written("3");
    let node = a_replica(&cluster);
    let (old, pid) = (incarnation(&cluster, node), cluster.pids()[node as usize - 1]);
    flip(&log_file(&folder(&cluster, node)));
    cluster.epoca(&["log", "--node", &node.to_string()]);
    comes_back(&cluster, node, &old, 3);
    assert_eq!(cluster.pids()[node as usize - 1], pid, "it is the same process");
    let log = log_of(&cluster, node);
    assert!(log.contains("are quarantined in") && log.contains("was added to the cluster"), "{log}");
}

#[test]
fn a_leader_whose_log_is_damaged_leads_no_more() {
    let cluster = written("3");
    let leader = leadership(&cluster).0.as_u64().expect("a node");
    let old = incarnation(&cluster, leader);
    flip(&log_file(&folder(&cluster, leader)));
    cluster.epoca(&["log", "--node", &leader.to_string()]);
    cluster.json(0, &["put", "x", "under another leader"]);
    comes_back(&cluster, leader, &old, 3);
    assert!(has(&cluster, leader, "x", "under another leader"));
}

#[test]
fn a_bit_flipped_in_the_final_database_is_repaired_from_the_log() {
    let cluster = written("3");
    let node = a_replica(&cluster);
    let old = incarnation(&cluster, node);
    cluster.text(0, &["fault", "kill", &node.to_string()]);
    flip(&folder(&cluster, node).join("final/db"));
    cluster.text(0, &["fault", "restart", &node.to_string()]);
    until("it has everything", || has(&cluster, node, "k19", "19"));
    assert_eq!(incarnation(&cluster, node), old);
    assert!(!folder(&cluster, node).join("quarantine-1").exists());
}

#[test]
fn a_lost_quorum_of_disks_is_reported_and_a_restored_folder_brings_everything_back() {
    let cluster = written("3");
    let old = incarnation(&cluster, 2);
    for node in ["2", "3"] {
        cluster.text(0, &["fault", "kill", node]);
    }
    for node in [2, 3] {
        flip(&log_file(&folder(&cluster, node)));
    }
    // Otherwise the leader could begin to replace one of them while it still hears the other.
    until("n1 leads no more", || cluster.status()[0]["role"] != "leader");
    for node in ["2", "3"] {
        cluster.epoca(&["fault", "restart", node]);
    }
    let lost =
        |status: Value| status.as_array().is_some_and(|all| all.iter().any(|node| node["disks_lost"].is_string()));
    until("a node reports it", || lost(cluster.json(0, &["status"])));
    let said = cluster.text(0, &["status"]);
    assert!(said.contains("a quorum of disks is lost") && said.contains("where 2 are needed"), "{said}");
    until("the members are reported with it", || {
        let said = cluster.epoca(&["member", "list"]);
        let said = said.out + &said.err;
        said.contains("n2 n3 run with another data folder") && said.contains("1 of 3 voters can be intact (n1)")
    });
    assert_eq!(cluster.epoca(&["put", "x", "1", "--timeout", "1"]).code, Some(4), "no leader accepts it");
    // The bit is flipped back, as if the file were restored from a copy.
    cluster.text(0, &["fault", "kill", "2"]);
    put_back(&folder(&cluster, 2));
    cluster.text(0, &["fault", "restart", "2"]);
    until("everything is there", || cluster.epoca(&["get", "k19"]).out.contains("19"));
    assert_eq!(incarnation(&cluster, 2), old);
    until("n3 has come back, too", || members(&cluster) == voters(&[1, 2, 3]));
    for number in 0..20 {
        assert_eq!(cluster.json(0, &["get", &format!("k{number}")])["value"], number.to_string());
    }
    until("no node reports lost disks", || !lost(cluster.json(0, &["status"])));
}

/// Follows the instructions in the quarantine folder, with the damage repaired.
fn put_back(folder: &Path) {
    let (aside, elsewhere) = (folder.join("quarantine-1"), folder.with_extension("emptied"));
    flip(&log_file(&aside));
    std::fs::create_dir(&elsewhere).expect("it is new");
    for name in names(folder).into_iter().filter(|name| !name.starts_with("quarantine-")) {
        std::fs::rename(folder.join(&name), elsewhere.join(&name)).expect("it can be moved");
    }
    for name in names(&aside).into_iter().filter(|name| name != "why.txt") {
        std::fs::rename(aside.join(&name), folder.join(&name)).expect("it can be moved");
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("it exists");
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

#[test]
fn a_node_that_knows_no_other_changes_nothing_and_says_what_to_do() {
    let cluster = written("1");
    cluster.text(0, &["fault", "kill", "1"]);
    let own = folder(&cluster, 1);
    flip(&log_file(&own));
    let before = names(&own);
    let data = own.to_str().expect("it is UTF-8");
    let ended = epoca_until_it_ends(["node", "--id", "1", "--listen", "127.0.0.1:0", "--data", data]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("it knows no other node") && ended.err.contains("epoca restore"), "{ended:?}");
    assert_eq!(names(&own), before);
}
