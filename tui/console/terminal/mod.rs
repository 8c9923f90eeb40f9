//! The terminal device: set up once, restored on every exit. Restoring twice has no effect, so every exit path may do
//! it: quit, signal, error, panic in any thread.
//!
//! The terminal belongs to the console while the console is in the foreground. After a stop it belongs to the shell,
//! and changing its settings from the background would stop the process again.

mod backend;

pub mod input;

pub mod writer;

pub use backend::WidthSafeBackend;

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use color_eyre::config::HookBuilder;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::queue;
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use tokio::sync::Notify;

/// The size if the terminal reports none.
const USUAL: (u16, u16) = (80, 24);

/// Aborts an incomplete escape sequence.
const CANCEL: u8 = 0x18;

/// Whether the terminal is set up for the console.
static IS_UP: AtomicBool = AtomicBool::new(false);

/// Notified after a panic. The panicked thread's work is lost, so the console ends.
static PANICKED: Notify = Notify::const_new();

/// The terminal while the console uses it. Restored on drop.
pub struct Screen {
    frame: Pending,
    terminal: Terminal<WidthSafeBackend<Pending>>,
    size: (u16, u16),
    has_mouse: bool,
    frames: SyncSender<Vec<u8>>,
}

/// The bytes of the next frame. Ratatui writes here, never to the terminal: it would block there, and it reports errors
/// with a print that panics once the terminal is gone.
#[derive(Clone, Default)]
struct Pending(Rc<RefCell<Vec<u8>>>);

impl Pending {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.borrow_mut())
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    /// With `has_mouse`, the terminal reports clicks and the wheel, and selects text only with Shift.
    pub fn set_up(has_mouse: bool) -> io::Result<Screen> {
        writer::open()?;
        let (frame, size) = (Pending::default(), size());
        let terminal = terminal(&frame, size)?;
        let mut screen = Screen { frame, terminal, size, has_mouse, frames: writer::begin()? };
        screen.acquire()?;
        Ok(screen)
    }

    /// Takes the terminal, the first time or again. The next frame draws everything.
    pub fn acquire(&mut self) -> io::Result<()> {
        IS_UP.store(true, Ordering::SeqCst);
        let taken = self.try_acquire();
        if taken.is_err() {
            restore();
        }
        taken
    }

    fn try_acquire(&mut self) -> io::Result<()> {
        // A shell may have changed the line settings while the console was stopped.
        disable_raw_mode()?;
        enable_raw_mode()?;
        let mut text = Vec::new();
        queue!(text, EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        if self.has_mouse {
            queue!(text, EnableMouseCapture)?;
        }
        writer::finish_frame();
        if !writer::write_now(&text)? {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it accepts no output"));
        }
        self.resize(self.size)
    }

    fn resize(&mut self, size: (u16, u16)) -> io::Result<()> {
        let begun = self.frame.take();
        self.terminal = terminal(&self.frame, size)?;
        self.size = size;
        // Output of the previous terminal object belongs to the old size.
        self.frame.take();
        self.frame.write_all(&begun)?;
        queue!(self.frame, Clear(ClearType::All))
    }

    /// Draws the changes, as one synchronized update where the terminal supports it. False if it did not draw: the last
    /// frame is still being written, or the console is in the background.
    pub fn draw(&mut self, size: (u16, u16), view: impl FnOnce(&mut Frame)) -> io::Result<bool> {
        if !is_up() || writer::is_busy() {
            return Ok(false);
        }
        if !is_foreground() {
            release();
            return Ok(false);
        }
        if self.size != size {
            self.resize(size)?;
        }
        let begun = self.frame.take();
        queue!(self.frame, BeginSynchronizedUpdate)?;
        self.frame.write_all(&begun)?;
        self.terminal.draw(view)?;
        queue!(self.frame, EndSynchronizedUpdate)?;
        writer::send(&self.frames, self.frame.take());
        Ok(true)
    }

    /// Copies a text to the clipboard with the next frame (OSC 52). It works over remote connections. Terminals without
    /// support ignore it.
    pub fn copy(&mut self, text: &str) {
        let text = STANDARD.encode(text);
        // Writing to a frame cannot fail.
        let _ = write!(self.frame, "\x1b]52;c;{text}\x07");
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn terminal(frame: &Pending, size: (u16, u16)) -> io::Result<Terminal<WidthSafeBackend<Pending>>> {
    let viewport = Viewport::Fixed(Rect::new(0, 0, size.0, size.1));
    Terminal::with_options(WidthSafeBackend::new(frame.clone(), size), TerminalOptions { viewport })
}

/// Columns and rows. Some serial lines and tools report a size of 0; then the default is used.
pub fn size() -> (u16, u16) {
    terminal_size::terminal_size_of(io::stdout()).map_or(USUAL, |(columns, rows)| (columns.0, rows.0))
}

pub fn is_up() -> bool {
    IS_UP.load(Ordering::SeqCst)
}

/// Whether the console may read keys.
pub fn may_read() -> bool {
    is_up() && is_foreground()
}

/// Whether this process is in the foreground. Without job control it always is.
pub fn is_foreground() -> bool {
    nix::unistd::tcgetpgrp(io::stdin()).map_or(true, |group| group == nix::unistd::getpgrp())
}

/// Marks the terminal as the shell's, without changing it.
pub fn release() {
    IS_UP.store(false, Ordering::SeqCst);
}

/// Restores the terminal. Returns within a second, even if the terminal accepts no output.
pub fn restore() {
    if !IS_UP.swap(false, Ordering::SeqCst) || !is_foreground() {
        return;
    }
    writer::finish_frame();
    let mut text = vec![CANCEL];
    let restoring =
        queue!(text, EndSynchronizedUpdate, DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, Show);
    // The terminal may be gone.
    let _ = restoring.and_then(|()| writer::write_now(&text));
    let _ = disable_raw_mode();
}

/// Prints a line, if the terminal accepts output.
pub fn print_line(line: &str) {
    if is_foreground() {
        // The terminal may be gone.
        let _ = writer::write_now(format!("{line}\n").as_bytes());
    }
}

/// A panic in any thread first restores the terminal, then prints the report, then ends the console.
pub fn install_panic_hook() -> color_eyre::Result<()> {
    let (panic_hook, eyre_hook) = HookBuilder::default().display_env_section(false).try_into_hooks()?;
    // A second call keeps the first hook.
    let _ = eyre_hook.install();
    std::panic::set_hook(Box::new(move |panic| {
        restore();
        // The default hook prints with a macro that panics without standard error, which would abort the process.
        let _ = writeln!(io::stderr(), "{}", panic_hook.panic_report(panic));
        PANICKED.notify_one();
    }));
    Ok(())
}

/// Completes when a thread has panicked.
pub async fn panicked() {
    PANICKED.notified().await;
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use portable_pty::{CommandBuilder, PtySize, native_pty_system};

    use super::*;

    /// Starts this test executable again in a terminal of its own.
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
        // Reading ends with an error when the terminal closes.
        let _ = output.read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said);
        let place = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text:?} is not in {said:?}"));
        let (entered, left, reported) = (place("\x1b[?1049h"), place("\x1b[?1049l"), place("panicked on purpose"));
        assert!(entered < left && left < reported, "{said:?}");
        assert!(left < place("\x1b[?25h") && place("the console ends") > reported, "{said:?}");
    }

    #[test]
    #[ignore = "run by the test above, in a terminal of its own"]
    fn a_console_that_panics() {
        install_panic_hook().expect("a hook");
        let _screen = Screen::set_up(true).expect("a terminal");
        let thread = std::thread::spawn(|| panic!("panicked on purpose"));
        assert!(thread.join().is_err());
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(panicked());
        println!("the console ends");
    }
}
