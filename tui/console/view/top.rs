//! The top line: the state of the cluster, active faults, and the mode at the right.
//!
//! If the line is short, the least important parts are omitted. The mode and active faults always stay.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::console::keys::Mode;
use crate::console::model::{Model, Phase, pace, step_mode};
use crate::console::theme::Look;
use crate::console::view::line::{put, put_right, span, width};
use crate::console::view::{ops, tape};
use crate::console::words::{moments as first_words, pace as slow_words, screen, step as words};
use crate::lang::Text;

/// From this width on, slow motion says what it stretches.
const COLUMNS_LONG: u16 = 100;

/// A part of the line. Parts with a greater `goes` are omitted first; 0 never is.
struct Part {
    spans: Vec<Span<'static>>,
    goes: u8,
}

pub fn draw(buffer: &mut Buffer, area: Rect, model: &Model, look: &Look) {
    let mode = match model.mode {
        Mode::Control | Mode::Paced => span(model.say(screen::M_CONTROL), look.badge),
        Mode::Type => span(model.say(screen::M_TYPE), look.badge),
    };
    let mode_width = width(std::slice::from_ref(&mode)) + 2;
    put_right(buffer, area, &[mode]);
    let room = usize::from(area.width).saturating_sub(mode_width);
    let mut parts = parts(model, look);
    while total(&parts) > room {
        let Some(last) = (0..parts.len()).max_by_key(|index| parts[*index].goes).filter(|i| parts[*i].goes > 0) else {
            break;
        };
        parts.remove(last);
    }
    let mut spans = Vec::new();
    for part in parts {
        if !spans.is_empty() {
            spans.push(Span::raw("  "));
        }
        spans.extend(part.spans);
    }
    put(buffer, Rect { width: area.width.saturating_sub(mode_width as u16), ..area }, &spans);
}

fn total(parts: &[Part]) -> usize {
    parts.iter().map(|part| width(&part.spans) + 2).sum::<usize>().saturating_sub(2)
}

fn parts(model: &Model, look: &Look) -> Vec<Part> {
    let mut parts = vec![Part { spans: vec![span("epoca", look.accent)], goes: 4 }];
    match model.phase {
        Phase::Starting(_) => {
            parts.push(Part { spans: vec![span(model.say(screen::T_STARTING), look.base)], goes: 0 });
            return parts;
        }
        Phase::Ending => {
            parts.push(Part { spans: vec![span(model.say(screen::T_ENDING), look.base)], goes: 0 });
            return parts;
        }
        Phase::Watching => {}
    }
    parts.extend(tape::title(model).map(|text| Part { spans: vec![span(format!(" {text} "), look.alarm)], goes: 0 }));
    if let Some(first) = model.first_moment {
        let text = first_words::T_FIRST.with(model.lang, &[("step", &model.tape.steps_before(first))]);
        parts.push(Part { spans: vec![span(text, look.badge)], goes: 2 });
    }
    parts.extend(known(model, look));
    parts.extend(latency(model, look));
    parts
}

/// The state of the cluster with the active faults, without the name of the program and the place on the tape.
pub fn state(model: &Model, look: &Look) -> Vec<Vec<Span<'static>>> {
    known(model, look).into_iter().map(|part| part.spans).collect()
}

fn known(model: &Model, look: &Look) -> Vec<Part> {
    let mut parts = Vec::new();
    if model.is_anything_known() {
        parts.extend(leadership(model, look));
        parts.push(quorum(model, look));
    } else {
        parts.push(Part { spans: vec![span(model.say(unknown(model)), look.muted)], goes: 0 });
    }
    if model.is_scenario_cluster {
        let text = format!(" {} ", model.say(crate::console::words::scenario::OWN_CLUSTER));
        parts.push(Part { spans: vec![span(text, look.alarm)], goes: 0 });
    }
    parts.extend(in_force(model, look));
    parts
}

/// The text before any node has answered.
pub(super) fn unknown(model: &Model) -> Text {
    if model.tape.file.is_some() { screen::NOTHING_RECORDED } else { screen::NO_ANSWER_AT_ALL }
}

fn leadership(model: &Model, look: &Look) -> Vec<Part> {
    let Some(leader) = model.leader() else {
        return vec![Part { spans: vec![span(model.say(screen::NO_LEADER), look.alarm)], goes: 0 }];
    };
    let epoch = leader.state.epoch.map(|epoch| epoch.to_string()).unwrap_or_default();
    let commit = leader
        .state
        .committed
        .map_or_else(|| model.say(screen::NOTHING_COMMITTED).to_owned(), |point| point.id.to_string());
    vec![
        Part { spans: vec![span(epoch, look.strong)], goes: 0 },
        Part {
            spans: vec![span(screen::LEADS.with(model.lang, &[("node", &leader.state.node)]), look.strong)],
            goes: 0,
        },
        Part { spans: vec![span(model.say(screen::T_COMMIT), look.muted), span(commit, look.committed)], goes: 1 },
    ]
}

fn quorum(model: &Model, look: &Look) -> Part {
    let ((live, nodes), quorum) = (model.live_voters(), model.quorum());
    let spans = if live < quorum {
        let text = screen::NO_QUORUM.with(model.lang, &[("live", &live), ("quorum", &quorum), ("nodes", &nodes)]);
        vec![span(text, look.alarm)]
    } else {
        vec![
            span(model.say(screen::T_QUORUM), look.muted),
            span(screen::QUORUM_OF.with(model.lang, &[("quorum", &quorum), ("nodes", &nodes)]), look.base),
            span(model.say(screen::T_LIVE), look.muted),
            span(live.to_string(), if live < nodes { look.bad } else { look.base }),
        ]
    };
    Part { spans, goes: if live < quorum { 0 } else { 3 } }
}

/// `p50 1.9 ms ▁▂▁ 12/s`: latency and rate of writes.
fn latency(model: &Model, look: &Look) -> Option<Part> {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let p50 = model.latency.p50()?;
    let line = model.latency.line(model.now);
    let most = line.iter().flatten().max().map_or(1, Duration::as_micros).max(1);
    let bar = |took: &Option<Duration>| took.map_or(' ', |took| BARS[(took.as_micros() * 7 / most).min(7) as usize]);
    let rate = model.latency.rate(model.now);
    let rate = if rate < 10.0 { model.lang.number(format!("{rate:.1}/s")) } else { format!("{rate:.0}/s") };
    let spans = vec![
        span("p50 ", look.muted),
        span(ops::latency(p50, model.lang), look.base),
        span(format!(" {} ", line.iter().map(bar).collect::<String>().trim_start()), look.committed),
        span(rate, look.muted),
    ];
    Some(Part { spans, goes: 5 })
}

/// Active faults, which a person may have forgotten.
fn in_force(model: &Model, look: &Look) -> Option<Part> {
    let texts = faults_in_force(model);
    if texts.is_empty() {
        return None;
    }
    let mut spans = Vec::new();
    for text in texts {
        if !spans.is_empty() {
            spans.push(Span::raw(" "));
        }
        spans.push(span(format!(" {text} "), look.alarm));
    }
    Some(Part { spans, goes: 0 })
}

/// The active faults as texts.
pub(super) fn faults_in_force(model: &Model) -> Vec<String> {
    let say = |text: Text, what: &dyn std::fmt::Display| text.with(model.lang, &[("what", what)]);
    let step = step_mode::is_on(model).then(|| words::T_STEP.with(model.lang, &[("count", &step_mode::count(model))]));
    let wrong = step_mode::wrong(model).map(|id| words::T_WRONG.with(model.lang, &[("what", &id)]));
    let held = model.nodes.iter().filter(|(_, node)| !node.holds().is_empty()).map(|(id, _)| say(screen::HELD, id));
    let cut = model.cuts().into_iter().map(|(a, b)| say(screen::CUT, &format!("{a}-{b}")));
    let paused = model.nodes.iter().filter(|(_, node)| node.is_paused()).map(|(id, _)| say(screen::PAUSED, id));
    let pace = pace::pace(model);
    let text = if model.size.0 < COLUMNS_LONG { slow_words::T_SLOW } else { slow_words::T_SLOW_LONG };
    let slow = (!pace.is_real()).then(|| text.with(model.lang, &[("pace", &pace)]));
    slow.into_iter().chain(wrong).chain(step).chain(held).chain(cut).chain(paused).collect()
}
