//! Expectations about what lies on a disk: a node's folder as `epoca inspect` shows it, which changes nothing there.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use epoca::protocol::NodeId;
use epoca::verify::patience::within;
use serde_json::Value;

use super::{Scene, Seen, entry_text, nameless, not_yet};
use crate::scenario::names::Entry;
use crate::scenario::script::{EntryRef, EntryState, NodeRef};
use crate::scenario::report_events::{Evidence, Verdict};

const INSPECT_TIMEOUT: Duration = Duration::from_secs(10);

impl Scene<'_> {
    pub(super) async fn disk_holds(&self, node: &NodeRef, entries: &[EntryRef], state: Option<EntryState>) -> Seen {
        let id = match self.names.node(node) {
            Ok(id) => id,
            Err(why) => return nameless(why),
        };
        let known: Result<Vec<Vec<Entry>>, String> = {
            let heard = self.ears.heard();
            entries.iter().map(|entry| self.names.entries(entry, &heard)).collect()
        };
        let known = match known {
            Ok(known) => known.into_iter().flatten(),
            Err(why) => return not_yet(why),
        };
        let inspected = match self.inspect(id).await {
            Ok(inspected) => inspected,
            Err(why) => return Seen::NotYet(Verdict::Unknown, why),
        };
        let mut texts = Vec::new();
        for entry in known {
            let lines = inspected["log"].as_array().into_iter().flatten();
            let Some(line) = lines.into_iter().find(|line| is_it(line, &entry)) else {
                return not_yet(format!("the disk of {id} has no {}", entry_text(&entry)));
            };
            let found = line["state"].as_str().unwrap_or_default();
            if state.is_some_and(|wanted| found != disk_state(wanted)) {
                return not_yet(format!("{} is {found} on the disk of {id}", entry_text(&entry)));
            }
            texts.push(format!("{} {found}", entry_text(&entry)));
        }
        let text = "the log on its disk".to_owned();
        Seen::Yes(vec![Evidence { node: Some(id), event: None, rule: "disk", text, entries: texts, fact: None }])
    }

    pub(super) async fn disk_reads(&self, node: &NodeRef, key: &str, value: Option<&str>) -> Seen {
        let id = match self.names.node(node) {
            Ok(id) => id,
            Err(why) => return nameless(why),
        };
        let inspected = match self.inspect(id).await {
            Ok(inspected) => inspected,
            Err(why) => return Seen::NotYet(Verdict::Unknown, why),
        };
        let mut records = inspected["database"].as_array().into_iter().flatten();
        let record = records.find(|record| record["key"].as_str() == Some(key));
        let found = record.and_then(|record| record["value"].as_str());
        if found != value {
            let found = found.unwrap_or("nothing");
            return not_yet(format!("the disk of {id} has {found} under {key}, not {}", value.unwrap_or("nothing")));
        }
        let entries = record.map(|record| {
            format!("{key}={} from e{}·o{}", found.unwrap_or_default(), record["epoch"], record["offset"])
        });
        let what = if entries.is_some() { "has it" } else { "has nothing under that key" };
        let text = format!("the final database on its disk {what}");
        Seen::Yes(vec![Evidence {
            node: Some(id),
            event: None,
            rule: "disk",
            text,
            entries: entries.into_iter().collect(),
            fact: None,
        }])
    }

    async fn inspect(&self, node: NodeId) -> Result<Value, String> {
        let folder = self.folder(node).await?;
        let mut command = tokio::process::Command::new(&self.stage.executable);
        command.arg("inspect").arg(&folder).args(["--output", "json", "--limit", "100000"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let output = within(INSPECT_TIMEOUT, command.output()).await;
        let output = output.ok_or_else(|| format!("{} could not be read in time", folder.display()))?;
        let output = output.map_err(|error| format!("cannot run inspect: {error}"))?;
        serde_json::from_slice(&output.stdout).map_err(|_| format!("{} cannot be read now", folder.display()))
    }

    async fn folder(&self, node: NodeId) -> Result<PathBuf, String> {
        let processes = self.client().processes().await.map_err(|error| error.to_string())?;
        let processes = processes.ok_or("only a launcher knows where the data lie, and there is none")?;
        let process = processes.nodes.into_iter().find(|process| process.id == node);
        process.map(|process| process.data.into()).ok_or_else(|| format!("there is no node {node}"))
    }
}

/// On disk there is no third state: final data are what is committed.
fn disk_state(state: EntryState) -> &'static str {
    match state {
        EntryState::Intermediate => "intermediate",
        EntryState::Committed | EntryState::Final => "committed",
    }
}

fn is_it(line: &Value, entry: &Entry) -> bool {
    let number = |name: &str| line[name].as_u64();
    (number("epoch"), number("offset")) == (Some(entry.id.epoch.0), Some(entry.id.offset.0))
        && entry.point.is_none_or(|point| line["digest"].as_str() == Some(&point.digest.to_string()))
}
