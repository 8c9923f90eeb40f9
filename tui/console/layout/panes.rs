//! The tabs of the lower pane and the strips above the prompt: one table each. A line here is all that a new one needs;
//! what it shows is its own file in `view`.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::console::layout::is_split;
use crate::console::model::{Model, step};
use crate::console::text::width as columns;
use crate::console::theme::Look;
use crate::console::view::{
    checks, events, finals, narration, nodes, ops, peers, scenario, sheet, space, step as step_view, tape,
};
use crate::lang::{Text, text};

/// What the arrows and pages do in a tab.
#[derive(Clone, Copy)]
pub enum Arrows {
    /// So many lines that grow at their end: scrolling up goes back from the newest.
    FromEnd(fn(&Model) -> usize),
    /// So many lines that are read from the top.
    FromTop(fn(&Model) -> usize),
    /// The tab has a selection that goes so many rows down.
    Select(fn(&mut Model, isize)),
}

/// A tab of the lower pane.
pub struct Tab {
    pub pane: Pane,
    pub name: Text,
    /// Whether it is there now.
    pub is_there: fn(&Model) -> bool,
    pub arrows: Arrows,
    pub draw: fn(&mut Buffer, Rect, &Model, &Look),
}

/// A line between the panes and the prompt, left out while it has nothing to say and on small screens.
pub struct Strip {
    pub is_there: fn(&Model) -> bool,
    /// The line in this width.
    pub line: fn(&Model, usize, &Look) -> Vec<Span<'static>>,
}

macro_rules! tabs {
    ($($pane:ident $name:expr, $is_there:expr, $arrows:expr, $draw:expr;)*) => {
        /// What the lower pane shows.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Pane {
            $($pane),*
        }

        /// In the order in which they stand on the frame.
        pub const TABS: &[Tab] =
            &[$(Tab { pane: Pane::$pane, name: $name, is_there: $is_there, arrows: $arrows, draw: $draw }),*];
    };
}

tabs! {
    Scenario text("scenario", "cenário"), |model| model.scenarios.run.is_some() || model.scenarios.asked.is_some(),
        Arrows::Select(|model, down| model.scenarios.select(down)), scenario::draw;
    Sheet text("sheet", "folha"), |model| model.scenarios.sheet.is_some(),
        Arrows::Select(|model, down| model.scenarios.select_line(down)), sheet::draw;
    Narration text("narration", "narração"), always, Arrows::Select(|model, down| model.story.select(down)), narration::draw;
    Events text("events", "eventos"), always, Arrows::FromEnd(|model| model.timeline.lines().len()), events::draw;
    SpaceTime text("space-time", "espaço-tempo"), |model| !is_split(model.size),
        Arrows::Select(|model, down| model.space.select(down)), space::draw;
    FinalDb text("final db", "banco final"), always, Arrows::FromTop(finals::rows), finals::draw;
    Ops text("ops", "operações"), always, Arrows::FromEnd(|model| model.operations.lines()), ops::draw;
    Peers text("peers", "enlaces"), always, Arrows::FromTop(peers::rows), peers::draw;
    Checks text("checks", "verificações"), checks::pane_is_there, Arrows::FromTop(checks::rows), checks::draw;
    Step text("step", "passo"), step::is_there, Arrows::Select(step::select), step_view::draw;
    Nodes text("nodes", "nós"), always, Arrows::FromTop(|model| model.nodes.len() * 4), nodes::draw;
}

/// From the upper to the lower.
pub const STRIPS: &[Strip] = &[
    Strip { is_there: step::is_on, line: step_view::strip },
    Strip { is_there: checks::is_there, line: checks::line },
    Strip { is_there: tape::is_there, line: tape::line },
];

fn always(_: &Model) -> bool {
    true
}

/// The tab of the pane that is shown: the chosen one, or the first if that is not there now.
pub fn shown(model: &Model) -> &'static Tab {
    let chosen = &TABS[model.pane as usize];
    if (chosen.is_there)(model) { chosen } else { tabs(model).next().unwrap_or(chosen) }
}

/// The tabs that are there now.
pub fn tabs(model: &Model) -> impl DoubleEndedIterator<Item = &'static Tab> {
    TABS.iter().filter(|tab| (tab.is_there)(model))
}

/// The pane so many tabs to the right; it goes around.
pub fn beside(model: &Model, right: isize) -> Pane {
    let panes: Vec<Pane> = tabs(model).map(|tab| tab.pane).collect();
    let here = panes.iter().position(|pane| *pane == shown(model).pane).unwrap_or_default();
    let there = (here as isize + right).rem_euclid(panes.len().max(1) as isize);
    panes.get(there as usize).copied().unwrap_or(model.pane)
}

/// The names on the frame: those that fit, the shown one among them, each with where it begins.
pub struct Bar {
    pub tabs: Vec<(&'static Tab, usize)>,
    pub hides_left: bool,
    pub hides_right: bool,
}

pub fn bar(model: &Model, width: usize) -> Bar {
    let all: Vec<&Tab> = tabs(model).collect();
    let takes = |tab: &Tab| columns(model.say(tab.name)) + 2;
    let here = all.iter().position(|tab| tab.pane == shown(model).pane).unwrap_or_default();
    // Tabs are taken off at the left until the shown one and the marks fit.
    let total = |from: usize, to: usize| all[from..to].iter().map(|tab| takes(tab)).sum::<usize>();
    let is_short = total(0, all.len()) > width;
    let room = if is_short { width.saturating_sub(2) } else { width };
    let first = (0..=here).find(|first| total(*first, here + 1) <= room).unwrap_or(here);
    let mut x = usize::from(first > 0);
    let mut shown = Vec::new();
    for tab in &all[first..] {
        if x + takes(tab) > room + usize::from(first > 0) {
            break;
        }
        shown.push((*tab, x));
        x += takes(tab);
    }
    let hides_right = first + shown.len() < all.len();
    Bar { tabs: shown, hides_left: first > 0, hides_right }
}

/// The strips that have something to say now.
pub fn strips(model: &Model) -> impl Iterator<Item = &'static Strip> {
    STRIPS.iter().filter(|strip| (strip.is_there)(model))
}
