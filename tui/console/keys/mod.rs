//! What each key does: one table that feeds dispatch, the hint line and the help.

use std::sync::OnceLock;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::InputRequest;

use crate::console::model::{FaultKey, Mode, Model};
use crate::console::update::{StepKey, TapeKey};
use crate::console::words::scenario;
use crate::lang::{Text, text};

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Action {
    Fault(FaultKey),
    Step(StepKey),
    Type,
    Help,
    Quit,
    Interrupt,
    /// Finds commands and keys by a few letters.
    Palette,
    /// The large banner, or without it.
    Present,
    /// Without frames, so that a terminal's own selection copies well; or with them.
    Plain,
    /// Lifts all that was made to go wrong.
    Reset,
    /// What is looked at goes to the clipboard.
    Copy,
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
    Tape(TapeKey),
    /// The first scenario; other digits are taken as they come.
    Scenario,
    /// The list of all.
    Scenarios,
}

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
    pub shown: &'static str,
    pub action: Action,
    /// What the hint line says, if it has the key.
    pub hint: Option<Text>,
    pub help: Text,
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
    ($($mode:ident [$($press:expr),*] $shown:literal $action:expr, $hint:expr, $help:expr, $needs:ident;)*) => {
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
    Control [char('1')] "1-9" Action::Scenario, Some(text("scenario", "cenário")),
        text("run a scenario; 0 lists them; typed: run normal, run ./mine.txt, stop", "roda um cenário; 0 lista todos; digitado: run normal, run ./meu.txt, stop"), Lab;
    Control [char('0')] "0" Action::Scenarios, None,
        text("the list of all scenarios; typed: run", "a lista de todos os cenários; digitado: run"), Nothing;
    Control [char('k')] "k" Action::Fault(FaultKey::Kill), Some(text("kill", "matar")),
        text("kill a node at once; typed: kill 3", "mata um nó na hora; digitado: kill 3"), Launcher;
    Control [char('r')] "r" Action::Fault(FaultKey::Restart), Some(text("restart", "reiniciar")),
        text("start a node again; typed: restart 3", "inicia um nó de novo; digitado: restart 3"), Launcher;
    Control [char('z')] "z" Action::Fault(FaultKey::Pause), Some(text("pause", "pausar")),
        text("freeze a node, or let it go on; typed: pause 3, resume 3", "congela um nó, ou o deixa seguir; digitado: pause 3, resume 3"), Launcher;
    Control [char('x')] "x" Action::Fault(FaultKey::Link), Some(text("cut", "cortar")),
        text("cut the link between two nodes, or heal it; typed: cut 2 3, heal 2 3", "corta o enlace entre dois nós, ou o refaz; digitado: cut 2 3, heal 2 3"), Lab;
    Control [char('h')] "h" Action::Fault(FaultKey::Hold), Some(text("hold", "reter")),
        text("hold the commit orders to a node, or release them; typed: hold 3 commit-order, release 3", "retém as ordens de commit para um nó, ou as libera; digitado: hold 3 commit-order, release 3"), Lab;
    Control [char('c')] "c" Action::Fault(FaultKey::Conflict), Some(text("conflict", "conflito")),
        text("put a forged entry at the end of a replica's log; typed: inject 3 q 666", "põe uma entrada forjada no fim do log de uma réplica; digitado: inject 3 q 666"), Lab;
    Control [char('t')] "t" Action::Step(StepKey::Switch), Some(text("step", "passo")),
        text("step mode: time stands still, every message waits; again: time goes on; typed: step on, step off", "passo a passo: o tempo para, toda mensagem espera; de novo: o tempo corre; digitado: step on, step off"), Lab;
    Control [char('.'), char('n')] "." Action::Step(StepKey::Next), None,
        text("deliver the message that waits longest; also n, and pgdn in step mode; typed: deliver", "entrega a mensagem que espera há mais tempo; também n, e pgdn no passo a passo; digitado: deliver"), Lab;
    Control [char('d')] "d" Action::Step(StepKey::Deliver), None,
        text("deliver the chosen message (up and down choose); typed: deliver 1-2-17", "entrega a mensagem escolhida (as setas escolhem); digitado: deliver 1-2-17"), Lab;
    Control [char('w')] "w" Action::Step(StepKey::Discard), None,
        text("throw the chosen message away; typed: discard 1-2-17", "joga fora a mensagem escolhida; digitado: discard 1-2-17"), Lab;
    Control [char('a')] "a" Action::Step(StepKey::Delay), None,
        text("deliver the chosen message 3 s later; typed: delay-message 1-2-17 3000", "entrega a mensagem escolhida 3 s depois; digitado: delay-message 1-2-17 3000"), Lab;
    Control [char('u')] "u" Action::Step(StepKey::Duplicate), None,
        text("double the chosen message; typed: duplicate 1-2-17", "dobra a mensagem escolhida; digitado: duplicate 1-2-17"), Lab;
    Control [char('i'), char('/'), key(KeyCode::Enter)] "i" Action::Type, Some(text("type", "digitar")),
        text("type a command; also / and Enter", "digita um comando; também / e Enter"), Nothing;
    Control [key(KeyCode::Tab)] "tab" Action::NextPane, Some(text("pane", "aba")),
        text("next tab; Shift-Tab goes back", "próxima aba; Shift-Tab volta"), Nothing;
    Control [key(KeyCode::BackTab)] "shift-tab" Action::PreviousPane, None, text("previous lower pane", "aba anterior"), Nothing;
    Control [char('s')] "s" Action::SpaceTime, Some(text("space-time", "espaço-tempo")),
        text("select a message of the space-time picture with up and down; s or esc goes back", "seleciona uma mensagem do espaço-tempo com as setas; s ou esc volta"), Nothing;
    Control [char('e')] "e" Action::Explain, Some(text("explain", "explicar")),
        text("explain the selected step (up and down select), or the newest", "explica o passo selecionado (as setas selecionam), ou o mais novo"), Nothing;
    Control [char(':'), control('p')] ":" Action::Palette, Some(text("find", "buscar")),
        text("find a command or a key by a few letters; also ctrl-p", "acha um comando ou tecla por algumas letras; também ctrl-p"), Nothing;
    Control [char('y')] "y" Action::Copy, None,
        text("copy the selected step or message, or the tab, to the clipboard", "copia o passo ou a mensagem selecionada, ou a aba"), Nothing;
    Control [char('P')] "P" Action::Present, None,
        text("a large banner of what happens, for an audience; also --present", "uma faixa grande com o que acontece, para uma plateia; também --present"), Nothing;
    Control [char('R')] "R" Action::Reset, None,
        text("reset: lift all faults, resume and restart all nodes", "restaura: desfaz as falhas, retoma e reinicia todos os nós"), Nothing;
    Control [char('v')] "v" Action::Plain, None,
        text("the tab alone, without frames, as plain text", "só a aba, sem molduras, como texto puro"), Nothing;
    Control [char('?')] "?" Action::Help, Some(text("help", "ajuda")), text("this help", "esta ajuda"), Nothing;
    Control [char('q')] "q" Action::Quit, Some(text("quit", "sair")),
        text("quit at once; nodes that this console started end with it", "sai na hora; os nós que este console iniciou terminam junto"), Nothing;
    Control [control('c')] "ctrl-c" Action::Interrupt, None, text("twice: quit", "duas vezes: sai"), Nothing;
    Control [key(KeyCode::Up)] "up" Action::Scroll(-1), None, text("scroll the lower pane up", "rola a aba para cima"), Nothing;
    Control [key(KeyCode::Down)] "down" Action::Scroll(1), None, text("scroll it down", "rola para baixo"), Nothing;
    Control [key(KeyCode::PageUp)] "pgup" Action::ScrollPage(-1), None, text("a page up", "uma página acima"), Nothing;
    Control [key(KeyCode::PageDown)] "pgdn" Action::ScrollPage(1), None, text("a page down", "uma página abaixo"), Nothing;
    Control [key(KeyCode::Left)] "left" Action::Look(-1), None, text("older entries of the logs", "entradas mais antigas dos logs"), Nothing;
    Control [key(KeyCode::Right)] "right" Action::Look(1), None, text("newer entries of the logs", "entradas mais novas dos logs"), Nothing;
    Control [key(KeyCode::Home)] "home" Action::LookOldest, None, text("the oldest entries", "as entradas mais antigas"), Nothing;
    Control [key(KeyCode::End)] "end" Action::LookNewest, None, text("the newest entries, and go along with them", "as mais novas, e acompanha"), Nothing;
    Control [char('[')] "[" Action::Tape(TapeKey::Back), None,
        text("the event before: the screen shows the past, the cluster runs on", "o evento anterior: a tela mostra o passado, o cluster segue"), Nothing;
    Control [char(']')] "]" Action::Tape(TapeKey::On), None, text("the event after it", "o evento seguinte"), Nothing;
    Control [char('{')] "{" Action::Tape(TapeKey::MarkBefore), None,
        text("the mark before: epochs, writes, kills, truncations, bookmarks, violations", "a marca anterior: épocas, escritas, mortes, truncamentos, marcadores, violações"), Nothing;
    Control [char('}')] "}" Action::Tape(TapeKey::MarkAfter), None, text("the mark after it", "a marca seguinte"), Nothing;
    Control [char('L')] "L" Action::Tape(TapeKey::Live), None, text("back to what is the case now; typed: live", "volta ao agora; digitado: live"), Nothing;
    Control [char('B')] "B" Action::Tape(TapeKey::Bookmark), None, text("mark this moment; typed: bookmark TEXT", "marca este momento; digitado: bookmark TEXTO"), Nothing;
    Control [char(' ')] "space" Action::Tape(TapeKey::Freeze), None,
        text("freeze the screen; in the past: play, and pause", "congela a tela; no passado: toca e pausa"), Nothing;
    Control [char('-')] "-" Action::Tape(TapeKey::Slower), None, text("play slower", "toca mais devagar"), Nothing;
    Control [char('+'), char('=')] "+" Action::Tape(TapeKey::Faster), None, text("play faster", "toca mais rápido"), Nothing;
    Control [key(KeyCode::Esc)] "esc" Action::Escape, None, text("away with a choice, a message or this help", "fecha uma escolha, uma mensagem ou esta ajuda"), Nothing;

    Type [key(KeyCode::Enter)] "enter" Action::Run, Some(text("run", "executar")), text("carry the line out", "executa a linha"), Nothing;
    Type [key(KeyCode::Tab)] "tab" Action::Complete, Some(text("complete", "completar")), text("complete the word", "completa a palavra"), Nothing;
    Type [key(KeyCode::Up), control('p')] "up" Action::Older, Some(text("older", "anterior")), text("the line before it in the history", "a linha anterior do histórico"), Nothing;
    Type [key(KeyCode::Down), control('n')] "down" Action::Newer, None, text("the line after it", "a linha seguinte"), Nothing;
    Type [control('r')] "ctrl-r" Action::Search, Some(text("search", "buscar")), text("search the history backwards", "busca no histórico"), Nothing;
    Type [key(KeyCode::Esc)] "esc" Action::Escape, Some(text("control", "controle")), text("back to single keys", "volta às teclas"), Nothing;
    Type [control('c')] "ctrl-c" Action::Interrupt, None, text("throw the line away; twice: quit", "descarta a linha; duas vezes: sai"), Nothing;
    Type [key(KeyCode::PageUp)] "pgup" Action::ScrollPage(-1), None, text("a page up in the lower pane", "uma página acima na aba"), Nothing;
    Type [key(KeyCode::PageDown)] "pgdn" Action::ScrollPage(1), None, text("a page down", "uma página abaixo"), Nothing;
    Type [key(KeyCode::Left), control('b')] "left" Action::Edit(InputRequest::GoToPrevChar), None, text("a character back", "um caractere atrás"), Nothing;
    Type [key(KeyCode::Right), control('f')] "right" Action::Edit(InputRequest::GoToNextChar), None, text("a character on", "um caractere adiante"), Nothing;
    Type [Press(KeyCode::Left, CONTROL), Press(KeyCode::Left, ALT), alt('b')] "ctrl-left"
        Action::Edit(InputRequest::GoToPrevWord), None, text("a word back; also alt-b", "uma palavra atrás; também alt-b"), Nothing;
    Type [Press(KeyCode::Right, CONTROL), Press(KeyCode::Right, ALT), alt('f')] "ctrl-right"
        Action::Edit(InputRequest::GoToNextWord), None, text("a word on; also alt-f", "uma palavra adiante; também alt-f"), Nothing;
    Type [key(KeyCode::Home), control('a')] "home" Action::Edit(InputRequest::GoToStart), None, text("to the beginning; also ctrl-a", "ao início; também ctrl-a"), Nothing;
    Type [key(KeyCode::End), control('e')] "end" Action::Edit(InputRequest::GoToEnd), None, text("to the end; also ctrl-e", "ao fim; também ctrl-e"), Nothing;
    Type [key(KeyCode::Backspace), control('h')] "backspace" Action::Edit(InputRequest::DeletePrevChar), None,
        text("delete the character before", "apaga o caractere anterior"), Nothing;
    Type [key(KeyCode::Delete), control('d')] "delete" Action::Edit(InputRequest::DeleteNextChar), None,
        text("delete the character under the cursor", "apaga o caractere sob o cursor"), Nothing;
    Type [control('w'), Press(KeyCode::Backspace, ALT), Press(KeyCode::Backspace, CONTROL)] "ctrl-w"
        Action::Edit(InputRequest::DeletePrevWord), None, text("delete the word before; also alt-backspace", "apaga a palavra anterior; também alt-backspace"), Nothing;
    Type [alt('d'), Press(KeyCode::Delete, CONTROL)] "alt-d" Action::Edit(InputRequest::DeleteNextWord), None,
        text("delete the word after", "apaga a palavra seguinte"), Nothing;
    Type [control('u')] "ctrl-u" Action::Edit(InputRequest::DeleteFromStart), None, text("delete all before the cursor", "apaga tudo antes do cursor"), Nothing;
    Type [control('k')] "ctrl-k" Action::Edit(InputRequest::DeleteTillEnd), None, text("delete all after it", "apaga tudo depois"), Nothing;
    Type [control('y')] "ctrl-y" Action::Edit(InputRequest::Yank), None, text("put back what was deleted", "repõe o que foi apagado"), Nothing;
};

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

/// Gives the binding that the table shows as `shown` another key.
pub fn remap(bindings: &mut [Binding], shown: &str, key: &str) -> Result<(), String> {
    let usual = BINDINGS.iter().position(|binding| binding.mode == Mode::Control && binding.shown == shown);
    let Some(binding) = usual.and_then(|index| bindings.get_mut(index)) else {
        let names = BINDINGS.iter().filter(|binding| binding.mode == Mode::Control).map(|binding| binding.shown);
        return Err(format!("there is no key {shown}; there are {}", names.collect::<Vec<_>>().join(" ")));
    };
    let press =
        pressed(key).ok_or_else(|| format!("{key:?} is no key; expected as K, ctrl-k, alt-k, up, pgdn or f5"))?;
    // Few and once: they live as long as the console.
    binding.presses = Vec::leak(vec![press]);
    binding.shown = String::leak(key.to_owned());
    Ok(())
}

/// Two bindings of one mode that a key would mean both, if there are any.
pub fn doubled(bindings: &[Binding]) -> Option<(&'static str, &'static str)> {
    bindings.iter().enumerate().find_map(|(index, binding)| {
        let others = bindings[index + 1..].iter().filter(|other| other.mode == binding.mode);
        let mut same = others.filter(|other| binding.presses.iter().any(|press| other.presses.contains(press)));
        // By the names of the table, which the config file uses.
        let usual = |other: &Binding| BINDINGS.iter().zip(bindings).find(|(_, known)| std::ptr::eq(*known, other));
        let name = |other: &Binding| usual(other).map_or(other.shown, |(usual, _)| usual.shown);
        same.next().map(|other| (name(binding), name(other)))
    })
}

/// A key as people write it: `k`, `ctrl-k`, `alt-k`, `pgdn`, `f5`.
fn pressed(text: &str) -> Option<Press> {
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

/// The binding of a key in a mode.
pub fn binding(mode: Mode, event: &KeyEvent) -> Option<&'static Binding> {
    let press = normal(event);
    bindings().iter().find(|binding| binding.mode == mode && binding.presses.contains(&press))
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
    if binding.needs != Needs::Nothing
        && let Some(why) = model.tape.obstacle()
    {
        return Some(model.say(why).to_owned());
    }
    if binding.needs != Needs::Nothing && model.aside.is_some() && binding.action != Action::Scenario {
        return Some(model.say(scenario::OTHER_CLUSTER).to_owned());
    }
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
