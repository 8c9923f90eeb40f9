//! `epoca inspect DIR`: the contents of a node's data folder, as lines and JSON. The folder is only read.

use std::path::PathBuf;

use clap::Args;
use epoca::protocol::apply::Record;
use epoca::protocol::{MemberKind, Position};
use epoca::storage::{EntryContent, EntryState, InspectedEntry, Inspection, StorageError, inspect};
use serde_json::{Map, Value, json};

use super::messages::{self, shell};
use super::outcome::{Exit, Outcome, Tone};
use super::table::Table;
use super::text::{CELL_COLUMNS, id_shown, point_json, set_bytes, shown_short};
use crate::lang::{Localized, Text};

const LOG_HEADS: [Text; 5] = [messages::POSITION, messages::ID, messages::DIGEST, messages::STATE, messages::CONTENT];
const RECORD_HEADS: [Text; 6] =
    [messages::KEY, messages::VALUE, messages::ID, messages::REVISION, messages::CREATED, messages::VERSION];

#[derive(Args, Clone, Debug)]
pub struct InspectArgs {
    /// The data folder of one node, as ./epoca-data/n1, or the file of a backup
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The first position of the log to show
    #[arg(long, value_name = "P", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub from: u64,
    /// The greatest number of entries, and of records
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub limit: u64,
}

pub fn run(args: &InspectArgs) -> Outcome {
    inspect_folder(args).unwrap_or_else(|error| Outcome::error(Exit::NotDone, "storage", error.to_string()))
}

fn inspect_folder(args: &InspectArgs) -> Result<Outcome, StorageError> {
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
    let mut outcome = summary(&inspection, Outcome::done(json));
    outcome = outcome.lines(Tone::Note, inspection.notes.iter().cloned());
    outcome = with_table(outcome, shell::THE_LOG, &log_table(&entries));
    if more {
        let next = entries.last().map_or(args.from, |last| last.entry.position.0 + 1);
        outcome = outcome.line(Tone::LeftOut, shell::more_entries(next));
    }
    outcome = with_table(outcome, shell::THE_DATABASE, &record_table(&records));
    if more_records {
        outcome = outcome.line(Tone::LeftOut, shell::first_records(limit));
    }
    Ok(outcome)
}

fn summary(inspection: &Inspection, outcome: Outcome) -> Outcome {
    let Inspection { node, incarnation, last, committed, applied, revision, .. } = inspection;
    let cluster = inspection.cluster.map_or(shell::NONE_YET.into(), |cluster| cluster.to_string().into());
    let promise = inspection.promise.map_or(shell::NO_PROMISE.into(), |promise| {
        shell::voted(&promise.epoch, promise.vote.as_ref().map(|vote| vote as &dyn std::fmt::Display))
    });
    let table = Table::new()
        .row([shell::ROW_INCARNATION.into(), shell::incarnation(incarnation, &cluster)])
        .row([shell::ROW_PROMISE.into(), promise])
        .row([shell::ROW_LOG.into(), shell::log_bounds(&id_shown(*last), &id_shown(*committed))])
        .row([shell::ROW_DATABASE.into(), shell::applied(&id_shown(*applied), *revision)]);
    outcome.line(Tone::Result, shell::inspected(node, inspection.running)).table(&table)
}

fn log_table(entries: &[InspectedEntry]) -> Table {
    Table::with_heads(&LOG_HEADS).rows(entries.iter().map(|inspected| {
        let entry = &inspected.entry;
        let content = content(inspected);
        let content = if inspected.forged { messages::forged(&content) } else { content };
        let state = match inspected.state {
            EntryState::Intermediate => messages::INTERMEDIATE,
            EntryState::Committed => messages::COMMITTED,
        };
        [
            entry.position.to_string().into(),
            entry.id.to_string().into(),
            entry.digest.short().into(),
            state.into(),
            content,
        ]
    }))
}

fn content(inspected: &InspectedEntry) -> Localized {
    match &inspected.content {
        EntryContent::Opening(opening) => match &opening.founding {
            Some(founding) => shell::founds(founding.members.len()),
            None => messages::entry_kind("opening"),
        },
        EntryContent::Members(list) => {
            let members = list.members.iter().map(|member| match member.kind {
                MemberKind::Voter => member.id.to_string(),
                learner => format!("{} ({})", member.id, learner.name()),
            });
            shell::members(&members.collect::<Vec<_>>().join(", "))
        }
        EntryContent::Command(command) => match command.change.preview() {
            (key, Some(value)) => {
                format!("{}={}", shown_short(&key, CELL_COLUMNS), shown_short(&value, CELL_COLUMNS)).into()
            }
            (key, None) => messages::deletes(&shown_short(&key, CELL_COLUMNS)),
        },
        EntryContent::Unknown => shell::does_not_decode(&shown_short(&inspected.entry.body, CELL_COLUMNS)),
    }
}

fn record_table(records: &[Record]) -> Table {
    Table::with_heads(&RECORD_HEADS).rows(records.iter().map(|record| {
        [
            shown_short(&record.key, CELL_COLUMNS),
            shown_short(&record.value, CELL_COLUMNS),
            record.id.to_string(),
            record.revision.to_string(),
            record.create_revision.to_string(),
            record.version.to_string(),
        ]
    }))
}

fn with_table(outcome: Outcome, title: Text, table: &Table) -> Outcome {
    let outcome = outcome.line(Tone::Result, "").line(Tone::Heading, title);
    if table.is_empty() { outcome.line(Tone::Result, shell::NOTHING) } else { outcome.table(table) }
}

fn entry_json(inspected: &InspectedEntry) -> Value {
    let entry = &inspected.entry;
    let (key, value) = match &inspected.content {
        EntryContent::Command(command) => {
            let (key, value) = command.change.preview();
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
