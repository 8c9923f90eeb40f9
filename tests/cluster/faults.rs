//! Faults through the command line: processes, links, held commit messages, forged entries.

use serde_json::json;

use crate::support::{Cluster, epoca, is_gone, until};

#[test]
fn a_killed_node_stays_dead_until_it_is_restarted_and_then_catches_up() {
    let cluster = Cluster::start(&["--lab"]);
    let pid = cluster.pids()[2];
    cluster.text(0, &["fault", "kill", "3"]);
    assert!(is_gone(pid));
    let node = &cluster.status()[2];
    let address = node["address"].clone();
    let unreachable = json!({
        "id": 3, "address": address, "reachable": false, "role": null, "epoch": null, "leader": null, "last": null,
        "committed": null, "applied": null, "purged": null, "snapshot": null, "pid": null, "member": null,
        "disks_lost": null, "feature_level": null, "feature_level_max": null, "notes": null,
    });
    assert_eq!(node, &unreachable);
    cluster.json(0, &["put", "x", "1"]);
    assert!(cluster.text(1, &["fault", "kill", "3"]).contains("not running"));
    assert!(cluster.text(4, &["get", "x", "--node", "3"]).contains("no node answers"));

    cluster.text(0, &["fault", "restart", "3"]);
    let found = || cluster.epoca(&["get", "x", "--node", "3", "--consistency", "local"]).code == Some(0);
    until("the restarted node has caught up", found);
    assert_eq!(cluster.status()[2]["address"], address);
}

#[test]
fn killing_the_leader_costs_its_clients_nothing_but_time() {
    let cluster = Cluster::start(&[]);
    cluster.json(0, &["put", "x", "1"]);
    cluster.text(0, &["fault", "kill", "1"]);
    let written = cluster.json(0, &["put", "y", "2", "--timeout", "30"]);
    assert!(written["epoch"].as_u64() > Some(1), "{written}");
    assert_eq!(cluster.json(0, &["get", "x"])["value"], "1");
    cluster.text(0, &["fault", "restart", "1"]);
    until("the old leader follows", || cluster.status()[0]["role"] == "replica");
    assert_eq!(cluster.json(0, &["get", "y", "--node", "1"])["value"], "2");
}

#[test]
fn a_paused_leader_is_replaced_and_blocks_no_client() {
    let cluster = Cluster::start(&[]);
    cluster.text(0, &["fault", "pause", "1"]);
    assert!(cluster.text(1, &["fault", "pause", "1"]).contains("paused already"));
    let written = cluster.json(0, &["put", "x", "1", "--timeout", "30"]);
    assert!(written["epoch"].as_u64() > Some(1), "{written}");
    cluster.text(0, &["fault", "resume", "1"]);
    assert!(cluster.text(1, &["fault", "resume", "1"]).contains("not paused"));
    until("the paused leader has stepped down", || cluster.status()[0]["role"] == "replica");
}

#[test]
fn held_commit_orders_keep_data_out_of_the_final_database_also_after_a_restart() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.text(0, &["fault", "hold", "3", "commit-order"]);
    cluster.json(0, &["put", "x", "1"]);
    let intermediate = || cluster.json(0, &["log", "--node", "3", "--from", "2"])[0]["state"] == "intermediate";
    until("the entry is intermediate data of the replica", intermediate);
    let local = ["get", "x", "--node", "3", "--consistency", "local"];
    cluster.text(1, &local);

    cluster.text(0, &["fault", "restart", "3"]);
    assert!(cluster.text(0, &["status"]).contains("messages held: commit-order"));
    cluster.json(0, &["put", "y", "2"]);
    cluster.text(1, &["get", "y", "--node", "3", "--consistency", "local"]);

    cluster.text(0, &["fault", "release", "3"]);
    until("the released order makes it final", || cluster.epoca(&local).code == Some(0));
}

#[test]
fn a_cut_link_is_cut_in_both_directions_and_cut_again_after_a_restart() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.text(0, &["fault", "cut", "1", "4"]);
    cluster.json(0, &["put", "x", "1"]);
    let local = ["get", "x", "--node", "4", "--consistency", "local"];
    cluster.text(1, &local);
    cluster.text(0, &["fault", "kill", "4"]);
    cluster.text(0, &["fault", "restart", "4"]);
    let status = cluster.text(0, &["status"]);
    assert!(status.contains("n4: the link with n1 is cut") && status.contains("n1: the link with n4"), "{status}");
    cluster.text(0, &["fault", "heal", "1", "4"]);
    until("the entry comes over the healed link", || cluster.epoca(&local).code == Some(0));
    assert!(cluster.text(1, &["fault", "cut", "2", "2"]).contains("connects two nodes"));
}

#[test]
fn a_launcher_serves_requests_while_all_its_nodes_are_down() {
    let cluster = Cluster::start(&["--lab", "--nodes", "3"]);
    cluster.json(0, &["put", "x", "1"]);
    for node in ["1", "2", "3"] {
        cluster.text(0, &["fault", "kill", node]);
    }
    assert!(cluster.text(1, &["fault", "kill", "1"]).contains("n1 is not running"));
    cluster.text(4, &["put", "x", "2"]);
    for node in ["1", "2", "3"] {
        cluster.text(0, &["fault", "restart", node]);
    }
    until("the data are there", || cluster.epoca(&["get", "x"]).out.contains('1'));
}

#[test]
fn forged_entries_are_repaired_and_what_was_committed_stays() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.json(0, &["put", "x", "1"]);
    cluster.text(1, &["fault", "inject", "1", "q", "666"]);
    let forged = cluster.json(0, &["fault", "inject", "3", "q", "666"]);
    assert_eq!((&forged["epoch"], &forged["offset"]), (&json!(1), &json!(2)), "{forged}");
    assert!(cluster.text(0, &["log", "--node", "3"]).contains("forged q=666"));
    cluster.json(0, &["put", "y", "2"]);
    let repaired = || cluster.json(0, &["log", "--node", "3", "--from", "3"])[0]["key"] == "y";
    until("the forged entry is replaced by the leader's", repaired);
    assert_eq!(cluster.json(0, &["get", "x", "--node", "3"])["value"], "1");
    cluster.text(1, &["get", "q"]);
}

#[test]
fn without_a_lab_faults_in_the_protocol_are_refused() {
    let cluster = Cluster::start(&[]);
    let faults =
        [&["fault", "cut", "1", "2"][..], &["fault", "hold", "1", "commit-order"], &["fault", "inject", "2", "x", "1"]];
    for fault in faults {
        let said = cluster.epoca(&[fault, &["--output", "json"]].concat());
        assert_eq!((said.code, said.error().0), (Some(1), "lab_only".to_owned()), "{said:?}");
    }
}

#[test]
fn processes_without_a_known_launcher_are_not_touched() {
    let cluster = Cluster::start(&["--lab"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let addresses = cluster.addresses().join(",");
    let here = ["--connect", &addresses, "--data", elsewhere.path().to_str().unwrap()];
    let said = epoca([&here, &["fault", "kill", "3"][..]].concat());
    assert!(said.code == Some(1) && said.err.contains("n3 was started by hand: do it there"), "{said:?}");
    // Links and holds need no launcher; in its own folder the launcher also matches by address.
    assert_eq!(epoca([&here, &["fault", "cut", "1", "2"][..]].concat()).code, Some(0));
    let data = cluster.data();
    let there = ["--connect", &addresses, "--data", data.to_str().unwrap(), "fault", "kill", "3"];
    assert_eq!(epoca(there).code, Some(0));
}
