//! The console playing a recording, as an asciicast (version 2): a header, then one line for each drawn screen.
//!
//! The console's own playback runs with a clock that jumps from step to step, so pauses and speed are those of
//! `epoca replay`.

use std::time::Duration;

use ratatui::backend::Backend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::json;

use crate::console::export::screen::drawn;
use crate::console::model::Model;
use crate::console::terminal::WidthSafeBackend;
use crate::console::theme::Look;
use crate::console::update::{Msg, next_wake, play, show_step, update};

/// Shortest time between two screens.
const FRAME: Duration = Duration::from_millis(33);

/// How long the last screen stays.
const LAST: Duration = Duration::from_secs(2);

/// Clears the terminal and hides the cursor.
const BEGIN: &str = "\u{1b}[?25l\u{1b}[2J\u{1b}[H";

/// The whole recording from its first event. The speed is that of the tape.
pub fn asciicast(model: &mut Model, name: &str, look: &Look) -> String {
    let (columns, rows) = model.size;
    let env = json!({"TERM": "xterm-256color"});
    let header = json!({"version": 2, "width": columns, "height": rows, "title": format!("epoca {name}"), "env": env});
    let mut lines = vec![header.to_string()];
    let mut screen = Buffer::empty(Rect::new(0, 0, columns, rows));
    show_step(model, 1);
    play(model);
    let begun = next_wake(model).unwrap_or_default();
    let mut now = begun;
    let mut lead = BEGIN;
    loop {
        let next = drawn(model, look);
        let bytes = difference(&screen, &next);
        if !bytes.is_empty() || !lead.is_empty() {
            lines.push(line(now - begun, &format!("{lead}{bytes}")));
        }
        (screen, lead) = (next, "");
        let Some(due) = wake(model) else { break };
        now = due.max(now + FRAME);
        update(model, Msg::Tick(now));
    }
    // Players end with the last line.
    lines.push(line(now - begun + LAST, ""));
    lines.join("\n") + "\n"
}

/// When the next step is due; `None` at the end. Playback stops at a violation; here it goes on.
fn wake(model: &mut Model) -> Option<Duration> {
    let (step, of, _) = model.tape.position();
    if model.tape.past()?.playing.is_none() && step < of {
        play(model);
    }
    model.tape.past()?.playing.map(|playing| playing.due)
}

fn line(at: Duration, text: &str) -> String {
    let seconds = (at.as_secs_f64() * 1e6).round() / 1e6;
    json!([seconds, "o", text]).to_string()
}

/// The bytes that make a terminal show `after` where it shows `before`.
fn difference(before: &Buffer, after: &Buffer) -> String {
    let mut bytes = Vec::new();
    let mut backend = WidthSafeBackend::new(&mut bytes, (after.area.width, after.area.height));
    let drawn = backend.draw(before.diff(after).into_iter());
    debug_assert!(drawn.is_ok(), "memory accepts all bytes");
    String::from_utf8_lossy(&bytes).into_owned()
}
