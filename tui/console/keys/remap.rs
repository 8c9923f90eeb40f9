//! Other keys than those of the table, as the config file asks for them.

use crossterm::event::KeyCode;

use crate::console::keys::table::{ALT, BINDINGS, CONTROL, NONE};
use crate::console::keys::{Binding, Mode, Press};

/// Gives the binding that the table shows as `shown` another key.
pub fn remap(bindings: &mut [Binding], label: &str, key: &str) -> Result<(), String> {
    let default = BINDINGS.iter().position(|binding| binding.mode == Mode::Control && binding.label == label);
    let Some(binding) = default.and_then(|index| bindings.get_mut(index)) else {
        let names = BINDINGS.iter().filter(|binding| binding.mode == Mode::Control).map(|binding| binding.label);
        return Err(format!("there is no key {label}; there are {}", names.collect::<Vec<_>>().join(" ")));
    };
    let press =
        parse_press(key).ok_or_else(|| format!("{key:?} is no key; expected as K, ctrl-k, alt-k, up, pgdn or f5"))?;
    // Few and once: they live as long as the console.
    binding.presses = Vec::leak(vec![press]);
    binding.label = String::leak(key.to_owned());
    Ok(())
}

/// Two bindings of one mode that a key would mean both, if there are any.
pub fn find_conflict(bindings: &[Binding]) -> Option<(&'static str, &'static str)> {
    bindings.iter().enumerate().find_map(|(index, binding)| {
        let others = bindings[index + 1..].iter().filter(|other| other.mode == binding.mode);
        let mut same = others.filter(|other| binding.presses.iter().any(|press| other.presses.contains(press)));
        // By the names of the table, which the config file uses.
        let default = |other: &Binding| BINDINGS.iter().zip(bindings).find(|(_, known)| std::ptr::eq(*known, other));
        let name = |other: &Binding| default(other).map_or(other.label, |(default, _)| default.label);
        same.next().map(|other| (name(binding), name(other)))
    })
}

/// A key as people write it: `k`, `ctrl-k`, `alt-k`, `pgdn`, `f5`.
fn parse_press(text: &str) -> Option<Press> {
    let (modifiers, name) = match text.split_once('-') {
        Some(("ctrl", name)) if !name.is_empty() => (CONTROL, name),
        Some(("alt", name)) if !name.is_empty() => (ALT, name),
        _ => (NONE, text),
    };
    let code = match name {
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "pgup" => KeyCode::PageUp,
        "pgdn" => KeyCode::PageDown,
        "tab" => KeyCode::Tab,
        "shift-tab" => KeyCode::BackTab,
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "space" => KeyCode::Char(' '),
        "backspace" => KeyCode::Backspace,
        "delete" => KeyCode::Delete,
        "insert" => KeyCode::Insert,
        _ => match (name.strip_prefix('f').and_then(|number| number.parse().ok()), name.chars().count()) {
            (Some(number @ 1..=12), _) => KeyCode::F(number),
            (_, 1) => KeyCode::Char(name.chars().next()?),
            _ => return None,
        },
    };
    Some(Press(code, modifiers))
}
