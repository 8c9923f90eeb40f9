//! An outdated copy of a node's folder restored in its place, as from a backup of the machine.

use crate::damage::{a_replica, folder, has, written};
use crate::members::{incarnation, log_of, members, voters};
use crate::support::{copy_folder, until};

#[test]
fn an_older_copy_of_a_folder_is_found_out_and_its_node_comes_back_as_a_new_member() {
    let cluster = written("3");
    let node = a_replica(&cluster);
    let (name, own) = (node.to_string(), folder(&cluster, node));
    let old = incarnation(&cluster, node);
    let (older, newer) = (own.with_extension("older"), own.with_extension("newer"));
    cluster.text(0, &["fault", "kill", &name]);
    copy_folder(&own, &older);
    cluster.text(0, &["fault", "restart", &name]);
    for number in 20..30 {
        cluster.json(0, &["put", &format!("k{number}"), &number.to_string()]);
    }
    until("the replica has all", || has(&cluster, node, "k29", "29"));
    cluster.text(0, &["fault", "kill", &name]);
    std::fs::rename(&own, &newer).expect("it can be moved");
    std::fs::rename(&older, &own).expect("it can be moved");
    cluster.text(0, &["fault", "restart", &name]);
    until("it is a member with a new folder", || incarnation(&cluster, node) != old);
    until("it is a voter again", || members(&cluster) == voters(&[1, 2, 3]));
    until("it has everything", || (0..30).all(|key| has(&cluster, node, &format!("k{key}"), &key.to_string())));
    let why = std::fs::read_to_string(own.join("quarantine-1/why.txt")).expect("a reason is reported");
    assert!(why.contains("an older copy") && why.contains(&old), "{why}");
    let notes = cluster.json(0, &["status"])[node as usize - 1]["notes"].clone();
    assert!(notes[0].as_str().is_some_and(|note| note.contains("an older copy")), "{notes}");
    assert!(log_of(&cluster, node).contains("an older copy"));
}
