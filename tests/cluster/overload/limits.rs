//! More connections than a node accepts: it refuses those beyond the limit with a reason, the other nodes still reach
//! it, and a client that retries gets through.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use epoca::client::{Client, Options};
use epoca::cluster::{Cluster, ClusterOptions};
use epoca::verify::patience::{Patience, within};
use epoca::wire::proto;
use epoca::wire::proto::control_client::ControlClient;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::overload::{HANGS, Tally, alone, connected, goes_on, put};
use crate::support::{EXECUTABLE, election_timeout_ms, patient};

/// The nodes' limit on open files; half of it is available to client connections.
const FILES: usize = 1_000;
const CONNECTIONS: usize = FILES / 2;
/// More than the node admits for a moment beyond its bound.
const EXTRA: usize = 300;

/// The program, with a lower limit on open files.
fn with_few_files(folder: &Path) -> PathBuf {
    let script = folder.join("epoca-with-few-files");
    let text = format!("#!/bin/sh\nulimit -n {FILES}\nexec '{EXECUTABLE}' \"$@\"\n");
    std::fs::write(&script, text).expect("it can be written");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("the mode can be set");
    script
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_connection_limit_a_client_is_refused_and_the_cluster_continues() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let executable = with_few_files(folder.path());
    let data = folder.path().join("data");
    let options = ClusterOptions {
        base_port: 0,
        election_timeout_ms: election_timeout_ms(5_000),
        ..ClusterOptions::new(executable, data)
    };
    let cluster = Cluster::start(options).await.expect("the nodes start");
    cluster.ready().await.expect("one of them leads");
    let (leader, other) = (cluster.addresses()[0].clone(), cluster.addresses()[1].clone());
    let mut before = connected(&leader).await;
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS {
        idle.push(TcpStream::connect(&leader).await.expect("the system call succeeds"));
    }

    let said = refused(&leader).await;
    assert!(said.contains("has the most open connections that it admits"), "{said}");
    assert!(said.contains("use another node") && said.contains("try again"), "the message names the remedy: {said}");
    let mut control = ControlClient::connect(format!("http://{leader}")).await.expect("it takes one more");
    let status = control.status(proto::StatusRequest {}).await.expect("the status is reported").into_inner();
    assert_eq!(status.role(), proto::Role::Leader);

    let through_another = put(&mut connected(&other).await, "through another".into(), Bytes::new()).await;
    assert_eq!(through_another.confirmed, 1, "another node passes it on: {through_another:?}");
    assert_eq!(put(&mut before, "before".into(), Bytes::new()).await.confirmed, 1, "admitted connections stay open");

    let patient =
        Client::new(std::slice::from_ref(&leader), Options { timeout: patient(), ..Options::default() }).unwrap();
    let waits = tokio::spawn(async move { patient.put(Bytes::from("patient"), Bytes::new()).await });
    for _ in 0..EXTRA {
        idle.push(TcpStream::connect(&leader).await.expect("the system call succeeds"));
    }
    let mut last = idle.pop().expect("there are many");
    let closed = within(HANGS, last.read_u8()).await.expect("it does not hang");
    assert!(closed.is_err(), "the connection is closed");
    assert_eq!(put(&mut before, "still".into(), Bytes::new()).await.confirmed, 1);
    drop(idle);
    waits.await.expect("no panic").expect("there is room again");
    goes_on(&cluster).await;
    cluster.stop().await;
}

/// The error of a client that writes over a connection beyond the limit.
async fn refused(address: &str) -> String {
    let patience = Patience::of(HANGS);
    loop {
        let Tally { overloaded, said, .. } = put(&mut connected(address).await, "x".into(), Bytes::new()).await;
        if overloaded == 1 {
            return said.expect("there is output");
        }
        // Earlier connections may still be in the kernel's accept queue.
        assert!(!patience.is_over(), "there is no end of connections");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
