//! Writes that the cluster cannot confirm: unknown once they may have been appended, otherwise definitely not done.

use crate::support::{Cluster, epoca, until};

/// Long enough that a leader without a quorum still leads when the write arrives.
const PATIENT: [&str; 2] = ["--election-timeout", "3000"];

#[test]
fn a_write_that_no_majority_takes_is_unknown_and_the_next_without_a_leader_is_definitely_not_done() {
    let cluster = Cluster::start(&PATIENT);
    cluster.json(0, &["put", "x", "1"]);
    for node in ["3", "4"] {
        cluster.text(0, &["fault", "pause", node]);
    }
    let said = cluster.epoca(&["put", "x", "2", "--timeout", "2", "--output", "json"]);
    assert_eq!((said.code, said.error().0), (Some(3), "unknown".to_owned()), "{said:?}");

    until("the leader has stepped down", || cluster.status()[0]["role"] != "leader");
    let said = cluster.epoca(&["put", "x", "3", "--timeout", "1", "--output", "json"]);
    assert_eq!((said.code, said.error().0), (Some(4), "no_leader".to_owned()), "{said:?}");
    let said = cluster.epoca(&["get", "x", "--timeout", "1"]);
    assert!(said.code == Some(4) && said.err.contains("no leader"), "{said:?}");

    for node in ["3", "4"] {
        cluster.text(0, &["fault", "resume", node]);
    }
    let value = cluster.json(0, &["get", "x", "--timeout", "30"])["value"].clone();
    assert!(value == "1" || value == "2", "{value} was refused, or came from nowhere");
}

#[test]
fn a_write_whose_leader_dies_before_the_answer_is_unknown() {
    let cluster = Cluster::start(&PATIENT);
    for node in ["2", "3", "4"] {
        cluster.text(0, &["fault", "pause", node]);
    }
    let write = std::thread::scope(|scope| {
        let data = cluster.data();
        let write = scope.spawn(move || {
            epoca(["put", "x", "1", "--timeout", "20", "--data", data.to_str().expect("the folder's name is text")])
        });
        let appended = || cluster.json(0, &["log", "--node", "1"]).as_array().map(Vec::len) == Some(2);
        until("the leader has appended the write", appended);
        cluster.text(0, &["fault", "kill", "1"]);
        write.join().expect("the command ends")
    });
    assert_eq!(write.code, Some(3), "{write:?}");
    assert!(write.err.contains("outcome unknown"), "{write:?}");
}

#[test]
fn a_local_read_needs_no_majority() {
    let cluster = Cluster::start(&[]);
    cluster.json(0, &["put", "x", "1"]);
    let local = ["get", "x", "--node", "2", "--consistency", "local"];
    until("the replica has it", || cluster.epoca(&local).code == Some(0));
    for node in ["1", "3", "4"] {
        cluster.text(0, &["fault", "kill", node]);
    }
    assert_eq!(cluster.json(0, &local)["value"], "1");
    assert_eq!(cluster.epoca(&["get", "x", "--timeout", "1"]).code, Some(4));
}
