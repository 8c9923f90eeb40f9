//! Texts of the space-time diagram: arrow labels, details of the selected row, marks beside a node's line.

use std::time::Duration;

use epoca::protocol::trace::{Difference, Fact};
use epoca::protocol::{EntryId, MessageKind, NodeId};
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::model::Model;
use crate::console::model::space_time::{Call, Delivery, Message, Quiet, RECEIVER_DOWN, Row, Shape};
use crate::console::text::wrap;
use crate::console::theme::Look;
use crate::console::view::line::span;
use crate::console::words::{content, pace, screen, step, stepped_down};
use crate::lang::{Lang, Text};

/// Labels of the arrow, longest first.
pub fn labels(message: &Message, lang: Lang) -> Vec<String> {
    let kind = kind(message, lang);
    let mut labels = Vec::new();
    let what = message.about.map(|id| id.to_string()).or(message.epoch.map(|epoch| epoch.to_string()));
    if let Some(what) = what.filter(|_| message.kind != MessageKind::Refused) {
        if message.entries > 1 {
            labels.push(format!("{kind} {what} ×{}", message.entries));
        }
        labels.push(format!("{kind} {what}"));
    }
    labels.push(kind);
    if message.is_unordered {
        labels.iter_mut().for_each(|label| label.push('?'));
    }
    labels
}

fn kind(message: &Message, lang: Lang) -> String {
    let kind = kind_name(&message.kind, lang);
    if message.pushed.is_some_and(|(_, resync)| resync > 0) { format!("re{kind}") } else { kind }
}

fn kind_name(kind: &str, lang: Lang) -> String {
    let known = screen::KINDS.iter().find(|(known, _)| *known == kind);
    known.map_or_else(|| kind.to_owned(), |(_, text)| text.to(lang).to_owned())
}

pub fn style(message: &Message, look: &Look) -> Style {
    use MessageKind::{CommitOrder, LogState, PreVote, PreVoteAnswer, Push, Refused, Vote, VoteAnswer};
    match MessageKind::from_name(&message.kind) {
        Some(Push) if message.pushed.is_some_and(|(_, resync)| resync > 0) => look.different,
        Some(Push) => look.intermediate,
        Some(CommitOrder) => look.committed,
        Some(LogState | Refused) => look.different,
        Some(PreVote | PreVoteAnswer | Vote | VoteAnswer) => look.accent,
        _ => look.base,
    }
}

/// The mark of an event beside its node's line.
pub fn mark(model: &Model, fact: &Fact, look: &Look) -> (String, Style) {
    let lang = model.lang;
    let with = |text: Text, what: &dyn std::fmt::Display| text.with(lang, &[("what", what)]);
    match fact {
        Fact::Elected { epoch, .. } => (with(screen::MARK_LEADS, epoch), look.accent),
        Fact::SteppedDown { epoch, .. } => match stepped_down(fact) {
            "SteppedDown" => (with(screen::MARK_STEPS_DOWN, epoch), look.bad),
            "SteppedDown.candidate" => (model.say(screen::MARK_GIVES_UP).to_owned(), look.accent),
            _ => (model.say(screen::MARK_REPLICA).to_owned(), look.accent),
        },
        Fact::TimedOut { .. } => (model.say(screen::MARK_STANDS).to_owned(), look.accent),
        Fact::Conflict { what, found, .. } if *what == Difference::PrevMissing => {
            let end = found.map_or_else(|| model.say(screen::LOG_START).to_owned(), |point| point.id.to_string());
            (with(screen::MARK_MISSING, &end), look.intermediate)
        }
        Fact::Conflict { found, .. } => {
            let found = found.map(|point| point.id.to_string()).unwrap_or_default();
            (with(screen::MARK_CONFLICT, &found), look.bad)
        }
        Fact::Truncated { from, .. } => (with(screen::MARK_TRUNCATES, from), look.truncated),
        Fact::Committed { up_to, .. } => (with(screen::MARK_COMMITTED, &up_to.id), look.committed),
        Fact::Received { kind, .. } => {
            (screen::ORDER_UNKNOWN_MARK.with(lang, &[("kind", &kind_name(kind, lang))]), look.different)
        }
        Fact::LinkCut { with: peer } => (with(screen::MARK_CUT, peer), look.bad),
        Fact::LinkHealed { with: peer } => (with(screen::MARK_HEALED, peer), look.committed),
        Fact::HoldSet { kind } => (with(screen::MARK_HOLDS, &lang.reason(kind)), look.intermediate),
        Fact::HoldReleased { messages, .. } => (with(screen::MARK_RELEASED, messages), look.committed),
        Fact::Injected { entries } => {
            let what = entries.iter().map(content).collect::<Vec<_>>().join(" ");
            (with(screen::MARK_INJECTED, &what), look.different)
        }
        Fact::StepOn { .. } => (model.say(step::MARK_STILL).to_owned(), look.intermediate),
        Fact::StepOff {} => (model.say(step::MARK_GOES_ON).to_owned(), look.committed),
        Fact::PaceSet { slowdown: 0 | 1, .. } => (model.say(pace::MARK_REAL).to_owned(), look.committed),
        Fact::PaceSet { slowdown, .. } => (with(pace::MARK_SLOW, slowdown), look.intermediate),
        Fact::Quarantined { .. } => (model.say(screen::MARK_QUARANTINED).to_owned(), look.bad),
        Fact::DiskError { text } | Fact::Damaged { text } => (text.to_string(), look.bad),
        other => (lang.fact(NodeId(0), other), look.muted),
    }
}

/// Details of the selected row.
pub fn lines(model: &Model, row: &Row, width: usize, look: &Look) -> Vec<Vec<Span<'static>>> {
    let lang = model.lang;
    if let Some(message) = model.space_time.message(row) {
        let head = screen::MESSAGE_HEAD.with(
            lang,
            &[
                ("kind", &kind(message, lang)),
                ("number", &message.number),
                ("from", &message.from),
                ("to", &message.to),
            ],
        );
        let mut lines = vec![vec![span(format!(" {head}"), style(message, look))]];
        let rest = [carries(message, lang), times(message, lang)];
        lines.extend(
            rest.iter()
                .flat_map(|text| wrap(text, width.saturating_sub(2)))
                .map(|text| vec![span(format!(" {text}"), look.base)]),
        );
        return lines;
    }
    let (node, text) = match &row.shape {
        Shape::Mark(node, fact) => (node.to_string(), lang.fact(*node, fact)),
        Shape::Call(node, call) => (node.to_string(), call_text(call, lang)),
        Shape::Liveness { node, is_up } => {
            (node.to_string(), model.say(if *is_up { screen::UP } else { screen::DOWN }).to_owned())
        }
        Shape::Quiet(quiet) => (quiet.from.to_string(), quiet_text(row.at, quiet, lang)),
        Shape::Message(_) => return Vec::new(),
    };
    let text = format!("{}  {node}: {text}", clock(row.at));
    wrap(&text, width.saturating_sub(2)).into_iter().map(|text| vec![span(format!(" {text}"), look.base)]).collect()
}

fn call_text(call: &Call, lang: Lang) -> String {
    match call {
        Call::Write(entries) => {
            let ids = entries.first().map(|entry| entry.point.id.to_string()).unwrap_or_default();
            let what = entries.iter().take(4).map(content).collect::<Vec<_>>().join(" ");
            screen::CALL_WRITE.with(lang, &[("what", &what), ("entry", &ids)])
        }
        Call::Written(id) => screen::CALL_WRITTEN.with(lang, &[("entry", id)]),
        Call::Read(reads) => screen::CALL_READ.with(lang, &[("reads", &lang.reads(*reads))]),
        Call::Answered(reads) => screen::CALL_ANSWERED.with(lang, &[("reads", &lang.reads(*reads))]),
        Call::Refused(why) => format!("{}: {}", screen::REFUSED.to(lang), lang.reason(why)),
    }
}

fn quiet_text(since: Duration, quiet: &Quiet, lang: Lang) -> String {
    let seconds = quiet.until.saturating_sub(since).as_secs();
    screen::QUIET_LONG.with(lang, &[("count", &quiet.beats), ("seconds", &seconds)])
}

/// Epoch, entries, and the entry before them.
fn carries(message: &Message, lang: Lang) -> String {
    let id = |id: Option<EntryId>| id.map_or_else(|| screen::LOG_START.to(lang).to_owned(), |id| id.to_string());
    let mut parts = Vec::new();
    if let Some(epoch) = message.epoch {
        parts.push(screen::CARRIES_EPOCH.with(lang, &[("epoch", &epoch)]));
    }
    match (message.entries, message.about) {
        (0, None) => {}
        (0, Some(about)) => parts.push(screen::CARRIES_ABOUT.with(lang, &[("entry", &about)])),
        (_, about) => {
            let counted = lang.counted(message.entries);
            parts.push(screen::CARRIES_ENTRIES.with(lang, &[("entries", &counted), ("entry", &id(about))]));
        }
    }
    if message.bytes > 0 {
        parts.push(screen::CARRIES_BYTES.with(lang, &[("bytes", &message.bytes)]));
    }
    if let Some((prev, resync)) = message.pushed {
        parts.push(format!("prev {}", id(prev)));
        if resync > 0 {
            parts.push(screen::CARRIES_RESYNC.with(lang, &[("number", &resync)]));
        }
    }
    parts.join(" · ")
}

fn times(message: &Message, lang: Lang) -> String {
    let sent = screen::SENT_AT.with(lang, &[("time", &clock(message.at)), ("event", &message.event)]);
    let delivery = match &message.delivery {
        Delivery::InTransit => screen::FATE_UNDER_WAY.to(lang).to_owned(),
        Delivery::InFlight { .. } => screen::FATE_UNDER_WAY.to(lang).to_owned(),
        Delivery::Held => screen::FATE_HELD.to(lang).to_owned(),
        Delivery::Lost(why) if why == RECEIVER_DOWN => screen::FATE_DOWN.to(lang).to_owned(),
        Delivery::Lost(why) => screen::FATE_LOST.with(lang, &[("why", &lang.reason(why))]),
        Delivery::Received(at, event) => {
            let micros = at.saturating_sub(message.at).as_micros();
            let took = lang.number(format!("{}.{} ms", micros / 1_000, micros / 100 % 10));
            screen::FATE_RECEIVED.with(lang, &[("took", &took), ("event", event)])
        }
    };
    match (message.is_unordered, &message.delivery) {
        // Without the duration: the events arrived in the wrong order.
        (true, Delivery::Received(_, event)) => {
            format!("{sent} · {}", screen::ORDER_UNKNOWN_EVENT.with(lang, &[("event", event)]))
        }
        _ => format!("{sent} · {delivery}"),
    }
}

/// `00:12.345`
pub fn clock(at: Duration) -> String {
    let millis = at.as_millis();
    format!("{:02}:{:02}.{:03}", millis / 60_000, millis / 1_000 % 60, millis % 1_000)
}
