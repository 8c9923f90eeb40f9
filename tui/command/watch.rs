//! `watch`: committed changes as they come, a line for each; in the shell without end, at the prompt a few.

use std::time::Duration;

use epoca::client::{Changed, Client, ClientError, Watching};
use serde_json::{Map, Value, json};

use super::execute::{Context, failed};
use super::grammar::Watch;
use super::outcome::{Outcome, Tone};
use super::print;
use super::options::Format;
use super::streams::stdout_has_no_reader;
use super::text::{set_bytes, shown_short};

/// How much of a key or a value a line shows.
const WIDTH: usize = 60;
/// At the prompt it ends after so many changes, or after this time.
const PROMPT_CHANGES: u64 = 10;
const PROMPT_TIME: Duration = Duration::from_secs(30);

/// In the shell: prints each change at once, until so many have come or somebody ends it.
pub async fn stream(asked: &Watch, client: &Client, format: Format) -> Outcome {
    let show = |changed: &Changed| match format {
        Format::Text => print::result_line(&line(changed)),
        Format::Json => print::result_line(&Value::Object(object(changed)).to_string()),
    };
    let watched = async {
        let mut watching = begin(asked, client).await.map_err(|error| failed(&error))?;
        for _ in 0..asked.count.unwrap_or(u64::MAX) {
            let changed = watching.next().await.map_err(|error| failed(&error))?;
            show(&changed).map_err(|error| print::cut_short(&error))?;
        }
        Ok(())
    };
    let watched: Result<(), Outcome> = tokio::select! {
        watched = watched => watched,
        // Whoever reads may have enough long before the next change comes.
        () = stdout_has_no_reader() => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    watched.map_or_else(|outcome| outcome, |()| Outcome::done(Value::Null))
}

/// At the prompt: the first few changes, each told as it comes.
pub async fn collect(asked: &Watch, context: &Context) -> Result<Outcome, ClientError> {
    let count = asked.count.unwrap_or(PROMPT_CHANGES);
    let mut watching = begin(asked, &context.client).await?;
    let mut changes = Vec::new();
    let end = tokio::time::Instant::now() + PROMPT_TIME;
    while (changes.len() as u64) < count {
        let Ok(changed) = tokio::time::timeout_at(end, watching.next()).await else { break };
        let changed = changed?;
        if let Some(progress) = &context.progress {
            // Full or closed, the line is not worth waiting for: the outcome has it, too.
            let _ = progress.try_send(line(&changed));
        }
        changes.push(changed);
    }
    let next = watching.revision() + 1;
    let json = changes.iter().map(|changed| Value::Object(object(changed))).collect();
    let outcome = Outcome::done(json).lines(Tone::Result, changes.iter().map(line));
    Ok(outcome.line(Tone::Note, format!("{} changes; to go on: --from {next}", changes.len())))
}

async fn begin(asked: &Watch, client: &Client) -> Result<Watching, ClientError> {
    client.watch(asked.prefix.clone(), asked.from).await
}

fn line(changed: &Changed) -> String {
    let Changed { key, value, id, revision } = changed;
    let key = shown_short(key, WIDTH);
    match value {
        Some(value) => format!("revision {revision}  {key}={}  {id}", shown_short(value, WIDTH)),
        None => format!("revision {revision}  delete {key}  {id}"),
    }
}

fn object(changed: &Changed) -> Map<String, Value> {
    let mut json = Map::new();
    json.insert("revision".to_owned(), json!(changed.revision));
    set_bytes(&mut json, "key", Some(&changed.key));
    set_bytes(&mut json, "value", changed.value.as_deref());
    json.insert("epoch".to_owned(), json!(changed.id.epoch.0));
    json.insert("offset".to_owned(), json!(changed.id.offset.0));
    json
}
