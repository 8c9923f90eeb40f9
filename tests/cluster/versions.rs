//! Data of other versions: a node refuses files of a newer format and changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::{Cluster, epoca_until_it_ends};

/// Content and rights of everything below a folder.
fn content(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("it is there") {
        let path = entry.expect("it can be listed").path();
        let mode = path.metadata().expect("it is there").permissions().mode();
        if path.is_dir() {
            found.extend(content(&path));
            found.insert(path, (mode, Vec::new()));
        } else {
            let bytes = fs::read(&path).expect("it can be read");
            found.insert(path, (mode, bytes));
        }
    }
    found
}

/// Makes a binary file of ours one of a newer version.
fn make_newer(path: &Path, version: u32) {
    let mut file = fs::read(path).expect("it is there");
    file[8..12].copy_from_slice(&version.to_le_bytes());
    let checksum = crc32fast::hash(&file[..12]);
    file[12..16].copy_from_slice(&checksum.to_le_bytes());
    fs::write(path, file).expect("it can be written");
}

#[test]
fn a_node_refuses_a_folder_of_a_newer_version_and_changes_nothing_though_others_have_its_data() {
    let cluster = Cluster::start(&["--nodes", "3"]);
    for number in 0..5 {
        cluster.json(0, &["put", &format!("k{number}"), "v"]);
    }
    let data = cluster.end();
    let folder = data.path().join("n3");
    make_newer(&folder.join("log/00000001.log"), 9);
    // A node that found damage would move it aside, since it knows others; rights for others would be taken away.
    fs::set_permissions(folder.join("identity"), fs::Permissions::from_mode(0o644)).expect("it is ours");
    let before = content(&folder);
    let data = folder.to_str().expect("a path of text");
    let peers = ["--peer", "1=127.0.0.1:1", "--peer", "2=127.0.0.1:2"];
    let node = ["node", "--id", "3", "--listen", "127.0.0.1:0", "--data", data];
    let said = epoca_until_it_ends([&node[..], &peers].concat());
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("log/00000001.log has format version 9; this epoca reads up to 1"), "{said:?}");
    assert!(said.err.contains("use a newer epoca"), "{said:?}");
    let said = epoca_until_it_ends(["inspect", data]);
    assert!(said.code == Some(1) && said.err.contains("has format version 9"), "{said:?}");
    assert!(content(&folder) == before, "something was changed");
}
