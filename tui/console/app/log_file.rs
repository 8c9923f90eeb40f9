//! The log file in the XDG state folder. Log output on the terminal would corrupt the screen.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use crate::console::app::history::open_private;

/// A larger file is deleted at the start.
const LOG_BYTES_MAX: u64 = 4 << 20;

/// Sends logs to the file. Without a writable folder there is no log.
pub fn install(folder: &Path) {
    let open = || {
        fs::create_dir_all(folder)?;
        let path = folder.join("console.log");
        let is_large = fs::metadata(&path).is_ok_and(|known| known.len() > LOG_BYTES_MAX);
        if is_large {
            fs::remove_file(&path)?;
        }
        open_private(OpenOptions::new().append(true), &path)
    };
    let Ok(file) = open() else { return };
    let filter = EnvFilter::try_from_env("EPOCA_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let writer = Mutex::new(file);
    // An existing subscriber stays. Internal errors, such as a full disk, must not be printed to the screen.
    let builder = tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false);
    let _ = builder.with_ansi(false).with_writer(writer).try_init();
}
