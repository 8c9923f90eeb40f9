//! Slow motion on real processes: messages, timers and flushes are stretched alike, and nothing times out wrongly.

use std::time::{Duration, Instant};

use bytes::Bytes;
use epoca::client::{Client, Consistency, Options};
use epoca::cluster::{Cluster as Launched, ClusterOptions};
use epoca::protocol::NodeId;
use epoca::protocol::trace::{Pace, RoleName};
use serde_json::json;

use crate::support::{Cluster, EXECUTABLE, election_timeout_ms, in_time, patient, until};

/// The flight time of a message is one millisecond of the nodes' time: a push and its ack take at least two.
const PUSH_AND_ACK: Duration = Duration::from_millis(2);

fn roles(cluster: &Cluster) -> Vec<serde_json::Value> {
    cluster.status().iter().map(|node| json!([node["role"], node["epoch"]])).collect()
}

#[test]
fn a_write_in_slow_motion_takes_longer_by_the_pace_and_no_replica_gives_its_leader_up() {
    let cluster = Cluster::start(&["--lab"]);
    let before = roles(&cluster);
    cluster.text(0, &["fault", "pace", "300"]);
    assert!(cluster.text(0, &["fault", "list"]).contains("slow motion, 1/300 of real time"));
    let begun = Instant::now();
    cluster.text(0, &["put", "x", "1", "--timeout", "60"]);
    assert!(begun.elapsed() >= 300 * PUSH_AND_ACK, "{:?}", begun.elapsed());
    assert_eq!(roles(&cluster), before, "time has passed slower for all of them");
    cluster.text(0, &["fault", "pace", "1"]);
    until("the order has come to every node", || cluster.status().iter().all(|node| node["applied"]["offset"] == 1));
    assert_eq!(roles(&cluster), before, "no timer jumped");
}

#[test]
fn timers_are_stretched_until_time_is_real_again() {
    let cluster = Cluster::start(&["--lab", "--heartbeat", "50", "--election-timeout", "500"]);
    cluster.text(0, &["fault", "pace", "1000"]);
    cluster.text(0, &["fault", "kill", "1"]);
    let followers = || cluster.status().iter().skip(1).map(|node| json!([node["role"], node["epoch"]])).collect();
    let before: Vec<_> = followers();
    // In real time a node would campaign after a second at the latest.
    let (begun, most) = (Instant::now(), cluster.launched.scale.of(Duration::from_secs(3)));
    while begun.elapsed() < most {
        let now: Vec<_> = followers();
        assert_eq!(now, before);
    }
    cluster.text(0, &["fault", "pace", "1"]);
    until("another node leads", || cluster.status().iter().any(|node| node["role"] == "leader" && node["id"] != 1));
}

#[test]
fn a_restarted_node_has_the_pace_of_the_others_and_clear_makes_time_real() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.text(0, &["fault", "pace", "1/100"]);
    cluster.text(0, &["fault", "kill", "3"]);
    cluster.text(0, &["fault", "restart", "3"]);
    let paces = || cluster.status().iter().map(|node| node["lab"]["pace"].clone()).collect::<Vec<_>>();
    assert_eq!(paces(), [100, 100, 100, 100]);
    cluster.text(0, &["fault", "clear"]);
    assert_eq!(paces(), [1, 1, 1, 1]);
    for wrong in ["0", "1001", "slow"] {
        let said = cluster.epoca(&["fault", "pace", wrong]);
        assert_eq!(said.code, Some(2), "{said:?}");
    }
}

#[test]
fn a_link_that_is_cut_loses_what_is_on_its_way() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.text(0, &["fault", "pace", "1000"]);
    let data = cluster.data().to_str().expect("it is UTF-8").to_owned();
    let write =
        std::thread::spawn(move || crate::support::epoca(["put", "x", "1", "--timeout", "60", "--data", &data]));
    let is_pushed = |message: &serde_json::Value| message["kind"] == "push" && message["to"] == 4;
    until("the push to n4 is on its way", || {
        let waiting = cluster.json(0, &["fault", "pending"]);
        waiting.as_array().expect("it is a list").iter().any(is_pushed)
    });
    cluster.text(0, &["fault", "cut", "1", "4"]);
    assert_eq!(write.join().expect("it ends").code, Some(0), "three of four are a quorum");
    assert_eq!(cluster.status()[3]["last"]["offset"], 0);
    cluster.text(0, &["fault", "clear"]);
    until("the entry comes again", || cluster.status()[3]["last"]["offset"] == 1);
}

async fn with_leases(data: &std::path::Path) -> (Launched, Client) {
    let options = ClusterOptions {
        base_port: 0,
        lab: true,
        election_timeout_ms: election_timeout_ms(1_000),
        lease_ms: 800,
        ..ClusterOptions::new(EXECUTABLE, data)
    };
    let cluster = Launched::start(options).await.unwrap();
    cluster.ready().await.unwrap();
    let client = cluster.client(patient()).unwrap();
    (cluster, client)
}

/// The change reached only the leader, so its lease would last a thousand times longer than the others' promises.
#[tokio::test]
async fn a_leader_whose_time_passes_slower_than_that_of_the_others_answers_nothing_by_its_lease() {
    let folder = tempfile::tempdir().unwrap();
    let (cluster, client) = with_leases(folder.path()).await;
    let text = |text: &'static str| Bytes::from_static(text.as_bytes());
    client.put(text("x"), text("old")).await.unwrap();
    let old = NodeId(1);
    assert_eq!(client.report(old).await.unwrap().role, RoleName::Leader);
    client.set_pace_at(old, Pace::new(1_000).expect("a pace")).await.unwrap();
    for other in [2, 3, 4] {
        client.cut(old, NodeId(other)).await.unwrap();
    }
    in_time("another node leads", async {
        loop {
            let leads = async |node| client.report(NodeId(node)).await.is_ok_and(|told| told.role == RoleName::Leader);
            if leads(2).await || leads(3).await || leads(4).await {
                break;
            }
        }
    })
    .await;
    let others = [1, 2, 3].map(|index| cluster.addresses()[index].clone());
    let elsewhere = Client::connect(&others, Options { timeout: patient(), ..Options::default() }).await.unwrap();
    elsewhere.put(text("x"), text("new")).await.unwrap();
    assert_eq!(client.report(old).await.unwrap().role, RoleName::Leader, "its time hardly passes: it is exposed");

    let asked = client.with_timeout(Duration::from_millis(500));
    let stale = || asked.get(text("x"), Consistency::Lease, Some(old));
    assert!(stale().await.is_err(), "by its own clock the lease is in force");
    client.set_pace_at(old, Pace::REAL).await.unwrap();
    assert!(stale().await.is_err(), "a lease of before does not count when time is real again");
}
