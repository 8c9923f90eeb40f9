//! `epoca inspect DIR`: what a node's data folder holds, as lines and JSON. Nothing is written into the folder.

use std::path::PathBuf;

use clap::Args;
use epoca::protocol::{MemberKind, Position};
use epoca::storage::{EntryContent, InspectedEntry, Inspection, Record, StorageError, inspect};
use serde_json::{Map, Value, json};

use super::outcome::{Exit, Outcome, Tone};
use super::text::{id_shown, point_json, set_bytes, shown_short, table};

/// How much of a key or value a table shows.
const WIDTH: usize = 60;

#[derive(Args, Clone, Debug)]
pub struct InspectArgs {
    /// The data folder of one node, as ./epoca-data/n1, or the file of a backup
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The first position of the log to show
    #[arg(long, value_name = "P", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub from: u64,
    /// At most so many entries, and so many records
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub limit: u64,
}

pub fn run(args: &InspectArgs) -> Outcome {
    look(args).unwrap_or_else(|error| Outcome::error(Exit::Not, "storage", error.to_string()))
}

fn look(args: &InspectArgs) -> Result<Outcome, StorageError> {
    let inspection = inspect(&args.folder)?;
    let limit = args.limit as usize;
    let entries = inspection.entries(Position(args.from), limit)?;
    let (records, more_records) = inspection.records(None, limit)?;
    let more = entries.last().is_some_and(|last| Some(last.entry.point()) != inspection.last);
    let json = json!({
        "node": inspection.node.0,
        "running": inspection.running,
        "incarnation": inspection.incarnation.to_string(),
        "cluster": inspection.cluster.map(|cluster| cluster.to_string()),
        "promise": inspection.promise.map(|promise| json!({
            "epoch": promise.epoch.0,
            "vote": promise.vote.map(|vote| vote.0),
        })),
        "last": point_json(inspection.last),
        "committed": point_json(inspection.committed),
        "applied": point_json(inspection.applied),
        "revision": inspection.revision,
        "notes": inspection.notes,
        "log": entries.iter().map(entry_json).collect::<Vec<_>>(),
        "log_has_more": more,
        "database": records.iter().map(record_json).collect::<Vec<_>>(),
        "database_has_more": more_records,
    });
    let mut outcome = Outcome::done(json).lines(Tone::Result, head(&inspection));
    outcome = outcome.lines(Tone::Note, inspection.notes.iter().cloned());
    outcome = with_table(outcome, "intermediate data: the log", &log_rows(&entries));
    if more {
        let next = entries.last().map_or(args.from, |last| last.entry.position.0 + 1);
        outcome = outcome.line(Tone::LeftOut, format!("there are more entries: --from {next}"));
    }
    outcome = with_table(outcome, "final data: the database", &record_rows(&records));
    if more_records {
        outcome = outcome.line(Tone::LeftOut, format!("the first {limit} records; see --limit"));
    }
    Ok(outcome)
}

fn head(inspection: &Inspection) -> Vec<String> {
    let Inspection { node, incarnation, last, committed, applied, revision, .. } = inspection;
    let running = if inspection.running { ", running: this is what it had written by now" } else { "" };
    let cluster = inspection.cluster.map_or("none yet".to_owned(), |cluster| cluster.to_string());
    let promise = match inspection.promise {
        None => "none".to_owned(),
        Some(promise) => match promise.vote {
            Some(vote) => format!("{}, voted for {vote}", promise.epoch),
            None => format!("{}, no vote", promise.epoch),
        },
    };
    vec![
        format!("{node}{running}"),
        format!("incarnation {incarnation}, cluster {cluster}"),
        format!("promise     {promise}"),
        format!("log         last {}, committed {}", id_shown(*last), id_shown(*committed)),
        format!("database    applied {}, revision {revision}", id_shown(*applied)),
    ]
}

fn log_rows(entries: &[InspectedEntry]) -> Vec<Vec<String>> {
    let mut rows = vec![["position", "id", "digest", "state", "content"].map(str::to_owned).to_vec()];
    rows.extend(entries.iter().map(|inspected| {
        let entry = &inspected.entry;
        let forged = if inspected.forged { "forged " } else { "" };
        let content = format!("{forged}{}", content(inspected));
        let state = inspected.state.name().to_owned();
        vec![entry.position.to_string(), entry.id.to_string(), entry.digest.short(), state, content]
    }));
    rows
}

fn content(inspected: &InspectedEntry) -> String {
    match &inspected.content {
        EntryContent::Opening(opening) => match &opening.founding {
            Some(founding) => format!("opening, founds the cluster of {} voters", founding.members.len()),
            None => "opening".to_owned(),
        },
        EntryContent::Members(list) => {
            let members = list.members.iter().map(|member| match member.kind {
                MemberKind::Voter => member.id.to_string(),
                learner => format!("{} ({})", member.id, learner.name()),
            });
            format!("members: {}", members.collect::<Vec<_>>().join(", "))
        }
        EntryContent::Command(command) => match command.change.shown() {
            (key, Some(value)) => format!("{}={}", shown_short(&key, WIDTH), shown_short(&value, WIDTH)),
            (key, None) => format!("delete {}", shown_short(&key, WIDTH)),
        },
        EntryContent::Unknown => format!("does not decode: {}", shown_short(&inspected.entry.body, WIDTH)),
    }
}

fn record_rows(records: &[Record]) -> Vec<Vec<String>> {
    let mut rows = vec![["key", "value", "id", "revision", "created", "version"].map(str::to_owned).to_vec()];
    rows.extend(records.iter().map(|record| {
        vec![
            shown_short(&record.key, WIDTH),
            shown_short(&record.value, WIDTH),
            record.id.to_string(),
            record.revision.to_string(),
            record.create_revision.to_string(),
            record.version.to_string(),
        ]
    }));
    rows
}

fn with_table(outcome: Outcome, title: &str, rows: &[Vec<String>]) -> Outcome {
    let outcome = outcome.line(Tone::Result, "").line(Tone::Heading, title);
    match rows.len() {
        1 => outcome.line(Tone::Result, "nothing"),
        _ => outcome.lines(Tone::Result, table(rows)),
    }
}

fn entry_json(inspected: &InspectedEntry) -> Value {
    let entry = &inspected.entry;
    let (key, value) = match &inspected.content {
        EntryContent::Command(command) => {
            let (key, value) = command.change.shown();
            (Some(key), value)
        }
        EntryContent::Opening(_) | EntryContent::Members(_) | EntryContent::Unknown => (None, None),
    };
    let mut json = Map::new();
    json.insert("epoch".to_owned(), json!(entry.id.epoch.0));
    json.insert("offset".to_owned(), json!(entry.id.offset.0));
    json.insert("position".to_owned(), json!(entry.position.0));
    json.insert("digest".to_owned(), json!(entry.digest.to_string()));
    json.insert("state".to_owned(), json!(inspected.state.name()));
    json.insert("kind".to_owned(), json!(entry.kind.name()));
    json.insert("forged".to_owned(), json!(inspected.forged));
    set_bytes(&mut json, "key", key.as_deref());
    set_bytes(&mut json, "value", value.as_deref());
    Value::Object(json)
}

fn record_json(record: &Record) -> Value {
    let mut json = Map::new();
    set_bytes(&mut json, "key", Some(&record.key));
    set_bytes(&mut json, "value", Some(&record.value));
    json.insert("epoch".to_owned(), json!(record.id.epoch.0));
    json.insert("offset".to_owned(), json!(record.id.offset.0));
    json.insert("revision".to_owned(), json!(record.revision));
    json.insert("create_revision".to_owned(), json!(record.create_revision));
    json.insert("version".to_owned(), json!(record.version));
    Value::Object(json)
}
