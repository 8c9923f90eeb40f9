//! Converts keys, clicks and pastes to messages.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use crate::console::model::Model;
use crate::console::terminal::input::{Batch, Event};
use crate::console::update::{Gesture, Msg};
use crate::console::view;

/// A message, or a mouse event whose target is looked up when it is handled.
#[allow(clippy::large_enum_variant, reason = "almost all inputs are messages, and all are consumed at once")]
pub enum Input {
    Msg(Msg),
    Mouse(MouseEvent),
}

impl Input {
    /// Looks up the target of a mouse event in the current model, after all earlier messages were handled. `None` if
    /// the event has no meaning.
    pub fn into_msg(self, model: &Model) -> Option<Msg> {
        match self {
            Input::Msg(msg) => Some(msg),
            Input::Mouse(event) => {
                let gesture = gesture(event.kind)?;
                let target = view::target(model, Position { x: event.column, y: event.row })?;
                Some(Msg::Mouse(gesture, target))
            }
        }
    }
}

fn gesture(kind: MouseEventKind) -> Option<Gesture> {
    match kind {
        MouseEventKind::Down(MouseButton::Left) => Some(Gesture::Click),
        MouseEventKind::ScrollUp => Some(Gesture::Wheel(-1)),
        MouseEventKind::ScrollDown => Some(Gesture::Wheel(1)),
        // Movement must not cause a redraw.
        _ => None,
    }
}

/// Converts a batch. Consecutive keys stay together, because a burst of keys is treated differently.
pub fn from_terminal(batch: Option<Batch>) -> Vec<Input> {
    // The terminal is gone.
    let Some(Batch { events, quiet }) = batch else { return vec![Input::Msg(Msg::Terminate)] };
    let mut inputs = Vec::new();
    for event in events {
        let msg = match (event, inputs.last_mut()) {
            (Event::Key(key), Some(Input::Msg(Msg::Keys(keys, _)))) => {
                keys.push(key);
                continue;
            }
            (Event::Key(key), before) => {
                let quiet = if before.is_none() { quiet } else { Duration::ZERO };
                Msg::Keys(vec![key], quiet)
            }
            (Event::Mouse(event), _) => {
                inputs.push(Input::Mouse(event));
                continue;
            }
            (Event::Paste(text), _) => Msg::Paste(text),
            (Event::TooLong(bytes), _) => Msg::PasteTooLong(bytes),
            (Event::Unended(bytes), _) => Msg::PasteUnended(bytes),
        };
        inputs.push(Input::Msg(msg));
    }
    inputs
}

pub fn is_impatient(event: &Event) -> bool {
    matches!(event, Event::Key(KeyEvent { code: KeyCode::Char('c' | 'q'), kind: KeyEventKind::Press, .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_the_mouse_about_means_nothing() {
        assert_eq!(gesture(MouseEventKind::Moved), None);
        assert_eq!(gesture(MouseEventKind::Up(MouseButton::Left)), None);
        assert_eq!(gesture(MouseEventKind::ScrollUp), Some(Gesture::Wheel(-1)));
    }
}
