//! The choice of a conflict, in place of the prompt: `forge in n3: key x  entries 2  [a same ids, other digest]`.

use ratatui::text::Span;

use crate::console::model::{Forgery, ForgeryKind, Model};
use crate::console::text::visible;
use crate::console::theme::Look;
use crate::console::view::line::span;
use crate::console::words::hand as words;

pub fn choice(model: &Model, forgery: &Forgery, look: &Look) -> Vec<Span<'static>> {
    let key = forgery.keys.get(forgery.key).map(|key| visible(&String::from_utf8_lossy(key)).into_owned());
    let mut spans = vec![
        span(words::FORGE.with(model.lang, &[("node", &forgery.node)]), look.accent),
        span(model.say(words::FORGE_KEY), look.muted),
        span(key.unwrap_or_default(), look.strong),
        span(model.say(words::FORGE_DEPTH), look.muted),
        span(forgery.depth.to_string(), look.strong),
    ];
    for kind in [ForgeryKind::SameIds, ForgeryKind::OlderEpoch] {
        let text = model.say(words::kind(kind));
        // Brackets mark the chosen one, also without colours.
        spans.push(match kind == forgery.kind {
            true => span(format!("  [{text}]"), look.strong),
            false => span(format!("   {text} "), look.muted),
        });
    }
    if let Some(notice) = &model.notice {
        spans.push(span(format!("   {}", notice.text), look.bad));
    }
    spans
}

/// What shows the conflict, and the keys.
pub fn keys(model: &Model, forgery: &Forgery, look: &Look) -> [Vec<Span<'static>>; 2] {
    let shown_by = model.say(words::shown_by(forgery.kind));
    [vec![span(shown_by, look.muted)], vec![span(model.say(words::FORGE_KEYS), look.muted)]]
}
