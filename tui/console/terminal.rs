//! The terminal: set up once, restored whatever happens. Restoring twice does nothing, so every way out may ask for it:
//! a quit, a signal, an error, a panic in any thread.

use std::io::{self, Stdout, Write, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use color_eyre::config::HookBuilder;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
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
    /// With `mouse` the terminal tells clicks and the wheel, and keeps its own selection for Shift.
    pub fn set_up(mouse: bool) -> io::Result<Screen> {
        IS_UP.store(true, Ordering::SeqCst);
        let set_up = || {
            enable_raw_mode()?;
            execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
            if mouse {
                execute!(stdout(), EnableMouseCapture)?;
            }
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
    let _ = execute!(
        stdout(),
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
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

/// Puts a text on the clipboard of whoever sits before the terminal, also over a remote connection (OSC 52). A terminal
/// that does not know it ignores it.
pub fn copy(text: &str) {
    let text = STANDARD.encode(text);
    // A terminal that is gone has no clipboard.
    let _ = write!(stdout(), "\x1b]52;c;{text}\x07").and_then(|()| stdout().flush());
}

/// Ends when a thread has panicked.
pub async fn broken() {
    BROKEN.notified().await;
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use portable_pty::{CommandBuilder, PtySize, native_pty_system};

    use super::*;

    /// Runs this test executable once more, in a terminal of its own.
    #[test]
    fn a_panic_in_any_thread_restores_the_terminal_before_it_is_reported() {
        let size = PtySize { rows: 60, cols: 200, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let settings = || format!("{:?}", pair.master.get_termios());
        let found = settings();
        let mut command = CommandBuilder::new(std::env::current_exe().expect("this test"));
        command.args(["--ignored", "--nocapture", "--exact", "console::terminal::tests::a_console_that_panics"]);
        command.env("RUST_BACKTRACE", "0");
        let mut child = pair.slave.spawn_command(command).expect("it starts");
        let mut output = pair.master.try_clone_reader().expect("a screen");
        child.wait().expect("a child");
        assert_eq!(settings(), found);
        drop(pair);
        let mut said = Vec::new();
        // The end of a terminal is told as an error.
        let _ = output.read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said);
        let place = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text:?} is not in {said:?}"));
        let (entered, left, reported) = (place("\x1b[?1049h"), place("\x1b[?1049l"), place("broken on purpose"));
        assert!(entered < left && left < reported, "{said:?}");
        assert!(left < place("\x1b[?25h") && place("the console ends") > reported, "{said:?}");
    }

    #[test]
    #[ignore = "run by the test above, in a terminal of its own"]
    fn a_console_that_panics() {
        install_panic_hook().expect("a hook");
        let _screen = Screen::set_up(true).expect("a terminal");
        let broken = std::thread::spawn(|| panic!("broken on purpose"));
        assert!(broken.join().is_err());
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(super::broken());
        println!("the console ends");
    }
}
