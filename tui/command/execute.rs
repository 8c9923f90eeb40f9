//! Carrying out a command against a running cluster. Prints nothing and ends nothing: the outcome says it all.

use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use epoca::client::{Client, ClientError, Consistency, Done, NodeStatus, Record, Reported, Written};
use epoca::protocol::{Epoch, FeatureLevel, NodeId, VALUE_BYTES_MAX};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::grammar::{self, Command, Fault};
use super::lab;
use super::members;
use super::outcome::{Exit, Outcome, Tone};
use super::text::{id_shown, point_json, set_bytes, shown, shown_alone, table};
use super::{batch, bench, get, listing, streams, watch};
use crate::words::english;

/// What a command needs besides itself.
#[derive(Clone)]
pub struct Context {
    pub client: Client,
    /// Whether `-` may read standard input: in the shell, not at the prompt.
    pub stdin: bool,
    /// Where a long command says how far it is, line by line; full or closed, lines are dropped.
    pub progress: Option<mpsc::Sender<String>>,
}

/// Carries the command out. Ends within the client's deadline, a bench within its seconds and the deadline.
pub async fn execute(command: &Command, context: &Context) -> Outcome {
    let client = &context.client;
    let outcome = match command {
        Command::Put(put) => match value_of(put.value.as_ref(), put.file.as_ref(), context).await {
            Ok(value) => client.put(put.key.clone(), value).await.map(written),
            Err(outcome) => return outcome,
        },
        Command::Delete { key } => client.delete(key.clone()).await.map(written),
        Command::Cas(cas) => batch::compare_and_set(cas, context).await,
        Command::Batch { changes } => batch::batch(changes, context).await,
        Command::Watch(asked) => watch::collect(asked, context).await,
        Command::Get(get) => read(get, client).await,
        Command::List { prefix, limit } => listing::collect_list(prefix, *limit, client).await,
        Command::Status => client.status().await.map(|nodes| status(&nodes)),
        Command::Log(asked) => listing::collect_log(asked, client).await,
        Command::Leader(grammar::Leader::Transfer { node }) => {
            client.lead(node.map(|node| node.0)).await.map(|done| done_so(&done))
        }
        Command::Member(member) => members::carry_out(member, client).await,
        Command::Fault(fault) => carry_out_fault(fault, client).await,
        Command::Bench(asked) => bench::run(asked, context).await,
    };
    outcome.unwrap_or_else(|error| failed(&error))
}

/// The outcome of an error of the client: its exit code, its code for programs, its text.
pub fn failed(error: &ClientError) -> Outcome {
    let exit = match error {
        ClientError::Unknown { .. } | ClientError::UnknownChange { .. } => Exit::Unknown,
        ClientError::BadAddress { .. } => Exit::Usage,
        ClientError::Unreachable { .. }
        | ClientError::NoLeader { .. }
        | ClientError::TimedOut { .. }
        | ClientError::OtherCluster { .. } => Exit::Nobody,
        ClientError::Refused(_)
        | ClientError::UnknownNode { .. }
        | ClientError::NoLauncher { .. }
        | ClientError::NoRandom(_) => Exit::Not,
    };
    Outcome::error(exit, error.code(), error.to_string())
}

/// The value itself, or what `-` and `--file` name.
pub(super) async fn value_of(
    value: Option<&Bytes>,
    file: Option<&PathBuf>,
    context: &Context,
) -> Result<Bytes, Outcome> {
    let from_stdin = value.is_some_and(|value| value == "-");
    match (file, value) {
        (Some(file), _) => read_bytes(Some(file.clone()), VALUE_BYTES_MAX).await,
        (None, Some(_)) if from_stdin && context.stdin => read_bytes(None, VALUE_BYTES_MAX).await,
        (None, Some(_)) if from_stdin => {
            let message = "there is no standard input here; use --file, or put the value itself";
            Err(Outcome::error(Exit::Usage, "no_stdin", message))
        }
        (None, Some(value)) => Ok(value.clone()),
        (None, None) => Err(Outcome::error(Exit::Usage, "usage", "expected a value, -, or --file F")),
    }
}

/// Reads a file or standard input, but no more than what tells that it is too large.
pub(super) async fn read_bytes(file: Option<PathBuf>, bytes_max: usize) -> Result<Bytes, Outcome> {
    if file.is_none() && streams::stdin_is_unusable() {
        // It would read as an empty one, and replace what is there by nothing.
        let message = "standard input is closed, or not open for reading: nothing was read, and nothing is written; an \
                       empty value is written as ''";
        return Err(Outcome::error(Exit::Usage, "no_stdin", message));
    }
    let name = file.as_deref().map_or("standard input".to_owned(), |file: &Path| file.display().to_string());
    let read = move || {
        let mut value = Vec::new();
        let most = bytes_max as u64 + 1;
        match file {
            Some(file) => std::fs::File::open(file)?.take(most).read_to_end(&mut value)?,
            None => std::io::stdin().lock().take(most).read_to_end(&mut value)?,
        };
        Ok::<_, std::io::Error>(value)
    };
    let value = match tokio::task::spawn_blocking(read).await {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => return Err(Outcome::error(Exit::Not, "unreadable", format!("{name}: {error}"))),
        Err(error) => return Err(Outcome::error(Exit::Not, "unreadable", format!("{name}: {error}"))),
    };
    if value.len() > bytes_max {
        let mebibytes = bytes_max >> 20;
        let message = format!("{name} holds more than {mebibytes} MiB ({bytes_max} bytes), the most that is taken");
        return Err(Outcome::error(Exit::Not, "value_too_large", message));
    }
    Ok(Bytes::from(value))
}

pub(super) fn written(written: Written) -> Outcome {
    let Written { id, position, .. } = written;
    let json = json!({"epoch": id.epoch.0, "offset": id.offset.0, "position": position.0});
    Outcome::done(json).line(Tone::Result, format!("confirmed {id} (position {position})"))
}

/// What was found under the key that is asked for.
pub(super) async fn found(get: &grammar::Get, client: &Client) -> Result<Option<Record>, ClientError> {
    let consistency = match get.consistency {
        grammar::Consistency::Linearizable => Consistency::Linearizable,
        grammar::Consistency::Lease => Consistency::Lease,
        grammar::Consistency::Quorum => Consistency::Quorum(get.replicas),
        grammar::Consistency::Local => Consistency::Local,
    };
    client.get(get.key.clone(), consistency, get.node.map(|node| node.0)).await
}

async fn read(get: &grammar::Get, client: &Client) -> Result<Outcome, ClientError> {
    if get.raw {
        let message = "there is no standard output here; use --file";
        return Ok(Outcome::error(Exit::Usage, "no_stdout", message));
    }
    let Some(record) = found(get, client).await? else { return Ok(not_found(&get.key)) };
    if let Some(file) = &get.file {
        return Ok(get::saved(&record, file));
    }
    let mut json = record_json(&record, false);
    json.insert("found".to_owned(), json!(true));
    let value = Outcome::done(Value::Object(json)).line(Tone::Result, shown_alone(&record.value));
    Ok(value.line(Tone::Note, written_by(&record)))
}

pub(super) fn not_found(key: &[u8]) -> Outcome {
    let json = json!({"found": false, "value": null, "epoch": null, "offset": null, "revision": null});
    Outcome::done(json).exit(Exit::Not).line(Tone::Error, format!("not found: {}", shown(key)))
}

pub(super) fn written_by(record: &Record) -> String {
    format!("{}, revision {}", record.id, record.revision)
}

pub(super) fn record_json(record: &Record, with_key: bool) -> Map<String, Value> {
    let mut json = Map::new();
    if with_key {
        set_bytes(&mut json, "key", Some(&record.key));
    }
    set_bytes(&mut json, "value", Some(&record.value));
    json.insert("epoch".to_owned(), json!(record.id.epoch.0));
    json.insert("offset".to_owned(), json!(record.id.offset.0));
    json.insert("revision".to_owned(), json!(record.revision));
    json
}

fn status(nodes: &[NodeStatus]) -> Outcome {
    let json = nodes.iter().map(status_json).collect();
    let heads = ["node", "address", "role", "epoch", "leader", "last", "committed", "applied", "pid"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    rows.extend(nodes.iter().map(status_row));
    let mut outcome = with_table(Outcome::done(json), &rows);
    for node in nodes {
        match &node.reported {
            Ok(reported) => outcome = outcome.lines(Tone::Note, remarks(node, reported)),
            Err(why) => outcome = outcome.line(Tone::Note, format!("{} is unreachable: {why}", node.id)),
        }
    }
    let lost = nodes.iter().find_map(|node| node.reported.as_ref().ok()?.disks_lost.as_ref());
    outcome.lines(Tone::Error, lost.map(ToString::to_string))
}

fn status_json(node: &NodeStatus) -> Value {
    let reported = node.reported.as_ref().ok();
    let mut json = json!({
        "id": node.id.0,
        "address": node.address,
        "reachable": reported.is_some(),
        "role": reported.map(|reported| reported.role.name()),
        "epoch": reported.and_then(|reported| reported.epoch).map(|epoch| epoch.0),
        "leader": reported.and_then(|reported| reported.leader).map(|leader| leader.0),
        "last": point_json(reported.and_then(|reported| reported.last)),
        "committed": point_json(reported.and_then(|reported| reported.committed)),
        "applied": point_json(reported.and_then(|reported| reported.applied)),
        "purged": point_json(reported.and_then(|reported| reported.purged)),
        "snapshot": point_json(reported.and_then(|reported| reported.snapshot)),
        "pid": reported.map(|reported| reported.pid),
        "member": reported.and_then(|reported| kind(node.id, reported)),
        "notes": reported.map(|reported| &reported.notes),
        "feature_level": reported.and_then(level).map(|level| level.0),
        "feature_level_max": reported.map(|reported| reported.level_max.0),
        "disks_lost": reported.and_then(|reported| reported.disks_lost.as_ref().map(ToString::to_string)),
    });
    if let Some(reported) = reported.filter(|reported| reported.lab) {
        json["lab"] = lab::state_json(reported);
    }
    json
}

/// What the node is by its own member list; nothing, if that does not have it, or with another data folder.
fn kind(id: NodeId, reported: &Reported) -> Option<&'static str> {
    let (list, incarnation) = (reported.members.as_ref()?, reported.incarnation?);
    list.membership.member_with(id, incarnation).map(|member| member.kind.name())
}

/// The feature level of the node's member list.
fn level(reported: &Reported) -> Option<FeatureLevel> {
    reported.members.as_ref().map(|listed| listed.membership.level)
}

fn status_row(node: &NodeStatus) -> Vec<String> {
    let mut row = vec![node.id.to_string(), node.address.clone()];
    match &node.reported {
        Ok(reported) => row.extend([
            reported.role.name().to_owned(),
            reported.epoch.map_or("-".to_owned(), |epoch| epoch.to_string()),
            reported.leader.map_or("-".to_owned(), |leader| leader.to_string()),
            id_shown(reported.last),
            id_shown(reported.committed),
            id_shown(reported.applied),
            reported.pid.to_string(),
        ]),
        Err(_) => row.push("unreachable".to_owned()),
    }
    row
}

fn remarks(node: &NodeStatus, reported: &Reported) -> Vec<String> {
    let id = node.id;
    let notes = reported.notes.iter().map(|note| format!("{id}: {note}"));
    let begins = reported.purged.map(|purged| {
        format!(
            "{id}: the log begins after {}, the newest snapshot holds all up to {}",
            purged.id,
            id_shown(reported.snapshot)
        )
    });
    let stranger = (reported.members.is_some() && kind(id, reported).is_none())
        .then(|| format!("{id}: not a member, by its own log"));
    let mixed = level(reported)
        .filter(|level| *level != reported.level_max)
        .map(|level| format!("{id}: feature level {level} is in force, and it supports up to {}", reported.level_max));
    notes.chain(stranger).chain(mixed).chain(begins).chain(lab::remarks(id, reported)).collect()
}

pub(super) fn with_table(outcome: Outcome, rows: &[Vec<String>]) -> Outcome {
    let mut lines = table(rows).into_iter();
    let outcome = outcome.lines(Tone::Heading, lines.next());
    outcome.lines(Tone::Result, lines)
}

async fn carry_out_fault(fault: &Fault, client: &Client) -> Result<Outcome, ClientError> {
    let done = match fault {
        Fault::Kill { node } => client.kill(node.0).await?,
        Fault::Restart { node } => client.restart(node.0).await?,
        Fault::Pause { node } => client.pause(node.0).await?,
        Fault::Resume { node } => client.resume(node.0).await?,
        Fault::Damage { node } => return Ok(done_to(&client.damage(node.0).await?)),
        Fault::Inject(inject) => return carry_out_injection(inject, client).await,
        gate => return lab::carry_out(gate, client).await,
    };
    Ok(done_so(&done))
}

pub(super) fn done_so(done: &Done) -> Outcome {
    let message = english::done(done);
    Outcome::done(json!({"message": message})).line(Tone::Result, message)
}

async fn carry_out_injection(inject: &grammar::Inject, client: &Client) -> Result<Outcome, ClientError> {
    let (key, value) = (inject.key.clone(), inject.value.clone());
    let done = client.inject(inject.node.0, inject.epoch.map(Epoch), key, value, inject.count).await?;
    Ok(done_to(&done))
}

/// With the entry that it was done to.
fn done_to(done: &Done) -> Outcome {
    let (message, entry) = (english::done(done), done.entry());
    let json = json!({
        "message": message,
        "epoch": entry.map(|entry| entry.id.epoch.0),
        "offset": entry.map(|entry| entry.id.offset.0),
        "position": entry.map(|entry| entry.position.0),
    });
    Outcome::done(json).line(Tone::Result, message)
}
