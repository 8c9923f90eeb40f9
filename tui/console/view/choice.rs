//! The selection of a node for a key, in place of the prompt: `kill: 1 2 3 4`.

use epoca::protocol::NodeId;
use ratatui::text::Span;

use crate::console::keys::FaultKey;
use crate::console::model::{Choice, Model};
use crate::console::theme::Look;
use crate::console::view::line::span;
use crate::console::words::obstacles::unfit;
use crate::console::words::screen;

pub fn choice(model: &Model, fault: FaultKey, first: Option<NodeId>, look: &Look) -> Vec<Span<'static>> {
    let mut spans = vec![span(format!(" {}", model.say(screen::fault(fault))), look.accent)];
    if let Some(first) = first {
        spans.push(span(screen::CHOOSE_SECOND.with(model.lang, &[("node", &first)]), look.accent));
    }
    spans.push(span(":", look.accent));
    for choice in model.choices(fault, first) {
        // Parentheses mark unavailable nodes, also without colours.
        match choice.obstacle {
            None => spans.push(span(format!("  {}", choice.letter), look.strong)),
            Some(_) => spans.push(span(format!(" ({})", choice.letter), look.muted)),
        }
    }
    spans.push(span(model.say(screen::ESC_NO), look.muted));
    if let Some(notice) = &model.notice {
        spans.push(span(format!("   {}", notice.text), look.bad));
    }
    spans
}

/// Why nodes are unavailable.
pub fn obstacles(model: &Model, fault: FaultKey, first: Option<NodeId>, look: &Look) -> Vec<Span<'static>> {
    let choices = model.choices(fault, first).into_iter();
    let reason = |choice: Choice| Some(format!("({}) {}", choice.letter, model.say(unfit(choice.obstacle?))));
    let reasons = choices.filter_map(reason);
    vec![span(reasons.collect::<Vec<_>>().join("   "), look.muted)]
}
