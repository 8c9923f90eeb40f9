//! The launcher: however it ends, no process is left, no data is lost, and no foreign data is touched.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use epoca::cluster::ClusterOptions;
use nix::sys::signal::Signal;

use crate::support::{Cluster, EXECUTABLE, Launched, election_timeout_ms, epoca, epoca_until_it_ends, is_gone, until};

#[test]
fn no_process_is_left_when_the_launcher_is_killed_while_a_node_is_paused() {
    let mut cluster = Cluster::start(&[]);
    let pids = cluster.pids();
    assert_eq!(pids.len(), 4);
    cluster.text(0, &["fault", "pause", "2"]);
    cluster.launched.signal(Signal::SIGKILL);
    cluster.launched.wait();
    for pid in pids {
        until("the node has ended with its launcher", || is_gone(pid));
    }
}

#[test]
fn what_a_killed_launcher_leaves_behind_is_not_believed_and_the_data_is_kept() {
    let mut cluster = Cluster::start(&[]);
    cluster.json(0, &["put", "x", "1"]);
    let pids = cluster.pids();
    cluster.launched.signal(Signal::SIGKILL);
    cluster.launched.wait();
    pids.iter().for_each(|pid| until("the node has ended", || is_gone(*pid)));
    assert!(cluster.data().join("cluster.json").exists());
    assert!(cluster.text(4, &["get", "x"]).contains("no node answers"));

    let mut again = Launched::start(&cluster.data(), &["--base-port", "0"]);
    again.wait_until_ready();
    assert_eq!(cluster.json(0, &["get", "x"])["value"], "1");
}

#[test]
fn a_signal_ends_all_nodes_and_a_new_start_finds_the_data() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let mut cluster = Cluster::start(&[]);
        cluster.json(0, &["put", "x", "1"]);
        let pids = cluster.pids();
        cluster.text(0, &["fault", "pause", "3"]);
        cluster.launched.signal(signal);
        assert_eq!(cluster.launched.wait(), Some(0), "{signal}");
        assert!(pids.iter().all(|pid| is_gone(*pid)), "{signal}");
        assert!(!cluster.data().join("cluster.json").exists());
        cluster.launched = Launched::start(&cluster.data(), &["--base-port", "0"]);
        cluster.launched.wait_until_ready();
        assert_eq!(cluster.json(0, &["get", "x"])["value"], "1");
    }
}

#[test]
fn a_second_launcher_on_a_folder_says_how_to_see_the_first() {
    let cluster = Cluster::start(&[]);
    let data = cluster.data();
    let second = ["cluster", "--data", data.to_str().unwrap(), "--base-port", "0"];
    let said = epoca(second);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("already running: epoca console"), "{said:?}");
    let fresh = epoca([&second, &["--fresh"][..]].concat());
    assert_eq!(fresh.code, Some(1), "{fresh:?}");
    cluster.json(0, &["put", "x", "1"]);
}

#[test]
fn ports_that_are_taken_are_passed_over() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let cluster = Cluster::start(&["--base-port", &port.to_string()]);
    assert!(!cluster.addresses().contains(&format!("127.0.0.1:{port}")));
    cluster.json(0, &["put", "x", "1"]);
}

#[tokio::test]
async fn a_port_that_is_taken_between_choice_and_bind_makes_all_start_on_others() {
    let folder = tempfile::tempdir().unwrap();
    let (asked, go) = (folder.path().join("asked"), folder.path().join("go"));
    // The launcher waits before its first node, until another process has taken the port.
    let script = format!(
        "#!/bin/sh\nif [ \"$4\" = 1 ] && [ ! -e {go} ]; then\n  echo $6 > {asked}.new; mv {asked}.new {asked}\n  \
         while [ ! -e {go} ]; do sleep 0.01; done\nfi\nexec {EXECUTABLE} \"$@\"\n",
        go = go.display(),
        asked = asked.display(),
    );
    let between = folder.path().join("between");
    std::fs::write(&between, script).unwrap();
    std::fs::set_permissions(&between, std::fs::Permissions::from_mode(0o755)).unwrap();

    let taker = std::thread::spawn(move || {
        until("the first node is about to start", || asked.exists());
        let address = std::fs::read_to_string(&asked).unwrap();
        let taken = TcpListener::bind(address.trim()).unwrap();
        std::fs::write(&go, "").unwrap();
        taken
    });
    let election_timeout_ms = election_timeout_ms(1_000);
    let data = folder.path().join("data");
    let options = ClusterOptions { base_port: 0, election_timeout_ms, ..ClusterOptions::new(&between, data) };
    let cluster = epoca::cluster::Cluster::start(options).await.unwrap();
    let taken = taker.join().unwrap().local_addr().unwrap().to_string();
    assert!(!cluster.addresses().contains(&taken), "{taken} is taken: {:?}", cluster.addresses());
    assert_eq!(cluster.ready().await.unwrap().leader.0, 1);
    cluster.stop().await;
}

#[test]
fn old_data_is_found_on_other_ports_too_and_fresh_deletes_it() {
    let cluster = Cluster::start(&[]);
    cluster.json(0, &["put", "x", "1"]);
    let cluster = cluster.start_again(&[]);
    assert_eq!(cluster.json(0, &["get", "x"])["value"], "1");
    let cluster = cluster.start_again(&["--fresh"]);
    cluster.text(1, &["get", "x"]);
    assert_eq!(cluster.launched.said.last().map(String::as_str), Some("ready: n1 leads, epoch 1"));
}

#[test]
fn other_sizes_than_four_elect_and_write() {
    for nodes in ["1", "3", "5"] {
        let cluster = Cluster::start(&["--nodes", nodes]);
        assert_eq!(cluster.status().len().to_string(), nodes);
        cluster.json(0, &["put", "x", "1"]);
        assert_eq!(cluster.json(0, &["get", "x"])["value"], "1");
    }
}

#[test]
fn fewer_nodes_than_the_data_has_are_refused() {
    let mut cluster = Cluster::start(&[]);
    cluster.launched.signal(Signal::SIGTERM);
    cluster.launched.wait();
    let data = cluster.data();
    let said = epoca(["cluster", "--nodes", "3", "--data", data.to_str().unwrap(), "--base-port", "0"]);
    assert!(said.code == Some(1) && said.err.contains("--nodes"), "{said:?}");
}

#[test]
fn a_node_that_cannot_start_is_named_and_the_others_start_without_it() {
    let mut cluster = Cluster::start(&[]);
    cluster.json(0, &["put", "x", "1"]);
    cluster.launched.signal(Signal::SIGTERM);
    cluster.launched.wait();
    // Another node's folder is a mistake, not damage: the node does not move it aside.
    std::fs::copy(cluster.data().join("n1/identity"), cluster.data().join("n2/identity")).unwrap();
    cluster.launched = Launched::start(&cluster.data(), &["--base-port", "0"]);
    cluster.launched.wait_until_ready();
    assert!(cluster.launched.said.iter().any(|line| line.starts_with("n2") && line.contains("not running")));
    assert_eq!(cluster.json(0, &["get", "x"])["value"], "1");
    let restart = cluster.text(1, &["fault", "restart", "2"]);
    assert!(restart.contains("n2 ended directly after its start") && restart.contains("n1"), "{restart}");
}

#[test]
fn missing_folders_are_named_and_no_empty_cluster_takes_their_place() {
    let mut cluster = Cluster::start(&[]);
    cluster.json(0, &["put", "x", "1"]);
    cluster.launched.signal(Signal::SIGTERM);
    cluster.launched.wait();
    let data = cluster.data();
    let start = ["cluster", "--data", data.to_str().unwrap(), "--base-port", "0"];
    let refused = |missing: &str| {
        let said = epoca_until_it_ends(start);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains(&format!("the data of {missing} is missing")), "{said:?}");
        assert!(said.err.contains("--fresh founds a new, empty cluster"), "{said:?}");
        assert!(!said.out.contains("pid"), "nothing was started: {said:?}");
    };
    let kept = tempfile::tempdir().unwrap();
    let gone = |node: &str| std::fs::rename(data.join(node), kept.path().join(node)).unwrap();
    ["n2", "n3", "n4"].iter().for_each(|node| gone(node));
    refused("n2 n3 n4");
    gone("n1");
    refused("n1 n2 n3 n4");
    assert!(!data.join("n1").exists(), "no folder was made in its place");
    // An empty folder counts as no data.
    std::fs::create_dir(data.join("n1")).unwrap();
    refused("n1 n2 n3 n4");
    std::fs::remove_dir(data.join("n1")).unwrap();
    // Two of four are no majority either.
    let back = |node: &str| std::fs::rename(kept.path().join(node), data.join(node)).unwrap();
    ["n1", "n3"].iter().for_each(|node| back(node));
    refused("n2 n4");
    back("n4");
    cluster.launched = Launched::start(&data, &["--base-port", "0"]);
    cluster.launched.wait_until_ready();
    let warned = |line: &String| line.contains("the data of n2 is missing");
    assert!(cluster.launched.said.iter().any(warned), "{:?}", cluster.launched.said);
    assert_eq!(cluster.json(0, &["get", "x"])["value"], "1");
    until("n2 is back with a new folder", || {
        cluster.epoca(&["get", "x", "--node", "2", "--consistency", "local"]).code == Some(0)
    });
    let cluster = cluster.start_again(&["--fresh"]);
    cluster.text(1, &["get", "x"]);
}
