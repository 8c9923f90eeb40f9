//! Expectations about a disk: a node's data folder as `epoca inspect` shows it, which does not change it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use epoca::client::Client;
use epoca::protocol::NodeId;
use epoca::verify::patience::within;
use serde_json::Value;

use super::{Observation, entry_text, not_yet, unbound};
use crate::lang::Localized;
use crate::scenario::messages;
use crate::scenario::names::Entry;
use crate::scenario::report_events::{Evidence, EvidenceKind, Verdict};
use crate::scenario::script::EntryState;
use crate::words::client_error;

const INSPECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The data folders of the nodes that the launcher started.
#[derive(Clone, Copy)]
pub struct Disks<'a> {
    pub client: &'a Client,
    /// The file of this program, to inspect data folders with.
    pub executable: &'a Path,
}

impl Disks<'_> {
    /// The node's log on disk holds the entries, `known` so far.
    pub async fn holds(
        self,
        node: Result<NodeId, Localized>,
        known: Result<Vec<Entry>, Localized>,
        state: Option<EntryState>,
    ) -> Observation {
        let id = match node {
            Ok(id) => id,
            Err(why) => return unbound(why),
        };
        let known = match known {
            Ok(known) => known,
            Err(why) => return not_yet(why),
        };
        let inspected = match self.inspect(id).await {
            Ok(inspected) => inspected,
            Err(why) => return Observation::NotYet(Verdict::Unknown, why),
        };
        let mut texts = Vec::new();
        for entry in known {
            let lines = inspected["log"].as_array().into_iter().flatten();
            let Some(line) = lines.into_iter().find(|line| is_entry(line, &entry)) else {
                return not_yet(messages::disk_lacks(id, &entry_text(&entry)));
            };
            let found = state_of(line);
            if state.is_some_and(|wanted| found != on_disk(wanted)) {
                return not_yet(messages::entry_on_disk(&entry_text(&entry), found, id));
            }
            texts.push(messages::entry_in_state(&entry_text(&entry).into(), found));
        }
        Observation::Met(vec![evidence(id, messages::log_on_disk(), texts)])
    }

    /// The node's final database on disk has this value, or none.
    pub async fn reads(self, node: Result<NodeId, Localized>, key: &str, value: Option<&str>) -> Observation {
        let id = match node {
            Ok(id) => id,
            Err(why) => return unbound(why),
        };
        let inspected = match self.inspect(id).await {
            Ok(inspected) => inspected,
            Err(why) => return Observation::NotYet(Verdict::Unknown, why),
        };
        let mut records = inspected["database"].as_array().into_iter().flatten();
        let record = records.find(|record| record["key"].as_str() == Some(key));
        let found = record.and_then(|record| record["value"].as_str());
        if found != value {
            return not_yet(messages::disk_reads(id, key, value, found));
        }
        let written = record.map(|record| {
            let (epoch, offset) = (record["epoch"].to_string(), record["offset"].to_string());
            messages::record_on_disk(key, found.unwrap_or_default(), &epoch, &offset)
        });
        let text = messages::database_on_disk(written.is_some());
        Observation::Met(vec![evidence(id, text, written.into_iter().collect())])
    }

    async fn inspect(self, node: NodeId) -> Result<Value, Localized> {
        let folder = self.folder(node).await?;
        let mut command = tokio::process::Command::new(self.executable);
        command.arg("inspect").arg(&folder).args(["--output", "json", "--limit", "100000"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let shown = folder.display().to_string();
        let output = within(INSPECT_TIMEOUT, command.output()).await;
        let output = output.ok_or_else(|| messages::inspect_timed_out(&shown))?;
        let output = output.map_err(|error| messages::cannot_inspect(&error))?;
        serde_json::from_slice(&output.stdout).map_err(|_| messages::disk_unreadable(&shown))
    }

    async fn folder(self, node: NodeId) -> Result<PathBuf, Localized> {
        let processes = self.client.processes().await.map_err(|error| client_error(&error))?;
        let processes = processes.ok_or_else(messages::no_launcher_for_folders)?;
        let process = processes.nodes.into_iter().find(|process| process.id == node);
        process.map(|process| process.data.into()).ok_or_else(|| messages::no_such_node(node))
    }
}

fn evidence(node: NodeId, text: Localized, entries: Vec<Localized>) -> Evidence {
    Evidence { kind: EvidenceKind::Disk, node: Some(node), text, entries, ..Evidence::default() }
}

/// The log on a disk has two states only: what is committed is final.
fn on_disk(state: EntryState) -> EntryState {
    match state {
        EntryState::Intermediate => EntryState::Intermediate,
        EntryState::Committed | EntryState::Final => EntryState::Committed,
    }
}

fn state_of(line: &Value) -> EntryState {
    match line["state"] == EntryState::Committed.name() {
        true => EntryState::Committed,
        false => EntryState::Intermediate,
    }
}

fn is_entry(line: &Value, entry: &Entry) -> bool {
    let number = |name: &str| line[name].as_u64();
    (number("epoch"), number("offset")) == (Some(entry.id.epoch.0), Some(entry.id.offset.0))
        && entry.point.is_none_or(|point| line["digest"].as_str() == Some(&point.digest.to_string()))
}
