//! What each key does: one table that feeds dispatch, the hint line and the help.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::InputRequest;

use crate::console::model::{FaultKey, Mode, Model};

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Action {
    Fault(FaultKey),
    Type,
    Help,
    Quit,
    Interrupt,
    /// A longer explanation of what is looked at.
    Explain,
    /// The arrows go to the space-time picture, or back.
    SpaceTime,
    NextPane,
    PreviousPane,
    /// Lines of the lower pane, down being positive.
    Scroll(isize),
    ScrollPage(isize),
    /// Columns of the log table, newer being positive.
    Look(isize),
    LookOldest,
    LookNewest,
    /// Back to CONTROL, or away with what is in the way.
    Escape,
    Run,
    Complete,
    Search,
    Older,
    Newer,
    Edit(InputRequest),
}

/// What must be there for a key to act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    Nothing,
    Launcher,
    Lab,
}

#[derive(Debug)]
pub struct Binding {
    pub mode: Mode,
    pub presses: &'static [Press],
    /// The keys as people read them.
    pub shown: &'static str,
    pub action: Action,
    /// What the hint line says, if it has the key.
    pub hint: Option<&'static str>,
    pub help: &'static str,
    pub needs: Needs,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Press(KeyCode, KeyModifiers);

const NONE: KeyModifiers = KeyModifiers::NONE;
const CONTROL: KeyModifiers = KeyModifiers::CONTROL;
const ALT: KeyModifiers = KeyModifiers::ALT;

const fn char(character: char) -> Press {
    Press(KeyCode::Char(character), NONE)
}

const fn key(code: KeyCode) -> Press {
    Press(code, NONE)
}

const fn control(character: char) -> Press {
    Press(KeyCode::Char(character), CONTROL)
}

const fn alt(character: char) -> Press {
    Press(KeyCode::Char(character), ALT)
}

macro_rules! bindings {
    ($($mode:ident [$($press:expr),*] $shown:literal $action:expr, $hint:expr, $help:literal, $needs:ident;)*) => {
        &[$(Binding {
            mode: Mode::$mode,
            presses: &[$($press),*],
            shown: $shown,
            action: $action,
            hint: $hint,
            help: $help,
            needs: Needs::$needs,
        }),*]
    };
}

/// In the order of the hint line and the help. The first that fits acts.
pub const BINDINGS: &[Binding] = bindings! {
    Control [char('k')] "k" Action::Fault(FaultKey::Kill), Some("kill"),
        "kill a node at once; typed: kill 3", Launcher;
    Control [char('r')] "r" Action::Fault(FaultKey::Restart), Some("restart"),
        "start a node again; typed: restart 3", Launcher;
    Control [char('z')] "z" Action::Fault(FaultKey::Pause), Some("pause"),
        "freeze a node, or let it go on; typed: pause 3, resume 3", Launcher;
    Control [char('x')] "x" Action::Fault(FaultKey::Link), Some("cut"),
        "cut the link between two nodes, or heal it; typed: cut 2 3, heal 2 3", Lab;
    Control [char('h')] "h" Action::Fault(FaultKey::Hold), Some("hold"),
        "hold the commit orders to a node, or release them; typed: hold 3 commit-order, release 3", Lab;
    Control [char('c')] "c" Action::Fault(FaultKey::Conflict), Some("conflict"),
        "put a forged entry at the end of a replica's log; typed: inject 3 q 666", Lab;
    Control [char('i'), char('/'), key(KeyCode::Enter)] "i" Action::Type, Some("type"),
        "type a command; also / and Enter", Nothing;
    Control [key(KeyCode::Tab)] "tab" Action::NextPane, Some("pane"),
        "next lower pane: events, final db, ops, nodes; Shift-Tab goes back", Nothing;
    Control [key(KeyCode::BackTab)] "shift-tab" Action::PreviousPane, None, "previous lower pane", Nothing;
    Control [char('s')] "s" Action::SpaceTime, Some("space-time"),
        "select a message of the space-time picture with up and down; s or esc goes back", Nothing;
    Control [char('e')] "e" Action::Explain, Some("explain"),
        "explain the selected step (up and down select), or the newest", Nothing;
    Control [char('?')] "?" Action::Help, Some("help"), "this help", Nothing;
    Control [char('q')] "q" Action::Quit, Some("quit"),
        "quit at once; nodes that this console started end with it", Nothing;
    Control [control('c')] "ctrl-c" Action::Interrupt, None, "twice: quit", Nothing;
    Control [key(KeyCode::Up)] "up" Action::Scroll(-1), None, "scroll the lower pane up", Nothing;
    Control [key(KeyCode::Down)] "down" Action::Scroll(1), None, "scroll it down", Nothing;
    Control [key(KeyCode::PageUp)] "pgup" Action::ScrollPage(-1), None, "a page up", Nothing;
    Control [key(KeyCode::PageDown)] "pgdn" Action::ScrollPage(1), None, "a page down", Nothing;
    Control [key(KeyCode::Left)] "left" Action::Look(-1), None, "older entries of the logs", Nothing;
    Control [key(KeyCode::Right)] "right" Action::Look(1), None, "newer entries of the logs", Nothing;
    Control [key(KeyCode::Home)] "home" Action::LookOldest, None, "the oldest entries", Nothing;
    Control [key(KeyCode::End)] "end" Action::LookNewest, None, "the newest entries, and go along with them", Nothing;
    Control [key(KeyCode::Esc)] "esc" Action::Escape, None, "away with a choice, a message or this help", Nothing;

    Type [key(KeyCode::Enter)] "enter" Action::Run, Some("run"), "carry the line out", Nothing;
    Type [key(KeyCode::Tab)] "tab" Action::Complete, Some("complete"), "complete the word", Nothing;
    Type [key(KeyCode::Up), control('p')] "up" Action::Older, Some("older"), "the line before it in the history", Nothing;
    Type [key(KeyCode::Down), control('n')] "down" Action::Newer, None, "the line after it", Nothing;
    Type [control('r')] "ctrl-r" Action::Search, Some("search"), "search the history backwards", Nothing;
    Type [key(KeyCode::Esc)] "esc" Action::Escape, Some("control"), "back to single keys", Nothing;
    Type [control('c')] "ctrl-c" Action::Interrupt, None, "throw the line away; twice: quit", Nothing;
    Type [key(KeyCode::PageUp)] "pgup" Action::ScrollPage(-1), None, "a page up in the lower pane", Nothing;
    Type [key(KeyCode::PageDown)] "pgdn" Action::ScrollPage(1), None, "a page down", Nothing;
    Type [key(KeyCode::Left), control('b')] "left" Action::Edit(InputRequest::GoToPrevChar), None, "a character back", Nothing;
    Type [key(KeyCode::Right), control('f')] "right" Action::Edit(InputRequest::GoToNextChar), None, "a character on", Nothing;
    Type [Press(KeyCode::Left, CONTROL), Press(KeyCode::Left, ALT), alt('b')] "ctrl-left"
        Action::Edit(InputRequest::GoToPrevWord), None, "a word back; also alt-b", Nothing;
    Type [Press(KeyCode::Right, CONTROL), Press(KeyCode::Right, ALT), alt('f')] "ctrl-right"
        Action::Edit(InputRequest::GoToNextWord), None, "a word on; also alt-f", Nothing;
    Type [key(KeyCode::Home), control('a')] "home" Action::Edit(InputRequest::GoToStart), None, "to the beginning; also ctrl-a", Nothing;
    Type [key(KeyCode::End), control('e')] "end" Action::Edit(InputRequest::GoToEnd), None, "to the end; also ctrl-e", Nothing;
    Type [key(KeyCode::Backspace), control('h')] "backspace" Action::Edit(InputRequest::DeletePrevChar), None,
        "delete the character before", Nothing;
    Type [key(KeyCode::Delete), control('d')] "delete" Action::Edit(InputRequest::DeleteNextChar), None,
        "delete the character under the cursor", Nothing;
    Type [control('w'), Press(KeyCode::Backspace, ALT), Press(KeyCode::Backspace, CONTROL)] "ctrl-w"
        Action::Edit(InputRequest::DeletePrevWord), None, "delete the word before; also alt-backspace", Nothing;
    Type [alt('d'), Press(KeyCode::Delete, CONTROL)] "alt-d" Action::Edit(InputRequest::DeleteNextWord), None,
        "delete the word after", Nothing;
    Type [control('u')] "ctrl-u" Action::Edit(InputRequest::DeleteFromStart), None, "delete all before the cursor", Nothing;
    Type [control('k')] "ctrl-k" Action::Edit(InputRequest::DeleteTillEnd), None, "delete all after it", Nothing;
    Type [control('y')] "ctrl-y" Action::Edit(InputRequest::Yank), None, "put back what was deleted", Nothing;
};

/// The binding of a key in a mode.
pub fn binding(mode: Mode, event: &KeyEvent) -> Option<&'static Binding> {
    let press = normal(event);
    BINDINGS.iter().find(|binding| binding.mode == mode && binding.presses.contains(&press))
}

/// The letter that was typed, if it was one and no command with Ctrl or Alt.
pub fn letter(event: &KeyEvent) -> Option<char> {
    match normal(event) {
        Press(KeyCode::Char(character), NONE) => Some(character),
        _ => None,
    }
}

/// Why the binding cannot act now, if it cannot.
pub fn obstacle(model: &Model, binding: &Binding) -> Option<String> {
    match binding.needs {
        Needs::Nothing => None,
        Needs::Launcher => model.no_launcher.clone(),
        Needs::Lab => model.no_lab().map(ToOwned::to_owned),
    }
}

/// Terminals tell Shift with a capital letter or not; AltGr comes as Ctrl and Alt with the character that it makes.
fn normal(event: &KeyEvent) -> Press {
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
