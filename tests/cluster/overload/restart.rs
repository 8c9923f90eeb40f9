//! Recovery time and disk use of a killed node.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use epoca::client::{Client, Note, Options};
use epoca::protocol::NodeId;
use epoca::verify::patience::Patience;

use crate::overload::alone;
use crate::support::{EXECUTABLE, patient};

const CLIENTS: usize = 256;

/// A node process, killed when this is dropped.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A single-node cluster; `EXECUTABLE` names another build of the program.
fn start(address: &str, data: &Path, more: &[&str]) -> Node {
    let executable = std::env::var_os("EXECUTABLE").unwrap_or_else(|| EXECUTABLE.into());
    let mut command = Command::new(executable);
    command.args(["node", "--id", "1", "--listen", address, "--election-timeout", "200"]).args(more);
    command.arg("--data").arg(data).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Node(command.spawn().expect("it starts"))
}

/// Waits until the node confirms a write; returns the recovery time scaled to an idle machine, and the node's log line
/// about its start.
async fn ready(client: &Client) -> (Duration, Vec<String>) {
    let patience = Patience::of(Duration::from_secs(600));
    while let Err(error) = client.put(Bytes::from("ready"), Bytes::new()).await {
        assert!(!patience.is_over(), "it does not come back: {error}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = patience.passed();
    (took, client.report(NodeId(1)).await.expect("it answers").notes.iter().map(Note::to_string).collect())
}

/// Writes `entries` entries over `keys` keys.
async fn fill(client: &Client, entries: u64, keys: u64) {
    let next = Arc::new(AtomicU64::new(0));
    let work = (0..CLIENTS).map(|_| {
        let (client, next) = (client.clone(), Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= entries {
                    return;
                }
                // The keys are not written in sorted order.
                let key = Bytes::from(format!("key-{:012}", (number * 7_919) % keys));
                client.put(key, Bytes::from(vec![number as u8; 256])).await.expect("it is confirmed");
            }
        })
    });
    for one in futures_util::future::join_all(work).await {
        one.expect("no writer panics");
    }
}

fn client_of(address: &str) -> Client {
    Client::new(&[address.to_owned()], Options { timeout: patient(), ..Options::default() }).expect("it is an address")
}

fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn mebibytes(folder: &Path) -> u64 {
    fn bytes(folder: &Path) -> u64 {
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        files.map(|file| file.metadata().map_or(0, |is| if is.is_dir() { bytes(&file.path()) } else { is.len() })).sum()
    }
    bytes(folder) >> 20
}

async fn killed_and_back(entries: u64, keys: u64) -> (Duration, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (data, address) = (folder.path().join("n1"), free_address());
    let mut node = start(&address, &data, &[]);
    let client = client_of(&address);
    ready(&client).await;
    let begun = Instant::now();
    fill(&client, entries, keys).await;
    let filled = begun.elapsed().as_secs_f64();
    node.0.kill().expect("the process can be killed");
    node.0.wait().expect("the process can be awaited");
    let node = start(&address, &data, &[]);
    let (took, notes) = ready(&client).await;
    println!(
        "{entries} entries over {keys} keys, written in {filled:.1} s, {} MiB on disk; accepts writes {:.2} s after \
         the start: {notes:?}",
        mebibytes(&data),
        took.as_secs_f64()
    );
    drop(node);
    (took, notes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_verifies_its_final_database_and_keeps_it() {
    let _alone = alone().await;
    let (took, notes) = killed_and_back(20_000, 20_000).await;
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(notes.iter().any(|note| note.contains("rows were verified")), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, worth something in release"]
async fn a_million_entries_and_kill_9() {
    let _alone = alone().await;
    for keys in [10_000, 1_000_000] {
        let (took, _) = killed_and_back(1_000_000, keys).await;
        assert!(took < Duration::from_secs(30), "{took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_of_a_node_that_overwrites_a_hundred_keys_stays_small() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let (data, address) = (folder.path().join("n1"), free_address());
    let _node = start(&address, &data, &["--snapshot-entries", "2000", "--snapshot-margin", "100"]);
    let client = client_of(&address);
    ready(&client).await;
    // Each round adds about 8 MiB of log; compaction deletes whole segments only.
    let mut sizes = Vec::new();
    for _ in 0..5 {
        fill(&client, 20_000, 100).await;
        sizes.push(mebibytes(&data));
    }
    println!("MiB after every 20000 entries: {sizes:?}");
    assert!(sizes.iter().all(|mib| *mib < 60), "{sizes:?}");
    assert!(sizes[4] <= sizes[2] + 12, "disk use grows with all writes, not with live data: {sizes:?}");
}
