//! Runs a command against a running cluster and returns its outcome. Nothing is printed here.

use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use epoca::client::{Client, ClientError, Consistency, Done, NodeStatus, Note, Record, Reported, Written};
use epoca::protocol::{Epoch, FeatureLevel, NodeId, VALUE_BYTES_MAX};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::grammar::{self, Command, Fault};
use super::messages;
use super::outcome::{Exit, Outcome, Tone};
use super::table::Table;
use super::text::{id_shown, point_json, set_bytes, shown, shown_alone};
use super::{batch, bench, get, lab, listing, members, streams, watch};
use crate::lang::{Lang, Localized, Text};
use crate::words;

/// What a command needs besides itself.
#[derive(Clone)]
pub struct Context {
    pub client: Client,
    /// Whether `-` may read standard input: in the shell, not at the prompt.
    pub stdin: bool,
    /// Receives the progress of a long command, line by line.
    pub progress: Option<mpsc::Sender<Localized>>,
}

impl Context {
    /// Sends a line of progress. If the receiver is slow or gone, the line is dropped: the outcome does not need it.
    pub fn send_progress(&self, line: Localized) {
        if let Some(progress) = &self.progress {
            let _ = progress.try_send(line);
        }
    }
}

/// Runs the command. It takes at most the client's deadline; a bench takes its seconds in addition.
pub async fn execute(command: &Command, context: &Context) -> Outcome {
    let client = &context.client;
    let outcome = match command {
        Command::Put(put) => match read_value(put.value.as_ref(), put.file.as_ref(), context).await {
            Ok(value) => client.put(put.key.clone(), value).await.map(written),
            Err(outcome) => return outcome,
        },
        Command::Delete { key } => client.delete(key.clone()).await.map(written),
        Command::Cas(cas) => batch::compare_and_set(cas, context).await,
        Command::Batch { changes } => batch::batch(changes, context).await,
        Command::Watch(args) => watch::collect(args, context).await,
        Command::Get(args) => get(args, client).await,
        Command::List { prefix, limit } => listing::collect_list(prefix, *limit, client).await,
        Command::Status => client.status().await.map(|nodes| status(&nodes)),
        Command::Log(args) => listing::collect_log(args, client).await,
        Command::Leader(grammar::Leader::Transfer { node }) => {
            client.lead(node.map(|node| node.0)).await.map(|done| answered(&done))
        }
        Command::Member(member) => members::run(member, client).await,
        Command::Fault(fault) => run_fault(fault, client).await,
        Command::Bench(args) => bench::run(args, context).await,
    };
    outcome.unwrap_or_else(|error| failed(&error))
}

/// The outcome of an error of the client: exit code, code for programs, message.
pub fn failed(error: &ClientError) -> Outcome {
    let exit = match error {
        ClientError::Unknown { .. } | ClientError::UnknownChange { .. } => Exit::Unknown,
        ClientError::BadAddress { .. } => Exit::Usage,
        ClientError::Unreachable { .. }
        | ClientError::NoLeader { .. }
        | ClientError::TimedOut { .. }
        | ClientError::OtherCluster { .. } => Exit::Unreachable,
        ClientError::Refused(_)
        | ClientError::UnknownNode { .. }
        | ClientError::NoLauncher { .. }
        | ClientError::NoRandom(_) => Exit::NotDone,
    };
    Outcome::error(exit, error.code(), words::client_error(error))
}

/// The value on the command line, or the contents of what `-` and `--file` name.
pub(super) async fn read_value(
    value: Option<&Bytes>,
    file: Option<&PathBuf>,
    context: &Context,
) -> Result<Bytes, Outcome> {
    let from_stdin = value.is_some_and(|value| value == "-");
    match (file, value) {
        (Some(file), _) => read_bytes(Some(file.clone()), VALUE_BYTES_MAX).await,
        (None, Some(_)) if from_stdin && context.stdin => read_bytes(None, VALUE_BYTES_MAX).await,
        (None, Some(_)) if from_stdin => Err(Outcome::error(Exit::Usage, "no_stdin", messages::no_stdin_for_value())),
        (None, Some(value)) => Ok(value.clone()),
        (None, None) => Err(Outcome::error(Exit::Usage, "usage", messages::value_expected())),
    }
}

/// Reads a file or standard input. It stops after one byte more than the maximum.
pub(super) async fn read_bytes(file: Option<PathBuf>, bytes_max: usize) -> Result<Bytes, Outcome> {
    if file.is_none() && streams::stdin_is_unusable() {
        // It would read as empty, and the write would replace the current value by an empty one.
        let message = "standard input is closed, or not open for reading: nothing was read and nothing is written; \
                       type an empty value as ''";
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
        Ok(Err(error)) => return Err(Outcome::error(Exit::NotDone, "unreadable", format!("{name}: {error}"))),
        Err(error) => return Err(Outcome::error(Exit::NotDone, "unreadable", format!("{name}: {error}"))),
    };
    if value.len() > bytes_max {
        return Err(Outcome::error(Exit::NotDone, "value_too_large", messages::too_large(&name, bytes_max)));
    }
    Ok(Bytes::from(value))
}

pub(super) fn written(written: Written) -> Outcome {
    let Written { id, position, .. } = written;
    let json = json!({"epoch": id.epoch.0, "offset": id.offset.0, "position": position.0});
    Outcome::done(json).line(Tone::Result, messages::confirmed(id, position))
}

/// Reads the record of the key, if there is one.
pub(super) async fn read_record(args: &grammar::Get, client: &Client) -> Result<Option<Record>, ClientError> {
    let consistency = match args.consistency {
        grammar::Consistency::Linearizable => Consistency::Linearizable,
        grammar::Consistency::Lease => Consistency::Lease,
        grammar::Consistency::Quorum => Consistency::Quorum(args.replicas),
        grammar::Consistency::Local => Consistency::Local,
    };
    client.get(args.key.clone(), consistency, args.node.map(|node| node.0)).await
}

async fn get(args: &grammar::Get, client: &Client) -> Result<Outcome, ClientError> {
    if args.raw {
        return Ok(Outcome::error(Exit::Usage, "no_stdout", messages::no_stdout()));
    }
    let Some(record) = read_record(args, client).await? else { return Ok(not_found(&args.key)) };
    if let Some(file) = &args.file {
        return Ok(get::save(&record, file));
    }
    let mut json = record_json(&record, false);
    json.insert("found".to_owned(), json!(true));
    let value = Outcome::done(Value::Object(json)).line(Tone::Result, shown_alone(&record.value));
    Ok(value.line(Tone::Note, messages::written_by(record.id, record.revision)))
}

pub(super) fn not_found(key: &[u8]) -> Outcome {
    let json = json!({"found": false, "value": null, "epoch": null, "offset": null, "revision": null});
    Outcome::done(json).exit(Exit::NotDone).line(Tone::Error, messages::not_found(&shown(key)))
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

const STATUS_HEADS: [Text; 9] = [
    messages::NODE,
    messages::ADDRESS,
    messages::ROLE,
    messages::EPOCH,
    messages::LEADER,
    messages::LAST,
    messages::COMMITTED,
    messages::APPLIED,
    messages::PID,
];

fn status(nodes: &[NodeStatus]) -> Outcome {
    let json = nodes.iter().map(status_json).collect();
    let table = Table::with_heads(&STATUS_HEADS).rows(nodes.iter().map(status_row));
    let mut outcome = Outcome::done(json).table(&table);
    for node in nodes {
        match &node.reported {
            Ok(reported) => outcome = outcome.lines(Tone::Note, remarks(node, reported)),
            Err(why) => outcome = outcome.line(Tone::Note, messages::node_unreachable(node.id, why)),
        }
    }
    let lost = nodes.iter().find_map(|node| node.reported.as_ref().ok()?.disks_lost.as_ref());
    outcome.lines(Tone::Error, lost.map(words::disks_lost))
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
        "notes": reported.map(|reported| reported.notes.iter().map(Note::to_string).collect::<Vec<_>>()),
        "feature_level": reported.and_then(level).map(|level| level.0),
        "feature_level_max": reported.map(|reported| reported.level_max.0),
        "disks_lost": reported.and_then(|reported| reported.disks_lost.as_ref().map(ToString::to_string)),
    });
    if let Some(reported) = reported.filter(|reported| reported.lab) {
        json["lab"] = lab::state_json(reported);
    }
    json
}

/// The node's kind in its own member list. `None` if the list lacks the node, or has it with another data folder.
fn kind(id: NodeId, reported: &Reported) -> Option<&'static str> {
    let (list, incarnation) = (reported.members.as_ref()?, reported.incarnation?);
    list.membership.member_with(id, incarnation).map(|member| member.kind.name())
}

/// The feature level of the node's member list.
fn level(reported: &Reported) -> Option<FeatureLevel> {
    reported.members.as_ref().map(|listed| listed.membership.level)
}

fn status_row(node: &NodeStatus) -> Vec<Localized> {
    let mut row: Vec<Localized> = vec![node.id.to_string().into(), node.address.as_str().into()];
    match &node.reported {
        Ok(reported) => {
            row.push(messages::role(reported.role.name()));
            let cells = [
                reported.epoch.map_or("-".to_owned(), |epoch| epoch.to_string()),
                reported.leader.map_or("-".to_owned(), |leader| leader.to_string()),
                id_shown(reported.last),
                id_shown(reported.committed),
                id_shown(reported.applied),
                reported.pid.to_string(),
            ];
            row.extend(cells.map(Localized::from));
        }
        Err(_) => row.push(messages::UNREACHABLE.into()),
    }
    row
}

fn remarks(node: &NodeStatus, reported: &Reported) -> Vec<Localized> {
    let id = node.id;
    let notes = reported.notes.iter().map(words::note);
    let is_stranger = reported.members.is_some() && kind(id, reported).is_none();
    let mixed = level(reported)
        .filter(|level| *level != reported.level_max)
        .map(|level| messages::feature_level_below(level, reported.level_max));
    let begins = reported.purged.map(|purged| messages::log_begins_after(purged.id, &id_shown(reported.snapshot)));
    let remarks = notes.chain(is_stranger.then(messages::not_a_member)).chain(mixed).chain(begins);
    remarks.map(|remark| messages::of_node(id, &remark)).chain(lab::remarks(id, reported)).collect()
}

async fn run_fault(fault: &Fault, client: &Client) -> Result<Outcome, ClientError> {
    let done = match fault {
        Fault::Kill { node } => client.kill(node.0).await?,
        Fault::Restart { node } => client.restart(node.0).await?,
        Fault::Pause { node } => client.pause(node.0).await?,
        Fault::Resume { node } => client.resume(node.0).await?,
        Fault::Damage { node } => return Ok(answered_with_entry(&client.damage(node.0).await?)),
        Fault::Inject(inject) => return run_injection(inject, client).await,
        gate => return lab::run(gate, client).await,
    };
    Ok(answered(&done))
}

/// The outcome of a request that a node or the launcher carried out.
pub(super) fn answered(done: &Done) -> Outcome {
    let message = words::done(done);
    Outcome::done(json!({"message": message.to(Lang::English)})).line(Tone::Result, message)
}

async fn run_injection(inject: &grammar::Inject, client: &Client) -> Result<Outcome, ClientError> {
    let (key, value) = (inject.key.clone(), inject.value.clone());
    let done = client.inject(inject.node.0, inject.epoch.map(Epoch), key, value, inject.count).await?;
    Ok(answered_with_entry(&done))
}

/// Like [`answered`], with the entry that the fault changed.
fn answered_with_entry(done: &Done) -> Outcome {
    let (message, entry) = (words::done(done), done.entry());
    let json = json!({
        "message": message.to(Lang::English),
        "epoch": entry.map(|entry| entry.id.epoch.0),
        "offset": entry.map(|entry| entry.id.offset.0),
        "position": entry.map(|entry| entry.position.0),
    });
    Outcome::done(json).line(Tone::Result, message)
}
