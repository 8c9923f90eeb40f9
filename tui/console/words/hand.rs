//! Texts of the keys with which a presenter shows the protocol by hand: reads side by side, conflicts, cleaning.

use std::time::Duration;

use epoca::protocol::{EntryId, NodeId};

use crate::console::model::{ForgeryKind, Unclean};
use crate::lang::{Localized, Text, decimal, localized, text};

pub const NOTHING_TO_REPEAT: Text = text("no command was run yet", "nenhum comando foi executado ainda");
pub const NOTHING_WRITTEN: Text =
    text("no key was written yet: p writes one", "nenhuma chave foi escrita ainda: p escreve uma");
pub const NOT_TYPED: Text =
    text("this key is not text and cannot be typed", "esta chave não é texto e não pode ser digitada");
pub const NO_NODE_TO_READ: Text = text("no node answers", "nenhum nó responde");

// The table of reads.
pub const READS: Text = text(" READ {key} ", " LEITURA DE {key} ");
pub const READS_BY: Text = text(
    " expected by the node's own events, got as its answer ",
    " esperado pelos eventos do nó, obtido na resposta dele ",
);
pub const READS_RIGHT: Text = text(" {right} of {all} as expected ", " {right} de {all} como esperado ");
pub const H_NODE: Text = text("node", "nó");
pub const H_EXPECTED: Text = text("expected", "esperado");
pub const H_GOT: Text = text("got", "obtido");
pub const LINEARIZABLE: Text = text("{node} leader", "{node} líder");
pub const LOCAL: Text = text("{node} local", "{node} local");
pub const NOT_FOUND: Text = text("not found", "não encontrado");
pub const UNKNOWN: Text = text("not known", "desconhecido");
pub const NOT_ASKED: Text = text("not asked: the node is down", "não consultado: o nó está fora do ar");
pub const WAITING: Text = text("{what} ({entry} not final here)", "{what} ({entry} não final aqui)");
pub const ONE_MORE_LINE: Text = text("o: 1 more line · esc closes", "o: mais 1 linha · esc fecha");
pub const MORE_LINES: Text = text("o: {count} more lines · esc closes", "o: mais {count} linhas · esc fecha");
pub const ESC_CLOSES: Text = text("esc closes", "esc fecha");

// A conflict.
pub const FORGE: Text = text(" forge in {node}:", " forjar em {node}:");
pub const FORGE_KEY: Text = text(" key ", " chave ");
pub const FORGE_DEPTH: Text = text("  entries ", "  entradas ");
pub const FORGE_KEYS: Text = text(
    "1-9 how many · a, b kind · tab key · i edit · enter · esc",
    "1-9 quantas · a, b tipo · tab chave · i editar · enter · esc",
);
pub const NO_OTHER_LEADER: Text = text(
    "no other live node can lead, so the entries cannot become older than the leader",
    "nenhum outro nó vivo pode liderar, então as entradas não podem ficar mais antigas que o líder",
);

pub const fn kind(kind: ForgeryKind) -> Text {
    match kind {
        ForgeryKind::SameIds => text("a same ids", "a mesmos ids"),
        ForgeryKind::OlderEpoch => text("b older epoch", "b época anterior"),
    }
}

/// What shows the conflict, for the line below.
pub const fn shown_by(kind: ForgeryKind) -> Text {
    match kind {
        ForgeryKind::SameIds => text(
            "the next write (p) has the same id with another digest",
            "a próxima escrita (p) tem o mesmo id com outro digest",
        ),
        ForgeryKind::OlderEpoch => text(
            "then another node leads, and its entries have a greater epoch",
            "depois outro nó lidera, e as entradas dele têm época maior",
        ),
    }
}

// Grades by hand.
pub const GRADES: Text = text(" GRADES ", " NOTAS ");
pub const GRADES_FOOT: Text = text(
    "shown by hand, judged by the rules of the sheet · G: one line · esc closes",
    "mostrado à mão, julgado pelas regras da ficha de avaliação · G: uma linha · esc fecha",
);
pub const GRADES_MORE: Text =
    text("{count} more below · G: one line · esc closes", "mais {count} abaixo · G: uma linha · esc fecha");

// Cleaning.
pub const CLEANING: Text =
    text("cleaning: faults are lifted, nodes restarted …", "limpando: falhas desfeitas, nós reiniciados …");

pub fn clean(took: Duration, nodes: usize, leader: NodeId, last: EntryId) -> Localized {
    let took = decimal(took.as_secs_f64(), 1);
    localized!(
        "clean after {took} s: {nodes} nodes live, {leader} leads, all logs end at {last}",
        "limpo após {took} s: {nodes} nós vivos, {leader} lidera, todos os logs terminam em {last}",
        with took
    )
}

pub fn not_clean(why: Unclean, took: Duration) -> Localized {
    let (seconds, why) = (took.as_secs(), unclean(why));
    localized!("not clean after {seconds} s: {why}", "não está limpo após {seconds} s: {why}", with why)
}

fn unclean(why: Unclean) -> Localized {
    match why {
        Unclean::Faults => localized!("faults are still in force", "ainda há falhas em vigor"),
        Unclean::Down(node) => localized!("{node} does not answer", "{node} não responde"),
        Unclean::Paused(node) => localized!("{node} is paused", "{node} está pausado"),
        Unclean::NoLeader => localized!("no node leads", "nenhum nó lidera"),
        Unclean::NotLed(node) => localized!("{node} does not follow the leader", "{node} não segue o líder"),
        Unclean::Behind(node) => localized!("{node} is behind the leader", "{node} está atrás do líder"),
        Unclean::Differs(node) => {
            localized!("{node} has other entries than the leader", "{node} tem entradas diferentes das do líder")
        }
    }
}
