//! The default bindings, in the order of the hint line and the help.

use crossterm::event::{KeyCode, KeyModifiers};
use tui_input::InputRequest;

use crate::console::keys::{Action, Binding, FaultKey, Mode, Needs, Press, StepKey, TapeKey};
use crate::lang::{Text, text};

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

const fn on_control(presses: &'static [Press], label: &'static str, action: Action) -> Binding {
    Binding { mode: Mode::Control, presses, label, action, hint: None, help: NO_HELP, needs: Needs::Nothing }
}

const fn on_type(presses: &'static [Press], label: &'static str, action: Action) -> Binding {
    Binding { mode: Mode::Type, ..on_control(presses, label, action) }
}

const NO_HELP: Text = text("", "");

impl Binding {
    /// Puts the key in the hint line.
    const fn hint(self, english: &'static str, portuguese: &'static str) -> Binding {
        Binding { hint: Some(text(english, portuguese)), ..self }
    }

    const fn help(self, english: &'static str, portuguese: &'static str) -> Binding {
        Binding { help: text(english, portuguese), ..self }
    }

    const fn needs(self, needs: Needs) -> Binding {
        Binding { needs, ..self }
    }
}

/// The first binding that matches a key press acts.
pub const BINDINGS: &[Binding] = &[
    on_control(&[char('1')], "1-9", Action::Scenario)
        .hint("scenario", "cenário")
        .help(
            "run a scenario; 0 lists them; typed: run normal, run ./mine.txt, stop",
            "roda um cenário; 0 lista todos; digitado: run normal, run ./meu.txt, stop",
        )
        .needs(Needs::Lab),
    on_control(&[char('0')], "0", Action::Scenarios)
        .help("the list of all scenarios; typed: run", "a lista de todos os cenários; digitado: run"),
    on_control(&[char('k')], "k", Action::Fault(FaultKey::Kill))
        .hint("kill", "matar")
        .help("kill a node at once; typed: kill 3", "mata um nó na hora; digitado: kill 3")
        .needs(Needs::Launcher),
    on_control(&[char('r')], "r", Action::Fault(FaultKey::Restart))
        .hint("restart", "reiniciar")
        .help("start a node again; typed: restart 3", "inicia um nó de novo; digitado: restart 3")
        .needs(Needs::Launcher),
    on_control(&[char('z')], "z", Action::Fault(FaultKey::Pause))
        .hint("pause", "pausar")
        .help(
            "freeze a node, or let it go on; typed: pause 3, resume 3",
            "congela um nó, ou o deixa seguir; digitado: pause 3, resume 3",
        )
        .needs(Needs::Launcher),
    on_control(&[char('x')], "x", Action::Fault(FaultKey::Link))
        .hint("cut", "cortar")
        .help(
            "cut the link between two nodes, or heal it; typed: cut 2 3, heal 2 3",
            "corta o enlace entre dois nós, ou o refaz; digitado: cut 2 3, heal 2 3",
        )
        .needs(Needs::Lab),
    on_control(&[char('h')], "h", Action::Fault(FaultKey::Hold))
        .hint("hold", "reter")
        .help(
            "hold the commit orders to a node, or release them; typed: hold 3 commit-order, release 3",
            "retém as ordens de commit para um nó, ou as libera; digitado: hold 3 commit-order, release 3",
        )
        .needs(Needs::Lab),
    on_control(&[char('c')], "c", Action::Fault(FaultKey::Conflict))
        .hint("conflict", "conflito")
        .help(
            "put a forged entry at the end of a replica's log; typed: inject 3 q 666",
            "põe uma entrada forjada no fim do log de uma réplica; digitado: inject 3 q 666",
        )
        .needs(Needs::Lab),
    on_control(&[char('t')], "t", Action::Step(StepKey::Switch))
        .hint("step", "passo")
        .help(
            "step mode: time stands still, every message waits; again: time goes on; typed: step on, step off",
            "passo a passo: o tempo para, toda mensagem espera; de novo: o tempo corre; digitado: step on, step off",
        )
        .needs(Needs::Lab),
    on_control(&[char('.'), char('n')], ".", Action::Step(StepKey::Next))
        .help(
            "deliver the message that waits longest; also n, and pgdn in step mode; typed: deliver",
            "entrega a mensagem que espera há mais tempo; também n, e pgdn no passo a passo; digitado: deliver",
        )
        .needs(Needs::Lab),
    on_control(&[char('d')], "d", Action::Step(StepKey::Deliver))
        .help(
            "deliver the chosen message (up and down choose); typed: deliver 1-2-17",
            "entrega a mensagem escolhida (as setas escolhem); digitado: deliver 1-2-17",
        )
        .needs(Needs::Lab),
    on_control(&[char('w')], "w", Action::Step(StepKey::Discard))
        .help(
            "throw the chosen message away; typed: discard 1-2-17",
            "joga fora a mensagem escolhida; digitado: discard 1-2-17",
        )
        .needs(Needs::Lab),
    on_control(&[char('a')], "a", Action::Step(StepKey::Delay))
        .help(
            "deliver the chosen message 3 s later; typed: delay-message 1-2-17 3000",
            "entrega a mensagem escolhida 3 s depois; digitado: delay-message 1-2-17 3000",
        )
        .needs(Needs::Lab),
    on_control(&[char('u')], "u", Action::Step(StepKey::Duplicate))
        .help(
            "double the chosen message; typed: duplicate 1-2-17",
            "dobra a mensagem escolhida; digitado: duplicate 1-2-17",
        )
        .needs(Needs::Lab),
    on_control(&[char('i'), char('/'), key(KeyCode::Enter)], "i", Action::Type)
        .hint("type", "digitar")
        .help("type a command; also / and Enter", "digita um comando; também / e Enter"),
    on_control(&[key(KeyCode::Tab)], "tab", Action::NextPane)
        .hint("pane", "aba")
        .help("next tab; Shift-Tab goes back", "próxima aba; Shift-Tab volta"),
    on_control(&[key(KeyCode::BackTab)], "shift-tab", Action::PreviousPane).help("previous lower pane", "aba anterior"),
    on_control(&[char('s')], "s", Action::SpaceTime).hint("space-time", "espaço-tempo").help(
        "select a message of the space-time picture with up and down; s or esc goes back",
        "seleciona uma mensagem do espaço-tempo com as setas; s ou esc volta",
    ),
    on_control(&[char('e')], "e", Action::Explain).hint("explain", "explicar").help(
        "explain the selected step (up and down select), or the newest",
        "explica o passo selecionado (as setas selecionam), ou o mais novo",
    ),
    on_control(&[char(':'), control('p')], ":", Action::Palette).hint("find", "buscar").help(
        "find a command or a key by a few letters; also ctrl-p",
        "acha um comando ou tecla por algumas letras; também ctrl-p",
    ),
    on_control(&[char('y')], "y", Action::Copy).help(
        "copy the selected step or message, or the tab, to the clipboard",
        "copia o passo ou a mensagem selecionada, ou a aba",
    ),
    on_control(&[char('P')], "P", Action::Present).help(
        "a large banner of what happens, for an audience; also --present",
        "uma faixa grande com o que acontece, para uma plateia; também --present",
    ),
    on_control(&[char('R')], "R", Action::Reset).help(
        "reset: lift all faults, resume and restart all nodes",
        "restaura: desfaz as falhas, retoma e reinicia todos os nós",
    ),
    on_control(&[char('v')], "v", Action::Plain)
        .help("the tab alone, without frames, as plain text", "só a aba, sem molduras, como texto puro"),
    on_control(&[char('?')], "?", Action::Help).hint("help", "ajuda").help("this help", "esta ajuda"),
    on_control(&[char('q')], "q", Action::Quit).hint("quit", "sair").help(
        "quit at once; nodes that this console started end with it",
        "sai na hora; os nós que este console iniciou terminam junto",
    ),
    on_control(&[control('c')], "ctrl-c", Action::Interrupt).help("twice: quit", "duas vezes: sai"),
    on_control(&[key(KeyCode::Up)], "up", Action::Scroll(-1)).help("scroll the lower pane up", "rola a aba para cima"),
    on_control(&[key(KeyCode::Down)], "down", Action::Scroll(1)).help("scroll it down", "rola para baixo"),
    on_control(&[key(KeyCode::PageUp)], "pgup", Action::ScrollPage(-1)).help("a page up", "uma página acima"),
    on_control(&[key(KeyCode::PageDown)], "pgdn", Action::ScrollPage(1)).help("a page down", "uma página abaixo"),
    on_control(&[key(KeyCode::Left)], "left", Action::ScrollLog(-1))
        .help("older entries of the logs", "entradas mais antigas dos logs"),
    on_control(&[key(KeyCode::Right)], "right", Action::ScrollLog(1))
        .help("newer entries of the logs", "entradas mais novas dos logs"),
    on_control(&[key(KeyCode::Home)], "home", Action::OldestEntry)
        .help("the oldest entries", "as entradas mais antigas"),
    on_control(&[key(KeyCode::End)], "end", Action::NewestEntry)
        .help("the newest entries, and go along with them", "as mais novas, e acompanha"),
    on_control(&[char('[')], "[", Action::Tape(TapeKey::Back)).help(
        "the event before: the screen shows the past, the cluster runs on",
        "o evento anterior: a tela mostra o passado, o cluster segue",
    ),
    on_control(&[char(']')], "]", Action::Tape(TapeKey::Forward)).help("the event after it", "o evento seguinte"),
    on_control(&[char('{')], "{", Action::Tape(TapeKey::PreviousMark)).help(
        "the mark before: epochs, writes, kills, truncations, bookmarks, violations",
        "a marca anterior: épocas, escritas, mortes, truncamentos, marcadores, violações",
    ),
    on_control(&[char('}')], "}", Action::Tape(TapeKey::NextMark)).help("the mark after it", "a marca seguinte"),
    on_control(&[char('L')], "L", Action::Tape(TapeKey::Live))
        .help("back to what is the case now; typed: live", "volta ao agora; digitado: live"),
    on_control(&[char('B')], "B", Action::Tape(TapeKey::Bookmark))
        .help("mark this moment; typed: bookmark TEXT", "marca este momento; digitado: bookmark TEXTO"),
    on_control(&[char(' ')], "space", Action::Tape(TapeKey::Freeze))
        .help("freeze the screen; in the past: play, and pause", "congela a tela; no passado: toca e pausa"),
    on_control(&[char('-')], "-", Action::Tape(TapeKey::Slower)).help("play slower", "toca mais devagar"),
    on_control(&[char('+'), char('=')], "+", Action::Tape(TapeKey::Faster)).help("play faster", "toca mais rápido"),
    on_control(&[key(KeyCode::Esc)], "esc", Action::Escape)
        .help("away with a choice, a message or this help", "fecha uma escolha, uma mensagem ou esta ajuda"),
    on_type(&[key(KeyCode::Enter)], "enter", Action::Run)
        .hint("run", "executar")
        .help("carry the line out", "executa a linha"),
    on_type(&[key(KeyCode::Tab)], "tab", Action::Complete)
        .hint("complete", "completar")
        .help("complete the word", "completa a palavra"),
    on_type(&[key(KeyCode::Up), control('p')], "up", Action::Older)
        .hint("older", "anterior")
        .help("the line before it in the history", "a linha anterior do histórico"),
    on_type(&[key(KeyCode::Down), control('n')], "down", Action::Newer).help("the line after it", "a linha seguinte"),
    on_type(&[control('r')], "ctrl-r", Action::Search)
        .hint("search", "buscar")
        .help("search the history backwards", "busca no histórico"),
    on_type(&[key(KeyCode::Esc)], "esc", Action::Escape)
        .hint("control", "controle")
        .help("back to single keys", "volta às teclas"),
    on_type(&[control('c')], "ctrl-c", Action::Interrupt)
        .help("throw the line away; twice: quit", "descarta a linha; duas vezes: sai"),
    on_type(&[key(KeyCode::PageUp)], "pgup", Action::ScrollPage(-1))
        .help("a page up in the lower pane", "uma página acima na aba"),
    on_type(&[key(KeyCode::PageDown)], "pgdn", Action::ScrollPage(1)).help("a page down", "uma página abaixo"),
    on_type(&[key(KeyCode::Left), control('b')], "left", Action::Edit(InputRequest::GoToPrevChar))
        .help("a character back", "um caractere atrás"),
    on_type(&[key(KeyCode::Right), control('f')], "right", Action::Edit(InputRequest::GoToNextChar))
        .help("a character on", "um caractere adiante"),
    on_type(
        &[Press(KeyCode::Left, CONTROL), Press(KeyCode::Left, ALT), alt('b')],
        "ctrl-left",
        Action::Edit(InputRequest::GoToPrevWord),
    )
    .help("a word back; also alt-b", "uma palavra atrás; também alt-b"),
    on_type(
        &[Press(KeyCode::Right, CONTROL), Press(KeyCode::Right, ALT), alt('f')],
        "ctrl-right",
        Action::Edit(InputRequest::GoToNextWord),
    )
    .help("a word on; also alt-f", "uma palavra adiante; também alt-f"),
    on_type(&[key(KeyCode::Home), control('a')], "home", Action::Edit(InputRequest::GoToStart))
        .help("to the beginning; also ctrl-a", "ao início; também ctrl-a"),
    on_type(&[key(KeyCode::End), control('e')], "end", Action::Edit(InputRequest::GoToEnd))
        .help("to the end; also ctrl-e", "ao fim; também ctrl-e"),
    on_type(&[key(KeyCode::Backspace), control('h')], "backspace", Action::Edit(InputRequest::DeletePrevChar))
        .help("delete the character before", "apaga o caractere anterior"),
    on_type(&[key(KeyCode::Delete), control('d')], "delete", Action::Edit(InputRequest::DeleteNextChar))
        .help("delete the character under the cursor", "apaga o caractere sob o cursor"),
    on_type(
        &[control('w'), Press(KeyCode::Backspace, ALT), Press(KeyCode::Backspace, CONTROL)],
        "ctrl-w",
        Action::Edit(InputRequest::DeletePrevWord),
    )
    .help("delete the word before; also alt-backspace", "apaga a palavra anterior; também alt-backspace"),
    on_type(&[alt('d'), Press(KeyCode::Delete, CONTROL)], "alt-d", Action::Edit(InputRequest::DeleteNextWord))
        .help("delete the word after", "apaga a palavra seguinte"),
    on_type(&[control('u')], "ctrl-u", Action::Edit(InputRequest::DeleteFromStart))
        .help("delete all before the cursor", "apaga tudo antes do cursor"),
    on_type(&[control('k')], "ctrl-k", Action::Edit(InputRequest::DeleteTillEnd))
        .help("delete all after it", "apaga tudo depois"),
    on_type(&[control('y')], "ctrl-y", Action::Edit(InputRequest::Yank))
        .help("put back what was deleted", "repõe o que foi apagado"),
];
