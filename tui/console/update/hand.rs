//! The keys with which a presenter shows the protocol by hand: write, read everywhere, make a conflict, clean up,
//! repeat. Each acts through lines that could be typed.

use bytes::Bytes;
use crossterm::event::{KeyCode, KeyEvent};

use crate::command::Exit;
use crate::console::keys::{self, Action, Mode};
use crate::console::model::{
    Answer, CLEAN_WITHIN, Cleaning, DEPTH_MAX, Dialog, Forgery, ForgeryKind, Model, Presence, Unclean,
};
use crate::console::update::{Effect, ask_to_quit, command_line, recording};
use crate::console::words::hand as words;

/// The commands of this part, for completion.
pub const WORDS: [&str; 2] = ["read", "clean"];

/// Writes the next key and value of a demonstration.
pub fn write(model: &mut Model) -> Vec<Effect> {
    let (key, value) = model.next_write();
    let line = format!("put {key} {value}");
    let effects = command_line::run(model, &line).unwrap_or_default();
    if !effects.is_empty() {
        // The next `i`, up edits it.
        model.prompt.remember(&line);
    }
    effects
}

/// Runs the last command again.
pub fn repeat(model: &mut Model) -> Vec<Effect> {
    match model.last_line.clone() {
        Some(line) => command_line::run(model, &line).unwrap_or_default(),
        None => {
            model.notify(words::NOTHING_TO_REPEAT.to(model.lang));
            Vec::new()
        }
    }
}

/// `read`, `read KEY`, `clean`. `None` for any other line.
pub fn run_line(model: &mut Model, line: &str) -> Option<Vec<Effect>> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let effects = match (word, rest.trim()) {
        ("read", "") => match model.last_key() {
            Some(key) => read(model, &key),
            None => {
                model.notify(words::NOTHING_WRITTEN.to(model.lang));
                return Some(Vec::new());
            }
        },
        ("read", key) => {
            let key = shlex::split(key).and_then(|words| words.into_iter().next())?;
            read(model, &key.into())
        }
        ("clean", "") => clean(model),
        _ => return None,
    };
    if !effects.is_empty() {
        model.last_line = Some(line.to_owned());
    }
    Some(effects)
}

/// Reads a key at all nodes that answer: through the leader linearizably, at each replica its own final data.
fn read(model: &mut Model, key: &Bytes) -> Vec<Effect> {
    let typed = std::str::from_utf8(key).ok().and_then(|key| shlex::try_quote(key).ok()).map(|key| key.into_owned());
    let Some(typed) = typed else {
        model.warn(words::NOT_TYPED.to(model.lang));
        return Vec::new();
    };
    // After a write or another read, or if this read is repeated, the table starts over.
    model.reads = Default::default();
    let leader = model.leader().map(|leader| leader.state.node);
    let answers = model.nodes.iter().filter(|(_, node)| node.is_live());
    let lines: Vec<String> = answers
        .map(|(id, _)| match leader == Some(*id) {
            true => format!("get {typed}"),
            false => format!("get {typed} --consistency local --node {}", id.0),
        })
        .collect();
    if lines.is_empty() {
        model.warn(words::NO_NODE_TO_READ.to(model.lang));
    }
    lines.iter().flat_map(|line| command_line::send(model, line).unwrap_or_default()).collect()
}

/// Lifts all faults, resumes and restarts all nodes, and watches until the cluster is clean.
pub fn clean(model: &mut Model) -> Vec<Effect> {
    let in_force = model.no_lab().is_none().then(|| "clear".to_owned());
    let processes = model.nodes.iter().filter_map(|(id, node)| match &node.presence {
        _ if model.no_launcher.is_some() => None,
        Presence::Down { .. } => Some(format!("restart {id}")),
        _ if node.is_paused() => Some(format!("resume {id}")),
        _ => None,
    });
    let lines: Vec<String> = processes.chain(in_force).collect();
    let effects: Vec<Effect> =
        lines.iter().flat_map(|line| command_line::send(model, line).unwrap_or_default()).collect();
    if !effects.is_empty() {
        model.cleaning = Some(Cleaning { since: model.now, has_written: false });
        model.notify(words::CLEANING.to(model.lang));
    }
    effects
}

/// What follows from the newest message: the second command of a conflict, the end of a cleaning.
pub fn advance(model: &mut Model) -> Vec<Effect> {
    let mut effects = follow(model);
    effects.extend(go_on_cleaning(model));
    effects
}

fn follow(model: &mut Model) -> Vec<Effect> {
    let Some((number, line)) = model.follow_up.take() else { return Vec::new() };
    let exit = match recording::operations(model).find(number).map(|operation| operation.end.as_ref()) {
        Some(None) => {
            model.follow_up = Some((number, line));
            return Vec::new();
        }
        Some(Some(end)) => Some(end.exit),
        None => None,
    };
    if exit == Some(Exit::Done) { command_line::run(model, &line).unwrap_or_default() } else { Vec::new() }
}

fn go_on_cleaning(model: &mut Model) -> Vec<Effect> {
    let Some(cleaning) = model.cleaning else { return Vec::new() };
    let present = recording::present(model);
    let (took, unclean) = (present.now.saturating_sub(cleaning.since), present.unclean());
    match unclean {
        None => {
            let leader = present.leader().map(|leader| (leader.state.node, leader.state.last()));
            let Some((leader, Some(last))) = leader else { return Vec::new() };
            let text = words::clean(took, present.live_voters().0, leader, last.id);
            model.cleaning = None;
            model.notify(text.to(model.lang).to_owned());
        }
        Some(Unclean::Differs(_)) if !cleaning.has_written => {
            model.cleaning = Some(Cleaning { has_written: true, ..cleaning });
            let notice = model.notice.clone();
            let (key, value) = model.next_write();
            let effects = command_line::send(model, &format!("put {key} {value}")).unwrap_or_default();
            model.notice = notice;
            return effects;
        }
        Some(why) if took > CLEAN_WITHIN => {
            model.cleaning = None;
            let text = words::not_clean(why, took);
            model.warn(text.to(model.lang).to_owned());
        }
        Some(_) => {}
    }
    Vec::new()
}

/// Keys of a conflict: digits choose the depth, `a` and `b` the kind, Tab the key; Enter makes it.
pub fn on_forge_key(model: &mut Model, event: &KeyEvent, mut forgery: Forgery) -> Vec<Effect> {
    let letter = keys::letter(event);
    match (event.code, letter) {
        (KeyCode::Enter, _) => return forge(model, &forgery),
        (KeyCode::Esc, _) => return Vec::new(),
        (KeyCode::Tab, _) => forgery.key = (forgery.key + 1) % forgery.keys.len().max(1),
        (_, Some('a')) => forgery.kind = ForgeryKind::SameIds,
        (_, Some('b')) if model.next_leader(forgery.node).is_some() => forgery.kind = ForgeryKind::OlderEpoch,
        (_, Some('b')) => model.warn(words::NO_OTHER_LEADER.to(model.lang)),
        (_, Some('i')) => {
            model.mode = Mode::Type;
            model.prompt.set(forgery.line().unwrap_or_default());
            return Vec::new();
        }
        (_, Some(letter)) => match letter.to_digit(10).map(u64::from).filter(|depth| (1..=DEPTH_MAX).contains(depth)) {
            Some(depth) => forgery.depth = depth,
            None if is_quit(event) => return ask_to_quit(model),
            None => model.notify(words::FORGE_KEYS.to(model.lang)),
        },
        _ => {}
    }
    model.dialog = Some(Dialog::Forge(forgery));
    Vec::new()
}

fn is_quit(event: &KeyEvent) -> bool {
    keys::binding(Mode::Control, event).is_some_and(|binding| binding.action == Action::Quit)
}

fn forge(model: &mut Model, forgery: &Forgery) -> Vec<Effect> {
    let Some(line) = forgery.line() else { return Vec::new() };
    let next = match forgery.kind {
        ForgeryKind::SameIds => None,
        ForgeryKind::OlderEpoch => model.next_leader(forgery.node),
    };
    let effects = command_line::run(model, &line).unwrap_or_default();
    if let (Some(Effect::Execute { number, .. }), Some(next)) = (effects.first(), next) {
        model.follow_up = Some((*number, format!("leader transfer {}", next.0)));
    }
    effects
}

/// Closes the answer that stands over a pane. False if there was none.
pub fn close_answer(model: &mut Model) -> bool {
    model.answer.take().is_some_and(|answer| match answer {
        Answer::Reads => !model.reads.rows.is_empty(),
        Answer::Operation(number) => {
            model.operations.find(number).is_some_and(|operation| operation.answer().len() > 1)
        }
    })
}
