//! What each key does: one table that feeds dispatch, the hint line, the help and the palette.
//!
//! Nothing here knows the model: whether a key can act now is asked there ([`crate::console::model::Obstacle`]).

mod action;

mod remap;

mod table;

use std::sync::OnceLock;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::lang::Text;

use table::{ALT, CONTROL, NONE};

pub use action::{Action, FaultKey, Mode, StepKey, TapeKey};
pub use remap::{find_conflict, remap};
pub use table::BINDINGS;

/// What must be there for a key to act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    Nothing,
    Launcher,
    Lab,
}

#[derive(Clone, Debug)]
pub struct Binding {
    pub mode: Mode,
    pub presses: &'static [Press],
    /// The keys as people read them.
    pub label: &'static str,
    pub action: Action,
    /// What the hint line says, if it has the key.
    pub hint: Option<Text>,
    pub help: Text,
    pub needs: Needs,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Press(KeyCode, KeyModifiers);

/// What the config file made of the table.
static REMAPPED: OnceLock<Vec<Binding>> = OnceLock::new();

/// All bindings, as the config file may have changed them.
pub fn bindings() -> &'static [Binding] {
    REMAPPED.get().map_or(BINDINGS, |bindings| bindings)
}

/// Uses other bindings from now on; can be done once, before any key is pressed.
pub fn install(bindings: Vec<Binding>) {
    // Whoever asks twice gets the first ones.
    let _ = REMAPPED.set(bindings);
}

/// The binding of a key in a mode.
pub fn binding(mode: Mode, event: &KeyEvent) -> Option<&'static Binding> {
    let press = normalize(event);
    bindings().iter().find(|binding| binding.mode == mode && binding.presses.contains(&press))
}

/// The letter that was typed, if it was one and no command with Ctrl or Alt.
pub fn letter(event: &KeyEvent) -> Option<char> {
    match normalize(event) {
        Press(KeyCode::Char(character), NONE) => Some(character),
        _ => None,
    }
}

/// Terminals tell Shift with a capital letter or not; AltGr comes as Ctrl and Alt with the character that it makes.
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

/// The keys of the list of scenarios: digits, then letters. `q` quits there, too.
const SCENARIO_LETTERS: &[u8] = b"123456789abcdefghijklmnoprstuvwxyz";

/// The key of a scenario in the list.
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
    fn shift_and_altgr_do_not_hide_a_letter() {
        let event = |character, modifiers| KeyEvent::new(KeyCode::Char(character), modifiers);
        assert_eq!(letter(&event('Q', KeyModifiers::SHIFT)), Some('Q'));
        assert_eq!(letter(&event('@', CONTROL | ALT)), Some('@'));
        assert_eq!(letter(&event('c', CONTROL)), None);
        assert_eq!(binding(Mode::Control, &event('?', KeyModifiers::SHIFT)).map(|b| b.action), Some(Action::Help));
    }
}
