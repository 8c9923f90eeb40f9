//! The command line: letters and pastes that go to it, its execution, completion.

use crate::command::parse::{Completion, completion};
use crate::command::{Command, parse_line};
use crate::console::keys::Mode;
use crate::console::model::prompt::{LINE_BYTES_MAX, Mistake, TooLong};
use crate::console::model::{Answer, Dialog, Model, Phase};
use crate::console::update::{Effect, hand, pace, quit, recording, scenario, step, tape};
use crate::console::words::{pace as pace_words, scenario as scenario_words, screen, tape as tape_words};

/// Commands of the console itself.
const LOCAL: [&str; 10] = ["help", "quit", "checks", "bookmark", "event", "live", "play", "run", "scenario", "stop"];

/// A paste in CONTROL goes to the command line; acting on its letters could do anything. A text that exceeds the line
/// is refused as a whole, because a truncated value would be a different value.
pub fn on_paste(model: &mut Model, text: &str) {
    model.notice = None;
    match model.prompt.paste(text) {
        Ok(()) => {
            model.dialog = None;
            model.mode = Mode::Type;
        }
        Err(TooLong) => refuse_paste(model, text.len()),
    }
}

pub fn refuse_paste(model: &mut Model, bytes: usize) {
    model.warn(screen::PASTE_TOO_LONG.with(model.lang, &[("bytes", &bytes), ("most", &LINE_BYTES_MAX)]));
}

/// Letters that arrived at once.
pub fn on_letters(model: &mut Model, letters: &str) {
    model.notice = None;
    model.interrupted = false;
    model.changed();
    if model.prompt.insert(letters) == Err(TooLong) {
        line_is_full(model);
    }
}

pub fn line_is_full(model: &mut Model) {
    model.prompt.is_short = true;
    model.warn(screen::LINE_FULL.with(model.lang, &[("most", &LINE_BYTES_MAX)]));
}

pub fn run_typed(model: &mut Model) -> Vec<Effect> {
    let line = model.prompt.text().to_owned();
    if line.trim().is_empty() {
        return Vec::new();
    }
    if model.prompt.is_short {
        line_is_full(model);
        return Vec::new();
    }
    let Some(mut effects) = run(model, &line) else { return Vec::new() };
    model.prompt.clear();
    if model.prompt.remember(&line) {
        effects.push(Effect::Remember(line.trim().to_owned()));
    }
    effects
}

/// Executes a command, typed or of a key. `None` after an error, which is shown.
pub fn run(model: &mut Model, line: &str) -> Option<Vec<Effect>> {
    match line.trim() {
        "quit" | "exit" => return Some(quit(model)),
        "help" => {
            model.dialog = Some(Dialog::Help { scrolled: 0 });
            return Some(Vec::new());
        }
        _ => {}
    }
    if let Some(effects) = scenario::run_line(model, line.trim()) {
        return Some(effects);
    }
    if let Some(cluster) = &mut model.scenario_cluster {
        if tape::run_line(cluster, line) {
            return Some(Vec::new());
        }
        model.warn(model.say(scenario_words::OTHER_CLUSTER));
        return None;
    }
    if tape::run_line(model, line) {
        return Some(Vec::new());
    }
    if let Some(effects) = hand::run_line(model, line.trim()) {
        return Some(effects);
    }
    let effects = send(model, line)?;
    model.last_line = Some(line.trim().to_owned());
    Some(effects)
}

/// Executes a command for the nodes. `None` after an error, which is shown.
pub fn send(model: &mut Model, line: &str) -> Option<Vec<Effect>> {
    let command = match parse_line(line) {
        Ok(command) => command,
        Err(error) => {
            let at = line.get(..error.at).unwrap_or(line).chars().count();
            model.prompt.mistake = Some(Mistake { at, expected: error.message.to(model.lang).to_owned() });
            return None;
        }
    };
    if model.phase != Phase::Watching {
        model.warn(model.say(screen::NODES_NOT_THERE));
        return None;
    }
    if model.tape.file.is_some() {
        model.warn(model.say(tape_words::NO_NODE_THERE));
        return None;
    }
    if model.tape.past().is_some() {
        tape::to_end(model);
        model.notify(tape_words::BACK_TO_NOW.to(model.lang));
    }
    if pace::is_refused(model, &command) {
        model.warn(model.say(pace_words::SCENARIO_RUNS));
        return None;
    }
    recording::keyframe(model);
    step::on_command(model, &command);
    let number = model.operations.begin(line);
    recording::record_begin(model, number, line);
    model.answer = Some(match &command {
        Command::Get(_) if model.reads.rows.iter().any(|row| row.operation == number) => Answer::Reads,
        _ => Answer::Operation(number),
    });
    Some(vec![Effect::Execute { number, command }])
}

/// Completes the word at the cursor.
pub fn complete(model: &mut Model) {
    let cursor = model.prompt.input.cursor();
    let line: String = model.prompt.text().chars().take(cursor).collect();
    if let Some(names) = scenario::completions(&line) {
        return model.prompt.complete(&names);
    }
    let mut known: Vec<String> = match completion(&line) {
        Completion::Command(names) => {
            names.into_iter().chain(LOCAL.iter().chain(&hand::WORDS).map(|word| (*word).to_owned())).collect()
        }
        Completion::Node => model.nodes.keys().flat_map(|id| [id.0.to_string(), id.to_string()]).collect(),
        Completion::Key => {
            let keys = model.nodes.values().flat_map(|node| node.final_db.keys().keys());
            keys.filter_map(|key| std::str::from_utf8(key).ok()).map(ToOwned::to_owned).collect()
        }
        Completion::OneOf(values) => values,
    };
    known.sort();
    known.dedup();
    model.prompt.complete(&known);
}
