//! `get --raw` and `get --file`: the bytes of a value as they were put, for programs and files.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use epoca::client::{Client, Record};
use serde_json::json;

use super::execute::{failed, found, not_found, written_by};
use super::grammar::Get;
use super::outcome::{Exit, Outcome, Tone};
use super::print;
use super::options::Format;

/// In the shell: the bytes to standard output, and nothing else.
pub async fn raw(asked: &Get, client: &Client, format: Format) -> Outcome {
    if format == Format::Json {
        let message = "--raw writes the bytes as they are, which is no JSON: leave one of them out";
        return Outcome::error(Exit::Usage, "usage", message);
    }
    let record = match found(asked, client).await {
        Ok(Some(record)) => record,
        Ok(None) => return not_found(&asked.key),
        Err(error) => return failed(&error),
    };
    match print::result(&record.value) {
        Ok(()) => Outcome::done(serde_json::Value::Null),
        Err(error) => print::cut_short(&error),
    }
}

/// All bytes are there before the file is touched; a file that cannot be written to its end may hold a part.
pub(super) fn saved(record: &Record, file: &Path) -> Outcome {
    let written = File::create(file).and_then(|mut file| file.write_all(&record.value));
    if let Err(error) = written {
        let message = format!("cannot write {}: {error}", file.display());
        return Outcome::error(Exit::Not, "disk", message);
    }
    let bytes = record.value.len();
    let json = json!({
        "found": true,
        "file": file,
        "bytes": bytes,
        "epoch": record.id.epoch.0,
        "offset": record.id.offset.0,
        "revision": record.revision,
    });
    let text = format!("{bytes} bytes written to {}", file.display());
    Outcome::done(json).line(Tone::Result, text).line(Tone::Note, written_by(record))
}
