//! The screen, drawn from the model. Views take `&Model`, change nothing, and know no more than it says.

mod banner;

pub mod checks;

mod dialog;

pub mod events;

pub mod finals;

mod explain;

mod frame;

mod help;

mod hint;

mod line;

mod logs;

pub mod message;

pub mod narration;

pub mod nodes;

pub mod ops;

mod palette;

pub mod peers;

mod prompt;

mod row_notes;

pub mod space;

mod stage;

pub mod step;

pub mod tape;

mod top;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::layout::{self, Content, Layout};
use crate::console::model::{Dialog, Model, Screen};
use crate::console::panes;
use crate::console::theme::{Look, fold_to_ascii};

/// Draws the whole screen.
pub fn draw(frame: &mut Frame, model: &Model, look: &Look) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    buffer.set_style(area, look.base);
    let cursor = match layout::layout((area.width, area.height), &Content::of(model)) {
        None => {
            stage::too_small(buffer, area, model, look);
            None
        }
        Some(layout) => draw_screen(buffer, &layout, model, look),
    };
    if look.ascii {
        fold_to_ascii(frame.buffer_mut());
    }
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
}

/// Gives where the cursor stands, if it is seen.
fn draw_screen(buffer: &mut Buffer, layout: &Layout, model: &Model, look: &Look) -> Option<(u16, u16)> {
    top::draw(buffer, layout.top, model, look);
    banner::draw(buffer, layout.banner, model, look);
    let upper = layout.logs.union(layout.space.unwrap_or(layout.lower)).union(layout.lower).union(layout.strips);
    match (&model.screen, &model.dialog) {
        (Screen::Starting(said), _) => stage::starting(buffer, upper, model, said, look),
        (_, Some(Dialog::Help { scrolled })) => help::draw(buffer, upper, model, *scrolled, look),
        (_, Some(Dialog::Palette(shown))) => palette::draw(buffer, upper, model, shown, look),
        (_, Some(Dialog::Explain(explained))) => explain::draw(buffer, upper, model, explained, look),
        _ if model.is_plain => (panes::shown(model).draw)(buffer, upper, model, look),
        _ => {
            logs::draw(buffer, layout, model, look);
            if let Some(area) = layout.space {
                space::pane(buffer, area, model, look);
            }
            draw_lower(buffer, layout.lower, model, look);
            draw_strips(buffer, layout.strips, model, look);
        }
    }
    let cursor = prompt::draw(buffer, layout, model, look);
    hint::draw(buffer, layout, model, look);
    cursor
}

fn draw_lower(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let inner = frame::tabs(buffer, area, model, look);
    (panes::shown(model).draw)(buffer, inner, model, look);
}

/// What has something to say stands below each other, from the top.
fn draw_strips(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    for (index, strip) in panes::strips(model).enumerate() {
        let Some(row) = line::row(area, index) else { return };
        line::put(buffer, row, &(strip.line)(model, usize::from(area.width), look));
    }
}
