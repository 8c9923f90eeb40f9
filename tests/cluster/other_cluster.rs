//! A node on a folder of another cluster: it refuses to start, or ends, and names the folder's owner.

use std::net::TcpListener;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::support::{Cluster, EXECUTABLE, epoca, epoca_until_it_ends, until};

fn stopped(mut cluster: Cluster) -> Cluster {
    cluster.launched.signal(Signal::SIGTERM);
    assert_eq!(cluster.launched.wait(), Some(0));
    cluster
}

#[test]
fn members_that_differ_from_the_log_are_reported_and_the_log_counts() {
    let cluster = Cluster::start(&["--nodes", "3"]);
    cluster.json(0, &["put", "x", "1"]);
    let addresses = cluster.addresses();
    cluster.text(0, &["fault", "kill", "1"]);
    let data = cluster.data();
    let (folder, log) = (data.join("n1"), data.join("by-hand.log"));
    let mut node = Command::new(EXECUTABLE)
        .args(["node", "--id", "1", "--listen", &addresses[0], "--peer", "5=127.0.0.1:1"])
        .arg("--data")
        .arg(&folder)
        .arg("--log-file")
        .arg(&log)
        .spawn()
        .expect("it starts");
    // Any node may lead now, including n1.
    until("n1 and n2 have the same leader and log", || {
        let nodes = cluster.status();
        let [one, other] = [&nodes[0], &nodes[1]];
        one["leader"].is_u64() && one["leader"] == other["leader"] && one["last"] == other["last"]
    });
    let log = std::fs::read_to_string(&log).expect("it has a log");
    node.kill().and_then(|()| node.wait()).expect("the process can be awaited");
    assert!(log.contains("--peer names n1 n5, but the members by the log are n1 n2 n3"), "{log}");
}

#[test]
fn a_node_on_the_folder_of_another_cluster_ends_and_the_cluster_continues() {
    let elsewhere = stopped(Cluster::start(&["--nodes", "3"]));
    let cluster = Cluster::start(&["--nodes", "3"]);
    cluster.json(0, &["put", "x", "1"]);
    let addresses = cluster.addresses();
    cluster.text(0, &["fault", "kill", "2"]);

    let folder = elsewhere.data().join("n2");
    let peers = [format!("1={}", addresses[0]), format!("3={}", addresses[2])];
    let node = ["node", "--id", "2", "--listen", &addresses[1], "--data", folder.to_str().unwrap()];
    let said = epoca_until_it_ends(node.into_iter().chain(peers.iter().flat_map(|peer| ["--peer", peer])));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.err.contains("belongs to the cluster") && said.err.contains("n1 n3 belong to another one"),
        "{said:?}"
    );

    assert_eq!(cluster.json(0, &["get", "x"])["value"], "1");
    assert_eq!(cluster.status()[0]["epoch"], 1, "the stranger has cost the leader its place");
}

#[test]
fn a_node_on_a_taken_port_refuses_and_touches_no_folder() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("n1");
    let address = taken.local_addr().unwrap().to_string();
    let said = epoca(["node", "--id", "1", "--listen", &address, "--data", below.to_str().unwrap()]);
    assert!(said.code == Some(1) && said.err.contains("is taken by another process"), "{said:?}");
    assert!(!below.exists());
}

#[test]
fn a_second_process_on_a_folder_refuses() {
    let cluster = Cluster::start(&["--nodes", "1"]);
    let folder = cluster.data().join("n1");
    let said = epoca(["node", "--id", "1", "--listen", "127.0.0.1:0", "--data", folder.to_str().unwrap()]);
    assert!(said.code == Some(1) && said.err.contains("another process uses the data folder"), "{said:?}");
}
