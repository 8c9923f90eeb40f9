//! The step tab: waiting messages with sender, receiver, kind, contents and age, and the keys.

use std::time::Duration;

use epoca::protocol::trace::PendingMessage;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::console::keys::{Action, BINDINGS, StepKey};
use crate::console::layout::search;
use crate::console::model::{Model, step_mode};
use crate::console::text::{cut, padded, visible};
use crate::console::theme::Look;
use crate::console::view::frame;
use crate::console::view::line::{put, row, span};
use crate::console::words::{screen, step as words};

/// Widths of the columns. Ages are at the right.
const ID: usize = 13;
const KIND: usize = 13;
const AGE: usize = 8;

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let all = step_mode::waiting(model);
    put(buffer, area, &head(model, all.len(), look));
    let waiting: Vec<_> = all.into_iter().filter(|message| search::shows_message(model, message)).collect();
    let keys_row = u16::from(area.height > 4);
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1 + keys_row), ..area };
    if waiting.is_empty() {
        put(buffer, list, &[span(format!(" {}", model.say(words::NOTHING_WAITS)), look.muted)]);
    }
    let selected = step_mode::row(model, &waiting);
    let height = usize::from(list.height);
    // The selected message and a few after it stay visible.
    let first = (selected + 3).min(waiting.len()).saturating_sub(height);
    let first = first.min(selected);
    for (index, message) in waiting.iter().enumerate().skip(first) {
        let Some(place) = row(list, index - first) else { break };
        put(buffer, place, &drawn(model, message, index == selected, usize::from(place.width), look));
    }
    if keys_row > 0 {
        put(buffer, Rect { y: area.bottom() - 1, height: 1, ..area }, &keys_line(model, look));
    }
    let below = waiting.len().saturating_sub(first + height);
    if below > 0 {
        frame::foot(buffer, area, &words::MORE_BELOW.with(model.lang, &[("count", &below)]), look);
    } else if let Some(text) = let_through(model) {
        frame::foot(buffer, area, &text, look);
    }
}

fn head(model: &Model, count: usize, look: &Look) -> Vec<Span<'static>> {
    let waits = words::waits(model.lang, count);
    if step_mode::is_on(model) {
        vec![
            span(format!(" {} ", model.say(words::STEP)), look.alarm),
            span(format!(" {}", model.say(words::STANDS_STILL)), look.strong),
            span(format!("  {waits}"), look.base),
        ]
    } else {
        vec![span(format!(" {waits}; {}", model.say(words::TIME_GOES_ON)), look.base)]
    }
}

/// The number of messages that step mode has delivered automatically, and how to hold them.
fn let_through(model: &Model) -> Option<String> {
    let is_filtering = step_mode::is_on(model) && !step_mode::keeps_every(model);
    is_filtering.then(|| match step_mode::let_through(model) {
        0 => model.say(words::KEEP_EVERY).to_owned(),
        1 => model.say(words::ONE_LET_THROUGH).to_owned(),
        count => words::LET_THROUGH.with(model.lang, &[("count", &count)]),
    })
}

fn drawn(model: &Model, message: &PendingMessage, is_chosen: bool, width: usize, look: &Look) -> Vec<Span<'static>> {
    let age = match step_mode::due_in(model, message) {
        Some(due) => words::DUE.with(model.lang, &[("seconds", &seconds(due))]),
        None => format!("{} s", seconds(step_mode::age(model, message))),
    };
    let what = width.saturating_sub(2 + ID + KIND + AGE);
    let mark = if is_chosen { "▸ " } else { "  " };
    let strong = if is_chosen { look.strong } else { look.base };
    let kind = screen::KINDS.iter().find(|(kind, _)| *kind == message.kind.name());
    let kind = kind.map_or(message.kind.name(), |(_, text)| model.say(*text));
    vec![
        span(mark, look.accent),
        span(padded(&cut(&message.id.to_string(), ID - 1), ID), strong),
        span(padded(&cut(kind, KIND - 1), KIND), if is_chosen { look.accent } else { look.base }),
        span(padded(&cut(&visible(&message.what), what.saturating_sub(1)), what), strong),
        span(format!("{age:>AGE$}"), look.muted),
    ]
}

fn seconds(time: Duration) -> u64 {
    time.as_secs()
}

/// The keys of step mode. Unavailable ones are in parentheses.
fn keys_line(model: &Model, look: &Look) -> Vec<Span<'static>> {
    let mut spans = vec![Span::raw(" ")];
    for binding in BINDINGS {
        let Action::Step(key) = binding.action else { continue };
        let name = model.say(match key {
            StepKey::Switch if step_mode::is_on(model) => words::K_OFF,
            StepKey::Switch => words::K_ON,
            StepKey::Next => words::K_NEXT,
            StepKey::Deliver => words::K_DELIVER,
            StepKey::Discard => words::K_DISCARD,
            StepKey::Delay => words::K_DELAY,
            StepKey::Duplicate => words::K_DUPLICATE,
        });
        match model.obstacle(binding) {
            Some(_) => spans.push(span(format!("({} {name})  ", binding.label), look.muted)),
            None => {
                spans.push(span(binding.label, look.accent));
                spans.push(span(format!(" {name}  "), look.base));
            }
        }
    }
    spans
}

/// The strip: step mode is on, and the next message.
pub fn strip(model: &Model, width: usize, look: &Look) -> Vec<Span<'static>> {
    let waiting = step_mode::waiting(model);
    let mut spans = vec![
        span(format!(" {} ", model.say(words::STEP)), look.alarm),
        span(format!(" {}, {}", model.say(words::STANDS_STILL), words::waits(model.lang, waiting.len())), look.base),
    ];
    if let Some(next) = waiting.first() {
        let next = format!("{} {} {}", next.id, next.kind, next.what);
        // While a scenario runs, the key goes on with the scenario.
        let is_of_scenario = model.is_paced() || model.is_scenario_cluster;
        let text = if is_of_scenario { words::OLDEST_IS } else { words::NEXT_IS };
        let text = text.with(model.lang, &[("message", &next)]);
        spans.push(span(cut(&format!("   {text}"), width), look.muted));
    }
    spans
}
