//! The events of lab nodes about their final databases agree with `get` and `list`: effects of entries, not the
//! entries; complete for late observers, and nothing where values are hidden.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use epoca::client::watch::{Observed, watch};
use epoca::protocol::trace::{Fact, FinalRow};
use serde_json::{Value, json};

use crate::support::{Cluster, epoca_with_input, until};

/// The final database of each node, rebuilt from its events; `None` before its first such event.
type Told = Vec<Option<Database>>;

#[derive(Clone, Default, PartialEq, Debug)]
struct Database {
    rows: BTreeMap<String, String>,
    keys: Option<u64>,
}

impl Database {
    fn take(&mut self, rows: Vec<FinalRow>, keys: Option<u64>) {
        for row in rows {
            let key = String::from_utf8(row.key.to_vec()).expect("keys are texts here");
            match row.value {
                Some(value) => self.rows.insert(key, String::from_utf8(value.to_vec()).expect("values too")),
                None => self.rows.remove(&key),
            };
        }
        self.keys = keys;
    }
}

/// Starts an observer of all nodes.
struct Watcher {
    told: Arc<Mutex<Told>>,
    _runtime: tokio::runtime::Runtime,
}

impl Watcher {
    fn of(cluster: &Cluster) -> Watcher {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let _inside = runtime.enter();
        let addresses = cluster.addresses();
        let told = Arc::new(Mutex::new(vec![None; addresses.len()]));
        for (index, address) in addresses.into_iter().enumerate() {
            let (told, mut stream) = (Arc::clone(&told), watch(address, 0));
            runtime.spawn(async move {
                while let Some(observed) = stream.recv().await {
                    let place = &mut told.lock().expect("no holder of the lock panics")[index];
                    take(place, observed);
                }
            });
        }
        drop(_inside);
        Watcher { told, _runtime: runtime }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().expect("no holder of the lock panics")
    }

    /// Waits until every node has reported exactly these pairs.
    #[track_caller]
    fn until_all_tell(&self, rows: &[(&str, &str)]) {
        let rows: BTreeMap<_, _> = rows.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let wanted = Some(Database { keys: Some(rows.len() as u64), rows });
        until(&format!("all nodes report {wanted:?}"), || self.told().iter().all(|told| *told == wanted));
    }
}

fn take(place: &mut Option<Database>, observed: Observed) {
    match observed {
        Observed::Snapshot { .. } => *place = None,
        Observed::Events(events) => {
            for event in events {
                match event.fact {
                    Fact::FinalRead { rows, keys } => place.insert(Database::default()).take(rows, keys),
                    Fact::FinalChanged { rows, keys } => {
                        if let Some(known) = place {
                            known.take(rows, keys);
                        }
                    }
                    _ => {}
                }
            }
        }
        Observed::Lost(_) | Observed::Disconnected(_) => {}
    }
}

fn listed(cluster: &Cluster) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let records = cluster.json(0, &["list"]);
    records.as_array().expect("a list").iter().map(|record| (text(&record["key"]), text(&record["value"]))).collect()
}

#[test]
fn nodes_tell_what_entries_did_and_not_what_they_asked_for() {
    let cluster = Cluster::start(&["--lab"]);
    let watcher = Watcher::of(&cluster);
    cluster.json(0, &["put", "v", "old"]);
    cluster.json(1, &["cas", "v", "--expect", "z", "new"]);
    watcher.until_all_tell(&[("v", "old")]);
    cluster.json(0, &["put", "g", "1"]);
    cluster.json(0, &["batch", "delete g", "put b 2", "put v newer"]);
    cluster.json(0, &["delete", "absent"]);
    watcher.until_all_tell(&[("b", "2"), ("v", "newer")]);
    let listed = listed(&cluster);
    assert_eq!(listed, [("b".to_owned(), "2".to_owned()), ("v".to_owned(), "newer".to_owned())]);
}

#[test]
fn a_late_observer_gets_all_keys_also_from_a_restarted_node() {
    let cluster = Cluster::start(&["--lab"]);
    let changes: String = (0..301).map(|number| format!("put k{number:03} {number}\n")).collect();
    let data = cluster.data();
    let said = epoca_with_input(["batch", "-", "--data", data.to_str().expect("a path")], changes.as_bytes());
    assert_eq!(said.code, Some(0), "{said:?}");
    // The events cover the last entries only; these contain 17 of the keys.
    for number in 0..17 {
        cluster.json(0, &["put", &format!("k{number:03}"), "again"]);
    }
    cluster.text(0, &["fault", "kill", "3"]);
    cluster.text(0, &["fault", "restart", "3"]);
    let watcher = Watcher::of(&cluster);
    let listed = listed(&cluster);
    assert_eq!(listed.len(), 301);
    let wanted: Vec<_> = listed.iter().map(|(key, value)| (&key[..], &value[..])).collect();
    watcher.until_all_tell(&wanted);
}

#[test]
fn a_database_from_a_snapshot_is_reported_again() {
    let cluster = Cluster::start(&["--lab", "--snapshot-entries", "40", "--snapshot-margin", "5"]);
    let watcher = Watcher::of(&cluster);
    // The observer survives the restart: only the changes that it missed arrive as a snapshot.
    for with in ["1", "2", "3"] {
        cluster.text(0, &["fault", "cut", "4", with]);
    }
    for number in 0..120 {
        cluster.json(0, &["put", &format!("k{}", number % 3), &number.to_string()]);
    }
    for with in ["1", "2", "3"] {
        cluster.text(0, &["fault", "heal", "4", with]);
    }
    watcher.until_all_tell(&[("k0", "117"), ("k1", "118"), ("k2", "119")]);
    let snapshot = cluster.status()[3]["snapshot"].clone();
    assert_ne!(snapshot, json!(null), "n4 has got one");
}

#[test]
fn without_a_lab_observers_get_no_keys_and_values() {
    let cluster = Cluster::start(&[]);
    let watcher = Watcher::of(&cluster);
    cluster.json(0, &["put", "secret", "value"]);
    until("all have it", || cluster.status().iter().all(|node| node["applied"]["offset"] == 1));
    assert_eq!(*watcher.told(), [None, None, None, None]);
}
