//! `epoca backup`, `epoca restore`, and `epoca inspect` of a backup.
//!
//! A backup is complete or not there: it is written under another name, read back whole, then given its own.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use epoca::protocol::{Member, NodeId};

use epoca::storage::{Backup, read_backup, restore_backup};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::command::cluster::told_to_end;
use crate::command::shell::{BackupArgs, Global, RestoreArgs};
use crate::command::text::point_json;
use crate::command::{Exit, Outcome, Tone, execute, find};

pub async fn backup(args: &BackupArgs, global: &Global) -> Outcome {
    if args.file.symlink_metadata().is_ok() {
        return exists(&args.file);
    }
    let found = match find::find(global) {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    let client = match find::connect(&found, global).await {
        Ok(client) => client,
        Err(error) => return execute::failed(&error),
    };
    let told_to_end = match told_to_end() {
        Ok(told) => told,
        Err(error) => return Outcome::error(Exit::Not, "no_signals", format!("cannot wait for signals: {error}")),
    };
    let mut file = match begin(&args.file) {
        Ok(file) => file,
        Err(error) => return not_written(&args.file, &error),
    };
    let node = args.node.map(|node| node.0);
    let taken = tokio::select! {
        taken = client.backup(node, |part| file.write_all(part)) => taken,
        // What is written so far goes with its file.
        () = told_to_end => {
            return Outcome::error(Exit::Not, "interrupted", "the backup was interrupted; nothing of it is left");
        }
    };
    match taken {
        Ok(_) => finish(file, &args.file),
        Err(error) => execute::failed(&error),
    }
}

/// A file with a name that no other has, in the same folder; it goes unless [`finish`] gives it its own.
fn begin(path: &Path) -> io::Result<NamedTempFile> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    tempfile::Builder::new().prefix(&format!(".{name}.")).suffix(".partial").tempfile_in(folder_of(path))
}

fn finish(file: NamedTempFile, path: &Path) -> Outcome {
    if let Err(error) = file.as_file().sync_all() {
        return not_written(path, &error);
    }
    let found = match read_backup(file.path()) {
        Ok(found) => found,
        Err(error) => return Outcome::error(Exit::Not, "damaged", error.to_string()),
    };
    // Somebody else may have made a file of this name meanwhile: it stays.
    let named = file.persist_noclobber(path).map_err(|error| error.error);
    match named.and_then(|_| File::open(folder_of(path))?.sync_all()) {
        Ok(()) => told(&found, &format!("{} holds", path.display())),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => exists(path),
        Err(error) => not_written(path, &error),
    }
}

fn not_written(path: &Path, error: &io::Error) -> Outcome {
    Outcome::error(Exit::Not, "disk", format!("{} cannot be written: {error}", path.display()))
}

fn exists(file: &Path) -> Outcome {
    Outcome::error(Exit::Not, "exists", format!("{} is there already: choose another name", file.display()))
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

pub async fn restore(args: &RestoreArgs) -> Outcome {
    let found = match read_backup(&args.file) {
        Ok(found) => found,
        Err(error) => return Outcome::error(Exit::Not, "storage", error.to_string()),
    };
    let nodes = match nodes_of(args, &found) {
        Ok(nodes) => nodes,
        Err(outcome) => return outcome,
    };
    let told_to_end = match told_to_end() {
        Ok(told) => told,
        Err(error) => return Outcome::error(Exit::Not, "no_signals", format!("cannot wait for signals: {error}")),
    };
    let interrupted = Arc::new(AtomicBool::new(false));
    let restored = {
        let (file, folder, interrupted) = (args.file.clone(), args.folder.clone(), Arc::clone(&interrupted));
        tokio::task::spawn_blocking(move || restore_backup(&file, &folder, &nodes, &interrupted))
    };
    tokio::pin!(restored);
    let restored = tokio::select! {
        restored = &mut restored => restored,
        () = told_to_end => {
            interrupted.store(true, Ordering::Relaxed);
            restored.await
        }
    };
    match restored {
        Ok(Ok(founding)) => {
            let nodes = founding.members.iter().map(|member| member.id.to_string()).collect::<Vec<_>>().join(", ");
            let folder = args.folder.display();
            told(&found, &format!("{folder} is cluster {} of {nodes}, with", founding.cluster))
        }
        Ok(Err(error)) => Outcome::error(Exit::Not, "storage", error.to_string()),
        Err(error) => Outcome::error(Exit::Not, "broken", format!("the restore broke: {error}; please report it")),
    }
}

/// Those that are named, else those of the old cluster.
fn nodes_of(args: &RestoreArgs, found: &Backup) -> Result<Vec<(NodeId, String)>, Outcome> {
    let usage = |text: &str| Err(Outcome::error(Exit::Usage, "usage", text));
    let old = found.members.iter().map(|Member { id, address, .. }| (*id, address.clone()));
    if args.members.is_empty() {
        let mut nodes: Vec<_> = old.collect();
        nodes.sort();
        return Ok(nodes);
    }
    let mut nodes: Vec<(NodeId, String)> = args.members.iter().map(|peer| (peer.id, peer.address.clone())).collect();
    nodes.sort();
    if nodes.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return usage("a node is named twice with --member");
    }
    let mut addresses: Vec<&String> = nodes.iter().map(|(_, address)| address).collect();
    addresses.sort();
    match addresses.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => usage(&format!("two nodes have the address {} with --member: each needs its own", pair[0])),
        None => Ok(nodes),
    }
}

pub fn inspect(file: &Path) -> Outcome {
    match read_backup(file) {
        Ok(found) => told(&found, "a whole backup:"),
        Err(error) => Outcome::error(Exit::Not, "storage", error.to_string()),
    }
}

fn told(found: &Backup, what: &str) -> Outcome {
    let Backup { cluster, members, level, point, revision, bytes, digest } = found;
    let member = |member: &Member| json!({"id": member.id.0, "address": member.address});
    let json: Value = json!({
        "cluster": cluster.map(|cluster| cluster.to_string()),
        "members": members.iter().map(member).collect::<Vec<_>>(),
        "feature_level": level.0,
        "last": point_json(Some(*point)),
        "revision": revision,
        "bytes": bytes,
        "digest": digest.to_string(),
    });
    let cluster = cluster.map_or("none".to_owned(), |cluster| cluster.to_string());
    let text = format!("{what} all up to {} of cluster {cluster}, revision {revision}, {bytes} bytes", point.id);
    Outcome::done(json).line(Tone::Result, text)
}
