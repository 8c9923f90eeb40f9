//! `epoca scenario list|show|run`: scenarios without a screen. The exit code is 0 for passed, 1 for failed, 2 for
//! unknown or wrong usage.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::account::Run;
use super::library;
use super::report::{self, ReportFormat, ReportInfo};
use super::report_events::{ItemResult, ReportEvent, Verdict};
use super::run::{RunOptions, run as play};
use super::script::{ItemKind, Script};
use super::target_cluster::TargetCluster;
use super::{messages, words};
use crate::command::messages::no_executable;
use crate::command::options::{Format, Global, duration};
use crate::command::print::error_line;
use crate::command::signals::termination;
use crate::command::table::Table;
use crate::command::{Exit, Outcome, Tone, find};
use crate::lang::{Lang, Localized, decimal};
use crate::tape::ClusterRecorder;
use crate::tape::command::{RecordOptions, unreadable};
use crate::words::client_error;

/// How many report events wait for a slow terminal.
const PROGRESS: usize = 256;

#[derive(Args, Clone, Debug)]
pub struct ScenarioArgs {
    #[command(subcommand)]
    pub command: ScenarioCommand,
}

#[derive(Subcommand, Clone, Debug)]
pub enum ScenarioCommand {
    /// List the scenarios with what each shows
    List,
    /// Print a scenario's text
    Show {
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Run scenarios: by name, from files as ./mine.txt, or all. Without --connect and --data they run on temporary
    /// clusters
    Run(RunArgs),
}

#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Names, files as ./mine.txt, or all; `assignment` is the assignment's sheet
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Write a report with the evidence: Markdown to FILE.md, or one printable page to FILE.html
    #[arg(long, value_name = "FILE.md|.html", value_parser = report_file)]
    pub report: Option<PathBuf>,
    /// The name of a student for the report; may be given several times
    #[arg(long = "student", value_name = "NAME", requires = "report")]
    pub students: Vec<String>,
    /// The duration of chaos in seconds, instead of the one in the text
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub chaos_seconds: Option<u64>,
    /// The pause before each step, for an audience: seconds, or with a unit as 500ms
    #[arg(long, value_name = "S", default_value = "0", value_parser = pace)]
    pub pace: Duration,
    /// The pause before each command, as if a person typed it
    #[arg(long, value_name = "S", default_value = "0", value_parser = pace)]
    pub typing: Duration,
    /// The seed of all random choices
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// The first port of a temporary cluster; 0 takes any
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub base_port: u16,
    /// With several scenarios, each temporary cluster has a recording of its own, named after the scenario.
    #[command(flatten)]
    pub record: RecordOptions,
}

/// `is_named`: whether a cluster was named, which then runs the scenarios.
pub async fn run(args: &ScenarioArgs, global: &Global, is_named: bool) -> Outcome {
    let lang = global.lang();
    match &args.command {
        ScenarioCommand::List => list(lang),
        ScenarioCommand::Show { name } => show(name),
        ScenarioCommand::Run(args) => {
            let terminated = match termination() {
                Ok(terminated) => terminated,
                // Without a verdict the exit code is 2.
                Err(outcome) => return outcome.exit(Exit::Usage),
            };
            tokio::select! {
                outcome = run_all(args, global, is_named, lang) => outcome,
                // The runner is dropped, and with it its nodes and their folder.
                () = terminated => Outcome::error(Exit::Usage, "interrupted", words::INTERRUPTED),
            }
        }
    }
}

/// A duration, or 0.
fn pace(text: &str) -> Result<Duration, String> {
    if text == "0" { Ok(Duration::ZERO) } else { duration(text) }
}

/// A file name with an ending that determines the format.
fn report_file(text: &str) -> Result<PathBuf, String> {
    let file = PathBuf::from(text);
    match ReportFormat::of(&file) {
        Some(_) => Ok(file),
        None => Err("expected a name that ends in .md for Markdown or in .html for a page".to_owned()),
    }
}

fn list(lang: Lang) -> Outcome {
    let scripts = library::all();
    let json = scripts.iter().map(|script| {
        json!({
            "name": script.name,
            "title": script.title.to(lang),
            "about": script.about.to(lang),
            "steps": script.expectations().count(),
            "own_cluster": script.needs_own(),
        })
    });
    let json = Value::Array(json.collect());
    let row = |(index, script): (usize, &Script)| -> [Localized; 3] {
        let key = if index < 9 { (index + 1).to_string() } else { String::new() };
        [key.into(), script.name.as_str().into(), script.title.clone()]
    };
    let table = Table::with_heads(&[words::KEY, words::SCENARIO, words::TITLE]);
    Outcome::done(json).table(&table.rows(scripts.iter().enumerate().map(row)))
}

fn show(name: &str) -> Outcome {
    match library::find(name) {
        Ok(script) => Outcome::done(json!({"name": script.name, "text": script.text}))
            .lines(Tone::Result, script.text.lines().map(str::to_owned)),
        Err(message) => Outcome::error(Exit::Usage, "no_scenario", message),
    }
}

async fn run_all(args: &RunArgs, global: &Global, is_named: bool, lang: Lang) -> Outcome {
    let scripts = match scripts_of(&args.names) {
        Ok(scripts) => scripts,
        Err(message) => return Outcome::error(Exit::Usage, "no_scenario", message),
    };
    let chaos = args.chaos_seconds.map(Duration::from_secs);
    let options = RunOptions { pace: args.pace, typing: args.typing, chaos, seed: args.seed };
    let mut clusters = Clusters { args, global, is_named, kept: None };
    let mut runs = Vec::new();
    let mut recordings = Recordings { options: &args.record, many: scripts.len() > 1, shared: None };
    for script in scripts {
        let finished = match clusters.take(&script).await {
            Ok(mut cluster) => {
                let recording = match recordings.begin(&script, &mut cluster).await {
                    Ok(recording) => recording,
                    Err(outcome) => return outcome,
                };
                let finished = run_one(script, &cluster, options, lang, global.output).await;
                cluster.tap = None;
                end(recording, lang).await;
                clusters.put_back(cluster, &finished).await;
                finished
            }
            Err(why) => not_run(script, why, lang),
        };
        runs.push(finished);
    }
    end(recordings.shared, lang).await;
    clusters.end().await;
    let outcome = summarize(&runs, lang);
    match &args.report {
        None => outcome,
        Some(file) => write_report(&runs, lang, args, file, outcome),
    }
}

fn write_report(runs: &[Run], lang: Lang, args: &RunArgs, file: &Path, outcome: Outcome) -> Outcome {
    let format = ReportFormat::of(file).unwrap_or(ReportFormat::Markdown);
    let report = report::render(runs, lang, &ReportInfo::now(&args.students), format);
    match std::fs::write(file, report) {
        Ok(()) => outcome.line(Tone::Note, file.display().to_string()),
        Err(error) => {
            let message = crate::command::messages::cannot_write(file, &error);
            Outcome::error(Exit::Usage, "no_report", message)
        }
    }
}

type Recording = Option<(ClusterRecorder, PathBuf)>;

/// The recordings: one for an existing cluster, one for each scenario on a temporary cluster.
struct Recordings<'a> {
    options: &'a RecordOptions,
    many: bool,
    shared: Recording,
}

impl Recordings<'_> {
    /// Begins a recording or continues that of the existing cluster. Returns the one that ends with the scenario.
    async fn begin(&mut self, script: &Script, cluster: &mut TargetCluster) -> Result<Recording, Outcome> {
        if let (false, Some((shared, _))) = (cluster.is_temporary(), &self.shared) {
            cluster.tap = Some(shared.tap());
            return Ok(None);
        }
        let file = self.options.file_for(&script.name, self.many && cluster.is_temporary());
        let Some(file) = file else { return Ok(None) };
        let recorder = ClusterRecorder::start(&file, self.options.record_max, &cluster.client).await;
        let recorder = recorder.map_err(|error| unreadable(&error, Exit::Usage))?;
        cluster.tap = Some(recorder.tap());
        if cluster.is_temporary() {
            return Ok(Some((recorder, file)));
        }
        self.shared = Some((recorder, file));
        Ok(None)
    }
}

async fn end(recording: Recording, lang: Lang) {
    if let Some((recorder, file)) = recording {
        error_line(recorder.end().await.summary(&file).to(lang));
    }
}

fn scripts_of(names: &[String]) -> Result<Vec<Arc<Script>>, Localized> {
    let mut scripts = Vec::new();
    for name in names {
        match name.as_str() {
            "all" => scripts.extend(library::all()),
            name => scripts.push(library::find(name)?),
        }
    }
    Ok(scripts.into_iter().map(Arc::new).collect())
}

/// The clusters for scenarios that run one after the other.
struct Clusters<'a> {
    args: &'a RunArgs,
    global: &'a Global,
    is_named: bool,
    /// A restored temporary cluster of the usual size, for the next scenario.
    kept: Option<TargetCluster>,
}

impl Clusters<'_> {
    async fn take(&mut self, script: &Script) -> Result<TargetCluster, Localized> {
        let executable = std::env::current_exe().map_err(|error| no_executable(&error))?;
        if self.is_named && !script.needs_own() {
            let first_line = |outcome: Outcome| outcome.lines.into_iter().next().map(|line| line.text);
            let target = find::find(self.global).map_err(|outcome| first_line(outcome).unwrap_or_default())?;
            let client = find::connect(&target, self.global).await.map_err(|error| client_error(&error))?;
            // The status makes all nodes known; only some of them may have been named.
            client.status().await.map_err(|error| client_error(&error))?;
            return TargetCluster::existing(&client, executable).map_err(|error| client_error(&error));
        }
        match self.kept.take() {
            Some(kept) if is_for_any_cluster(script) => Ok(kept),
            kept => {
                if let Some(kept) = kept {
                    kept.end().await;
                }
                Ok(TargetCluster::start(script, executable, self.args.base_port).await?)
            }
        }
    }

    /// Keeps a temporary cluster after a passed scenario, for the next one.
    async fn put_back(&mut self, cluster: TargetCluster, finished: &Run) {
        let is_usable = is_for_any_cluster(&finished.script) && finished.verdict() == Verdict::Pass;
        if is_usable && cluster.is_temporary() { self.kept = Some(cluster) } else { cluster.end().await }
    }

    async fn end(self) {
        if let Some(kept) = self.kept {
            kept.end().await;
        }
    }
}

fn is_for_any_cluster(script: &Script) -> bool {
    !script.needs_own() && script.needs.nodes.is_none()
}

fn not_run(script: Arc<Script>, why: Localized, lang: Lang) -> Run {
    error_line(&format!("{}: {}", script.name, why.to(lang)));
    let mut run = Run::new(script);
    run.apply(ReportEvent::Ended { verdict: Verdict::Unknown, why, took: Duration::ZERO });
    run
}

async fn run_one(script: Arc<Script>, cluster: &TargetCluster, options: RunOptions, lang: Lang, format: Format) -> Run {
    let (events, mut received) = mpsc::channel(PROGRESS);
    let shown = script.clone();
    let show = async {
        while let Some(event) = received.recv().await {
            if format == Format::Text {
                progress(&shown, &event, lang).iter().for_each(|line| error_line(line));
            }
        }
    };
    tokio::join!(play(script, cluster, options, events), show).0
}

/// The lines for a terminal while a scenario runs.
fn progress(script: &Script, event: &ReportEvent, lang: Lang) -> Vec<String> {
    match event {
        ReportEvent::Started(script) => vec![format!("{}: {}", script.name, script.title.to(lang))],
        ReportEvent::NodesNamed(names) => {
            let names: Vec<_> = names.iter().map(|(name, node)| format!("${name} {node}")).collect();
            vec![format!("  {}", names.join("  "))]
        }
        ReportEvent::Note(note) if note.is_empty() => Vec::new(),
        ReportEvent::Note(note) => vec![format!("  … {}", note.to(lang))],
        ReportEvent::ItemEnded(index, result) => result_lines(script, *index, result, lang),
        ReportEvent::Repeated { why, .. } => vec![format!("  ↻ {}", messages::repeated(why).to(lang))],
        ReportEvent::Ended { verdict, why, took } => {
            let why = if why.is_empty() { String::new() } else { format!(": {}", why.to(lang)) };
            let took = words::in_seconds(*took);
            vec![format!("  {} {} {}{why}", verdict.word(lang), script.name, took.to(lang))]
        }
        ReportEvent::Stopped { .. }
        | ReportEvent::Waits(_)
        | ReportEvent::Cleared(_)
        | ReportEvent::PartEnded { .. }
        | ReportEvent::ItemStarted(_)
        | ReportEvent::CommandSent { .. }
        | ReportEvent::CommandAnswered { .. } => Vec::new(),
    }
}

fn result_lines(script: &Script, index: usize, result: &ItemResult, lang: Lang) -> Vec<String> {
    let item = &script.items[index];
    let words = if item.words.is_empty() { item.line.as_str() } else { item.words.to(lang) };
    let text = result.text.to(lang);
    if let ItemKind::Do(_) = item.kind {
        let mark = if result.verdict == Verdict::Pass { "→" } else { "✗" };
        return vec![format!("  {mark} {}", if text.is_empty() { words } else { text })];
    }
    if let ItemKind::Then = item.kind {
        return vec![format!("  ▸ {words}")];
    }
    let mut lines = vec![format!("  {} {words}", result.verdict.mark())];
    if result.verdict == Verdict::Pass {
        lines
            .extend(result.evidence.first().map(|evidence| format!("      {}", report::evidence_text(evidence, lang))));
    } else {
        lines.push(format!("      {text}"));
    }
    lines
}

fn summarize(runs: &[Run], lang: Lang) -> Outcome {
    let exit = match runs.iter().map(Run::verdict).max().unwrap_or(Verdict::Unknown) {
        Verdict::Pass => Exit::Done,
        Verdict::Fail => Exit::NotDone,
        Verdict::Unknown => Exit::Usage,
    };
    let rows = runs.iter().map(|run| -> [Localized; 5] {
        let (ticked, all) = run.ticked();
        let seconds = decimal(run.end.as_ref().map_or(0.0, |end| end.took.as_secs_f64()), 1);
        let took = seconds.map(|seconds| format!("{seconds} s"));
        let verdict = run.verdict().word(lang).into();
        [verdict, run.script.name.as_str().into(), format!("{ticked}/{all}").into(), took, run.script.title.clone()]
    });
    let heads = [words::VERDICT, words::SCENARIO, words::STEPS, words::TOOK, words::TITLE];
    let json = Value::Array(runs.iter().map(|run| report::json(run, lang)).collect());
    Outcome::done(json).exit(exit).table(&Table::with_heads(&heads).rows(rows))
}
