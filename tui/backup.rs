//! `epoca backup`, `epoca restore`, and `epoca inspect` of a backup.
//!
//! A backup is complete or not there: it is written under another name, read back whole, then given its own.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use epoca::protocol::{Member, NodeId};
use epoca::storage::{Backup, read_backup, restore_backup};
use serde_json::{Value, json};

use crate::command::shell::{BackupArgs, Global, RestoreArgs};
use crate::command::text::point_json;
use crate::command::{Exit, Outcome, Tone, execute, find};

pub async fn backup(args: &BackupArgs, global: &Global) -> Outcome {
    if args.file.exists() {
        let text = format!("{} is there already: choose another name", args.file.display());
        return Outcome::error(Exit::Not, "exists", text);
    }
    let found = match find::find(global) {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    let client = match find::connect(&found, global).await {
        Ok(client) => client,
        Err(error) => return execute::failed(&error),
    };
    let partial = args.file.with_extension("partial");
    let disk = |error: std::io::Error| Outcome::error(Exit::Not, "disk", format!("{}: {error}", partial.display()));
    let mut file = match OpenOptions::new().write(true).create(true).truncate(true).open(&partial) {
        Ok(file) => file,
        Err(error) => return disk(error),
    };
    let node = args.node.map(|node| node.0);
    if let Err(error) = client.backup(node, |part| file.write_all(part)).await {
        return execute::failed(&error);
    }
    if let Err(error) = file.sync_all() {
        return disk(error);
    }
    match read_backup(&partial) {
        Ok(found) => match name(&partial, &args.file) {
            Ok(()) => told(&found, &format!("{} holds", args.file.display())),
            Err(error) => disk(error),
        },
        Err(error) => Outcome::error(Exit::Not, "damaged", error.to_string()),
    }
}

fn name(partial: &Path, file: &Path) -> std::io::Result<()> {
    std::fs::rename(partial, file)?;
    let folder = file.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

pub fn restore(args: &RestoreArgs) -> Outcome {
    let found = match read_backup(&args.file) {
        Ok(found) => found,
        Err(error) => return Outcome::error(Exit::Not, "storage", error.to_string()),
    };
    let old = found.members.iter().map(|Member { id, address, .. }| (*id, address.clone()));
    let named = args.members.iter().map(|peer| (peer.id, peer.address.clone()));
    let mut nodes: Vec<(NodeId, String)> = if args.members.is_empty() { old.collect() } else { named.collect() };
    nodes.sort();
    if nodes.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Outcome::error(Exit::Usage, "usage", "a node is named twice with --member");
    }
    match restore_backup(&args.file, &args.folder, &nodes) {
        Ok(founding) => {
            let nodes = founding.members.iter().map(|member| member.id.to_string()).collect::<Vec<_>>().join(", ");
            let folder = args.folder.display();
            told(&found, &format!("{folder} is cluster {} of {nodes}, with", founding.cluster))
        }
        Err(error) => Outcome::error(Exit::Not, "storage", error.to_string()),
    }
}

pub fn inspect(file: &Path) -> Outcome {
    match read_backup(file) {
        Ok(found) => told(&found, "a whole backup:"),
        Err(error) => Outcome::error(Exit::Not, "storage", error.to_string()),
    }
}

fn told(found: &Backup, what: &str) -> Outcome {
    let Backup { cluster, members, point, revision, bytes, digest } = found;
    let member = |member: &Member| json!({"id": member.id.0, "address": member.address});
    let json: Value = json!({
        "cluster": cluster.map(|cluster| cluster.to_string()),
        "members": members.iter().map(member).collect::<Vec<_>>(),
        "last": point_json(Some(*point)),
        "revision": revision,
        "bytes": bytes,
        "digest": digest.to_string(),
    });
    let cluster = cluster.map_or("none".to_owned(), |cluster| cluster.to_string());
    let text = format!("{what} all up to {} of cluster {cluster}, revision {revision}, {bytes} bytes", point.id);
    Outcome::done(json).line(Tone::Result, text)
}
