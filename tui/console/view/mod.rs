//! Draws the screen from the model. Views change nothing.

mod answer;

mod banner;

mod checks;

mod choice;

mod code;

mod events;

mod final_db;

mod explain;

mod figure;

mod forge;

mod frame;

mod grades;

mod help;

mod hint;

mod line;

mod logs;

mod marks;

mod message;

mod moments;

mod narration;

mod node;

mod nodes;

mod ops;

mod palette;

pub mod parts;

mod peers;

mod plain;

mod pointer;

mod prompt;

mod question_list;

mod row_notes;

mod scenario;

mod scenario_list;

mod search;

mod sheet;

mod space_time;

mod startup;

mod step;

mod tape;

mod top;

mod tour;

mod long_value;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::layout::strips::{Strip, strips};
use crate::console::layout::{self, Content, Layout, tabs};
use crate::console::model::{Dialog, Focus, Model, Pane, Phase};
use crate::console::theme::{Look, fold_to_ascii};

#[cfg(test)]
pub use banner::headline;
pub use plain::plain;
pub use pointer::target;

/// Draws the whole screen.
pub fn draw(frame: &mut Frame, model: &Model, look: &Look) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    buffer.set_style(area, look.base);
    let cursor = match layout::layout((area.width, area.height), &Content::of(model.shown())) {
        None => {
            startup::too_small(buffer, area, model, look);
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

/// Returns the cursor position, if the cursor is visible.
fn draw_screen(buffer: &mut Buffer, layout: &Layout, model: &Model, look: &Look) -> Option<(u16, u16)> {
    let cluster = model.shown();
    top::draw(buffer, layout.top, cluster, look);
    let tour = model.tour_shown();
    match tour.as_deref() {
        Some(run) => tour::banner(buffer, layout.banner, model, run, look),
        None => banner::draw(buffer, layout.banner, cluster, look),
    }
    let upper = layout.upper();
    match (&model.phase, &model.dialog) {
        (Phase::Starting(said), _) => startup::starting(buffer, upper, model, said, look),
        (_, Some(Dialog::Help { scrolled })) => help::draw(buffer, upper, model, *scrolled, look),
        (_, Some(Dialog::Grades { scrolled })) => grades::draw(buffer, upper, model, *scrolled, look),
        (_, Some(Dialog::Palette(shown))) => palette::draw(buffer, upper, model, shown, look),
        (_, Some(Dialog::Scenarios { selected })) => scenario_list::draw(buffer, upper, model, *selected, look),
        (_, Some(Dialog::Questions { selected })) => question_list::draw(buffer, upper, model, *selected, look),
        (_, Some(Dialog::Explain(explained))) => explain::draw(buffer, upper, model, explained, look),
        (_, Some(Dialog::Code(explained))) => code::draw(buffer, upper, model, explained, look),
        (_, Some(Dialog::Node(node))) => node::draw(buffer, upper, cluster, *node, look),
        (_, Some(Dialog::Moments { changes, scrolled })) => {
            moments::draw(buffer, upper, cluster, changes, *scrolled, look);
        }
        (_, Some(Dialog::Value(value))) => long_value::draw(buffer, upper, model, value, look),
        _ if model.is_zoomed && cluster.focus == Focus::SpaceTime && layout.space.is_some() => {
            space_time::pane(buffer, upper, cluster, look);
        }
        _ if model.is_zoomed => draw_lower(buffer, upper, model, look),
        _ if model.is_plain => draw_tab(buffer, upper, model, tabs::shown(model), look),
        _ => {
            logs::draw(buffer, layout, cluster, look);
            if let Some(area) = layout.space {
                space_time::pane(buffer, area, cluster, look);
            }
            draw_lower(buffer, layout.lower, model, look);
            draw_strips(buffer, layout.strips, model, look);
            answer::draw(buffer, layout, model, look);
        }
    }
    let cursor = prompt::draw(buffer, layout, model, look);
    let is_covered = model.dialog.is_some() || model.is_plain || model.is_zoomed || model.phase != Phase::Watching;
    if let Some(run) = tour.as_deref().filter(|_| !is_covered) {
        marks::draw(buffer, layout, model, run, look);
    }
    hint::draw(buffer, layout, model, look);
    cursor
}

fn draw_lower(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let inner = frame::tabs(buffer, area, model, look);
    let pane = tabs::shown(model);
    // The scenario's tabs belong to the console's own model.
    let is_own = matches!(pane, Pane::Scenario | Pane::Sheet);
    draw_tab(buffer, inner, if is_own { model } else { model.shown() }, pane, look);
}

fn draw_tab(buffer: &mut Buffer, area: Rect, model: &Model, pane: Pane, look: &Look) {
    let draw = match pane {
        Pane::Scenario => scenario::draw,
        Pane::Sheet => sheet::draw,
        Pane::Narration => narration::draw,
        Pane::Events => events::draw,
        Pane::SpaceTime => space_time::draw,
        Pane::FinalDb => final_db::draw,
        Pane::Ops => ops::draw,
        Pane::Peers => peers::draw,
        Pane::Checks => checks::draw,
        Pane::Step => step::draw,
        Pane::Nodes => nodes::draw,
    };
    draw(buffer, area, model, look);
}

/// Draws the strips from top to bottom.
fn draw_strips(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let (model, is_paced) = (model.shown(), model.is_paced());
    for (index, strip) in strips(model).enumerate() {
        let Some(row) = line::row(area, index) else { return };
        let width = usize::from(area.width);
        let spans = match strip {
            Strip::Step => step::strip(model, width, look),
            Strip::Grades => grades::strip(model, width, look),
            Strip::Checks => checks::strip(model, width, look),
            Strip::Tape => tape::strip(model, is_paced, width, look),
        };
        line::put(buffer, row, &spans);
    }
}
