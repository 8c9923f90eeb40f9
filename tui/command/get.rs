//! `get --raw` and `get --file`: the bytes of a value unchanged, for programs and files.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use epoca::client::{Client, Record};
use serde_json::json;

use super::execute::{failed, not_found, read_record};
use super::grammar::Get;
use super::messages;
use super::options::Format;
use super::outcome::{Exit, Outcome, Tone};
use super::print;

/// In the shell: writes the bytes to standard output, and nothing else.
pub async fn raw(args: &Get, client: &Client, format: Format) -> Outcome {
    if format == Format::Json {
        let message = "--raw writes the bytes unchanged, which is not JSON: leave out one of the two options";
        return Outcome::error(Exit::Usage, "usage", message);
    }
    let record = match read_record(args, client).await {
        Ok(Some(record)) => record,
        Ok(None) => return not_found(&args.key),
        Err(error) => return failed(&error),
    };
    match print::result(&record.value) {
        Ok(()) => Outcome::done(serde_json::Value::Null),
        Err(error) => print::output_failed(&error),
    }
}

/// Writes the value to a file. The file is opened only once all bytes are there; a failed write may leave a part.
pub(super) fn save(record: &Record, file: &Path) -> Outcome {
    let written = File::create(file).and_then(|mut file| file.write_all(&record.value));
    if let Err(error) = written {
        return Outcome::error(Exit::NotDone, "disk", messages::cannot_write(file, &error));
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
    let outcome = Outcome::done(json).line(Tone::Result, messages::saved(bytes, file));
    outcome.line(Tone::Note, messages::written_by(record.id, record.revision))
}
