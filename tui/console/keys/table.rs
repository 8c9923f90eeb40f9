//! The table of keys: one row for each binding, in the order of the hint line and the help.

use crossterm::event::{KeyCode, KeyModifiers};
use tui_input::InputRequest;

use crate::console::keys::{Action, Binding, FaultKey, Mode, Needs, Press, StepKey, TapeKey};
use crate::lang::text;

pub(super) const NONE: KeyModifiers = KeyModifiers::NONE;
pub(super) const CONTROL: KeyModifiers = KeyModifiers::CONTROL;
pub(super) const ALT: KeyModifiers = KeyModifiers::ALT;

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
    ($($mode:ident [$($press:expr),*] $label:literal $action:expr, $hint:expr, $help:expr, $needs:ident;)*) => {
        &[$(Binding {
            mode: Mode::$mode,
            presses: &[$($press),*],
            label: $label,
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
    Control [key(KeyCode::Left)] "left" Action::ScrollLog(-1), None, text("older entries of the logs", "entradas mais antigas dos logs"), Nothing;
    Control [key(KeyCode::Right)] "right" Action::ScrollLog(1), None, text("newer entries of the logs", "entradas mais novas dos logs"), Nothing;
    Control [key(KeyCode::Home)] "home" Action::OldestEntry, None, text("the oldest entries", "as entradas mais antigas"), Nothing;
    Control [key(KeyCode::End)] "end" Action::NewestEntry, None, text("the newest entries, and go along with them", "as mais novas, e acompanha"), Nothing;
    Control [char('[')] "[" Action::Tape(TapeKey::Back), None,
        text("the event before: the screen shows the past, the cluster runs on", "o evento anterior: a tela mostra o passado, o cluster segue"), Nothing;
    Control [char(']')] "]" Action::Tape(TapeKey::Forward), None, text("the event after it", "o evento seguinte"), Nothing;
    Control [char('{')] "{" Action::Tape(TapeKey::PreviousMark), None,
        text("the mark before: epochs, writes, kills, truncations, bookmarks, violations", "a marca anterior: épocas, escritas, mortes, truncamentos, marcadores, violações"), Nothing;
    Control [char('}')] "}" Action::Tape(TapeKey::NextMark), None, text("the mark after it", "a marca seguinte"), Nothing;
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
