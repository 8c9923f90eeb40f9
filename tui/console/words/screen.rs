//! Texts of the screen other than those of facts.

use epoca::protocol::trace::RoleName;

use crate::console::keys::FaultKey;
use crate::console::model::{Membership, Pane};
use crate::lang::{Text, text};

// The space-time diagram.
pub const SPACE_TIME: Text = text("SPACE-TIME", "ESPAÇO-TEMPO");
pub const CLIENT: Text = text("client", "cliente");
pub const UP: Text = text("is back", "voltou");
pub const DOWN: Text = text("down", "fora do ar");
pub const READ: Text = text("read", "leitura");
pub const ANSWER: Text = text("answer", "resposta");
pub const REFUSED: Text = text("refused", "recusado");
pub const QUIET: Text = text(" heartbeats ×{count}, {seconds} s ", " heartbeats ×{count}, {seconds} s ");
pub const QUIET_SHORT: Text = text(" heartbeats ×{count} ", " heartbeats ×{count} ");
pub const QUIET_LONG: Text = text(
    "{count} heartbeats in {seconds} s, with their acks and repeated orders: nothing new",
    "{count} heartbeats em {seconds} s, com seus acks e ordens repetidas: nada de novo",
);
pub const NEWER_BELOW: Text = text("{count} newer below", "mais {count} abaixo");
pub const LOG_START: Text = text("start of the log", "início do log");
pub const MESSAGE_HEAD: Text = text("{kind} number {number}, {from} to {to}", "{kind} número {number}, {from} a {to}");
pub const CARRIES_EPOCH: Text = text("epoch {epoch}", "época {epoch}");
pub const CARRIES_ABOUT: Text = text("about {entry}", "sobre {entry}");
pub const CARRIES_ENTRIES: Text = text("{entries} up to {entry}", "{entries} até {entry}");
pub const CARRIES_BYTES: Text = text("{bytes} bytes", "{bytes} bytes");
pub const CARRIES_RESYNC: Text = text("resync {number}", "ressincronização {number}");
pub const SENT_AT: Text = text("sent {time} (event {event})", "enviada {time} (evento {event})");
pub const FATE_UNDER_WAY: Text = text("not received yet", "ainda não recebida");
pub const FATE_HELD: Text = text("held on purpose ▮", "retida de propósito ▮");
pub const FATE_LOST: Text = text("lost: {why}", "perdida: {why}");
pub const FATE_DOWN: Text = text("not delivered: the receiver is down", "não entregue: o destinatário está fora do ar");
pub const ORDER_UNKNOWN: Text =
    text("order unknown: events of {node} arrived too late", "ordem desconhecida: os eventos de {node} chegaram tarde");
pub const ORDER_UNKNOWN_EVENT: Text =
    text("received (event {event}), order unknown", "recebida (evento {event}), ordem desconhecida");
pub const ORDER_UNKNOWN_MARK: Text = text("{kind} (order unknown)", "{kind} (ordem desconhecida)");

pub const FATE_RECEIVED: Text = text("received after {took} (event {event})", "recebida após {took} (evento {event})");
pub const CALL_WRITE: Text = text(
    "the client's write {what} reaches the leader and becomes {entry}",
    "a escrita {what} do cliente chega ao líder e se torna {entry}",
);
pub const CALL_WRITTEN: Text =
    text("the client gets its answer: done, up to {entry}", "o cliente recebe a resposta: feito, até {entry}");
pub const CALL_READ: Text = text("the leader receives {reads}", "o líder recebe {reads}");
pub const CALL_ANSWERED: Text = text("the client gets the answer to {reads}", "o cliente recebe a resposta de {reads}");

// The narration.
pub const NOTHING_YET: Text = text("nothing has happened yet", "nada aconteceu ainda");
pub const START_FOLDED: Text = text(
    "the start: {leader} leads {epoch}, elected by {votes} ({count} lines; the up key shows them)",
    "o início: {leader} lidera {epoch}, com os votos de {votes} ({count} linhas; a seta para cima as mostra)",
);
pub const EXPLAIN_HINT: Text = text("e explains", "e explica");
pub const EXPLANATION: Text = text("EXPLANATION", "EXPLICAÇÃO");
pub const ANY_KEY_CLOSES: Text = text("any key closes", "qualquer tecla fecha");

// The palette and copying.
pub const PALETTE: Text = text(" FIND ", " BUSCAR ");
pub const PALETTE_HINT: Text =
    text("up and down select, enter executes, esc closes", "as setas selecionam, enter executa, esc fecha");
pub const ON_KEY: Text = text("[{key}]", "[{key}]");
pub const COPIED: Text = text("copied: {what}", "copiado: {what}");
pub const NOTHING_TO_COPY: Text = text("there is nothing to copy here", "não há nada a copiar aqui");

// The presenter's banner.
pub const B_NO_LEADER: Text = text("NO LEADER", "SEM LÍDER");
pub const B_NO_QUORUM: Text = text("NO MAJORITY: NOTHING IS CONFIRMED", "SEM MAIORIA: NADA É CONFIRMADO");
pub const B_CALM: Text = text("ALL IS WELL", "TUDO EM ORDEM");
pub const B_INTERMEDIATE: Text = text("INTERMEDIATE  {what}", "INTERMEDIÁRIO  {what}");
pub const B_CONFLICT: Text = text("{nodes} CONFLICT AT {what}", "{nodes} CONFLITO EM {what}");
pub const B_MISSING: Text = text("{nodes} HAS NO ENTRIES AFTER {what}", "{nodes} SEM ENTRADAS DEPOIS DE {what}");
pub const B_TRUNCATED: Text = text("{nodes} TRUNCATES {what}", "{nodes} TRUNCA {what}");
pub const B_RESYNCED: Text = text("{what} SYNC POINT FOUND", "{what} PONTO DE SINCRONIZAÇÃO");
pub const B_COMMITTED: Text = text("{what} COMMITTED", "{what} EFETIVADA");
pub const B_FINAL: Text = text("{what} FINAL ON {nodes}", "{what} FINAL EM {nodes}");
pub const B_WAITS: Text = text("{nodes} ORDER {what} WAITS", "{nodes} ORDEM {what} ESPERA");
pub const B_HELD: Text = text("{nodes} {what} HELD", "{nodes} {what}: RETENÇÃO");
pub const B_RELEASED: Text = text("{nodes} {what} RELEASED", "{nodes} {what}: LIBERAÇÃO");
pub const B_RESUMED: Text = text("{nodes} RESUMED", "{nodes} RETOMADO");
pub const B_GIVES_UP: Text = text("{nodes} GIVES UP ITS CANDIDACY", "{nodes} DESISTE DA CANDIDATURA");
pub const B_REPLICA: Text = text("{nodes} BECOMES A REPLICA", "{nodes} TORNA-SE RÉPLICA");
pub const B_LIVE: Text = text("{live} OF {nodes} NODES LIVE", "{live} DE {nodes} NÓS VIVOS");
pub const B_VIOLATED: Text = text("VIOLATED: {what}", "VIOLAÇÃO: {what}");
pub const B_STANDS: Text = text("{nodes} STANDS FOR ELECTION", "{nodes} SE CANDIDATA");
pub const B_LEADS: Text = text("{nodes} LEADS {what}", "{nodes} LIDERA {what}");
pub const B_STEPS_DOWN: Text = text("{nodes} STEPS DOWN IN {what}", "{nodes} DEIXA A LIDERANÇA DE {what}");
pub const B_KILLED: Text = text("{nodes} KILLED", "{nodes} MORTO");
pub const B_RESTARTED: Text = text("{nodes} RESTARTED", "{nodes} REINICIADO");
pub const B_PAUSED: Text = text("{nodes} PAUSED", "{nodes} PAUSADO");
pub const B_CUT: Text = text("{nodes} CUT FROM {what}", "{nodes} CORTADO DE {what}");
pub const B_CUT_BOTH: Text = text("{nodes} CUT FROM EACH OTHER", "{nodes} CORTADOS UM DO OUTRO");
pub const B_HEALED: Text = text("{nodes} LINKED WITH {what} AGAIN", "{nodes} LIGADO A {what} DE NOVO");
pub const B_HEALED_BOTH: Text = text("{nodes} LINKED AGAIN", "{nodes} LIGADOS DE NOVO");
pub const B_DAMAGED: Text = text("{nodes} DAMAGED DISK", "{nodes} DISCO DANIFICADO");
pub const B_FORGED: Text = text("{nodes} FORGED ENTRY", "{nodes} ENTRADA FORJADA");

// The peers tab.
pub const P_FROM: Text = text("from", "de");
pub const P_TO: Text = text("to {node}", "a {node}");
pub const P_COUNTED: Text = text(
    "bytes of entries and snapshots sent: total and per second",
    "bytes de entradas e snapshots enviados: total \
                                                                       e por segundo",
);
pub const P_DOWN: Text = text("down", "fora");
pub const P_PAUSED: Text = text("paused", "pausa");
pub const P_CUT: Text = text("✗ cut", "✗ corte");
pub const P_HELD: Text = text("▮ held", "▮ retido");
pub const P_ENDS: Text = text("log ends", "log termina");
pub const P_BEHIND: Text = text("behind", "atrás");
pub const P_NOT_ACKED: Text = text("not acked", "sem ack");
pub const P_NOT_FINAL: Text = text("not final", "não final");

// Marks beside a node's line.
pub const MARK_LEADS: Text = text("◆ leads {what}", "◆ lidera {what}");
pub const MARK_STEPS_DOWN: Text = text("◇ steps down in {what}", "◇ deixa a liderança de {what}");
pub const MARK_GIVES_UP: Text = text("◇ gives up its candidacy", "◇ desiste da candidatura");
pub const MARK_REPLICA: Text = text("◇ becomes a replica", "◇ torna-se réplica");
pub const MARK_STANDS: Text = text("◇ election needed", "◇ eleição necessária");
pub const MARK_CONFLICT: Text = text("≠ conflict: {what}", "≠ conflito: {what}");
pub const MARK_MISSING: Text = text("· ends at {what}", "· termina em {what}");
pub const MARK_QUARANTINED: Text = text("x disk damaged, restarts empty", "x disco danificado, recomeça vazio");
pub const MARK_TRUNCATES: Text = text("~ truncates {what}", "~ trunca {what}");
pub const MARK_COMMITTED: Text = text("✓ committed {what}", "✓ efetivada {what}");
pub const MARK_CUT: Text = text("✗ cut from {what}", "✗ cortado de {what}");
pub const MARK_HEALED: Text = text("✓ linked with {what}", "✓ ligado a {what}");
pub const MARK_HOLDS: Text = text("▮ holds {what}", "▮ retém {what}");
pub const MARK_RELEASED: Text = text("▸ releases {what}", "▸ libera {what}");
pub const MARK_INJECTED: Text = text("≠ forged: {what}", "≠ forjada: {what}");

/// Kinds of messages, short enough for an arrow.
pub const KINDS: &[(&str, Text)] = &[
    ("push", text("push", "push")),
    ("heartbeat", text("heartbeat", "heartbeat")),
    ("ack", text("ack", "ack")),
    ("round-answer", text("round", "rodada")),
    ("log-state", text("log", "log")),
    ("commit-order", text("order", "ordem")),
    ("refused", text("refused", "recusa")),
    ("pre-vote", text("pre-vote?", "pré-voto?")),
    ("pre-vote-answer", text("pre-vote", "pré-voto")),
    ("vote", text("vote?", "voto?")),
    ("vote-answer", text("vote", "voto")),
    ("transfer", text("transfer", "transferência")),
    ("transfer-asked", text("transfer?", "transferência?")),
    ("snapshot", text("snapshot", "snapshot")),
    ("snapshot-ack", text("snapshot ack", "ack do snapshot")),
];

// Everything else.
pub const CHOOSE_SECOND: Text = text(" {node} and", " {node} e");
pub const ESC_NO: Text = text("   esc: cancel", "   esc: cancela");
pub const OLDEST_DROPPED: Text = text("{count} oldest dropped", "{count} mais antigos descartados");
pub const NOTHING_FINAL: Text = text("nothing is final yet: i, then put x 1", "nada é final ainda: i, depois put x 1");
pub const ONE_KEY: Text = text("1 key", "1 chave");
pub const KEYS: Text = text("{count} keys", "{count} chaves");
pub const KEYS_OF: Text =
    text("{shown} of {count} keys; epoca list shows all", "{shown} de {count} chaves; epoca list mostra todas");
pub const KEYS_OF_MANY: Text = text(
    "{shown} keys of many, not counted; epoca list shows all",
    "{shown} chaves de muitas, não contadas; epoca list mostra todas",
);
pub const FINAL_UNTOLD: Text =
    text("no node has reported its final database yet", "nenhum nó informou ainda o seu banco de dados final");
pub const FINAL_HIDDEN: Text = text(
    "keys and values are shown only by nodes started with --lab",
    "só nós iniciados com --lab mostram chaves e valores",
);
pub const FINAL_OLD_RECORDING: Text = text(
    "this recording has no final databases: an older version of epoca made it",
    "esta gravação não tem os bancos de dados finais: foi feita por uma versão mais antiga do epoca",
);
pub const KEY: Text = text("key", "chave");
pub const AS_LAST_SEEN: Text = text("{node} (last known)", "{node} (último estado)");
pub const HELP: Text = text(" HELP ", " AJUDA ");
pub const LINES_MORE: Text = text("{count} more lines: down, pgdn", "mais {count} linhas: seta, pgdn");
pub const OTHER_KEY_CLOSES: Text = text("any other key closes", "outra tecla fecha");
pub const SEARCH_HINT: Text =
    text("enter: accept   ctrl-r: older match   esc: cancel", "enter: aceita   ctrl-r: anterior   esc: cancela");
pub const LOGS: Text = text(" LOGS", " LOGS");
pub const L_FINAL: Text = text("[final]", "[final]");
pub const L_INTERMEDIATE: Text = text("┆intermediate┆", "┆intermediários┆");
pub const L_DIFFERS: Text = text("≠differs≠", "≠difere≠");
pub const L_TRUNCATED: Text = text("~truncated~", "~truncado~");
pub const L_MISSING: Text = text("·missing", "·ausente");
pub const L_COMMIT: Text = text("┃commit", "┃commit");
pub const OLDER: Text = text("◂ older", "◂ antigas");
pub const NEWER: Text = text(" newer ▸", " novas ▸");
pub const NODES_HIDDEN: Text =
    text("{count} more below: the screen needs more rows", "mais {count} abaixo: a tela precisa de mais linhas");
pub const NO_ANSWER_YET: Text = text("no answer yet", "sem resposta ainda");
pub const NODE_DOWN: Text = text("DOWN: {why}", "FORA: {why}");
pub const NODE_PAUSED: Text = text("paused, pid {pid}", "pausado, pid {pid}");
pub const NODE_LIVE: Text = text("live, pid {pid}", "vivo, pid {pid}");
pub const NO_EPOCH: Text = text("no epoch", "sem época");
pub const NOBODY_LEADS: Text = text("no leader", "sem líder");
pub const LEADS: Text = text("{node} leads", "{node} lidera");
pub const NODE_FACTS: Text =
    text("{address}  {process}  {role} in {epoch}, {follows}", "{address}  {process}  {role} em {epoch}, {follows}");
pub const LOG_ENDS: Text = text(
    "log ends at {last}  committed {committed}  final {applied}",
    "log termina em {last}  commit {committed}  final {applied}",
);
pub const BELIEVES: Text = text(
    "{leader} believes: match {matched}, next position {next}",
    "{leader} supõe: coincide até {matched}, próxima posição {next}",
);
pub const AT_POSITION: Text = text(" (position {position})", " (posição {position})");
pub const IS_CUT: Text = text("link with {node} is cut", "enlace com {node} cortado");
pub const IS_HELD: Text = text("{kind} to it is held", "{kind} para ele retidas");
pub const NOTHING_ASKED: Text =
    text(" no operation yet: i, then put x 1", " nenhuma operação ainda: i, depois put x 1");
pub const NOT_YET: Text = text(
    "expected: not found; got: not found ({entry} is not final there)",
    "esperado: não encontrado; obtido: não encontrado ({entry} não é final ali)",
);
pub const OMITTED: Text = text("     and {count} more lines", "     e mais {count} linhas");
pub const UNDER_WAY: Text = text("running", "em andamento");
pub const COMMAND: Text = text(" COMMAND ", " COMANDO ");
pub const NOTHING_LONG: Text = text("nothing is cut in this tab", "nada está cortado nesta aba");
pub const BYTES_ALL: Text = text("{all} bytes", "{all} bytes");
pub const BYTES_KNOWN: Text =
    text("the first {known} of {all} bytes; get reads all", "os primeiros {known} de {all} bytes; get lê todos");
pub const HITS: Text = text("/{filter}: {count} hits", "/{filter}: {count} resultados");
pub const ONE_HIT: Text = text("/{filter}: 1 hit", "/{filter}: 1 resultado");
pub const NO_HIT: Text =
    text("nothing has these words: esc clears the filter", "nada tem estas palavras: esc limpa o filtro");
pub const FILTER_HINT: Text = text(
    "n3, e2, a rule, a key, any words · enter keeps it, esc clears it",
    "n3, e2, uma regra, uma chave, palavras · enter mantém, esc limpa",
);
pub const IDLE_OBSTACLES: Text =
    text(" i to type; keys in parentheses: {why}", " i para digitar; teclas entre parênteses: {why}");
pub const SEARCH: Text = text("(search) {wanted}", "(busca) {wanted}");
pub const NOT_FOUND: Text = text("not found", "não encontrado");
pub const R_LEADER: Text = text("LEADER", "LÍDER");
pub const R_REPLICA: Text = text("replica", "réplica");
pub const R_LEARNER: Text = text("learner", "aprendiz");
pub const R_NO_MEMBER: Text = text("no member", "fora");
pub const R_CANDIDATE: Text = text("candidate", "candidato");
pub const S_PAUSED: Text = text("paused", "pausado");
pub const S_LIVE: Text = text("live", "vivo");
pub const S_DOWN: Text = text("DOWN", "FORA");
pub const S_UNSEEN: Text = text("unseen", "não visto");
pub const NO_ANSWER_WHY: Text = text("no answer yet: {why}", "sem resposta ainda: {why}");
pub const LAST_SEEN: Text = text("{why}, {age} s ago; last known log", "{why}, há {age} s; último log conhecido");
pub const ORDER_WAITS: Text = text("   order up to {entry} waits", "   ordem até {entry} em espera");
pub const COMMIT_IS: Text = text("commit = ", "commit = ");
pub const BELIEVES_NOTHING: Text = text("{leader} knows nothing of it yet", "{leader} ainda não sabe nada dele");
pub const RECEIVES: Text =
    text("receives a snapshot: {sent} of {bytes} bytes", "recebe um snapshot: {sent} de {bytes} bytes");
pub const LOG_BEGINS: Text = text("   log begins after {entry}", "   o log começa depois de {entry}");
pub const MATCH: Text = text("match ", "coincide até ");
pub const NEXT: Text = text("  next ", "  próxima ");
pub const POSITION: Text = text("position {position}", "posição {position}");
pub const N_TRUNCATED: Text = text("truncated ", "truncado ");
pub const N_QUARANTINED: Text = text("restarted empty: disk damaged", "recomeçou: quarentena");
pub const N_AT: Text = text(" at {entry}", " em {entry}");
pub const N_FROM: Text = text(" from {entry}", " a partir de {entry}");
pub const STARTING: Text = text(" STARTING ", " INICIANDO ");
pub const TOO_SMALL: Text = text(
    "epoca needs {needed}, this is {size}; the nodes keep running",
    "epoca precisa de {needed}, aqui há {size}; os nós continuam",
);
pub const M_CONTROL: Text = text("[CONTROL]", "[CONTROLE]");
pub const M_TYPE: Text = text("[TYPE]", "[DIGITAR]");
pub const T_STARTING: Text = text("starting the nodes", "iniciando os nós");
pub const T_ENDING: Text = text("ending", "encerrando");
pub const NO_LEADER: Text = text(" NO LEADER ", " SEM LÍDER ");
pub const NOTHING_RECORDED: Text = text("nothing recorded yet", "nada gravado ainda");
pub const NO_ANSWER_AT_ALL: Text = text("no node has answered yet", "nenhum nó respondeu ainda");
pub const NOTHING_COMMITTED: Text = text("nothing", "nada");
pub const T_COMMIT: Text = text("commit ", "commit ");
pub const NO_QUORUM: Text = text(
    " NO QUORUM: {live} live, {quorum} of {nodes} needed ",
    " SEM MAIORIA: {live} vivos, são necessários {quorum} de {nodes} ",
);
pub const T_QUORUM: Text = text("quorum ", "maioria ");
pub const QUORUM_OF: Text = text("{quorum} of {nodes}", "{quorum} de {nodes}");
pub const T_LIVE: Text = text("  live ", "  vivos ");
pub const HELD: Text = text("HELD {what}", "RETIDO {what}");
pub const CUT: Text = text("CUT {what}", "CORTE {what}");
pub const PAUSED: Text = text("PAUSED {what}", "PAUSADO {what}");
pub const BURST: Text = text(
    "{count} keys arrived at once, like a paste: ignored. Press i, then paste",
    "{count} teclas chegaram de uma vez, como ao colar: ignoradas. Aperte i, depois cole",
);
pub const PASTE_TOO_LONG: Text = text(
    "paste refused: {bytes} bytes, the limit is {most}; for longer values: put KEY --file FILE",
    "texto recusado: {bytes} bytes, o limite é {most}; para valores maiores: put CHAVE --file ARQUIVO",
);
pub const PASTE_UNENDED: Text =
    text("paste refused: its end did not arrive ({bytes} bytes)", "texto recusado: o fim não chegou ({bytes} bytes)");
pub const LINE_FULL: Text = text(
    "the line is full ({most} bytes) and incomplete: not executed; ctrl-u, then put KEY --file FILE",
    "a linha está cheia ({most} bytes) e incompleta: não executada; ctrl-u, depois put CHAVE --file ARQUIVO",
);
pub const QUIT_AGAIN: Text = text("q again ends the nodes and the console", "q de novo encerra os nós e o console");
pub const GUIDE: Text = text(
    " {tests} the tests · {more}p write · g read · i to type · ? keys",
    " {tests} os testes · {more}p escreve · g lê · i para digitar · ? teclas",
);
pub const GUIDE_SHORT: Text = text(" {tests} the tests · {more}i to type", " {tests} os testes · {more}i para digitar");
pub const GUIDE_SEEN: Text = text(" Logs above, messages below:", " Logs acima, mensagens abaixo:");
pub const GUIDE_DEFENSE: Text = text("D the defense · ", "D a defesa · ");
pub const GUIDE_TOUR: Text = text(
    " the defense runs: n goes on, K lists questions and steps",
    " defesa em andamento: n continua, K lista perguntas e passos",
);
pub const GUIDE_SCENARIO: Text =
    text(" a scenario runs: space pauses, X stops it", " cenário em andamento: espaço pausa, X interrompe");
pub const CTRL_C_AGAIN: Text = text("press Ctrl-C again to quit", "Ctrl-C de novo para sair");
pub const MEANS_NOTHING: Text = text(
    "{letter} has no function here: i to type, ? for the keys",
    "{letter} não tem função aqui: i para digitar, ? para as teclas",
);
pub const NO_NODE: Text = text("there is no node {letter}", "não há nó {letter}");
pub const NODES_NOT_THERE: Text = text("the nodes are not ready yet", "os nós ainda não estão prontos");
pub const O_CHOSEN: Text = text("is already selected", "já foi selecionado");
pub const O_DOWN_ALREADY: Text = text("is already down", "já está fora do ar");
pub const O_RUNS: Text = text("is running", "está em execução");
pub const O_DOWN: Text = text("is down", "está fora do ar");
pub const O_LEADS: Text = text("is the leader: its log is authoritative", "é o líder: o seu log é a referência");
pub const NO_NODE_ANSWERS: Text = text("no node answers", "nenhum nó responde");
pub const WITHOUT_LAB: Text = text("started without --lab", "iniciado sem --lab");
pub const H_SHAPES: Text = text(
    "The logs: a column for each entry, a row for each node's own report",
    "Os logs: uma coluna por entrada, uma linha com o relato de cada nó",
);
pub const H_CONTROL: Text = text("Single keys [CONTROL]", "Teclas [CONTROLE]");
pub const H_PACED: Text =
    text("While a scenario or the defense runs", "Enquanto um cenário ou a defesa está em andamento");
pub const H_COMMANDS: Text =
    text("Commands [TYPE]; a node is 3 or n3", "Comandos [DIGITAR], em inglês; um nó é 3 ou n3");
pub const H_EDITING: Text = text("Editing the line [TYPE]", "Editar a linha [DIGITAR]");

/// The role in the log table.
pub const fn role(role: RoleName, membership: Membership) -> Text {
    match (role, membership) {
        (RoleName::Leader, _) => R_LEADER,
        (_, Membership::Learner) => R_LEARNER,
        (_, Membership::NonMember) => R_NO_MEMBER,
        (RoleName::Replica, Membership::Voter) => R_REPLICA,
        (RoleName::Candidate, Membership::Voter) => R_CANDIDATE,
    }
}

/// The name of a tab.
pub const fn tab(pane: Pane) -> Text {
    match pane {
        Pane::Scenario => text("scenario", "cenário"),
        Pane::Sheet => text("sheet", "ficha"),
        Pane::Narration => text("narration", "narração"),
        Pane::Events => text("events", "eventos"),
        Pane::SpaceTime => text("space-time", "espaço-tempo"),
        Pane::FinalDb => text("final db", "banco final"),
        Pane::Ops => text("ops", "operações"),
        Pane::Peers => text("peers", "enlaces"),
        Pane::Checks => text("checks", "verificações"),
        Pane::Step => text("step", "passo"),
        Pane::Nodes => text("nodes", "nós"),
    }
}

/// The title of the selection of a node.
pub const fn fault(fault: FaultKey) -> Text {
    match fault {
        FaultKey::Kill => text("kill", "matar"),
        FaultKey::Restart => text("restart", "reiniciar"),
        FaultKey::Pause => text("pause or resume", "pausar ou retomar"),
        FaultKey::Link => text("cut or heal the link between", "cortar ou refazer o enlace entre"),
        FaultKey::Hold => text("hold or release the commit orders to", "reter ou liberar as ordens de commit para"),
        FaultKey::Conflict => text("inject a forged entry into", "injetar uma entrada forjada em"),
    }
}
