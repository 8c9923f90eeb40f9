//! `list` and `log`: long answers, page by page.
//!
//! In the shell each page is printed before the next one is requested, so that a list of any length takes the memory of
//! one page. At the console's prompt, which keeps outcomes, both have a limit. A remark tells what is left out, beside
//! JSON too.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use epoca::client::{Client, ClientError, Consistency, Listing, LogLine, LogListing, Record};
use serde_json::{Map, Value, json};

use super::execute::{failed, record_json};
use super::grammar::Log;
use super::messages;
use super::options::{Format, Shown};
use super::outcome::{Outcome, Tone};
use super::print;
use super::table::{Table, Widths};
use super::text::{CELL_COLUMNS, set_bytes, shown, shown_short};
use crate::lang::{Lang, Localized, Text};

/// How many entries of a log are shown by default.
const LOG_ENTRIES: u64 = 100;
/// The limits at the prompt, in records or entries and in their bytes.
const PROMPT_COUNT: u64 = 1_000;
const PROMPT_BYTES: usize = 8 << 20;
/// The approximate size of one write to standard output.
const CHUNK_BYTES: usize = 256 << 10;

const LIST_HEADS: [Text; 4] = [messages::KEY, messages::VALUE, messages::ID, messages::REVISION];
const LOG_HEADS: [Text; 5] = [messages::POSITION, messages::ID, messages::DIGEST, messages::STATE, messages::CONTENT];

/// In the shell: prints all records, or the first ones up to a limit.
pub async fn stream_list(prefix: &Bytes, limit: Option<u64>, client: &Client, output: Shown) -> Outcome {
    let mut listing = client.listing(prefix.clone(), limit.unwrap_or(u64::MAX), Consistency::Linearizable, None);
    let mut pages = Pages::new(output, &LIST_HEADS);
    let mut last = Bytes::new();
    let ended = loop {
        let page = match listing.next().await {
            Ok(Some(page)) => page,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        last = page.last().map_or(last, |record| Bytes::copy_from_slice(&record.key));
        match pages.print(page.iter().map(|record| (record_of_list(record), record_row(record)))) {
            Ok(waited) => listing.put_off(waited),
            Err(error) => return print::output_failed(&error),
        }
    };
    if let Err(error) = ended {
        return pages.end_with_error(&error, messages::list_incomplete(&shown(&last), pages.count));
    }
    let nothing = (pages.count == 0).then(messages::no_records);
    pages.end(nothing, list_left_out(&listing, pages.count))
}

/// In the shell: prints the end of the log, or the log from a position on.
pub async fn stream_log(args: &Log, client: &Client, output: Shown) -> Outcome {
    let mut part = match Part::of(args, u64::MAX, client).await {
        Ok(part) => part,
        Err(error) => return failed(&error),
    };
    let mut pages = Pages::new(output, &LOG_HEADS);
    let ended = loop {
        let page = match part.listing.next().await {
            Ok(Some(page)) => page,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        part.take(&page);
        match pages.print(page.iter().map(|line| (log_json(line), log_row(line)))) {
            Ok(waited) => part.listing.put_off(waited),
            Err(error) => return print::output_failed(&error),
        }
    };
    if let Err(error) = ended {
        return pages.end_with_error(&error, messages::log_incomplete(part.next));
    }
    let nothing = (pages.count == 0).then(messages::no_entries);
    pages.end(nothing, part.left_out())
}

/// At the prompt: the records as one outcome.
pub(super) async fn collect_list(prefix: &Bytes, limit: Option<u64>, client: &Client) -> Result<Outcome, ClientError> {
    let limit = limit.unwrap_or(PROMPT_COUNT).min(PROMPT_COUNT);
    let mut listing = client.listing(prefix.clone(), limit, Consistency::Linearizable, None);
    let (mut records, mut bytes) = (Vec::new(), 0);
    while bytes < PROMPT_BYTES
        && let Some(page) = listing.next().await?
    {
        bytes += page.iter().map(|record| record.key.len() + record.value.len()).sum::<usize>();
        records.extend(page);
    }
    let json = records.iter().map(record_of_list).collect();
    let rows = records.iter().map(record_row);
    let left_out = list_left_out(&listing, records.len() as u64);
    Ok(collected(json, &LIST_HEADS, rows, messages::no_records()).lines(Tone::LeftOut, left_out))
}

/// At the prompt: the entries as one outcome.
pub(super) async fn collect_log(args: &Log, client: &Client) -> Result<Outcome, ClientError> {
    let mut part = Part::of(args, PROMPT_COUNT, client).await?;
    let (mut lines, mut bytes) = (Vec::new(), 0);
    while bytes < PROMPT_BYTES
        && let Some(page) = part.listing.next().await?
    {
        part.take(&page);
        let length = |part: &Option<Bytes>| part.as_ref().map_or(0, Bytes::len);
        bytes += page.iter().map(|line| length(&line.key) + length(&line.value)).sum::<usize>();
        lines.extend(page);
    }
    let json = lines.iter().map(log_json).collect();
    let rows = lines.iter().map(log_row);
    Ok(collected(json, &LOG_HEADS, rows, messages::no_entries()).lines(Tone::LeftOut, part.left_out()))
}

fn collected(json: Value, heads: &[Text], rows: impl Iterator<Item = Vec<Localized>>, nothing: Localized) -> Outcome {
    let table = Table::with_heads(heads).rows(rows);
    match table.is_empty() {
        true => Outcome::done(json).line(Tone::Note, nothing),
        false => Outcome::done(json).table(&table),
    }
}

fn list_left_out(listing: &Listing, count: u64) -> Option<Localized> {
    listing.has_more().then(|| messages::first_records_only(count))
}

/// The requested part of a log. Positions count from 1.
struct Part {
    listing: LogListing,
    /// The first position in the log.
    begins: u64,
    /// The first position that was requested, if any, and that was read.
    requested: Option<u64>,
    first: Option<u64>,
    /// The position after the last one that was read.
    next: u64,
    /// The log's last position before the first one was read.
    last: u64,
}

impl Part {
    async fn of(args: &Log, count_max: u64, client: &Client) -> Result<Part, ClientError> {
        let reported = client.report(args.node.0).await?;
        let last = reported.last.map_or(0, |last| last.position.0);
        let begins = reported.purged.map_or(1, |purged| purged.position.0 + 1);
        let limit = if args.all { count_max } else { args.limit.unwrap_or(LOG_ENTRIES).min(count_max) };
        let (from, count) = match args.from {
            // Without this limit the listing of a growing log would not end.
            Some(from) if args.all => (from, limit.min((last + 1).saturating_sub(from))),
            Some(from) => (from, limit),
            None => {
                let from = (last + 1).saturating_sub(limit).max(begins);
                (from, (last + 1).saturating_sub(from))
            }
        };
        let listing = client.log_listing(args.node.0, from, count);
        Ok(Part { listing, begins, requested: args.from, first: None, next: from, last })
    }

    fn take(&mut self, page: &[LogLine]) {
        self.first = self.first.or(page.first().map(|line| line.point.position.0));
        self.next = page.last().map_or(self.next, |line| line.point.position.0 + 1);
    }

    fn left_out(&self) -> Vec<Localized> {
        let Some(first) = self.first else { return Vec::new() };
        let before = match self.requested {
            None if first > self.begins => Some(messages::entries_left_out(self.begins, first - 1)),
            Some(requested) if requested < first => Some(messages::log_begins_at(first)),
            _ => None,
        };
        let after = (self.next <= self.last).then(|| messages::more_from(self.next));
        before.into_iter().chain(after).collect()
    }
}

/// Output page by page: a table, or one JSON list.
struct Pages {
    format: Format,
    lang: Lang,
    heads: Vec<String>,
    widths: Widths,
    count: u64,
}

impl Pages {
    fn new(Shown { format, lang }: Shown, heads: &[Text]) -> Pages {
        let heads = heads.iter().map(|head| head.to(lang).to_owned()).collect();
        Pages { format, lang, heads, widths: Widths::default(), count: 0 }
    }

    /// Prints a page. Returns how long the reader made it wait.
    fn print(&mut self, page: impl Iterator<Item = (Value, Vec<Localized>)>) -> io::Result<Duration> {
        let mut chunk = Vec::new();
        let mut waited = Duration::ZERO;
        match self.format {
            Format::Json => {
                for (json, _) in page {
                    chunk.extend_from_slice(if self.count == 0 { b"[" } else { b",\n" });
                    self.count += 1;
                    chunk.extend_from_slice(json.to_string().as_bytes());
                    if chunk.len() >= CHUNK_BYTES {
                        waited += flush(&mut chunk)?;
                    }
                }
            }
            Format::Text => {
                let lang = self.lang;
                let heads = (self.count == 0).then(|| self.heads.clone());
                let cells = |row: Vec<Localized>| row.iter().map(|cell| cell.to(lang).to_owned()).collect();
                let mut rows: Vec<Vec<String>> = heads.into_iter().collect();
                let before = rows.len();
                rows.extend(page.map(|(_, row)| cells(row)));
                self.count += (rows.len() - before) as u64;
                for line in self.widths.lines(&rows) {
                    chunk.extend_from_slice(line.as_bytes());
                    chunk.push(b'\n');
                }
            }
        }
        Ok(waited + flush(&mut chunk)?)
    }

    fn end(&self, nothing: Option<Localized>, left_out: impl IntoIterator<Item = Localized>) -> Outcome {
        let end = match (self.format, self.count) {
            (Format::Text, _) => Ok(()),
            (Format::Json, 0) => print::result_line("[]"),
            (Format::Json, _) => print::result_line("]"),
        };
        let outcome = match end {
            Ok(()) => Outcome::done(Value::Null),
            Err(error) => print::output_failed(&error),
        };
        outcome.lines(Tone::Note, nothing).lines(Tone::LeftOut, left_out)
    }

    /// The outcome of an error in the middle. A JSON list that has begun is not closed, so that no program takes it for
    /// complete.
    fn end_with_error(&self, error: &ClientError, incomplete: Localized) -> Outcome {
        let outcome = failed(error);
        if self.count == 0 {
            return outcome;
        }
        if self.format == Format::Json {
            // If this fails, the reader is gone.
            let _ = print::result(b"\n");
        }
        Outcome { json: Value::Null, ..outcome }.line(Tone::LeftOut, incomplete)
    }
}

/// Writes a chunk of output and empties it. Returns how long that took.
fn flush(chunk: &mut Vec<u8>) -> io::Result<Duration> {
    let begun = Instant::now();
    print::result(chunk)?;
    chunk.clear();
    Ok(begun.elapsed())
}

fn record_of_list(record: &Record) -> Value {
    Value::Object(record_json(record, true))
}

fn record_row(record: &Record) -> Vec<Localized> {
    let shortened = [&record.key, &record.value].map(|bytes| shown_short(bytes, CELL_COLUMNS));
    let cells = shortened.into_iter().chain([record.id.to_string(), record.revision.to_string()]);
    cells.map(Localized::from).collect()
}

fn log_row(line: &LogLine) -> Vec<Localized> {
    let point = line.point;
    let cells = [point.position.to_string(), point.id.to_string(), point.digest.short()];
    let state = if line.committed { messages::COMMITTED } else { messages::INTERMEDIATE };
    cells.into_iter().map(Localized::from).chain([state.into(), content(line)]).collect()
}

fn state(line: &LogLine) -> &'static str {
    if line.committed { "committed" } else { "intermediate" }
}

fn log_json(line: &LogLine) -> Value {
    let mut json = Map::new();
    json.insert("epoch".to_owned(), json!(line.point.id.epoch.0));
    json.insert("offset".to_owned(), json!(line.point.id.offset.0));
    json.insert("position".to_owned(), json!(line.point.position.0));
    json.insert("digest".to_owned(), json!(line.point.digest.to_string()));
    json.insert("state".to_owned(), json!(state(line)));
    json.insert("kind".to_owned(), json!(line.kind.name()));
    set_bytes(&mut json, "key", line.key.as_deref());
    set_bytes(&mut json, "value", line.value.as_deref());
    Value::Object(json)
}

fn content(line: &LogLine) -> Localized {
    let key = line.key.as_deref().map(|key| shown_short(key, CELL_COLUMNS));
    let content = match (key, &line.value) {
        (Some(key), Some(value)) => format!("{key}={}", shown_short(value, CELL_COLUMNS)).into(),
        (Some(key), None) => messages::deletes(&key),
        (None, _) => messages::entry_kind(line.kind.name()),
    };
    if line.forged { messages::forged(&content) } else { content }
}
