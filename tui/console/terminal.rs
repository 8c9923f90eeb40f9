//! The terminal: set up once, restored whatever happens. Restoring twice does nothing, so every way out may ask for it:
//! a quit, a signal, an error, a panic in any thread.

use std::io::{self, Stdout, Write, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use color_eyre::config::HookBuilder;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio::sync::Notify;

use crate::console::model::Model;
use crate::console::theme::Look;
use crate::console::view;

/// Whether the terminal is ours now.
static IS_UP: AtomicBool = AtomicBool::new(false);

/// Told when a thread panicked: what it was responsible for is gone, so the console ends.
static BROKEN: Notify = Notify::const_new();

/// The terminal while it is ours; restored when dropped.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    pub fn set_up() -> io::Result<Screen> {
        IS_UP.store(true, Ordering::SeqCst);
        let set_up = || {
            enable_raw_mode()?;
            execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
            Terminal::new(CrosstermBackend::new(stdout()))
        };
        match set_up() {
            Ok(terminal) => Ok(Screen { terminal }),
            Err(error) => {
                restore();
                Err(error)
            }
        }
    }

    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Draws what has changed, in one piece where the terminal can.
    pub fn draw(&mut self, model: &Model, look: &Look) -> io::Result<()> {
        if !IS_UP.load(Ordering::SeqCst) {
            return Ok(());
        }
        queue!(stdout(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| view::draw(frame, model, look))?;
        execute!(stdout(), EndSynchronizedUpdate)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back as it was found.
pub fn restore() {
    if !IS_UP.swap(false, Ordering::SeqCst) {
        return;
    }
    // If the terminal is gone there is nobody to give it back to.
    let _ = execute!(stdout(), EndSynchronizedUpdate, DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
    let _ = stdout().flush();
}

/// A panic in any thread restores the terminal before it is reported, and ends the console.
pub fn install_panic_hook() -> color_eyre::Result<()> {
    let (panic_hook, eyre_hook) = HookBuilder::default().display_env_section(false).try_into_hooks()?;
    // Whoever asks twice gets the first one's hooks.
    let _ = eyre_hook.install();
    let report = panic_hook.into_panic_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore();
        report(panic);
        BROKEN.notify_one();
    }));
    Ok(())
}

/// Ends when a thread has panicked.
pub async fn broken() {
    BROKEN.notified().await;
}
