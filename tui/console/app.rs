//! The loop: takes messages one after the other, carries out effects, draws when something has changed, but no more
//! often than thirty times a second. With nothing to show it sleeps.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind};
use futures_util::StreamExt;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc};

use crate::command::shell::Format;
use crate::command::{Command, Context, Exit, Outcome, execute, print};
use crate::console::attach::{Keeper, refused};
use crate::console::config::{self, Config};
use crate::console::director::Director;
use crate::console::keys;
use crate::console::model::{Model, Step, step};
use crate::console::ordered::Ordered;
use crate::console::state::{self, History};
use crate::console::taps::Taps;
use crate::console::terminal::{self, Screen};
use crate::console::theme::{Depth, Look, locale_is_utf8};
use crate::console::update::{Effect, Msg, Staged, load, next_wake, update};
use crate::console::{ConsoleOptions, Lang, Source, Theme};
use crate::tape::command::unreadable;
use crate::tape::{Record, read};

/// The deadline of an operation in step mode.
const STEP_TIMEOUT: Duration = Duration::from_secs(3_600);

/// The least time between two frames.
const FRAME: Duration = Duration::from_millis(33);

/// How many messages wait for the loop; beyond that those who watch nodes wait, and the nodes drop what is oldest.
const INBOX: usize = 1_024;

/// How many messages are taken before it is looked whether to draw.
const TAKEN_AT_ONCE: usize = 512;

/// Tells whoever looks at processes that something was done to one.
static LOOK: Notify = Notify::const_new();

pub fn run(options: ConsoleOptions) -> ExitCode {
    match try_to_run(options) {
        Ok(farewell) => {
            let said = if farewell.is_empty() { Ok(()) } else { print::result_line(&farewell) };
            said.map_or_else(
                |error| print::outcome(&print::cut_short(&error), Format::Text).into(),
                |()| ExitCode::SUCCESS,
            )
        }
        Err(outcome) => print::outcome(&outcome, Format::Text).into(),
    }
}

fn try_to_run(options: ConsoleOptions) -> Result<String, Outcome> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        let instead = match options.source {
            Source::Demo { .. } => "`epoca cluster --lab` starts the same cluster without a console",
            Source::Connect(_) => "`epoca status` shows the nodes",
            Source::Replay(_) => "`epoca replay FILE --check` checks a recording without one",
        };
        let text = format!("the console needs a terminal, and this is none; {instead}");
        return Err(Outcome::error(Exit::Usage, "no_terminal", text));
    }
    // Before the screen is set up: what is wrong with the file is said where it can be read.
    let recording = match &options.source {
        Source::Replay(path) => Some(read(path).map_err(|error| unreadable(&error, Exit::Usage))?.records),
        _ => None,
    };
    terminal::install_panic_hook()
        .map_err(|error| refused("no_hook", format!("cannot prepare for errors: {error}")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| refused("no_runtime", format!("cannot start: {error}")))?;
    let ended = runtime.block_on(App::run(options, recording));
    terminal::restore();
    runtime.shutdown_timeout(Duration::from_millis(100));
    ended
}

struct App {
    model: Model,
    look: Look,
    screen: Screen,
    /// What was drawn last, and when the next may be.
    drawn: Option<u64>,
    next_frame: Duration,
    begun: Instant,
    history: Option<History>,
    client: Option<epoca::client::Client>,
    inbox: mpsc::Receiver<Msg>,
    /// For those who send messages.
    outbox: mpsc::Sender<Msg>,
    taps: Taps,
    director: Director,
    ordered: Ordered,
}

impl App {
    /// Gives what is said after the screen is gone.
    async fn run(options: ConsoleOptions, recording: Option<Vec<Record>>) -> Result<String, Outcome> {
        let variable = |name: &str| std::env::var(name).ok();
        let config = config::path(variable).map_or(Ok(Config::default()), |path| config::read(&path));
        let config = config.map_err(|error| Outcome::error(Exit::Usage, "config", error.to_string()))?;
        let ConsoleOptions { source, ascii, theme, lang, mouse, present, timeout, record } = options;
        let (theme, lang) = (theme.or(config.theme).unwrap_or(Theme::Dark), lang.or(config.lang));
        let ascii = ascii || config.ascii || !locale_is_utf8(variable);
        if let Some(bindings) = config.bindings {
            keys::install(bindings);
        }
        let folder = state::folder(variable);
        if let Some(folder) = &folder {
            state::log_to_file(folder);
        }
        let history = folder.map(|folder| History::new(&folder));
        let farewell = farewell(&source);
        let signals =
            Signals::new().map_err(|error| refused("no_signals", format!("cannot wait for signals: {error}")))?;
        let (outbox, inbox) = mpsc::channel(INBOX);
        let taps = Taps::begin(record.as_ref(), outbox.clone()).map_err(|error| unreadable(&error, Exit::Not))?;
        let screen = Screen::set_up(mouse || config.mouse).map_err(lost)?;
        let size = screen.size().map_err(lost)?;
        let lines = history.as_ref().map(History::read).unwrap_or_default();
        let mut app = App {
            model: Model {
                lang: lang.unwrap_or_else(|| Lang::of_environment(variable)),
                step: Step::begun_at(unix_micros()),
                is_presenting: present || config.present,
                ..Model::new(size, lines)
            },
            look: Look::new(theme, Depth::of_environment(variable), ascii),
            screen,
            drawn: None,
            next_frame: Duration::ZERO,
            begun: Instant::now(),
            history,
            client: None,
            inbox,
            outbox,
            taps,
            director: Director::default(),
            ordered: Ordered::default(),
        };
        app.model.tape.is_tapped = true;
        if let (Some(records), Source::Replay(path)) = (recording, &source) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            load(&mut app.model, name, records);
            let ring = &app.model.tape.ring;
            Taps::check(ring.records(ring.start(), ring.end()).cloned().collect(), app.outbox.clone());
        }
        app.work(source, timeout, signals).await?;
        app.take_rest();
        Ok([Some(farewell), app.taps.end()]
            .into_iter()
            .flatten()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join("\n"))
    }

    async fn work(&mut self, source: Source, timeout: Duration, mut signals: Signals) -> Result<(), Outcome> {
        let mut terminal = EventStream::new();
        let (keeper, mut attaching) = Keeper::begin(source, timeout, self.outbox.clone(), &LOOK);
        let mut is_attaching = true;
        let ended = loop {
            if let Err(outcome) = self.draw() {
                break Err(outcome);
            }
            let next_turn = sleep_until(self.begun, self.next_turn());
            let msg = tokio::select! {
                () = terminal::broken() => break Err(refused("panicked", "the console ended because of the error above".to_owned())),
                () = signals.any() => Some(Msg::Terminate),
                event = terminal.next() => from_terminal(event),
                attached = &mut attaching, if is_attaching => {
                    is_attaching = false;
                    match attached {
                        Ok(Ok(client)) => {
                            self.client = Some(client);
                            None
                        }
                        Ok(Err(outcome)) => break Err(outcome),
                        Err(_) => break Err(refused("panicked", "the nodes could not be started".to_owned())),
                    }
                }
                msg = self.inbox.recv() => msg,
                () = next_turn => None,
            };
            if self.take(msg) {
                break Ok(());
            }
        };
        self.end(keeper, &mut terminal, &mut signals).await;
        ended
    }

    /// Takes a message and all that wait. True if the console is to end.
    fn take(&mut self, first: Option<Msg>) -> bool {
        let is_over = self.take_all(first);
        self.taps.take(&mut self.model);
        is_over
    }

    fn take_all(&mut self, first: Option<Msg>) -> bool {
        let mut msg = first;
        for _ in 0..TAKEN_AT_ONCE {
            let now = self.begun.elapsed();
            update(&mut self.model, Msg::Tick(now));
            let at_once = msg.and_then(|msg| self.ordered.take(now, msg));
            let mut next = at_once.or_else(|| self.ordered.next(now));
            while let Some(msg) = next {
                for effect in update(&mut self.model, msg) {
                    if self.carry_out(effect) {
                        return true;
                    }
                }
                next = self.ordered.next(now);
            }
            match self.inbox.try_recv() {
                Ok(next) => msg = Some(next),
                Err(_) => return false,
            }
        }
        false
    }

    /// What still waits for its turn goes on the tape, and into the recording.
    fn take_rest(&mut self) {
        while let Some(msg) = self.ordered.next(Duration::MAX) {
            // Nothing is carried out any more.
            let _ = update(&mut self.model, msg);
        }
        self.taps.take(&mut self.model);
    }

    fn carry_out(&mut self, effect: Effect) -> bool {
        match effect {
            Effect::Quit => return true,
            Effect::Remember(line) => {
                if let Some(history) = &self.history {
                    history.add(&line);
                }
            }
            Effect::Copy(text) => terminal::copy(&text),
            Effect::LookAtProcesses => LOOK.notify_one(),
            Effect::Execute { number, command } => self.execute(number, command),
            Effect::RunScenario(name) => self.run_scenario(name),
            Effect::StopScenario => self.director.stop(),
        }
        false
    }

    fn execute(&mut self, number: u64, command: Command) {
        let Some(client) = self.client.clone() else {
            let outcome = Outcome::error(Exit::Nobody, "not_started", "the nodes are not there yet");
            update(&mut self.model, Msg::OperationEnd(number, outcome, Duration::ZERO));
            return;
        };
        // While time stands still, a write waits for whoever delivers its messages.
        let client = if step::is_on(&self.model) { client.with_timeout(STEP_TIMEOUT) } else { client };
        let (progress, mut told) = mpsc::channel(16);
        let outbox = self.outbox.clone();
        let on_the_way = outbox.clone();
        tokio::spawn(async move {
            while let Some(text) = told.recv().await {
                if on_the_way.send(Msg::OperationProgress(number, text)).await.is_err() {
                    return;
                }
            }
        });
        tokio::spawn(async move {
            let context = Context { client, stdin: false, progress: Some(progress) };
            let begun = Instant::now();
            let outcome = execute(&command, &context).await;
            // If nobody takes it, the console is ending.
            let _ = outbox.send(Msg::OperationEnd(number, outcome, begun.elapsed())).await;
        });
    }

    fn run_scenario(&mut self, name: String) {
        match self.client.clone() {
            Some(client) => self.director.begin(name, client, self.outbox.clone()),
            None => {
                let why = Staged::Refused("the nodes are not there yet".to_owned());
                update(&mut self.model, Msg::Staged(Box::new(why)));
            }
        }
    }

    fn draw(&mut self) -> Result<(), Outcome> {
        let now = self.begun.elapsed();
        if self.drawn == Some(self.model.revision) || now < self.next_frame {
            return Ok(());
        }
        self.screen.draw(&self.model, &self.look).map_err(lost)?;
        self.drawn = Some(self.model.revision);
        self.next_frame = now + FRAME;
        Ok(())
    }

    /// When the loop is to turn with no message coming.
    fn next_turn(&self) -> Option<Duration> {
        let wake = if self.drawn == Some(self.model.revision) { next_wake(&self.model) } else { Some(self.next_frame) };
        wake.into_iter().chain(self.ordered.due()).min()
    }

    /// Ends the nodes that belong to this console; asked once more, it kills those that have not ended.
    async fn end(&mut self, keeper: Keeper, terminal: &mut EventStream, signals: &mut Signals) {
        self.next_frame = Duration::ZERO;
        // A terminal that is gone must not keep the nodes from ending well.
        let _ = self.draw();
        self.director.end().await;
        let again = async {
            while let Some(Ok(event)) = terminal.next().await {
                if is_impatient(&event) {
                    return;
                }
            }
            std::future::pending().await
        };
        tokio::select! {
            () = keeper.end() => {}
            () = again => {}
            () = signals.any() => {}
        }
    }
}

fn unix_micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

fn lost(error: std::io::Error) -> Outcome {
    refused("no_terminal", format!("the terminal cannot be used: {error}"))
}

fn farewell(source: &Source) -> String {
    match source {
        Source::Demo { data, .. } => format!(
            "The nodes have ended. Their data stays in {} for the next run; `epoca demo --fresh` begins anew.",
            shown(data)
        ),
        Source::Connect(_) => "The nodes run on.".to_owned(),
        Source::Replay(_) => String::new(),
    }
}

fn shown(data: &PathBuf) -> String {
    std::path::absolute(data).unwrap_or_else(|_| data.clone()).display().to_string()
}

fn from_terminal(event: Option<std::io::Result<Event>>) -> Option<Msg> {
    match event {
        Some(Ok(Event::Key(event))) => Some(Msg::Key(event)),
        Some(Ok(Event::Mouse(event))) => Some(Msg::Mouse(event)),
        Some(Ok(Event::Paste(text))) => Some(Msg::Paste(text)),
        Some(Ok(Event::Resize(columns, rows))) => Some(Msg::Resize(columns, rows)),
        Some(Ok(_)) => None,
        // Nothing more can be typed: the terminal is gone.
        Some(Err(_)) | None => Some(Msg::Terminate),
    }
}

fn is_impatient(event: &Event) -> bool {
    matches!(event, Event::Key(KeyEvent { code: KeyCode::Char('c' | 'q'), kind: KeyEventKind::Press, .. }))
}

async fn sleep_until(begun: Instant, until: Option<Duration>) {
    match until {
        Some(until) => tokio::time::sleep_until((begun + until).into()).await,
        None => std::future::pending().await,
    }
}

/// The signals that ask to end.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?]))
    }

    async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
