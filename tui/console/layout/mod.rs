//! Which part of the screen is where, and which contents are visible. Computed from the model, for `view` to draw and
//! for `update` to act on.
//!
//! ```text
//!   top      name, epoch, leader, commit point, quorum, faults, mode
//!   banner   the current event, in presenter mode
//!   logs     the aligned log table, one to three rows per node
//!   lower    space-time diagram and tabs, side by side if there is room
//!   strips   one line each for step mode, checks and tape, if there is room
//!   answer   the last command and its outcome, if the prompt has no frame that shows it
//!   prompt   one line, with a frame if there is room
//!   hint     the keys, or the error in the line above; two rows unless one holds all keys
//! ```

pub mod checks;

pub mod extent;

pub mod grades;

pub mod help;

pub mod log_columns;

pub mod palette;

pub mod search;

pub mod strips;

pub mod tabs;

pub mod target;

pub mod whole;

use ratatui::layout::Rect;

use crate::console::model::Model;

/// The minimum size that shows everything essential.
pub const COLUMNS_MIN: u16 = 60;
pub const ROWS_MIN: u16 = 18;

/// The minimum height of the lower pane.
const LOWER_MIN: u16 = 6;

/// The height of the lower pane that a tour has, if the log table leaves it.
const LOWER_OF_TOUR: u16 = 12;

/// From this height on, the log table separates nodes by an empty row.
const LOWER_AIRY: u16 = 20;

/// Minimum heights for all strips, and for one strip.
const STRIPS_FROM: u16 = 30;
const ONE_STRIP_FROM: u16 = 22;

/// From this width on, two panes are side by side.
const SPLIT_COLUMNS: u16 = 110;

/// Rows of the banner: four of large letters, one of ordinary ones.
const BANNER: u16 = 5;

/// From this width on, one row holds the keys.
const ONE_HINT_ROW_COLUMNS: u16 = 200;

const STRIPS_MAX: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    pub top: Rect,
    pub banner: Rect,
    pub logs: Rect,
    /// The space-time diagram, if it has a pane of its own. Otherwise it is a tab.
    pub space: Option<Rect>,
    pub lower: Rect,
    pub strips: Rect,
    /// Empty if the prompt has a frame.
    pub answer: Rect,
    pub prompt: Rect,
    /// The row of the command line.
    pub input: Rect,
    pub hint: Rect,
    pub rows_per_node: u16,
    pub is_wide: bool,
}

impl Layout {
    /// All between the banner and the prompt: the place of dialogs and of a zoomed pane.
    pub fn upper(&self) -> Rect {
        self.logs.union(self.space.unwrap_or(self.lower)).union(self.lower).union(self.strips)
    }
}

/// Contents that need rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Content {
    /// The presenter's banner is on.
    pub has_banner: bool,
    /// A tour is shown: its banner where there is room, and a larger tab.
    pub has_tour: bool,
    pub nodes: usize,
    pub strips: usize,
}

impl Content {
    pub fn of(model: &Model) -> Content {
        Content {
            has_banner: model.is_presenting,
            has_tour: model.tour_shown().is_some(),
            nodes: model.nodes.len(),
            strips: strips::strips(model).count(),
        }
    }
}

/// `None` if the screen is too small.
pub fn layout((columns, rows): (u16, u16), content: &Content) -> Option<Layout> {
    if columns < COLUMNS_MIN || rows < ROWS_MIN {
        return None;
    }
    let prompt_rows = if rows >= 30 { 3 } else { 1 };
    let strips_max = match rows {
        STRIPS_FROM.. => STRIPS_MAX,
        ONE_STRIP_FROM.. => 1,
        _ => 0,
    };
    let strips_rows = content.strips.min(strips_max) as u16;
    let has_banner = match content.has_tour {
        true => has_tour_banner((columns, rows)),
        false => content.has_banner && rows >= ROWS_MIN + BANNER,
    };
    let banner_rows = if has_banner { BANNER } else { 0 };
    let answer_rows = u16::from(prompt_rows == 1);
    let hint_rows = if columns < ONE_HINT_ROW_COLUMNS { 2 } else { 1 };
    let others = 1 + banner_rows + strips_rows + answer_rows + prompt_rows + hint_rows;
    let nodes = u16::try_from(content.nodes.max(1)).unwrap_or(u16::MAX);
    // The third row is empty; the last node needs none.
    let table = |rows_per_node: u16| nodes.saturating_mul(rows_per_node).saturating_add(3) - rows_per_node / 3;
    let lower_least = if content.has_tour { LOWER_OF_TOUR } else { LOWER_MIN };
    let lower_min = |rows_per_node: u16| if rows_per_node == 3 { LOWER_AIRY } else { lower_least };
    let fits = |rows_per_node: &u16| table(*rows_per_node).saturating_add(others + lower_min(*rows_per_node)) <= rows;
    let rows_per_node = [3, 2, 1].into_iter().find(fits).unwrap_or(1);
    let logs_rows = table(rows_per_node).min(rows - others - LOWER_MIN);
    let lower_rows = rows - others - logs_rows;
    let mut y = 0;
    let mut take = |height| {
        let area = Rect::new(0, y, columns, height);
        y += height;
        area
    };
    let (top, banner, logs, lower, strips) =
        (take(1), take(banner_rows), take(logs_rows), take(lower_rows), take(strips_rows));
    let (space, lower) = beside(lower, is_split((columns, rows)));
    let (answer, prompt, hint) = (take(answer_rows), take(prompt_rows), take(hint_rows));
    let input = match prompt_rows {
        1 => prompt,
        _ => Rect::new(1, prompt.y + 1, columns - 2, 1),
    };
    Some(Layout {
        top,
        banner,
        logs,
        space,
        lower,
        strips,
        answer,
        prompt,
        input,
        hint,
        rows_per_node,
        is_wide: is_wide(columns),
    })
}

/// Whether the space-time diagram has a pane beside the tabs.
pub fn is_split((columns, rows): (u16, u16)) -> bool {
    columns >= SPLIT_COLUMNS && rows >= STRIPS_FROM
}

/// Whether there is room for the banner of a tour.
pub fn has_tour_banner((_, rows): (u16, u16)) -> bool {
    rows >= STRIPS_FROM
}

fn beside(lower: Rect, is_split: bool) -> (Option<Rect>, Rect) {
    if !is_split {
        return (None, lower);
    }
    let width = lower.width / 2;
    let space = Rect { width, ..lower };
    (Some(space), Rect { x: lower.x + width, width: lower.width - width, ..lower })
}

fn is_wide(columns: u16) -> bool {
    columns >= 100
}

/// Width of the node labels.
pub fn label_width(columns: u16) -> u16 {
    if is_wide(columns) { 25 } else { 17 }
}

/// Width of the cells in a row of the log table.
pub fn cells_width((columns, _): (u16, u16)) -> u16 {
    columns.saturating_sub(2 + label_width(columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: Content = Content { has_banner: false, has_tour: false, nodes: 4, strips: 0 };

    #[test]
    fn every_row_of_every_screen_belongs_to_one_part() {
        for rows in ROWS_MIN..60 {
            for content in (1..9)
                .flat_map(|nodes| (0..5).map(move |strips| (nodes, strips)))
                .map(|(nodes, strips)| Content { nodes, strips, has_banner: strips % 2 == 1, has_tour: nodes % 2 == 1 })
            {
                let layout = layout((80, rows), &content).expect("large enough");
                let upper = [layout.top, layout.banner, layout.logs, layout.lower, layout.strips];
                let parts = upper.into_iter().chain([layout.answer, layout.prompt, layout.hint]);
                assert_eq!(parts.map(|part| part.height).sum::<u16>(), rows);
                assert!(layout.lower.height >= LOWER_MIN);
            }
        }
        assert_eq!(layout((59, 18), &FOUR), None);
    }

    #[test]
    fn nodes_get_as_many_rows_as_there_is_room_for() {
        assert_eq!(layout((80, 24), &FOUR).map(|layout| layout.rows_per_node), Some(2));
        assert_eq!(layout((60, 18), &FOUR).map(|layout| layout.rows_per_node), Some(1));
        assert_eq!(layout((120, 36), &FOUR).map(|layout| layout.rows_per_node), Some(2));
        assert_eq!(layout((120, 42), &FOUR).map(|layout| layout.rows_per_node), Some(3));
        assert_eq!(layout((120, 36), &Content { nodes: 7, ..FOUR }).map(|layout| layout.rows_per_node), Some(2));
    }
}
