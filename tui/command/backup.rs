//! `epoca backup`, `epoca restore`, and `epoca inspect` of a backup.
//!
//! A backup is complete or absent: it is written under a temporary name, read back and verified, then renamed.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use epoca::protocol::{Member, NodeId};
use epoca::storage::{Backup, read_backup, restore_backup};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::grammar::Node;
use super::messages::shell;
use super::node::Peer;
use super::options::Global;
use super::outcome::{Exit, Outcome, Tone};
use super::signals::termination;
use super::text::point_json;
use super::{execute, find};
use crate::lang::Localized;

#[derive(Args, Clone, Debug)]
pub struct BackupArgs {
    /// The file to write; it must not exist yet
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Copy the data of this node [default: the leader]
    #[arg(long, value_name = "N")]
    pub node: Option<Node>,
}

#[derive(Args, Clone, Debug)]
pub struct RestoreArgs {
    /// A file that `epoca backup` has written
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The data folder of the new cluster; it must not exist yet
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// A node of the new cluster, as 1=127.0.0.1:7101; once for each [default: the nodes of the old one]
    #[arg(long = "member", value_name = "N=ADDRESS")]
    pub members: Vec<Peer>,
}

pub async fn backup(args: &BackupArgs, global: &Global) -> Outcome {
    if args.file.symlink_metadata().is_ok() {
        return exists(&args.file);
    }
    let target = match find::find(global) {
        Ok(target) => target,
        Err(outcome) => return outcome,
    };
    let client = match find::connect(&target, global).await {
        Ok(client) => client,
        Err(error) => return execute::failed(&error),
    };
    let terminated = match termination() {
        Ok(terminated) => terminated,
        Err(outcome) => return outcome,
    };
    let mut file = match begin(&args.file) {
        Ok(file) => file,
        Err(error) => return not_written(&args.file, &error),
    };
    let node = args.node.map(|node| node.0);
    let taken = tokio::select! {
        taken = client.backup(node, |part| file.write_all(part)) => taken,
        // The temporary file is deleted when it is dropped.
        () = terminated => {
            return Outcome::error(Exit::NotDone, "interrupted", shell::BACKUP_INTERRUPTED);
        }
    };
    match taken {
        Ok(_) => finish(file, &args.file),
        Err(error) => execute::failed(&error),
    }
}

/// A file with a unique name in the same folder. It is deleted when dropped, unless [`finish`] renames it.
fn begin(path: &Path) -> io::Result<NamedTempFile> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    tempfile::Builder::new().prefix(&format!(".{name}.")).suffix(".partial").tempfile_in(folder_of(path))
}

fn finish(file: NamedTempFile, path: &Path) -> Outcome {
    if let Err(error) = file.as_file().sync_all() {
        return not_written(path, &error);
    }
    let backup = match read_backup(file.path()) {
        Ok(backup) => backup,
        Err(error) => return Outcome::error(Exit::NotDone, "damaged", error.to_string()),
    };
    // Another process may have created a file of this name meanwhile. It is not replaced.
    let renamed = file.persist_noclobber(path).map_err(|error| error.error);
    match renamed.and_then(|_| File::open(folder_of(path))?.sync_all()) {
        Ok(()) => described(&backup, &shell::holds(path)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => exists(path),
        Err(error) => not_written(path, &error),
    }
}

fn not_written(path: &Path, error: &io::Error) -> Outcome {
    Outcome::error(Exit::NotDone, "disk", shell::cannot_write(path, error))
}

fn exists(file: &Path) -> Outcome {
    Outcome::error(Exit::NotDone, "exists", shell::exists_already(file))
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

pub async fn restore(args: &RestoreArgs) -> Outcome {
    let backup = match read_backup(&args.file) {
        Ok(backup) => backup,
        Err(error) => return Outcome::error(Exit::NotDone, "storage", error.to_string()),
    };
    let nodes = match nodes_of(args, &backup) {
        Ok(nodes) => nodes,
        Err(outcome) => return outcome,
    };
    let terminated = match termination() {
        Ok(terminated) => terminated,
        Err(outcome) => return outcome,
    };
    let interrupted = Arc::new(AtomicBool::new(false));
    let restored = {
        let (file, folder, interrupted) = (args.file.clone(), args.folder.clone(), Arc::clone(&interrupted));
        tokio::task::spawn_blocking(move || restore_backup(&file, &folder, &nodes, &interrupted))
    };
    tokio::pin!(restored);
    let restored = tokio::select! {
        restored = &mut restored => restored,
        () = terminated => {
            interrupted.store(true, Ordering::Relaxed);
            restored.await
        }
    };
    match restored {
        Ok(Ok(founding)) => {
            let nodes = founding.members.iter().map(|member| member.id.to_string()).collect::<Vec<_>>().join(", ");
            described(&backup, &shell::restored(&args.folder, &founding.cluster, &nodes))
        }
        Ok(Err(error)) => Outcome::error(Exit::NotDone, "storage", error.to_string()),
        Err(error) => Outcome::error(Exit::NotDone, "broken", shell::restore_failed(&error)),
    }
}

/// The nodes in the options, else those of the old cluster.
fn nodes_of(args: &RestoreArgs, backup: &Backup) -> Result<Vec<(NodeId, String)>, Outcome> {
    let usage = |text: Localized| Err(Outcome::error(Exit::Usage, "usage", text));
    let old = backup.members.iter().map(|Member { id, address, .. }| (*id, address.clone()));
    if args.members.is_empty() {
        let mut nodes: Vec<_> = old.collect();
        nodes.sort();
        return Ok(nodes);
    }
    let mut nodes: Vec<(NodeId, String)> = args.members.iter().map(|peer| (peer.id, peer.address.clone())).collect();
    nodes.sort();
    if nodes.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return usage(shell::TWICE_NAMED.into());
    }
    let mut addresses: Vec<&String> = nodes.iter().map(|(_, address)| address).collect();
    addresses.sort();
    match addresses.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => usage(shell::one_address(pair[0])),
        None => Ok(nodes),
    }
}

pub fn inspect(file: &Path) -> Outcome {
    match read_backup(file) {
        Ok(backup) => described(&backup, &shell::COMPLETE_BACKUP.into()),
        Err(error) => Outcome::error(Exit::NotDone, "storage", error.to_string()),
    }
}

fn described(backup: &Backup, prefix: &Localized) -> Outcome {
    let Backup { cluster, members, level, point, revision, bytes, digest } = backup;
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
    let id = point.id;
    let text = shell::backup_contents(prefix, &id, &cluster, *revision, *bytes);
    Outcome::done(json).line(Tone::Result, text)
}
