//! The default bindings, in the order of the hint line and the help.

use crossterm::event::{KeyCode, KeyModifiers};
use tui_input::InputRequest;

use crate::console::keys::{Action, Binding, FaultKey, GuideKey, Mode, Needs, PaceKey, Press, StepKey, TapeKey};
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

const fn on_guide(presses: &'static [Press], label: &'static str, key: GuideKey) -> Binding {
    Binding { mode: Mode::Paced, ..on_control(presses, label, Action::Guide(key)) }
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
            "executa um cenário; 0 lista todos; digitado: run normal, run ./meu.txt, stop",
        )
        .needs(Needs::Lab),
    on_control(&[char('0')], "0", Action::Scenarios)
        .help("the list of all scenarios; typed: run", "a lista de todos os cenários; digitado: run"),
    on_control(&[char('p')], "p", Action::Write)
        .hint("write", "escrever")
        .help(
            "write the next key and value, x=1, y=2, …; i, then up edits the line; typed: put x 1",
            "escreve a próxima chave e valor, x=1, y=2, …; i e seta para cima: edita a linha; digitado: put x 1",
        )
        .needs(Needs::Nodes),
    on_control(&[char('g')], "g", Action::ReadAll)
        .hint("read", "ler")
        .help(
            "read the last written key at every node, expected beside got; typed: read, read x",
            "lê em cada nó a última chave escrita, esperado ao lado de obtido; digitado: read, read x",
        )
        .needs(Needs::Nodes),
    on_control(&[char('D')], "D", Action::Tour)
        .help(
            "the defense: a guided tour of the tests and every graded line; also epoca defend",
            "a defesa: roteiro pelos testes e por todos os itens avaliados; também epoca defend",
        )
        .needs(Needs::Launcher),
    // Enter too: elsewhere it repeats the last command, which must not kill a node again in the middle of a talk.
    on_guide(&[char('n'), char('.'), key(KeyCode::PageDown), key(KeyCode::Enter)], "n", GuideKey::Next)
        .hint("next", "avançar")
        .help(
            "go on: the next step of the tour, one item while paused; also ., enter and pgdn",
            "avança: o próximo passo do roteiro, um item durante a pausa; também ., enter e pgdn",
        ),
    on_guide(&[char('b'), key(KeyCode::PageUp)], "b", GuideKey::Back).hint("back", "voltar").help(
        "the step before; from a question back to the tour; also pgup",
        "o passo anterior; de uma pergunta, volta ao roteiro; também pgup",
    ),
    on_guide(&[char('N')], "N", GuideKey::Again)
        .hint("again", "repetir")
        .help("run this step of the tour again", "executa de novo este passo do roteiro"),
    on_guide(&[char('Q')], "Q", GuideKey::Question).hint("question", "pergunta").help(
        "the question that is asked at this step, with its answer",
        "a pergunta que se faz neste passo, com a resposta",
    ),
    on_guide(&[char('K')], "K", GuideKey::Questions)
        .hint("list", "lista")
        .help("all questions and all steps, to go to any", "todas as perguntas e passos, para ir a qualquer um"),
    on_guide(&[char(' ')], "space", GuideKey::Pause)
        .hint("pause", "pausar")
        .help("pause before the next item, or go on", "pausa antes do próximo item, ou continua"),
    on_guide(&[char('X')], "X", GuideKey::Stop).hint("stop", "parar").help(
        "stop it; the tab keeps what was shown; typed: stop",
        "interrompe; a aba mantém o que foi mostrado; digitado: stop",
    ),
    Binding { mode: Mode::Paced, ..on_control(&[key(KeyCode::Esc)], "esc", Action::Escape) }
        .hint("leave", "encerrar")
        .help("twice: stop and leave", "duas vezes: interrompe e sai"),
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
            "pause a node, or resume it; typed: pause 3, resume 3",
            "pausa um nó, ou o retoma; digitado: pause 3, resume 3",
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
            "forge entries in a replica's log: key, how many, same ids or an older epoch; typed: inject 3 x 666",
            "forja entradas no log de uma réplica: chave, quantas, mesmos ids ou outra época; digitado: inject 3 x 666",
        )
        .needs(Needs::Lab),
    on_control(&[char('t')], "t", Action::Step(StepKey::Switch))
        .hint("step", "passo")
        .help(
            "step mode: timers stop, messages wait; again: timers run; typed: step on, step off",
            "passo a passo: temporizadores param, mensagens esperam; de novo: correm; digitado: step on, step off",
        )
        .needs(Needs::Lab),
    on_control(&[char('<')], "<", Action::Pace(PaceKey::Slower))
        .help(
            "slow motion: messages, timers and flushes take 3, 10 … 1000 times longer; typed: pace 100",
            "câmera lenta: mensagens, temporizadores e flushes duram 3, 10 … 1000 vezes mais; digitado: pace 100",
        )
        .needs(Needs::Lab),
    on_control(&[char('>')], ">", Action::Pace(PaceKey::Faster))
        .help("slow motion: faster again", "câmera lenta: de novo mais rápido")
        .needs(Needs::Lab),
    on_control(&[char('=')], "=", Action::Pace(PaceKey::Real))
        .help("back to real time; typed: pace 1", "volta ao tempo real; digitado: pace 1")
        .needs(Needs::Lab),
    on_control(&[char('.'), char('n')], ".", Action::Step(StepKey::Next))
        .help(
            "deliver the oldest message; also n, and pgdn in step mode; typed: deliver",
            "entrega a mensagem mais antiga; também n, e pgdn no passo a passo; digitado: deliver",
        )
        .needs(Needs::Lab),
    on_control(&[char('d')], "d", Action::Step(StepKey::Deliver))
        .help(
            "deliver the selected message (up and down select); typed: deliver 1-2-17",
            "entrega a mensagem selecionada (as setas selecionam); digitado: deliver 1-2-17",
        )
        .needs(Needs::Lab),
    on_control(&[char('w')], "w", Action::Step(StepKey::Discard))
        .help(
            "discard the selected message; typed: discard 1-2-17",
            "descarta a mensagem selecionada; digitado: discard 1-2-17",
        )
        .needs(Needs::Lab),
    on_control(&[char('a')], "a", Action::Step(StepKey::Delay))
        .help(
            "deliver the selected message 3 s later; typed: delay-message 1-2-17 3000",
            "entrega a mensagem selecionada 3 s depois; digitado: delay-message 1-2-17 3000",
        )
        .needs(Needs::Lab),
    on_control(&[char('u')], "u", Action::Step(StepKey::Duplicate))
        .help(
            "duplicate the selected message; typed: duplicate 1-2-17",
            "duplica a mensagem selecionada; digitado: duplicate 1-2-17",
        )
        .needs(Needs::Lab),
    on_control(&[char('R')], "R", Action::Clean)
        .hint("clean", "limpar")
        .help(
            "a clean cluster: lift all faults, resume and restart all nodes; typed: clean",
            "um cluster limpo: desfaz as falhas, retoma e reinicia todos os nós; digitado: clean",
        )
        .needs(Needs::Nodes),
    on_control(&[char('G')], "G", Action::Grades).hint("grades", "notas").help(
        "the graded lines that were shown by hand, with their evidence; again: as one line; again: hidden",
        "os itens avaliados que foram mostrados à mão, com a evidência; de novo: em uma linha; de novo: oculto",
    ),
    on_control(&[char('i')], "i", Action::Type).hint("type", "digitar").help("type a command", "digita um comando"),
    on_control(&[key(KeyCode::Enter)], "enter", Action::Repeat)
        .help("repeat the last command", "repete o último comando")
        .needs(Needs::Nodes),
    on_control(&[char('/')], "/", Action::Filter).help(
        "filter the tabs: n3, e2, a rule, a key, any words; Enter keeps the filter, Esc clears it",
        "filtra as abas: n3, e2, uma regra, uma chave, quaisquer palavras; Enter mantém o filtro, Esc o limpa",
    ),
    on_control(&[key(KeyCode::Tab)], "tab", Action::NextPane)
        .hint("pane", "aba")
        .help("next tab; Shift-Tab goes back", "próxima aba; Shift-Tab volta"),
    on_control(&[key(KeyCode::BackTab)], "shift-tab", Action::PreviousPane).help("previous tab", "aba anterior"),
    on_control(&[char('s')], "s", Action::SpaceTime).hint("space-time", "espaço-tempo").help(
        "select a message of the space-time diagram with up and down; s or esc goes back",
        "seleciona uma mensagem do diagrama espaço-tempo com as setas; s ou esc volta",
    ),
    on_control(&[char('e')], "e", Action::Explain).hint("explain", "explicar").help(
        "explain the selected line (up and down select), or the newest",
        "explica a linha selecionada (as setas selecionam), ou a mais nova",
    ),
    on_control(&[char('C')], "C", Action::Code).help(
        "the code of the selected line: file, line, what it does, the assignment's line, its test",
        "o código da linha selecionada: arquivo, linha, o que faz, a linha do trabalho, o seu teste",
    ),
    on_control(&[char('I')], "I", Action::Node).help(
        "one node: log, disk, acks, last words; then its number: I 3",
        "um nó: log, disco, acks, últimas palavras; depois o seu número: I 3",
    ),
    on_control(&[char('M')], "M", Action::Moments).help(
        "compare two moments of the tape: M at the first one, M again at the second one",
        "compara dois momentos da gravação: M no primeiro, M de novo no segundo",
    ),
    on_control(&[char('V')], "V", Action::Whole).help(
        "the tab with whole values and long words; with a filter, those of one key: /x enter V",
        "a aba com valores e palavras inteiros; com um filtro, os de uma chave: /x enter V",
    ),
    on_control(&[char('Z')], "Z", Action::Zoom).help(
        "the focused pane fills the screen; again: all panes",
        "o painel em foco ocupa a tela; de novo: todos os painéis",
    ),
    on_control(&[char(':'), control('p')], ":", Action::Palette).hint("find", "buscar").help(
        "find a command or a key by a few letters; also ctrl-p",
        "encontra um comando ou tecla por algumas letras; também ctrl-p",
    ),
    on_control(&[char('y')], "y", Action::Copy).help(
        "copy the selected line or message, or the tab, to the clipboard",
        "copia a linha ou a mensagem selecionada, ou a aba",
    ),
    on_control(&[char('o')], "o", Action::Answers)
        .help("the operations with their whole answers", "as operações com as respostas inteiras"),
    on_control(&[char('P')], "P", Action::Present).help(
        "a large banner of the current event, for an audience; also --present",
        "uma faixa grande com o evento atual, para uma plateia; também --present",
    ),
    on_control(&[char('v')], "v", Action::Plain)
        .help("the tab alone, without frames, as plain text", "só a aba, sem molduras, como texto puro"),
    on_control(&[char('?')], "?", Action::Help).hint("help", "ajuda").help("this help", "esta ajuda"),
    on_control(&[char('q')], "q", Action::Quit).hint("quit", "sair").help(
        "quit; if nodes end with the console, the second q does",
        "sai; se nós terminam junto com o console, só no segundo q",
    ),
    on_control(&[control('c')], "ctrl-c", Action::Interrupt).help("twice: quit", "duas vezes: sai"),
    on_control(&[key(KeyCode::Up)], "up", Action::Scroll(-1)).help("scroll the tab up", "rola a aba para cima"),
    on_control(&[key(KeyCode::Down)], "down", Action::Scroll(1)).help("scroll the tab down", "rola a aba para baixo"),
    on_control(&[key(KeyCode::PageUp)], "pgup", Action::ScrollPage(-1)).help("a page up", "uma página acima"),
    on_control(&[key(KeyCode::PageDown)], "pgdn", Action::ScrollPage(1)).help("a page down", "uma página abaixo"),
    on_control(&[key(KeyCode::Left)], "left", Action::ScrollLog(-1))
        .help("older entries of the logs", "entradas mais antigas dos logs"),
    on_control(&[key(KeyCode::Right)], "right", Action::ScrollLog(1))
        .help("newer entries of the logs", "entradas mais novas dos logs"),
    on_control(&[key(KeyCode::Home)], "home", Action::OldestEntry)
        .help("the oldest entries", "as entradas mais antigas"),
    on_control(&[key(KeyCode::End)], "end", Action::NewestEntry)
        .help("the newest entries, and follow them", "as entradas mais novas, e as acompanha"),
    on_control(&[char('[')], "[", Action::Tape(TapeKey::Back)).help(
        "previous event: the screen shows the past, the cluster keeps running",
        "evento anterior: a tela mostra o passado, o cluster continua em execução",
    ),
    on_control(&[char(']')], "]", Action::Tape(TapeKey::Forward)).help("next event", "evento seguinte"),
    on_control(&[char('{')], "{", Action::Tape(TapeKey::PreviousMark)).help(
        "previous mark: epochs, writes, kills, truncations, bookmarks, violations",
        "marca anterior: épocas, escritas, mortes, truncamentos, marcadores, violações",
    ),
    on_control(&[char('}')], "}", Action::Tape(TapeKey::NextMark)).help("next mark", "marca seguinte"),
    on_control(&[char('L')], "L", Action::Tape(TapeKey::Live))
        .help("back to the present; typed: live", "volta ao presente; digitado: live"),
    on_control(&[char('B')], "B", Action::Tape(TapeKey::Bookmark))
        .help("bookmark this moment; typed: bookmark TEXT", "marca este momento; digitado: bookmark TEXTO"),
    on_control(&[char(' ')], "space", Action::Tape(TapeKey::Freeze))
        .help("freeze the screen; in the past: play, and pause", "congela a tela; no passado: reproduz e pausa"),
    on_control(&[char('-')], "-", Action::Tape(TapeKey::Slower)).help("play slower", "reproduz mais devagar"),
    on_control(&[char('+')], "+", Action::Tape(TapeKey::Faster)).help("play faster", "reproduz mais rápido"),
    on_control(&[key(KeyCode::Esc)], "esc", Action::Escape)
        .help("close a selection, a message or this help", "fecha uma seleção, uma mensagem ou esta ajuda"),
    on_type(&[key(KeyCode::Enter)], "enter", Action::Run)
        .hint("run", "executar")
        .help("execute the line", "executa a linha"),
    on_type(&[key(KeyCode::Tab)], "tab", Action::Complete)
        .hint("complete", "completar")
        .help("complete the word", "completa a palavra"),
    on_type(&[key(KeyCode::Up), control('p')], "up", Action::Older)
        .hint("older", "anterior")
        .help("previous line of the history", "linha anterior do histórico"),
    on_type(&[key(KeyCode::Down), control('n')], "down", Action::Newer)
        .help("next line of the history", "linha seguinte do histórico"),
    on_type(&[control('r')], "ctrl-r", Action::Search)
        .hint("search", "buscar")
        .help("search the history backwards", "busca no histórico"),
    on_type(&[key(KeyCode::Esc)], "esc", Action::Escape)
        .hint("control", "controle")
        .help("back to single keys", "volta às teclas"),
    on_type(&[control('c')], "ctrl-c", Action::Interrupt)
        .help("discard the line; twice: quit", "descarta a linha; duas vezes: sai"),
    on_type(&[key(KeyCode::PageUp)], "pgup", Action::ScrollPage(-1))
        .help("a page up in the tab", "uma página acima na aba"),
    on_type(&[key(KeyCode::PageDown)], "pgdn", Action::ScrollPage(1)).help("a page down", "uma página abaixo"),
    on_type(&[key(KeyCode::Left), control('b')], "left", Action::Edit(InputRequest::GoToPrevChar))
        .help("one character left", "um caractere à esquerda"),
    on_type(&[key(KeyCode::Right), control('f')], "right", Action::Edit(InputRequest::GoToNextChar))
        .help("one character right", "um caractere à direita"),
    on_type(
        &[Press(KeyCode::Left, CONTROL), Press(KeyCode::Left, ALT), alt('b')],
        "ctrl-left",
        Action::Edit(InputRequest::GoToPrevWord),
    )
    .help("one word left; also alt-b", "uma palavra à esquerda; também alt-b"),
    on_type(
        &[Press(KeyCode::Right, CONTROL), Press(KeyCode::Right, ALT), alt('f')],
        "ctrl-right",
        Action::Edit(InputRequest::GoToNextWord),
    )
    .help("one word right; also alt-f", "uma palavra à direita; também alt-f"),
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
        .help("delete all after the cursor", "apaga tudo depois do cursor"),
    on_type(&[control('y')], "ctrl-y", Action::Edit(InputRequest::Yank))
        .help("insert the deleted text again", "insere de novo o texto apagado"),
];
