//! The meaning of each key: one table for dispatch, hint line, help and palette.
//!
//! This part does not know the model. Whether a key can act now is computed there (`model::Obstacle`).

mod action;

mod remap;

mod table;

use std::sync::OnceLock;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::lang::{Lang, Text, text};

use table::{ALT, CONTROL, NONE};

pub use action::{Action, FaultKey, GuideKey, Mode, PaceKey, StepKey, TapeKey};
pub use remap::{find_conflict, remap};
pub use table::BINDINGS;

/// What a key needs in order to act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    Nothing,
    /// Nodes that run, also while the past is shown.
    Nodes,
    Launcher,
    Lab,
}

#[derive(Clone, Debug)]
pub struct Binding {
    pub mode: Mode,
    pub presses: &'static [Press],
    /// The keys as the screen shows them.
    pub label: &'static str,
    pub action: Action,
    /// Text of the hint line; `None` if the key is not in it.
    pub hint: Option<Text>,
    pub help: Text,
    pub needs: Needs,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Press(KeyCode, KeyModifiers);

/// The label of a key on the screen. Names of keys are those on the keyboard, except that of the longest key.
pub fn label(label: &'static str, lang: Lang) -> &'static str {
    if label == "space" { SPACE.to(lang) } else { label }
}

const SPACE: Text = text("space", "espaço");

/// The bindings after the config file was applied.
static REMAPPED: OnceLock<Vec<Binding>> = OnceLock::new();

/// All bindings.
pub fn bindings() -> &'static [Binding] {
    REMAPPED.get().map_or(BINDINGS, |bindings| bindings)
}

/// Replaces the bindings. Works once, before the first key press.
pub fn install(bindings: Vec<Binding>) {
    // Later calls have no effect.
    let _ = REMAPPED.set(bindings);
}

/// The binding of a key press in a mode.
pub fn binding(mode: Mode, event: &KeyEvent) -> Option<&'static Binding> {
    let press = normalize(event);
    bindings().iter().find(|binding| binding.mode == mode && binding.presses.contains(&press))
}

/// The letter that was typed; `None` for a key with Ctrl or Alt.
pub fn letter(event: &KeyEvent) -> Option<char> {
    match normalize(event) {
        Press(KeyCode::Char(character), NONE) => Some(character),
        _ => None,
    }
}

/// Some terminals report Shift with a capital letter, some do not. AltGr arrives as Ctrl and Alt with the resulting
/// character.
fn normalize(event: &KeyEvent) -> Press {
    let mut modifiers = event.modifiers & (CONTROL | ALT);
    if matches!(event.code, KeyCode::Char(_)) && modifiers == CONTROL | ALT {
        modifiers = NONE;
    }
    match event.code {
        KeyCode::Char(character) if modifiers == CONTROL => {
            Press(KeyCode::Char(character.to_ascii_lowercase()), modifiers)
        }
        code => Press(code, modifiers),
    }
}

/// The digits whose scenarios are the assignment's four tests: correct data, an old log, a conflict, the commit order.
pub const TEST_DIGITS: [&str; 4] = ["1", "2", "3", "5"];

/// Keys in the list of scenarios: digits, then letters without `q`, which quits.
const SCENARIO_LETTERS: &[u8] = b"123456789abcdefghijklmnoprstuvwxyz";

/// The key of the scenario at this index in the list.
pub fn scenario_letter(index: usize) -> char {
    SCENARIO_LETTERS.get(index).map_or(' ', |letter| char::from(*letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_mode() {
        for (index, binding) in BINDINGS.iter().enumerate() {
            let others = BINDINGS[index + 1..].iter().filter(|other| other.mode == binding.mode);
            for other in others {
                assert!(!binding.presses.iter().any(|press| other.presses.contains(press)), "{binding:?} {other:?}");
            }
        }
    }

    #[test]
    fn the_space_key_is_named_in_the_language_of_the_screen() {
        assert_eq!((label("space", Lang::English), label("space", Lang::Portuguese)), ("space", "espaço"));
        assert_eq!(label("tab", Lang::Portuguese), "tab");
    }

    #[test]
    fn shift_and_altgr_do_not_hide_a_letter() {
        let event = |character, modifiers| KeyEvent::new(KeyCode::Char(character), modifiers);
        assert_eq!(letter(&event('Q', KeyModifiers::SHIFT)), Some('Q'));
        assert_eq!(letter(&event('@', CONTROL | ALT)), Some('@'));
        assert_eq!(letter(&event('c', CONTROL)), None);
        assert_eq!(binding(Mode::Control, &event('?', KeyModifiers::SHIFT)).map(|b| b.action), Some(Action::Help));
    }
}
