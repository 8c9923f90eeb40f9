//! `list` and `log`: long answers, page by page. In the shell each page is printed before the next one is asked for, so
//! that a list of any length takes the memory of one page; at the prompt, where an outcome is kept, they have a bound.
//!
//! Whatever is left out is said, beside JSON too.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use epoca::client::{Client, ClientError, Consistency, Listing, LogLine, LogListing, Record};
use serde_json::{Map, Value, json};

use super::execute::{failed, record_json, with_table};
use super::grammar::Log;
use super::outcome::{Outcome, Tone};
use super::print;
use super::options::Format;
use super::text::{set_bytes, shown, shown_short, table_widening};

/// How much of a key or value a table shows.
const WIDTH: usize = 60;
/// How many entries of a log are shown unless told.
const LOG_LINES: u64 = 100;
/// At the prompt no more is read than so many records or entries, or so many bytes of them.
const PROMPT_COUNT: u64 = 1_000;
const PROMPT_BYTES: usize = 8 << 20;
/// Output is handed over in pieces of about this size.
const PIECE_BYTES: usize = 256 << 10;

const LIST_HEADS: [&str; 4] = ["key", "value", "id", "revision"];
const LOG_HEADS: [&str; 5] = ["position", "id", "digest", "state", "content"];

/// In the shell: all records, or the first so many.
pub async fn stream_list(prefix: &Bytes, limit: Option<u64>, client: &Client, format: Format) -> Outcome {
    let mut listing = client.listing(prefix.clone(), limit.unwrap_or(u64::MAX), Consistency::Linearizable, None);
    let mut paged = Paged::new(format, &LIST_HEADS);
    let mut last = Bytes::new();
    let ended = loop {
        let page = match listing.next().await {
            Ok(Some(page)) => page,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        last = page.last().map_or(last, |record| Bytes::copy_from_slice(&record.key));
        match paged.print(page.iter().map(|record| (record_of_list(record), record_row(record)))) {
            Ok(waited) => listing.put_off(waited),
            Err(error) => return print::cut_short(&error),
        }
    };
    if let Err(error) = ended {
        let end = format!("the list is not complete: it ends with {}, after {} records", shown(&last), paged.count);
        return paged.broken_off(&error, end);
    }
    let nothing = (paged.count == 0).then_some("no records");
    paged.end(nothing, list_left_out(&listing, paged.count))
}

/// In the shell: the log's end, or from a position on.
pub async fn stream_log(asked: &Log, client: &Client, format: Format) -> Outcome {
    let mut part = match Part::of(asked, u64::MAX, client).await {
        Ok(part) => part,
        Err(error) => return failed(&error),
    };
    let mut paged = Paged::new(format, &LOG_HEADS);
    let ended = loop {
        let page = match part.listing.next().await {
            Ok(Some(page)) => page,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        part.take(&page);
        match paged.print(page.iter().map(|line| (log_json(line), log_row(line)))) {
            Ok(waited) => part.listing.put_off(waited),
            Err(error) => return print::cut_short(&error),
        }
    };
    if let Err(error) = ended {
        let end = format!("the log is not complete: to go on, --from {}", part.next);
        return paged.broken_off(&error, end);
    }
    let nothing = (paged.count == 0).then_some("no entries");
    paged.end(nothing, part.left_out())
}

/// At the prompt.
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
    Ok(collected(json, &LIST_HEADS, rows, "no records").lines(Tone::LeftOut, left_out))
}

/// At the prompt.
pub(super) async fn collect_log(asked: &Log, client: &Client) -> Result<Outcome, ClientError> {
    let mut part = Part::of(asked, PROMPT_COUNT, client).await?;
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
    Ok(collected(json, &LOG_HEADS, lines.iter().map(log_row), "no entries").lines(Tone::LeftOut, part.left_out()))
}

fn collected(json: Value, heads: &[&str], rows: impl Iterator<Item = Vec<String>>, nothing: &str) -> Outcome {
    let rows: Vec<Vec<String>> = std::iter::once(row_of(heads)).chain(rows).collect();
    match rows.len() {
        1 => Outcome::done(json).line(Tone::Note, nothing),
        _ => with_table(Outcome::done(json), &rows),
    }
}

fn list_left_out(listing: &Listing, count: u64) -> Vec<String> {
    let more = listing.has_more().then(|| format!("the first {count}; there are more, see --limit"));
    more.into_iter().collect()
}

/// The part of a log that is asked for.
struct Part {
    listing: LogListing,
    /// The first position that the log holds, that was asked for, and that was read.
    begins: u64,
    wanted: Option<u64>,
    first: Option<u64>,
    /// The position after those that were read, and the log's last one before that.
    next: u64,
    last: u64,
}

impl Part {
    async fn of(asked: &Log, count_max: u64, client: &Client) -> Result<Part, ClientError> {
        let reported = client.report(asked.node.0).await?;
        let last = reported.last.map_or(0, |last| last.position.0);
        let begins = reported.purged.map_or(1, |purged| purged.position.0 + 1);
        let limit = if asked.all { count_max } else { asked.limit.unwrap_or(LOG_LINES).min(count_max) };
        let (from, count) = match asked.from {
            // What comes while it is read would make a log that grows endless.
            Some(from) if asked.all => (from, limit.min((last + 1).saturating_sub(from))),
            Some(from) => (from, limit),
            None => {
                let from = (last + 1).saturating_sub(limit).max(begins);
                (from, (last + 1).saturating_sub(from))
            }
        };
        let listing = client.log_listing(asked.node.0, from, count);
        Ok(Part { listing, begins, wanted: asked.from, first: None, next: from, last })
    }

    fn take(&mut self, page: &[LogLine]) {
        self.first = self.first.or(page.first().map(|line| line.point.position.0));
        self.next = page.last().map_or(self.next, |line| line.point.position.0 + 1);
    }

    fn left_out(&self) -> Vec<String> {
        let Some(first) = self.first else { return Vec::new() };
        let before = match self.wanted {
            None if first > self.begins => {
                Some(format!("entries {} to {} are left out: --limit, --from or --all", self.begins, first - 1))
            }
            Some(wanted) if wanted < first => {
                Some(format!("the log begins at {first}: what was before is in the snapshot"))
            }
            _ => None,
        };
        let after = (self.next <= self.last).then(|| format!("there are more: --from {}", self.next));
        before.into_iter().chain(after).collect()
    }
}

/// What is printed page by page: a table, or one JSON list.
struct Paged {
    format: Format,
    heads: Vec<String>,
    widths: Vec<usize>,
    count: u64,
}

impl Paged {
    fn new(format: Format, heads: &[&str]) -> Paged {
        Paged { format, heads: row_of(heads), widths: Vec::new(), count: 0 }
    }

    /// Prints a page; gives how long whoever reads has made it wait.
    fn print(&mut self, page: impl Iterator<Item = (Value, Vec<String>)>) -> io::Result<Duration> {
        let mut piece = Vec::new();
        let mut waited = Duration::ZERO;
        match self.format {
            Format::Json => {
                for (json, _) in page {
                    piece.extend_from_slice(if self.count == 0 { b"[" } else { b",\n" });
                    self.count += 1;
                    piece.extend_from_slice(json.to_string().as_bytes());
                    if piece.len() >= PIECE_BYTES {
                        waited += written(&mut piece)?;
                    }
                }
            }
            Format::Text => {
                let heads = (self.count == 0).then(|| self.heads.clone());
                let mut rows: Vec<Vec<String>> = heads.into_iter().collect();
                let before = rows.len();
                rows.extend(page.map(|(_, row)| row));
                self.count += (rows.len() - before) as u64;
                for line in table_widening(&rows, &mut self.widths) {
                    piece.extend_from_slice(line.as_bytes());
                    piece.push(b'\n');
                }
            }
        }
        Ok(waited + written(&mut piece)?)
    }

    fn end(&self, nothing: Option<&str>, left_out: Vec<String>) -> Outcome {
        let end = match (self.format, self.count) {
            (Format::Text, _) => Ok(()),
            (Format::Json, 0) => print::result_line("[]"),
            (Format::Json, _) => print::result_line("]"),
        };
        let outcome = match end {
            Ok(()) => Outcome::done(Value::Null),
            Err(error) => print::cut_short(&error),
        };
        outcome.lines(Tone::Note, nothing.map(str::to_owned)).lines(Tone::LeftOut, left_out)
    }

    /// An error before all was read. A JSON list that has begun stays open, so that no program takes it for the whole.
    fn broken_off(&self, error: &ClientError, end: String) -> Outcome {
        let outcome = failed(error);
        if self.count == 0 {
            return outcome;
        }
        if self.format == Format::Json {
            // If nobody reads it, there is nobody to be mistaken either.
            let _ = print::result(b"\n");
        }
        Outcome { json: Value::Null, ..outcome }.line(Tone::LeftOut, end)
    }
}

/// Hands a piece of output over; gives how long that took.
fn written(piece: &mut Vec<u8>) -> io::Result<Duration> {
    let begun = Instant::now();
    print::result(piece)?;
    piece.clear();
    Ok(begun.elapsed())
}

fn row_of(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn record_of_list(record: &Record) -> Value {
    Value::Object(record_json(record, true))
}

fn record_row(record: &Record) -> Vec<String> {
    let shortened = [&record.key, &record.value].map(|bytes| shown_short(bytes, WIDTH));
    shortened.into_iter().chain([record.id.to_string(), record.revision.to_string()]).collect()
}

fn log_row(line: &LogLine) -> Vec<String> {
    let point = line.point;
    vec![point.position.to_string(), point.id.to_string(), point.digest.short(), state(line).to_owned(), content(line)]
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

fn content(line: &LogLine) -> String {
    let forged = if line.forged { "forged " } else { "" };
    let key = line.key.as_deref().map(|key| shown_short(key, WIDTH));
    match (key, &line.value) {
        (Some(key), Some(value)) => format!("{forged}{key}={}", shown_short(value, WIDTH)),
        (Some(key), None) => format!("{forged}delete {key}"),
        (None, _) => format!("{forged}{}", line.kind.name()),
    }
}
