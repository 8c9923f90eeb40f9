//! `watch`: a line for each committed change, in the shell until it is ended, at the prompt up to a limit.

use std::time::Duration;

use epoca::client::{Changed, Client, ClientError, Watching};
use serde_json::{Map, Value, json};

use super::execute::{Context, failed};
use super::grammar::Watch;
use super::messages;
use super::options::{Format, Shown};
use super::outcome::{Outcome, Tone};
use super::print;
use super::streams::stdout_has_no_reader;
use super::text::{CELL_COLUMNS, set_bytes, shown_short};
use crate::lang::Localized;

/// The limits at the prompt, in changes and in time.
const PROMPT_CHANGES: u64 = 10;
const PROMPT_TIME: Duration = Duration::from_secs(30);

/// In the shell: prints each change as it comes, up to the requested number or until Ctrl-C.
pub async fn stream(args: &Watch, client: &Client, Shown { format, lang }: Shown) -> Outcome {
    let print = |changed: &Changed| match format {
        Format::Text => print::result_line(line(changed).to(lang)),
        Format::Json => print::result_line(&Value::Object(object(changed)).to_string()),
    };
    let print_all = async {
        let mut watching = begin(args, client).await.map_err(|error| failed(&error))?;
        for _ in 0..args.count.unwrap_or(u64::MAX) {
            let changed = watching.next().await.map_err(|error| failed(&error))?;
            print(&changed).map_err(|error| print::output_failed(&error))?;
        }
        Ok(())
    };
    let ended: Result<(), Outcome> = tokio::select! {
        ended = print_all => ended,
        // The reader may close the pipe long before the next change.
        () = stdout_has_no_reader() => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    ended.map_or_else(|outcome| outcome, |()| Outcome::done(Value::Null))
}

/// At the prompt: the first changes. Each is also sent as progress when it comes.
pub async fn collect(args: &Watch, context: &Context) -> Result<Outcome, ClientError> {
    let count = args.count.unwrap_or(PROMPT_CHANGES);
    let mut watching = begin(args, &context.client).await?;
    let mut changes = Vec::new();
    let end = tokio::time::Instant::now() + PROMPT_TIME;
    while (changes.len() as u64) < count {
        let Ok(changed) = tokio::time::timeout_at(end, watching.next()).await else { break };
        let changed = changed?;
        context.send_progress(line(&changed));
        changes.push(changed);
    }
    let next = watching.revision() + 1;
    let json = changes.iter().map(|changed| Value::Object(object(changed))).collect();
    let outcome = Outcome::done(json).lines(Tone::Result, changes.iter().map(line));
    Ok(outcome.line(Tone::Note, messages::changes_seen(changes.len(), next)))
}

async fn begin(args: &Watch, client: &Client) -> Result<Watching, ClientError> {
    client.watch(args.prefix.clone(), args.from).await
}

fn line(changed: &Changed) -> Localized {
    let Changed { key, value, id, revision } = changed;
    let key = shown_short(key, CELL_COLUMNS);
    let change = match value {
        Some(value) => format!("{key}={}", shown_short(value, CELL_COLUMNS)).into(),
        None => messages::deletes(&key),
    };
    messages::change(*revision, &change, *id)
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
