//! Changes bindings as the config file says.

use crossterm::event::KeyCode;

use crate::console::keys::table::{ALT, BINDINGS, CONTROL, NONE};
use crate::console::keys::{Binding, Mode, Press};

/// Binds the action of the key `label` to another key. Labels are those of the default table.
pub fn remap(bindings: &mut [Binding], label: &str, key: &str) -> Result<(), String> {
    let label = if label == "espaço" { "space" } else { label };
    let default = BINDINGS.iter().position(|binding| binding.mode == Mode::Control && binding.label == label);
    let Some(binding) = default.and_then(|index| bindings.get_mut(index)) else {
        let names = BINDINGS.iter().filter(|binding| binding.mode == Mode::Control).map(|binding| binding.label);
        return Err(format!("there is no key {label}; the keys are {}", names.collect::<Vec<_>>().join(" ")));
    };
    let press = parse_press(key)
        .ok_or_else(|| format!("{key:?} is not a key; expected something like K, ctrl-k, alt-k, up, pgdn or f5"))?;
    // Leaked on purpose: bindings live as long as the process, and only a few are remapped.
    binding.presses = Vec::leak(vec![press]);
    binding.label = String::leak(key.to_owned());
    Ok(())
}

/// Two bindings of one mode with the same key, by their labels in the default table.
pub fn find_conflict(bindings: &[Binding]) -> Option<(&'static str, &'static str)> {
    bindings.iter().enumerate().find_map(|(index, binding)| {
        let others = bindings[index + 1..].iter().filter(|other| other.mode == binding.mode);
        let mut same = others.filter(|other| binding.presses.iter().any(|press| other.presses.contains(press)));
        // The config file uses the labels of the default table.
        let default = |other: &Binding| BINDINGS.iter().zip(bindings).find(|(_, known)| std::ptr::eq(*known, other));
        let name = |other: &Binding| default(other).map_or(other.label, |(default, _)| default.label);
        same.next().map(|other| (name(binding), name(other)))
    })
}

/// Parses a key as the config file writes it: `k`, `ctrl-k`, `alt-k`, `pgdn`, `f5`.
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
        "space" | "espaço" => KeyCode::Char(' '),
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
