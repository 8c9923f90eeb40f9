//! Asks the terminal whether its background is light or dark (OSC 11). A terminal that does not answer is dark.

use std::time::Duration;

use terminal_colorsaurus::{QueryOptions, ThemeMode, theme_mode};

use crate::console::terminal;
use crate::console::theme::Theme;

/// Terminals that do not know the question answer another one that is sent with it, so the time is over only where
/// nothing answers at all. A late answer is dropped by the reader of the keyboard.
const ANSWERED_WITHIN: Duration = Duration::from_millis(150);

pub fn theme() -> Theme {
    // In the background the question would stop this process.
    if !terminal::is_foreground() {
        return Theme::Dark;
    }
    let mut options = QueryOptions::default();
    options.timeout = ANSWERED_WITHIN;
    match theme_mode(options) {
        Ok(ThemeMode::Light) => Theme::Light,
        Ok(ThemeMode::Dark) | Err(_) => Theme::Dark,
    }
}
