//! `epoca scenario list|show|run`: scenarios without a screen. Exit 0 passed, 1 failed, 2 unknown or usage.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::lang::choose;
use super::library;
use super::report::{self, Form, Made};
use super::run::{RunOptions, run};
use super::script::{ItemKind, Script};
use super::target_cluster::Stage;
use super::report_events::{Done, Run, Told, Verdict};
use crate::command::print::error_line;
use crate::command::options::{Format, Global, duration};
use crate::command::{Exit, Outcome, Tone, find};
use crate::lang::Lang;
use crate::tape::Gathering;
use crate::tape::command::{Recorded, unreadable};

/// How many lines of progress wait for a slow terminal.
const PROGRESS: usize = 256;

#[derive(Args, Clone, Debug)]
pub struct ScenarioArgs {
    #[command(subcommand)]
    pub said: ScenarioSaid,
}

#[derive(Subcommand, Clone, Debug)]
pub enum ScenarioSaid {
    /// Name the scenarios and what each shows
    List {
        /// The language of texts [default: that of the locale]
        #[arg(long, value_enum, value_name = "LANG")]
        lang: Option<Lang>,
    },
    /// Print a scenario's text
    Show {
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Run scenarios: by name, from files as ./mine.txt, or all. Without --connect or --data each has a cluster of its
    /// own
    Run(RunArgs),
}

#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Names, files as ./mine.txt, or all; `assignment` is the assignment's sheet
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Write what was seen: as Markdown to FILE.md, as one page that prints well to FILE.html
    #[arg(long, value_name = "FILE.md|.html", value_parser = report_file)]
    pub report: Option<PathBuf>,
    /// Who hands the report in; may be given several times
    #[arg(long = "student", value_name = "NAME", requires = "report")]
    pub students: Vec<String>,
    /// The language of texts [default: that of the locale]
    #[arg(long, value_enum, value_name = "LANG")]
    pub lang: Option<Lang>,
    /// Chaos lasts so many seconds, whatever the text says
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub chaos_seconds: Option<u64>,
    /// Wait so long before each step, for whoever watches or records: seconds, or with a unit as 500ms
    #[arg(long, value_name = "S", default_value = "0", value_parser = pace)]
    pub pace: Duration,
    /// Wait so long before each command, as a person who types does
    #[arg(long, value_name = "S", default_value = "0", value_parser = pace)]
    pub typing: Duration,
    /// What is random follows from this
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Ports of a cluster of its own are counted up from here; 0 takes any
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub base_port: u16,
    /// With several scenarios each that has a cluster of its own has a file of its own, named after it too.
    #[command(flatten)]
    pub recorded: Recorded,
}

/// Whether a cluster was named decides where the scenarios run.
pub async fn carry_out(args: &ScenarioArgs, global: &Global, is_named: bool) -> Outcome {
    match &args.said {
        ScenarioSaid::List { lang } => list(lang.unwrap_or_else(of_environment)),
        ScenarioSaid::Show { name } => show(name),
        ScenarioSaid::Run(args) => {
            let told = match told_to_end() {
                Ok(told) => told,
                Err(error) => {
                    return Outcome::error(Exit::Usage, "no_signals", format!("cannot wait for signals: {error}"));
                }
            };
            tokio::select! {
                outcome = run_all(args, global, is_named) => outcome,
                // What runs is dropped, and with it the nodes and their folder.
                () = told => Outcome::error(Exit::Usage, "interrupted", "interrupted: no verdict"),
            }
        }
    }
}

/// As a deadline is given, or nothing.
fn pace(text: &str) -> Result<Duration, String> {
    if text == "0" { Ok(Duration::ZERO) } else { duration(text) }
}

/// A file whose name says how it is to be written.
fn report_file(text: &str) -> Result<PathBuf, String> {
    let file = PathBuf::from(text);
    match Form::of(&file) {
        Some(_) => Ok(file),
        None => Err("its name ends in .md for Markdown or in .html for a page".to_owned()),
    }
}

fn of_environment() -> Lang {
    Lang::of_environment(|name| std::env::var(name).ok())
}

fn list(lang: Lang) -> Outcome {
    let scripts = library::all();
    let json = scripts.iter().map(|script| {
        json!({
            "name": script.name,
            "title": script.title.text(lang),
            "about": script.about.text(lang),
            "steps": script.expectations().count(),
            "own_cluster": script.needs_own(),
        })
    });
    let json = Value::Array(json.collect());
    let row = |(index, script): (usize, &Script)| {
        let key = if index < 9 { (index + 1).to_string() } else { String::new() };
        vec![key, script.name.clone(), script.title.text(lang).to_owned()]
    };
    let rows: Vec<_> = scripts.iter().enumerate().map(row).collect();
    Outcome::done(json).lines(Tone::Result, crate::command::text::table(&rows))
}

fn show(name: &str) -> Outcome {
    match library::find(name) {
        Ok(script) => Outcome::done(json!({"name": script.name, "text": script.text}))
            .lines(Tone::Result, script.text.lines().map(str::to_owned)),
        Err(message) => Outcome::error(Exit::Usage, "no_scenario", message),
    }
}

async fn run_all(args: &RunArgs, global: &Global, is_named: bool) -> Outcome {
    let lang = args.lang.unwrap_or_else(of_environment);
    let scripts = match chosen(&args.names) {
        Ok(scripts) => scripts,
        Err(message) => return Outcome::error(Exit::Usage, "no_scenario", message),
    };
    let chaos = args.chaos_seconds.map(Duration::from_secs);
    let options = RunOptions { pace: args.pace, typing: args.typing, chaos, seed: args.seed };
    let mut stages = Stages { args, global, is_named, kept: None };
    let mut runs = Vec::new();
    let mut recordings = Recordings { recorded: &args.recorded, many: scripts.len() > 1, shared: None };
    for script in scripts {
        let ran = match stages.take(&script).await {
            Ok(mut stage) => {
                let recording = match recordings.begin(&script, &mut stage).await {
                    Ok(recording) => recording,
                    Err(outcome) => return outcome,
                };
                let ran = run_one(script, &stage, options, lang, global.output).await;
                stage.tap = None;
                end(recording).await;
                stages.put_back(stage, &ran).await;
                ran
            }
            Err(why) => not_run(script, why),
        };
        runs.push(ran);
    }
    end(recordings.shared).await;
    stages.end().await;
    let outcome = summed_up(&runs, lang);
    match &args.report {
        None => outcome,
        Some(file) => match std::fs::write(file, reported(&runs, lang, args, file)) {
            Ok(()) => outcome.line(Tone::Note, format!("{}", file.display())),
            Err(error) => Outcome::error(Exit::Usage, "no_report", format!("cannot write {}: {error}", file.display())),
        },
    }
}

fn reported(runs: &[Run], lang: Lang, args: &RunArgs, file: &Path) -> String {
    report::written(runs, lang, &Made::now(&args.students), Form::of(file).unwrap_or(Form::Markdown))
}

type Recording = Option<(Gathering, PathBuf)>;

/// What is recorded: a cluster that is there in one file, a cluster of its own in one for each scenario.
struct Recordings<'a> {
    recorded: &'a Recorded,
    many: bool,
    shared: Recording,
}

impl Recordings<'_> {
    /// Begins a recording, or goes on with that of the cluster; gives the one that ends with the scenario.
    async fn begin(&mut self, script: &Script, stage: &mut Stage) -> Result<Recording, Outcome> {
        if let (false, Some((shared, _))) = (stage.is_own(), &self.shared) {
            stage.tap = Some(shared.tap());
            return Ok(None);
        }
        let file = self.recorded.file_for(&script.name, self.many && stage.is_own());
        let Some(file) = file else { return Ok(None) };
        let recording = Gathering::begin(&file, self.recorded.record_max, &stage.client).await;
        let recording = recording.map_err(|error| unreadable(&error, Exit::Usage))?;
        stage.tap = Some(recording.tap());
        if stage.is_own() {
            return Ok(Some((recording, file)));
        }
        self.shared = Some((recording, file));
        Ok(None)
    }
}

async fn end(recording: Recording) {
    if let Some((recording, file)) = recording {
        error_line(&recording.end().await.summary(&file));
    }
}

fn chosen(names: &[String]) -> Result<Vec<Arc<Script>>, String> {
    let mut scripts = Vec::new();
    for name in names {
        match name.as_str() {
            "all" => scripts.extend(library::all()),
            name => scripts.push(library::find(name)?),
        }
    }
    Ok(scripts.into_iter().map(Arc::new).collect())
}

/// The clusters on which scenarios run one after the other.
struct Stages<'a> {
    args: &'a RunArgs,
    global: &'a Global,
    is_named: bool,
    /// A cluster of four that was left in order.
    kept: Option<Stage>,
}

impl Stages<'_> {
    async fn take(&mut self, script: &Script) -> Result<Stage, String> {
        let executable = std::env::current_exe().map_err(|error| format!("where is this program? {error}"))?;
        if self.is_named && !script.needs_own() {
            let said = |outcome: Outcome| outcome.lines.first().map_or(String::new(), |line| line.text.clone());
            let found = find::find(self.global).map_err(said)?;
            let client = find::connect(&found, self.global).await.map_err(|error| error.to_string())?;
            // All nodes are needed, not only those that were named.
            client.status().await.map_err(|error| error.to_string())?;
            return Stage::there(&client, executable).map_err(|error| error.to_string());
        }
        match self.kept.take() {
            Some(kept) if !script.needs_own() && script.needs.nodes.is_none() => Ok(kept),
            kept => {
                if let Some(kept) = kept {
                    kept.end().await;
                }
                Stage::own(script, executable, self.args.base_port).await
            }
        }
    }

    /// A cluster on which all went well serves the next scenario.
    async fn put_back(&mut self, stage: Stage, ran: &Run) {
        let script = &ran.script;
        let again = !script.needs_own() && script.needs.nodes.is_none() && report::verdict(ran) == Verdict::Pass;
        if again && stage.is_own() { self.kept = Some(stage) } else { stage.end().await }
    }

    async fn end(self) {
        if let Some(kept) = self.kept {
            kept.end().await;
        }
    }
}

fn not_run(script: Arc<Script>, why: String) -> Run {
    error_line(&format!("{}: {why}", script.name));
    let mut ran = Run::new(script);
    ran.take(Told::Ended { verdict: Verdict::Unknown, why, took: Duration::ZERO });
    ran
}

async fn run_one(script: Arc<Script>, stage: &Stage, options: RunOptions, lang: Lang, format: Format) -> Run {
    let (told, mut hears) = mpsc::channel(PROGRESS);
    let show = async {
        let mut script = None;
        while let Some(told) = hears.recv().await {
            if let Told::Began(begun) = &told {
                script = Some(begun.clone());
            }
            if let (Some(script), Format::Text) = (&script, format) {
                progress(script, &told, lang).iter().for_each(|line| error_line(line));
            }
        }
    };
    tokio::join!(run(script, stage, options, told), show).0
}

/// What is said to a terminal while it runs.
fn progress(script: &Script, told: &Told, lang: Lang) -> Vec<String> {
    match told {
        Told::Began(script) => vec![format!("{}: {}", script.name, script.title.text(lang))],
        Told::Named(names) => {
            let names: Vec<_> = names.iter().map(|(name, node)| format!("${name} {node}")).collect();
            vec![format!("  {}", names.join("  "))]
        }
        Told::Note(note) if note.is_empty() => Vec::new(),
        Told::Note(note) => vec![format!("  … {}", lang.answer(note))],
        Told::Done(index, done) => done_lines(script, *index, done, lang),
        Told::Again { why, .. } => vec![format!("  ↻ {}", lang.answer(&again(why)))],
        Told::Part { .. } | Told::Now(_) | Told::Asked { .. } | Told::Answered { .. } => Vec::new(),
        Told::Ended { verdict, why, took } => {
            let why = if why.is_empty() { String::new() } else { format!(": {}", lang.answer(why)) };
            let within = choose(lang, "in", "em");
            vec![format!("  {} {} {within} {:.1} s{why}", verdict.word(lang), script.name, took.as_secs_f64())]
        }
    }
}

fn again(why: &str) -> String {
    format!("done again: {why}")
}

fn done_lines(script: &Script, index: usize, done: &Done, lang: Lang) -> Vec<String> {
    let item = &script.items[index];
    let words = item.words.text(lang);
    let words = if words.is_empty() { item.line.as_str() } else { words };
    if let ItemKind::Do(_) = item.kind {
        let mark = if done.verdict == Verdict::Pass { "→" } else { "✗" };
        let said = lang.answer(&done.text);
        return vec![format!("  {mark} {}", if said.is_empty() { words } else { &said })];
    }
    let mark = match done.verdict {
        Verdict::Pass => "✓",
        Verdict::Unknown => "?",
        Verdict::Fail => "✗",
    };
    let mut lines = vec![format!("  {mark} {words}")];
    if done.verdict == Verdict::Pass {
        lines.extend(done.evidence.first().map(|evidence| format!("      {}", report::evidence_text(evidence, lang))));
    } else {
        lines.push(format!("      {}", lang.answer(&done.text)));
    }
    lines
}

fn summed_up(runs: &[Run], lang: Lang) -> Outcome {
    let worst = runs.iter().map(report::verdict).max().unwrap_or(Verdict::Unknown);
    let exit = match worst {
        Verdict::Pass => Exit::Done,
        Verdict::Fail => Exit::Not,
        Verdict::Unknown => Exit::Usage,
    };
    let rows = runs.iter().map(|run| {
        let (ticked, all) = run.ticked();
        let took = run.end.as_ref().map_or(0.0, |end| end.took.as_secs_f64());
        let verdict = report::verdict(run).word(lang).to_owned();
        let title = run.script.title.text(lang).to_owned();
        vec![verdict, run.script.name.clone(), format!("{ticked}/{all}"), format!("{took:.1} s"), title]
    });
    let rows: Vec<_> = rows.collect();
    let json = Value::Array(runs.iter().map(|run| report::json(run, lang)).collect());
    Outcome::done(json).exit(exit).lines(Tone::Result, crate::command::text::table(&rows))
}

/// The first signal that asks this process to end.
fn told_to_end() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}
