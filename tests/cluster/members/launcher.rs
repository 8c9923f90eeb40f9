//! The launcher of a local cluster starts and stops nodes while the cluster runs, and finds them again after a restart.

use crate::members::{members, voters};
use crate::support::{Cluster, is_gone, until};

#[test]
fn a_cluster_that_has_grown_and_shrunk_is_found_again_by_the_next_start() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.json(0, &["put", "x", "1"]);
    let said = cluster.json(0, &["member", "add"]);
    assert!(said["message"].as_str().is_some_and(|text| text.starts_with("n5 joins at ")), "{said}");
    until("n5 is a voter", || members(&cluster) == voters(&[1, 2, 3, 4, 5]));
    let pid = cluster.pids()[1];
    cluster.json(0, &["member", "remove", "2"]);
    assert!(is_gone(pid), "the process of n2 goes on");
    assert_eq!(cluster.json(1, &["fault", "restart", "2"])["error"]["code"], "unknown_node");
    let before = cluster.addresses();

    let cluster = cluster.start_again(&["--lab"]);
    assert_eq!(members(&cluster), voters(&[1, 3, 4, 5]));
    assert_eq!(cluster.addresses(), before, "the members know each other by their addresses");
    assert_eq!(cluster.json(0, &["get", "x", "--node", "5"])["value"], "1");
    // Faults apply to the new node, too.
    cluster.text(0, &["fault", "kill", "5"]);
    cluster.text(0, &["fault", "restart", "5"]);
    // The id of a removed node is not reused.
    let said = cluster.json(0, &["member", "add", "--learner"]);
    assert!(said["message"].as_str().is_some_and(|text| text.starts_with("n6 joins at ")), "{said}");
}

#[test]
fn members_are_known_to_status_and_to_the_shell() {
    let cluster = Cluster::start(&["--nodes", "1"]);
    let list = cluster.text(0, &["member", "list"]);
    assert!(list.contains("voter") && list.contains("voters: 1, majority: 1"), "{list}");
    assert_eq!(cluster.status()[0]["member"], "voter");
    assert_eq!(cluster.json(1, &["member", "remove", "7"])["error"]["code"], "no_member");
    assert!(cluster.text(2, &["member", "remove"]).contains("<NODE>"));
}
