//! Watches that start at a revision that does not exist yet, or never will.

use bytes::Bytes;
use epoca::wire::proto;
use epoca::wire::proto::client_client::ClientClient;
use tonic::Streaming;

use crate::support::{Cluster, PATIENCE, epoca_until_it_ends, until};

/// Revisions 1 to `n`.
fn written(arguments: &[&str], count: u64) -> Cluster {
    let cluster = Cluster::start(arguments);
    for number in 1..=count {
        cluster.json(0, &["put", &format!("k{number}"), "v"]);
    }
    cluster
}

/// Watches this node only.
async fn watch_at(cluster: &Cluster, node: usize, from: u64) -> Streaming<proto::WatchResponse> {
    let address = format!("http://{}", cluster.addresses()[node - 1]);
    let mut client = ClientClient::connect(address).await.expect("it answers");
    let request = proto::WatchRequest { prefix: Bytes::new(), from: Some(from) };
    client.watch(request).await.expect("it is served").into_inner()
}

/// The first response that is a refusal or contains a change.
async fn first(stream: &mut Streaming<proto::WatchResponse>) -> proto::WatchResponse {
    let news = async {
        loop {
            let response = stream.message().await.expect("the stream is whole").expect("it continues");
            if response.refused.is_some() || !response.changes.is_empty() {
                return response;
            }
        }
    };
    tokio::time::timeout(PATIENCE, news).await.expect("something comes in time")
}

#[test]
fn a_watch_from_a_revision_that_does_not_exist_yet_fails() {
    let cluster = written(&["--nodes", "3"], 3);
    let data = cluster.data();
    let data = data.to_str().expect("it is UTF-8");
    for from in ["5", "900", "18446744073709551615"] {
        let said = epoca_until_it_ends(["watch", "--from", from, "--count", "1", "--data", data]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains(&format!("revision {from} does not exist yet: the newest is 3")), "{said:?}");
    }
    let said = epoca_until_it_ends(["watch", "--from", "900", "--output", "json", "--data", data]);
    assert_eq!(said.error().0, "future_revision");
}

#[test]
fn a_watch_from_the_revision_after_the_newest_waits_for_it() {
    let cluster = written(&["--nodes", "3"], 3);
    let data = cluster.data();
    let watcher = std::thread::spawn(move || {
        let data = data.to_str().expect("it is UTF-8").to_owned();
        epoca_until_it_ends(["watch", "--from", "4", "--count", "1", "--output", "json", "--data", &data])
    });
    cluster.json(0, &["put", "next", "1"]);
    let said = watcher.join().expect("it does not panic");
    assert_eq!((said.code, said.json()["revision"].as_u64()), (Some(0), Some(4)), "{said:?}");
}

#[tokio::test]
async fn every_node_refuses_a_watch_beyond_the_next_revision() {
    let cluster = written(&["--nodes", "3"], 3);
    for node in 1..=3 {
        let mut stream = watch_at(&cluster, node, 900).await;
        let refused = first(&mut stream).await.refused.expect("nothing has that revision");
        assert_eq!(refused.code(), proto::RefusalCode::FutureRevision, "n{node}: {refused:?}");
        assert_eq!((refused.revision, refused.bound), (Some(900), Some(3)));
    }
}

#[tokio::test]
async fn a_lagging_node_makes_a_watcher_wait_for_what_others_have() {
    let cluster = written(&["--nodes", "3", "--lab"], 3);
    let local = |key: &str| cluster.epoca(&["get", key, "--node", "3", "--consistency", "local"]).code == Some(0);
    until("n3 shows the last of it", || local("k3"));
    cluster.text(0, &["fault", "hold", "3", "commit-order"]);
    for number in 4..=8 {
        cluster.json(0, &["put", &format!("k{number}"), "v"]);
    }
    assert!(!local("k4"), "n3 is behind");
    let mut stream = watch_at(&cluster, 3, 8).await;
    cluster.text(0, &["fault", "release", "3"]);
    let response = first(&mut stream).await;
    assert_eq!(response.refused, None);
    let revision = response.changes[0].record.as_ref().map(|record| record.revision);
    assert_eq!(revision, Some(8), "{response:?}");
}
