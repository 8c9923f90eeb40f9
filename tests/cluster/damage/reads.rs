//! Damage found at run time, when entries that have left the in-memory log are read again.

use std::time::Duration;

use epoca::client::{Client, Options};

use crate::damage::{a_replica, comes_back, flip_in, folder, has, log_file};
use crate::members::{IMPATIENT, incarnation, leadership, log_of};
use crate::support::{Cluster, patient, until};

/// A node keeps the last 16 MiB of its log in memory.
const LARGE: usize = 1 << 20;
const MANY: u64 = 24;

fn cluster(more: &[&str]) -> Cluster {
    let cluster = Cluster::start(&[&["--lab", "--nodes", "3"], &IMPATIENT[..], more].concat());
    for number in 0..20 {
        cluster.json(0, &["put", &format!("k{number}"), &number.to_string()]);
    }
    cluster
}

/// Enough writes that no node has the earlier entries in memory.
fn write_much(cluster: &Cluster) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let addresses: Vec<_> =
        cluster.status().iter().map(|node| node["address"].as_str().expect("it has one").to_owned()).collect();
    runtime.block_on(async {
        let options = Options { timeout: patient(), ..Options::default() };
        let client = Client::connect(&addresses, options).await.expect("it answers");
        for number in 0..MANY {
            client.put(format!("large{number}").into(), large(number).into()).await.expect("it is written");
        }
    });
}

fn large(number: u64) -> String {
    format!("{number} ").repeat(LARGE / 3)
}

fn has_all_that_is_large(cluster: &Cluster, node: u64) -> bool {
    (0..MANY).all(|number| has(cluster, node, &format!("large{number}"), &large(number)))
}

fn leader_of(cluster: &Cluster) -> u64 {
    leadership(cluster).0.as_u64().expect("a node")
}

fn a_third(one: u64, other: u64) -> u64 {
    (1..=3).find(|node| ![one, other].contains(node)).expect("there are three")
}

#[test]
fn a_leader_that_reads_a_damaged_entry_for_a_replica_sends_nothing_of_it_and_leads_no_more() {
    let cluster = cluster(&[]);
    let (leader, away) = (leader_of(&cluster), a_replica(&cluster));
    let old = incarnation(&cluster, leader);
    cluster.text(0, &["fault", "kill", &away.to_string()]);
    cluster.json(0, &["put", "missed", "a-value-that-the-replica-misses"]);
    write_much(&cluster);
    flip_in(&log_file(&folder(&cluster, leader)), "a-value-that-the-replica-misses");
    assert_eq!(leader_of(&cluster), leader, "it has not been read yet");
    cluster.text(0, &["fault", "restart", &away.to_string()]);
    until("it is a member with a new folder", || log_of(&cluster, leader).contains("are quarantined in"));
    until("the replica has everything", || has_all_that_is_large(&cluster, away));
    assert!(has(&cluster, away, "missed", "a-value-that-the-replica-misses"), "from the other one");
    comes_back(&cluster, leader, &old, 3);
    assert!(has_all_that_is_large(&cluster, leader));
}

#[test]
fn a_conflict_makes_the_leader_read_the_entry_where_the_logs_may_agree_and_find_that_its_own_is_damaged() {
    let cluster = cluster(&["--election", "manual"]);
    let (leader, away) = (leader_of(&cluster), a_replica(&cluster));
    let third = a_third(leader, away);
    let old = incarnation(&cluster, leader);
    for other in [leader, third] {
        cluster.text(0, &["fault", "cut", &away.to_string(), &other.to_string()]);
    }
    // The end of the replica's log conflicts with the leader's entries of the same epoch.
    cluster.text(0, &["fault", "inject", &away.to_string(), "forged", "666", "--count", "2"]);
    cluster.text(0, &["fault", "kill", &away.to_string()]);
    cluster.text(0, &["fault", "clear"]);
    for number in 0..2 {
        cluster.json(0, &["put", "there", &format!("where-the-logs-may-agree-{number}")]);
    }
    write_much(&cluster);
    flip_in(&log_file(&folder(&cluster, leader)), "where-the-logs-may-agree-1");
    cluster.text(0, &["fault", "restart", &away.to_string()]);
    until("the leader has found it", || log_of(&cluster, leader).contains("are quarantined in"));
    // The others may refuse it as long as they believe the old leader alive.
    until("another one leads", || {
        cluster.epoca(&["leader", "transfer", &third.to_string()]);
        cluster.status()[third as usize - 1]["role"] == "leader"
    });
    until("the replica has everything", || has_all_that_is_large(&cluster, away));
    assert!(!has(&cluster, away, "forged", "666"));
    comes_back(&cluster, leader, &old, 3);
}

#[test]
fn a_replica_that_reads_damaged_entries_for_a_push_that_comes_late_acks_nothing_of_it() {
    let cluster = cluster(&[]);
    let (leader, replica) = (leader_of(&cluster), a_replica(&cluster));
    let old = incarnation(&cluster, replica);
    let (from, to) = (leader.to_string(), replica.to_string());
    let an_hour = Duration::from_secs(3_600).as_millis().to_string();
    cluster.text(0, &["fault", "delay", &from, &to, &an_hour, "push"]);
    cluster.json(0, &["put", "late", "the-value-that-comes-late"]);
    let held = cluster.json(0, &["fault", "pending"])[0]["id"].as_str().expect("a push waits").to_owned();
    cluster.text(0, &["fault", "heal", &from, &to]);
    write_much(&cluster);
    until("it has everything all the same", || has_all_that_is_large(&cluster, replica));
    assert!(cluster.json(0, &["fault", "pending"]).to_string().contains(&held), "it waits on");
    flip_in(&log_file(&folder(&cluster, replica)), "the-value-that-comes-late");
    cluster.text(0, &["fault", "deliver", &held]);
    comes_back(&cluster, replica, &old, 3);
    assert!(has(&cluster, replica, "late", "the-value-that-comes-late") && has_all_that_is_large(&cluster, replica));
}
