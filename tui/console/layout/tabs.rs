//! The tabs of the lower pane: which exist, which one is shown, which names fit on the frame.

use crate::console::layout::is_split;
use crate::console::model::{Model, Pane, step_mode};
use crate::console::text::width as columns;
use crate::console::words::{screen, tour};

/// Whether the tab exists now.
fn is_there(model: &Model, pane: Pane) -> bool {
    match pane {
        Pane::Scenario => model.scenarios.run.is_some() || model.scenarios.requested.is_some(),
        Pane::Sheet => model.scenarios.sheet.is_some(),
        Pane::SpaceTime => !is_split(model.size),
        Pane::Checks => model.pane == Pane::Checks,
        Pane::Step => step_mode::is_there(model),
        Pane::Narration | Pane::Events | Pane::FinalDb | Pane::Ops | Pane::Peers | Pane::Nodes => true,
    }
}

/// The tabs that exist now.
pub fn tabs(model: &Model) -> impl DoubleEndedIterator<Item = Pane> {
    Pane::ALL.into_iter().filter(|pane| is_there(model, *pane))
}

/// The shown tab: the selected one, or the first if the selected one does not exist now.
pub fn shown(model: &Model) -> Pane {
    if is_there(model, model.pane) { model.pane } else { tabs(model).next().unwrap_or(model.pane) }
}

/// The tab `right` positions to the right, cyclic.
pub fn beside(model: &Model, right: isize) -> Pane {
    let panes: Vec<Pane> = tabs(model).collect();
    let here = panes.iter().position(|pane| *pane == shown(model)).unwrap_or_default();
    let there = (here as isize + right).rem_euclid(panes.len().max(1) as isize);
    panes.get(there as usize).copied().unwrap_or(model.pane)
}

/// The name of a tab. That of a scenario is the defense's while it is one.
pub fn name(model: &Model, pane: Pane) -> &'static str {
    let is_tour = || model.scenarios.run.as_ref().is_some_and(|run| run.script.is_tour);
    model.say(if pane == Pane::Scenario && is_tour() { tour::TAB } else { screen::tab(pane) })
}

/// The names on the frame with their columns. Always contains the shown tab.
pub struct Bar {
    pub tabs: Vec<(Pane, usize)>,
    pub hides_left: bool,
    pub hides_right: bool,
}

pub fn bar(model: &Model, width: usize) -> Bar {
    let all: Vec<Pane> = tabs(model).collect();
    let takes = |pane: Pane| columns(name(model, pane)) + 2;
    let here = all.iter().position(|pane| *pane == shown(model)).unwrap_or_default();
    // Drop tabs at the left until the shown one and the arrows fit.
    let total = |from: usize, to: usize| all[from..to].iter().map(|pane| takes(*pane)).sum::<usize>();
    let is_short = total(0, all.len()) > width;
    let room = if is_short { width.saturating_sub(2) } else { width };
    let first = (0..=here).find(|first| total(*first, here + 1) <= room).unwrap_or(here);
    let mut x = usize::from(first > 0);
    let mut shown = Vec::new();
    for pane in &all[first..] {
        if x + takes(*pane) > room + usize::from(first > 0) {
            break;
        }
        shown.push((*pane, x));
        x += takes(*pane);
    }
    let hides_right = first + shown.len() < all.len();
    Bar { tabs: shown, hides_left: first > 0, hides_right }
}
