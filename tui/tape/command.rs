//! `epoca record`, and `epoca replay` without a screen: checks of a recording and exports to other programs.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use epoca::client::watch::Observed;
use epoca::protocol::trace::Event;
use epoca::verify::invariants::Source;
use epoca::verify::rng::Rng;
use serde_json::{Value, json};

use crate::command::messages::shell;
use crate::command::options::Global;
use crate::command::signals::termination_but_hang_up;
use crate::command::{Exit, Outcome, Tone, execute, find, print};
use crate::lang::{Lang, Localized, localized};
use crate::tape::check::{Finding, LINEARIZABLE, Linearizable, Verdict, check, inversions, names};
use crate::tape::cluster_recorder::ClusterRecorder;
use crate::tape::export;
use crate::tape::file::{FileError, Recording, read, read_as_written};
use crate::tape::json;
use crate::tape::order::{delayed, sorted};
use crate::tape::record::{Record, What};
use crate::words::invariant;

#[derive(Args, Clone, Debug)]
pub struct RecordArgs {
    /// The file to write; it must not exist yet
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How long to record [default: until Ctrl-C or SIGTERM]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub seconds: Option<u64>,
    /// The greatest size of the file, as 64MB; the recording ends when it is reached
    #[arg(long, value_name = "SIZE", default_value = "256MB", value_parser = size)]
    pub record_max: u64,
}

/// The options of a command that can also record.
#[derive(Args, Clone, Debug, Default)]
pub struct RecordOptions {
    /// Record everything that happens in this file, for `epoca replay`; it must not exist yet
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// The greatest size of that file, as 64MB; the recording ends when it is reached
    #[arg(long, value_name = "SIZE", default_value = "256MB", value_parser = size)]
    pub record_max: u64,
}

impl RecordOptions {
    /// The file for the recording of this name. With several recordings `demo.jsonl` becomes `demo-NAME.jsonl`.
    pub fn file_for(&self, name: &str, many: bool) -> Option<PathBuf> {
        let file = self.record.as_ref()?;
        if !many {
            return Some(file.clone());
        }
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let ending = file.extension().map_or("jsonl".into(), |ending| ending.to_string_lossy());
        Some(file.with_file_name(format!("{stem}-{name}.{ending}")))
    }
}

#[derive(Args, Clone, Debug)]
pub struct ReplayArgs {
    /// The recording
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Check the invariants and the linearizability of the operations, and end: exit code 1 for a violation, else 0
    #[arg(long, conflicts_with = "export")]
    pub check: bool,
    /// Write the recording for another program, and end
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub export: Option<Export>,
    /// The file for the export [default: standard output]
    #[arg(long, value_name = "FILE", requires = "export")]
    pub out: Option<PathBuf>,
    /// Columns and rows of the screen, for asciicast and svg
    #[arg(long, value_name = "COLSxROWS", requires = "export", default_value = "120x36", value_parser = screen_size)]
    pub size: (u16, u16),
    /// Playback speed of an asciicast, from 0.01 to 16
    #[arg(long, value_name = "FACTOR", requires = "export", default_value = "1", value_parser = percent)]
    pub speed: u32,
    /// The event whose moment an svg shows, as the tape counts them [default: the last one]
    #[arg(long, value_name = "EVENT", requires = "export")]
    pub at: Option<u64>,
    /// Check that the file is in happens-before order, and that twenty shuffled orders of arrival, with delays of up to
    /// this many milliseconds, are sorted into happens-before order again
    #[arg(long, value_name = "MILLIS", requires = "check", hide = true)]
    pub shuffle: Option<u64>,
}

impl ReplayArgs {
    /// Whether the recording is to be opened in the console.
    pub fn is_for_the_screen(&self) -> bool {
        !self.check && self.export.is_none()
    }
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// For ShiViz: events with vector clocks
    Shiviz,
    /// The events as JSON, one per line
    Jsonl,
    /// One page that plays the recording in a browser
    Html,
    /// The console that plays the recording, for asciinema
    Asciicast,
    /// A picture of the console's screen
    Svg,
}

/// Draws a recording in one of the formats that show the screen. `main` passes it, because nothing here knows the
/// screen.
pub type Draw<'a> = &'a dyn Fn(Export, &str, Recording) -> Result<String, Localized>;

/// `120x36`.
fn screen_size(text: &str) -> Result<(u16, u16), String> {
    let size = text.split_once('x').and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
    size.filter(|(columns, rows)| (1..=500).contains(columns) && (1..=500).contains(rows))
        .ok_or("expected columns and rows up to 500, as 120x36".to_owned())
}

/// A factor as a number of hundredths.
fn percent(text: &str) -> Result<u32, String> {
    let factor = text.trim_end_matches(['x', '×']).parse::<f64>().ok().filter(|factor| (0.01..=16.0).contains(factor));
    factor.map(|factor| (factor * 100.0).round() as u32).ok_or("expected a factor from 0.01 to 16, as 2".to_owned())
}

/// `500`, `64KB`, `256MB` or `2GB`.
fn size(text: &str) -> Result<u64, String> {
    let units = [("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("B", 1), ("", 1)];
    let number = units.into_iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?.trim(), bytes)));
    let bytes = number.and_then(|(number, bytes)| number.parse::<u64>().ok()?.checked_mul(bytes));
    bytes.filter(|bytes| *bytes >= 1_000).ok_or("expected a number of bytes from 1000 on, as 64MB or 500KB".to_owned())
}

/// Records a running cluster until a signal comes or the time is over.
pub async fn record(args: &RecordArgs, global: &Global) -> Outcome {
    let client = match find::find(global) {
        Ok(target) => find::connect(&target, global).await.map_err(|error| execute::failed(&error)),
        Err(outcome) => Err(outcome),
    };
    let client = match client {
        Ok(client) => client,
        Err(outcome) => return outcome,
    };
    let terminated = match termination_but_hang_up() {
        Ok(terminated) => terminated,
        Err(outcome) => return outcome,
    };
    let recorder = match ClusterRecorder::start(&args.file, args.record_max, &client).await {
        Ok(recorder) => recorder,
        Err(error) => return unreadable(&error, Exit::NotDone),
    };
    let is_over = async {
        match args.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    let has_problem = async {
        while recorder.status().problem().is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = terminated => {}
        () = is_over => {}
        () = has_problem => {}
    }
    let status = recorder.end().await;
    let exit = if status.failed.is_some() { Exit::NotDone } else { Exit::Done };
    let json = json!({
        "file": args.file,
        "records": status.records,
        "bytes": status.bytes,
        "full": status.full,
        "dropped": status.dropped,
        "failed": status.failed,
    });
    Outcome::done(json).exit(exit).line(Tone::Result, status.summary(&args.file))
}

/// Checks or exports a recording. A file that cannot be read is a usage error: exit code 2.
pub fn replay(args: &ReplayArgs, draw: Draw) -> Outcome {
    let recording = match read(&args.file) {
        Ok(recording) => recording,
        Err(error) => return unreadable(&error, Exit::Usage),
    };
    let is_torn = recording.torn;
    let outcome = match args.export {
        None if args.shuffle.is_some() => return shuffled(&args.file, args.shuffle.unwrap_or_default()),
        Some(format @ (Export::Shiviz | Export::Jsonl)) => exported(format, &recording, args.out.as_deref()),
        Some(format) => {
            let name = args.file.file_name().unwrap_or_default().to_string_lossy();
            match draw(format, &name, recording) {
                Ok(drawn) => written(&drawn, args.out.as_deref()),
                Err(why) => return Outcome::error(Exit::NotDone, "export", why),
            }
        }
        None => checked(&args.file, &recording),
    };
    let torn = is_torn.then_some(shell::TORN);
    outcome.lines(Tone::Note, torn)
}

pub fn unreadable(error: &FileError, exit: Exit) -> Outcome {
    Outcome::error(exit, "recording", error.localized())
}

fn exported(format: Export, recording: &Recording, out: Option<&Path>) -> Outcome {
    let write = |out: &mut dyn Write| match format {
        Export::Shiviz => export::to_shiviz(&recording.records, out),
        _ => export::to_lines(&recording.records, out),
    };
    to_output(out, write, |count, path| {
        Outcome::done(json!({"events": count, "file": path})).line(Tone::Result, shell::events_written(count, path))
    })
}

fn written(drawn: &str, out: Option<&Path>) -> Outcome {
    let write = |out: &mut dyn Write| out.write_all(drawn.as_bytes()).map(|()| drawn.len() as u64);
    to_output(out, write, |bytes, path| {
        Outcome::done(json!({"bytes": bytes, "file": path})).line(Tone::Result, shell::bytes_written(bytes, path))
    })
}

/// Writes to standard output or to a new file. `done` makes the answer from the number that `write` returns.
fn to_output(
    out: Option<&Path>,
    write: impl Fn(&mut dyn Write) -> io::Result<u64>,
    done: impl Fn(u64, &Path) -> Outcome,
) -> Outcome {
    let Some(path) = out else {
        let mut out = BufWriter::new(print::Stdout);
        return match write(&mut out).and_then(|_| out.flush()) {
            Ok(()) => Outcome::done(Value::Null),
            Err(error) => print::output_failed(&error),
        };
    };
    let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => FileError::Exists(path.to_owned()),
        _ => FileError::Io(path.to_owned(), error),
    });
    let mut file = match file {
        Ok(file) => BufWriter::new(file),
        Err(error) => return unreadable(&error, Exit::NotDone),
    };
    match write(&mut file).and_then(|count| file.flush().map(|()| count)) {
        Ok(count) => done(count, path),
        Err(error) => unreadable(&FileError::Io(path.to_owned(), error), Exit::NotDone),
    }
}

fn checked(path: &Path, recording: &Recording) -> Outcome {
    let records = &recording.records;
    let verdict = check(records);
    let seconds = records.last().map_or(0.0, |last| last.at.as_secs_f64());
    let head = shell::checked(path, verdict.events, seconds);
    let json = json!({
        "file": path,
        "events": verdict.events,
        "lost": verdict.lost,
        "seconds": seconds,
        "torn": recording.torn,
        "checks": names(),
        "linearizable": linearizable_json(&verdict.linearizable),
        "violations": verdict.findings.iter().map(|finding| finding_json(finding, records)).collect::<Vec<_>>(),
    });
    let lost = (verdict.lost > 0).then(|| shell::events_lost(verdict.lost));
    let exit = if verdict.findings.is_empty() { Exit::Done } else { Exit::NotDone };
    let outcome = Outcome::done(json).exit(exit).line(Tone::Result, head).lines(Tone::Note, lost);
    let outcome = outcome.lines(Tone::Result, names().into_iter().map(|name| check_line(name, &verdict)));
    let get = |number: u64| records.get(usize::try_from(number).ok()?);
    let found = |lang| verdict.findings.iter().flat_map(move |finding| evidence_lines(finding, 0, lang, get));
    let found = found(Lang::English).zip(found(Lang::Portuguese));
    outcome.lines(Tone::Result, found.map(|(english, portuguese)| Localized::new(english, portuguese)))
}

/// How many orders of arrival are checked.
const SHUFFLES: u64 = 20;

fn shuffled(path: &Path, delay_max: u64) -> Outcome {
    let records = match read_as_written(path) {
        Ok(recording) => recording.records,
        Err(error) => return unreadable(&error, Exit::Usage),
    };
    let mut found = inversions(&records);
    let mut unsorted = 0;
    for seed in 0..SHUFFLES {
        let arrived = delayed(records.iter().cloned(), |node, time| {
            Duration::from_millis(Rng::stream(seed, node.0 << 32 | time).below(delay_max.max(1)))
        });
        unsorted += u64::from(!inversions(&arrived).is_empty());
        found.extend(inversions(&sorted(arrived)).into_iter().map(|text| format!("order {seed}, {text}")));
    }
    let exit = if found.is_empty() { Exit::Done } else { Exit::NotDone };
    let json = json!({"file": path, "records": records.len(), "inversions": found, "unsorted": unsorted});
    let head = format!(
        "{}: {} effects before their causes; {unsorted} of {SHUFFLES} orders of arrival had some before sorting",
        path.display(),
        found.len(),
    );
    Outcome::done(json).exit(exit).line(Tone::Result, head).lines(Tone::Result, found)
}

fn check_line(name: &str, verdict: &Verdict) -> Localized {
    let found = verdict.findings.iter().any(|finding| finding.violation.invariant == name);
    let is_order = name == LINEARIZABLE;
    let name = Localized::new(name, invariant(Lang::Portuguese, name));
    match (&verdict.linearizable, found) {
        (_, true) => name.map(|name| format!("✗ {name}")),
        (Linearizable::Yes(placed), false) if is_order => shell::ordered(&name, *placed),
        (Linearizable::Unknown(why), false) if is_order => {
            localized!("? {name}: {why}", "? {name}: {why}", with name, why)
        }
        (_, false) => name.map(|name| format!("✓ {name}")),
    }
}

/// The violation, then the events that prove it. `get` returns a record by its number.
pub fn evidence_lines<'a>(
    finding: &Finding,
    first: u64,
    lang: Lang,
    get: impl Fn(u64) -> Option<&'a Record>,
) -> Vec<String> {
    let violation = &finding.violation;
    let name = invariant(lang, violation.invariant);
    let mut lines = vec![shell::violation(name, violation.text.trim_end()).to(lang).to_owned()];
    for source in &violation.evidence {
        let found = (first..finding.records).rev().find_map(|number| fact(source, get(number)?));
        lines.push(match found {
            Some((at, fact)) => {
                format!("    {}·{}  {} {at:.6} s  {fact}", source.node, source.number, shell::AT.to(lang))
            }
            None => format!("    {}·{}  {}", source.node, source.number, shell::FIRST_STATE.to(lang)),
        });
    }
    lines
}

/// The event of this source and its time, if the record holds it. Each process numbers its events from 1, so the last
/// such event before the finding is the right one.
fn fact(source: &Source, record: &Record) -> Option<(f64, String)> {
    let What::Observed(_, Observed::Events(events)) = &record.what else { return None };
    let is_it = |event: &&Event| event.node == source.node && event.number == source.number;
    events.iter().find(is_it).map(|event| (record.at.as_secs_f64(), event.fact.to_string()))
}

fn finding_json(finding: &Finding, records: &[Record]) -> Value {
    let violation = &finding.violation;
    let evidence = violation.evidence.iter().map(|source| {
        let mut json = json::source(source);
        let found = (0..finding.records).rev().find_map(|number| fact(source, records.get(number as usize)?));
        if let Some((at, fact)) = found {
            json["at_s"] = json!(at);
            json["fact"] = json!(fact);
        }
        json
    });
    json!({"invariant": violation.invariant, "text": violation.text, "evidence": evidence.collect::<Vec<_>>()})
}

fn linearizable_json(linearizable: &Linearizable) -> Value {
    match linearizable {
        Linearizable::Yes(placed) => json!({"result": "yes", "operations": placed}),
        Linearizable::No(why) => json!({"result": "no", "why": why}),
        Linearizable::Unknown(why) => json!({"result": "unknown", "why": why.to(Lang::English)}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("64MB"), Ok(64_000_000));
        assert_eq!(size("500 KB"), Ok(500_000));
        assert_eq!(size("2000"), Ok(2_000));
        for wrong in ["", "MB", "-1MB", "1.5MB", "12", "99999999999GB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
