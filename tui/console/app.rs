//! The loop: takes messages one after the other, carries out effects, draws when something has changed, but no more
//! often than thirty times a second. With nothing to show it sleeps.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use nix::sys::signal::{Signal as Kind, raise};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc};

use crate::command::options::Format;
use crate::command::{Command, Context, Exit, Outcome, execute, print};
use crate::console::attach::{Keeper, refused};
use crate::console::config::{self, Config};
use crate::console::director::Director;
use crate::console::input::{self, Batch, Event};
use crate::console::keys;
use crate::console::model::{Model, Step, step};
use crate::console::ordered::Ordered;
use crate::console::output;
use crate::console::state::{self, History};
use crate::console::taps::Taps;
use crate::console::terminal::{self, Screen};
use crate::console::theme::{Depth, Look, locale_is_utf8};
use crate::console::update::{Effect, Msg, Staged, load, next_wake, update};
use crate::console::words::screen;
use crate::console::{ConsoleOptions, Lang, Source, Theme};
use crate::tape::command::unreadable;
use crate::tape::{Record, read};

/// The deadline of an operation in step mode.
const STEP_TIMEOUT: Duration = Duration::from_secs(3_600);

/// The least time between two frames.
const FRAME: Duration = Duration::from_millis(33);

/// How many messages wait for the loop; beyond that those who watch nodes wait, and the nodes drop what is oldest.
const INBOX: usize = 1_024;

/// How often it is looked whether the terminal is the console's again, or takes the next frame.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How many messages are taken before it is looked whether to draw.
const TAKEN_AT_ONCE: usize = 512;

/// Tells whoever looks at processes that something was done to one.
static LOOK: Notify = Notify::const_new();

pub fn run(options: ConsoleOptions) -> ExitCode {
    match try_to_run(options) {
        Ok(farewell) => {
            if !farewell.is_empty() {
                terminal::say(&farewell);
            }
            ExitCode::SUCCESS
        }
        // A terminal that takes nothing more would keep the program.
        Err(outcome) if !output::takes_more() => outcome.exit.into(),
        Err(outcome) => print::outcome(&outcome, Format::Text, Lang::English).into(),
    }
}

fn try_to_run(options: ConsoleOptions) -> Result<String, Outcome> {
    if let Some(why) = no_terminal() {
        let instead = match options.source {
            Source::Demo { .. } => "`epoca cluster --lab` starts the same cluster without a console",
            Source::Connect(_) => "`epoca status` shows the nodes",
            Source::Replay(_) => "`epoca replay FILE --check` checks a recording without one",
        };
        return Err(Outcome::error(Exit::Usage, "no_terminal", format!("{why}; {instead}")));
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

/// Why there can be no full screen here, if there can be none.
fn no_terminal() -> Option<String> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Some("the console needs a terminal, and this is none".to_owned());
    }
    match std::env::var("TERM") {
        Ok(kind) if !["", "dumb", "unknown"].contains(&&kind[..]) => None,
        Ok(kind) => Some(format!("the console needs a terminal with a full screen, and TERM={kind} names none")),
        Err(_) => Some("the console needs a terminal with a full screen, and TERM is not set".to_owned()),
    }
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
    keyboard: mpsc::Receiver<Batch>,
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
        let taps = Taps::begin(record.as_ref(), outbox.clone()).map_err(|error| unreadable(&error, Exit::NotDone))?;
        let screen = Screen::set_up(mouse || config.mouse).map_err(lost)?;
        let keyboard = input::begin().map_err(lost)?;
        let lines = history.as_ref().map(History::read).unwrap_or_default();
        let mut app = App {
            model: Model {
                lang: lang.unwrap_or_else(|| Lang::of_environment(variable)),
                step: Step::begun_at(unix_micros()),
                is_presenting: present || config.present,
                ..Model::new(terminal::size(), lines)
            },
            look: Look::new(theme, Depth::of_environment(variable), ascii),
            screen,
            drawn: None,
            next_frame: Duration::ZERO,
            begun: Instant::now(),
            history,
            client: None,
            inbox,
            keyboard,
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
        let (keeper, mut attaching) = Keeper::begin(source, timeout, self.outbox.clone(), &LOOK);
        let mut is_attaching = true;
        let ended = loop {
            if let Err(outcome) = self.draw() {
                break Err(outcome);
            }
            if output::is_gone() {
                break Ok(());
            }
            let next_turn = sleep_until(self.begun, self.next_turn());
            let msgs = tokio::select! {
                () = terminal::broken() => break Err(refused("panicked", "the console ended because of the error above".to_owned())),
                asked = signals.next() => match self.on_signal(asked) {
                    Ok(msg) => Vec::from_iter(msg),
                    Err(outcome) => break Err(outcome),
                },
                batch = self.keyboard.recv() => from_terminal(batch),
                () = output::freed() => Vec::new(),
                attached = &mut attaching, if is_attaching => {
                    is_attaching = false;
                    match attached {
                        Ok(Ok(client)) => {
                            self.client = Some(client);
                            Vec::new()
                        }
                        Ok(Err(outcome)) => break Err(outcome),
                        Err(_) => break Err(refused("panicked", "the nodes could not be started".to_owned())),
                    }
                }
                msg = self.inbox.recv() => Vec::from_iter(msg),
                () = next_turn => Vec::new(),
            };
            if self.take(msgs) {
                break Ok(());
            }
        };
        self.end(keeper, &mut signals).await;
        ended
    }

    /// Takes messages and all that wait. True if the console is to end.
    fn take(&mut self, first: Vec<Msg>) -> bool {
        let is_over = self.take_all(first);
        self.taps.take(&mut self.model);
        is_over
    }

    fn take_all(&mut self, first: Vec<Msg>) -> bool {
        let turns = TAKEN_AT_ONCE.max(first.len() + 1);
        let mut first = first.into_iter();
        for _ in 0..turns {
            let now = self.begun.elapsed();
            update(&mut self.model, Msg::Tick(now));
            let msg = first.next().or_else(|| self.inbox.try_recv().ok());
            let is_last = msg.is_none();
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
            if is_last {
                return false;
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

    fn on_signal(&mut self, asked: Asked) -> Result<Option<Msg>, Outcome> {
        match asked {
            Asked::End => return Ok(Some(Msg::Terminate)),
            Asked::Resize => {}
            Asked::Stop => {
                terminal::restore();
                // It stops here, with all its threads; the nodes run on.
                raise(Kind::SIGSTOP).map_err(|error| lost(error.into()))?;
                self.take_terminal()?;
            }
            Asked::GoOn => self.take_terminal()?,
        }
        let (columns, rows) = terminal::size();
        Ok(Some(Msg::Resize(columns, rows)))
    }

    /// After a stop: in the background the terminal is the shell's, until the shell gives it back.
    fn take_terminal(&mut self) -> Result<(), Outcome> {
        // Until the picture is there again it is looked for, also when nothing changes.
        self.drawn = None;
        if !terminal::is_foreground() {
            terminal::leave();
            return Ok(());
        }
        self.screen.take().map_err(lost)
    }

    fn carry_out(&mut self, effect: Effect) -> bool {
        match effect {
            Effect::Quit => return true,
            Effect::Remember(line) => {
                if let Some(history) = &self.history {
                    history.add(&line);
                }
            }
            Effect::Copy(text) => self.screen.copy(&text),
            Effect::LookAtProcesses => LOOK.notify_one(),
            Effect::Execute { number, command } => self.execute(number, command),
            Effect::RunScenario(name) => self.run_scenario(name),
            Effect::StopScenario => self.director.stop(),
        }
        false
    }

    fn execute(&mut self, number: u64, command: Command) {
        let Some(client) = self.client.clone() else {
            let outcome = Outcome::error(Exit::Unreachable, "not_started", screen::NODES_NOT_THERE);
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
                let why = Staged::Refused(screen::NODES_NOT_THERE.into());
                update(&mut self.model, Msg::Staged(Box::new(why)));
            }
        }
    }

    fn draw(&mut self) -> Result<(), Outcome> {
        let now = self.begun.elapsed();
        if self.drawn == Some(self.model.revision) || now < self.next_frame {
            return Ok(());
        }
        if !terminal::is_up() && terminal::is_foreground() {
            self.take_terminal()?;
            let (columns, rows) = terminal::size();
            update(&mut self.model, Msg::Resize(columns, rows));
        }
        self.next_frame = now + FRAME;
        if self.screen.draw(&self.model, &self.look).map_err(lost)? {
            self.drawn = Some(self.model.revision);
        } else {
            self.next_frame = now + LOOK_EVERY;
        }
        Ok(())
    }

    /// When the loop is to turn with no message coming.
    fn next_turn(&self) -> Option<Duration> {
        let wake = if self.drawn == Some(self.model.revision) { next_wake(&self.model) } else { Some(self.next_frame) };
        wake.into_iter().chain(self.ordered.due()).min()
    }

    /// Ends the nodes that belong to this console; asked once more, it kills those that have not ended.
    async fn end(&mut self, keeper: Keeper, signals: &mut Signals) {
        self.next_frame = Duration::ZERO;
        // A terminal that is gone must not keep the nodes from ending well.
        let _ = self.draw();
        self.director.end().await;
        let again = async {
            while let Some(batch) = self.keyboard.recv().await {
                if batch.events.iter().any(is_impatient) {
                    return;
                }
            }
            std::future::pending().await
        };
        let asked = async { while signals.next().await != Asked::End {} };
        tokio::select! {
            () = keeper.end() => {}
            () = again => {}
            () = asked => {}
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

/// What came at once from the terminal; keys that follow each other stay together.
fn from_terminal(batch: Option<Batch>) -> Vec<Msg> {
    // Nothing more can be typed: the terminal is gone.
    let Some(Batch { events, quiet }) = batch else { return vec![Msg::Terminate] };
    let mut msgs = Vec::new();
    for event in events {
        match (event, msgs.last_mut()) {
            (Event::Key(key), Some(Msg::Keys(keys, _))) => keys.push(key),
            (Event::Key(key), before) => {
                let quiet = if before.is_none() { quiet } else { Duration::ZERO };
                msgs.push(Msg::Keys(vec![key], quiet));
            }
            (Event::Mouse(event), _) => msgs.push(Msg::Mouse(event)),
            (Event::Paste(text), _) => msgs.push(Msg::Paste(text)),
            (Event::TooLong(bytes), _) => msgs.push(Msg::PasteTooLong(bytes)),
            (Event::Unended(bytes), _) => msgs.push(Msg::PasteUnended(bytes)),
        }
    }
    msgs
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

/// What a signal asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    End,
    /// To stop, as Ctrl-Z does where the line is not raw.
    Stop,
    /// It was stopped, and goes on.
    GoOn,
    /// The terminal has another size.
    Resize,
}

struct Signals(Vec<(Asked, Signal)>);

impl Signals {
    fn new() -> std::io::Result<Signals> {
        let asked = [
            (Asked::End, SignalKind::interrupt()),
            (Asked::End, SignalKind::terminate()),
            (Asked::End, SignalKind::hangup()),
            (Asked::Stop, SignalKind::from_raw(Kind::SIGTSTP as i32)),
            (Asked::GoOn, SignalKind::from_raw(Kind::SIGCONT as i32)),
            (Asked::Resize, SignalKind::window_change()),
        ];
        let hears = asked.into_iter().map(|(asked, kind)| Ok((asked, signal(kind)?)));
        Ok(Signals(hears.collect::<std::io::Result<_>>()?))
    }

    /// The next one; of several that wait, one that asks to end.
    async fn next(&mut self) -> Asked {
        std::future::poll_fn(|context| {
            let came =
                self.0.iter_mut().find_map(|(asked, signal)| signal.poll_recv(context).is_ready().then_some(*asked));
            came.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}
