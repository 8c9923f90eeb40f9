//! The event loop: takes messages one by one, carries out effects, and draws after a visible change, at most 30 times
//! per second. It sleeps while nothing changes.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal as Kind, raise};
use tokio::sync::{Notify, mpsc};

use crate::command::{Exit, Outcome};
use crate::console::app::causal_inbox::CausalInbox;
use crate::console::app::config::{self, Config};
use crate::console::app::history::History;
use crate::console::app::nodes::{Nodes, failure};
use crate::console::app::scenario_runner::ScenarioRunner;
use crate::console::app::signals::{AppSignal, Signals};
use crate::console::app::sinks::Sinks;
use crate::console::app::speaker_notes::SpeakerNotes;
use crate::console::app::user_input::{Input, from_terminal, is_impatient};
use crate::console::app::{background, checks, exit_message, folders, grading, log_file};
use crate::console::model::prompt::LINE_BYTES_MAX;
use crate::console::model::{Model, StepMode};
use crate::console::terminal::input::{self, Batch};
use crate::console::terminal::{self, Screen, writer};
use crate::console::theme::{Depth, Look, locale_is_utf8};
use crate::console::update::{Msg, next_wake, open, update};
use crate::console::{ConsoleOptions, Source, keys, view};
use crate::lang::Lang;
use crate::tape::Record;
use crate::tape::command::unreadable;

/// Minimum time between frames.
const FRAME: Duration = Duration::from_millis(33);

/// Messages that wait for the loop. When the inbox is full, the tasks that watch nodes wait, and the nodes drop their
/// oldest events.
const INBOX: usize = 1_024;

/// How often to check whether the terminal is in the foreground again, or accepts a frame.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// Messages that are handled between two frames.
const TAKEN_AT_ONCE: usize = 512;

/// Wakes the task that polls the launcher's processes.
pub static POLL_PROCESSES: Notify = Notify::const_new();

pub struct App {
    pub model: Model,
    look: Look,
    pub screen: Screen,
    /// The revision of the last frame, and the earliest time of the next one.
    drawn: Option<u64>,
    next_frame: Duration,
    begun: Instant,
    pub history: Option<History>,
    pub client: Option<epoca::client::Client>,
    inbox: mpsc::Receiver<Msg>,
    keyboard: mpsc::Receiver<Batch>,
    /// For tasks that send messages.
    pub outbox: mpsc::Sender<Msg>,
    sinks: Sinks,
    pub scenarios: ScenarioRunner,
    causal: CausalInbox,
    notes: SpeakerNotes,
}

impl App {
    /// Returns the text that is printed after the screen is restored.
    pub async fn run(options: ConsoleOptions, recording: Option<Vec<Record>>) -> Result<String, Outcome> {
        let config = read_config()?;
        let exit_message = exit_message(&options.source);
        let signals =
            Signals::new().map_err(|error| failure("no_signals", format!("cannot handle signals: {error}")))?;
        let mut app = App::set_up(&options, config)?;
        let ConsoleOptions { source, timeout, .. } = options;
        if let (Some(records), Source::Replay(path)) = (recording, &source) {
            app.load(path, records);
        }
        app.run_loop(source, timeout, signals).await?;
        app.drain_inbox();
        let lang = app.model.lang;
        let texts = [Some(exit_message.to(lang).to_owned()), app.sinks.end(lang)].into_iter().flatten();
        Ok(texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n"))
    }

    /// Takes the terminal. Options take precedence over the config file.
    fn set_up(options: &ConsoleOptions, config: Config) -> Result<App, Outcome> {
        if let Some(bindings) = config.bindings {
            keys::install(bindings);
        }
        let folder = folders::state(variable);
        if let Some(folder) = &folder {
            log_file::install(folder);
        }
        let history = folder.map(|folder| History::new(&folder));
        let lines = history.as_ref().map(History::read).unwrap_or_default();
        let (outbox, inbox) = mpsc::channel(INBOX);
        let record = options.record.as_ref();
        let sinks = Sinks::begin(record, outbox.clone()).map_err(|error| unreadable(&error, Exit::NotDone))?;
        // Asked before the screen and the keyboard are set up: the answer comes as input.
        let theme = options.theme.or(config.theme).unwrap_or_else(background::theme);
        let screen = Screen::set_up(options.mouse || config.mouse).map_err(terminal_failure)?;
        let keyboard = input::begin(LINE_BYTES_MAX).map_err(terminal_failure)?;
        let ascii = options.ascii || config.ascii || !locale_is_utf8(variable);
        let lang = options.lang.or(config.lang).unwrap_or_else(|| Lang::from_environment(variable));
        let mut model = Model {
            lang,
            step_mode: StepMode::begun_at(unix_micros()),
            is_presenting: options.present || config.present,
            owns_nodes: matches!(options.source, Source::Demo { .. }),
            ..Model::new(terminal::size(), lines)
        };
        model.tape.has_sinks = true;
        model.scenarios.tour_wanted = options.defend;
        Ok(App {
            model,
            look: Look::new(theme, Depth::from_environment(variable), ascii),
            screen,
            drawn: None,
            next_frame: Duration::ZERO,
            begun: Instant::now(),
            history,
            client: None,
            inbox,
            keyboard,
            outbox,
            sinks,
            scenarios: ScenarioRunner::default(),
            causal: CausalInbox::default(),
            notes: SpeakerNotes::new(options.notes.as_deref()),
        })
    }

    /// Shows a recording and checks it in the background.
    fn load(&mut self, path: &Path, records: Vec<Record>) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        open(&mut self.model, name, records);
        let ring = &self.model.tape.ring;
        let records: Vec<_> = ring.records(ring.start(), ring.end()).cloned().collect();
        grading::grade_all(records.clone(), self.outbox.clone());
        checks::check_all(records, self.outbox.clone());
    }

    async fn run_loop(&mut self, source: Source, timeout: Duration, mut signals: Signals) -> Result<(), Outcome> {
        let (nodes, mut attaching) = Nodes::attach(source, timeout, self.outbox.clone(), &POLL_PROCESSES);
        let mut is_attaching = true;
        let ended = loop {
            if let Err(outcome) = self.draw() {
                break Err(outcome);
            }
            if writer::is_closed() {
                break Ok(());
            }
            let next_turn = sleep_until(self.begun, self.next_turn());
            let inputs = tokio::select! {
                () = terminal::panicked() => {
                    let text = "the console ended because of the error above".to_owned();
                    break Err(failure("panicked", text));
                }
                asked = signals.next() => match self.on_signal(asked) {
                    Ok(msg) => Vec::from_iter(msg.map(Input::Msg)),
                    Err(outcome) => break Err(outcome),
                },
                batch = self.keyboard.recv() => from_terminal(batch),
                () = writer::frame_written() => Vec::new(),
                attached = &mut attaching, if is_attaching => {
                    is_attaching = false;
                    match attached {
                        Ok(Ok(client)) => {
                            self.sinks.grading.use_client(client.clone());
                            self.client = Some(client);
                            Vec::new()
                        }
                        Ok(Err(outcome)) => break Err(outcome),
                        Err(_) => break Err(failure("panicked", "the nodes could not be started".to_owned())),
                    }
                }
                msg = self.inbox.recv() => Vec::from_iter(msg.map(Input::Msg)),
                () = next_turn => Vec::new(),
            };
            if self.handle(inputs) {
                break Ok(());
            }
        };
        self.end(nodes, &mut signals).await;
        ended
    }

    /// Handles the inputs and all waiting messages. True if the console must end.
    fn handle(&mut self, first: Vec<Input>) -> bool {
        let is_over = self.handle_all(first);
        self.sinks.take(&mut self.model);
        self.notes.follow(&mut self.model, unix_micros() / 1_000);
        is_over
    }

    fn handle_all(&mut self, first: Vec<Input>) -> bool {
        let turns = TAKEN_AT_ONCE.max(first.len() + 1);
        let mut first = first.into_iter();
        for _ in 0..turns {
            let now = self.begun.elapsed();
            update(&mut self.model, Msg::Tick(now));
            let input = first.next().or_else(|| self.inbox.try_recv().ok().map(Input::Msg));
            let is_last = input.is_none();
            let msg = input.and_then(|input| input.into_msg(&self.model));
            let at_once = msg.and_then(|msg| self.causal.take(now, msg));
            let mut next = at_once.or_else(|| self.causal.next(now));
            while let Some(msg) = next {
                for effect in update(&mut self.model, msg) {
                    if self.perform(effect) {
                        return true;
                    }
                }
                next = self.causal.next(now);
            }
            if is_last {
                return false;
            }
        }
        false
    }

    /// Records the messages that still wait for their causes.
    fn drain_inbox(&mut self) {
        while let Some(msg) = self.causal.next(Duration::MAX) {
            // Effects are ignored: the console is ending.
            let _ = update(&mut self.model, msg);
        }
        self.sinks.take(&mut self.model);
    }

    fn on_signal(&mut self, asked: AppSignal) -> Result<Option<Msg>, Outcome> {
        match asked {
            AppSignal::Terminate => return Ok(Some(Msg::Terminate)),
            AppSignal::Resize => {}
            AppSignal::Stop => {
                terminal::restore();
                // All threads of this process stop here. The nodes continue.
                raise(Kind::SIGSTOP).map_err(|error| terminal_failure(error.into()))?;
                self.acquire_terminal()?;
            }
            AppSignal::Continue => self.acquire_terminal()?,
        }
        let (columns, rows) = terminal::size();
        Ok(Some(Msg::Resize(columns, rows)))
    }

    /// Takes the terminal after a stop. In the background it belongs to the shell until the shell returns it.
    fn acquire_terminal(&mut self) -> Result<(), Outcome> {
        // Forces a redraw, and attempts to draw until one succeeds.
        self.drawn = None;
        if !terminal::is_foreground() {
            terminal::release();
            return Ok(());
        }
        self.screen.acquire().map_err(terminal_failure)
    }

    fn draw(&mut self) -> Result<(), Outcome> {
        let now = self.begun.elapsed();
        if self.drawn == Some(self.model.revision) || now < self.next_frame {
            return Ok(());
        }
        if !terminal::is_up() && terminal::is_foreground() {
            self.acquire_terminal()?;
            let (columns, rows) = terminal::size();
            update(&mut self.model, Msg::Resize(columns, rows));
        }
        self.next_frame = now + FRAME;
        if self
            .screen
            .draw(self.model.size, |frame| view::draw(frame, &self.model, &self.look))
            .map_err(terminal_failure)?
        {
            self.drawn = Some(self.model.revision);
        } else {
            self.next_frame = now + POLL_EVERY;
        }
        Ok(())
    }

    /// When the loop must run again without a message.
    fn next_turn(&self) -> Option<Duration> {
        let wake = if self.drawn == Some(self.model.revision) { next_wake(&self.model) } else { Some(self.next_frame) };
        wake.into_iter().chain(self.causal.due()).min()
    }

    /// Stops the console's own nodes. A second request kills the nodes that have not stopped.
    async fn end(&mut self, nodes: Nodes, signals: &mut Signals) {
        self.next_frame = Duration::ZERO;
        // The nodes must stop cleanly even if the terminal is gone.
        let _ = self.draw();
        self.scenarios.end().await;
        let again = async {
            while let Some(batch) = self.keyboard.recv().await {
                if batch.events.iter().any(is_impatient) {
                    return;
                }
            }
            std::future::pending().await
        };
        let asked = async { while signals.next().await != AppSignal::Terminate {} };
        tokio::select! {
            () = nodes.shut_down() => {}
            () = again => {}
            () = asked => {}
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn read_config() -> Result<Config, Outcome> {
    let path = folders::config(variable).map(|folder| folder.join("config.toml"));
    let config = path.map_or(Ok(Config::default()), |path| config::read(&path));
    config.map_err(|error| Outcome::error(Exit::Usage, "config", error.to_string()))
}

fn unix_micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

fn terminal_failure(error: std::io::Error) -> Outcome {
    failure("no_terminal", format!("the terminal cannot be used: {error}"))
}

async fn sleep_until(begun: Instant, until: Option<Duration>) {
    match until {
        Some(until) => tokio::time::sleep_until((begun + until).into()).await,
        None => std::future::pending().await,
    }
}
