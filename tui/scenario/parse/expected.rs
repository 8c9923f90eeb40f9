//! What a line of a scenario may contain, as its mistakes name it, in every language.

use crate::lang::{Localized, Text, localized, text};

pub const NOTHING_MORE: Text = text("nothing more is expected in this line", "nada mais é esperado nesta linha");
pub const LINE: Text = text(
    "title, about, needs, log, step, line, do, try, start, load, chaos, wait, restore or expect",
    "title, about, needs, log, step, line, do, try, start, load, chaos, wait, restore ou expect",
);
pub const INDENTED: Text =
    text("en, pt, why.en or why.pt and a text, or sheet only", "en, pt, why.en ou why.pt e um texto, ou sheet only");
pub const TEXT: Text = text("a text", "um texto");
pub const QUESTION: Text = text("the name of a question", "o nome de uma pergunta");
pub const REGION: Text = text(
    "top, logs [NODE], space-time, tab, checks, tape or prompt",
    "top, logs [NÓ], space-time, tab, checks, tape ou prompt",
);
pub const LABEL: Text = text("a label, as 3b.2", "um rótulo, como 3b.2");
pub const POINTS: Text = text("points, as 0.15", "pontos, como 0.15");
pub const NEED: Text = text(
    "nodes N, own cluster, election-timeout D, lease D, uncommitted-entries N, snapshot-entries N or snapshot-margin N",
    "nodes N, own cluster, election-timeout D, lease D, uncommitted-entries N, snapshot-entries N ou snapshot-margin N",
);
pub const NODE_COUNT: Text = text("a number of nodes", "um número de nós");
pub const ENTRY_COUNT: Text = text("a number of entries", "um número de entradas");
pub const WRITE_COUNT: Text = text("a number of writes", "um número de escritas");
pub const CLIENT_COUNT: Text = text("a number of clients, or stop", "um número de clientes, ou stop");
pub const RUN_OR_PROMISE: Text =
    text("a run of entries as 4:2, or promise=7", "uma sequência de entradas como 4:2, ou promise=7");
pub const PROMISE: Text = text("promise=EPOCH", "promise=ÉPOCA");
pub const RUN: Text = text("EPOCH:ENTRIES, as 4:2", "ÉPOCA:ENTRADAS, como 4:2");
pub const COMMAND: Text = text("a command, as put x 1", "um comando, como put x 1");
pub const EXPECTATION: Text = text(
    "an expectation, as `first confirmed` or `$a Truncated from=forged`",
    "uma expectativa, como `first confirmed` ou `$a Truncated from=forged`",
);
pub const OPERATION: Text = text("the name of an operation", "o nome de uma operação");
pub const OPERATION_END: Text =
    text("confirmed, unknown, refused or unconfirmed for D", "confirmed, unknown, refused ou unconfirmed for D");
pub const HOLDS_OR_READS: Text = text("holds or reads", "holds ou reads");
pub const NEW_NAME: Text = text("a name, as $new", "um nome, como $new");
pub const EVENT: Text = text(
    "an event, as Truncated, or holds, lacks, log or reads",
    "um evento, como Truncated, ou holds, lacks, log ou reads",
);
pub const FIELD: Text = text("FIELD=VALUE", "CAMPO=VALOR");
pub const TIME: Text = text("a time, as 2s or 500ms", "um tempo, como 2s ou 500ms");
pub const TIME_TO_AN_HOUR: Text =
    text("a time up to an hour, as 2s or 500ms", "um tempo de até uma hora, como 2s ou 500ms");
pub const NODE_ID: Text = text("a node, as n3", "um nó, como n3");
pub const NODE: Text = text("a node, as n3 or $a", "um nó, como n3 ou $a");
pub const NODES: Text =
    text("a node, as n3 or $a, or each, replicas, any", "um nó, como n3 ou $a, ou each, replicas, any");
pub const ENTRY: Text =
    text("an entry: the name of an operation, or e3.o5", "uma entrada: o nome de uma operação, ou e3.o5");
pub const STATE: Text = text("intermediate, committed or final", "intermediate, committed ou final");
pub const KEY_VALUE: Text = text("KEY=VALUE, or KEY absent", "CHAVE=VALOR, ou CHAVE absent");

pub fn a(what: Text) -> Localized {
    let what = Localized::from(what);
    localized!("expected {what}", "esperava {what}", with what)
}

pub fn this(word: &str) -> Localized {
    localized!("expected {word}", "esperava {word}")
}

pub fn found(message: &Localized, word: &str) -> Localized {
    localized!("{message}; found {word:?}", "{message}; encontrado {word:?}", with message)
}

/// `similar`: the name of an event that differs only in upper and lower case.
pub fn event(similar: Option<&str>) -> Localized {
    let event = a(EVENT);
    match similar {
        None => event,
        Some(similar) => localized!("{event} ({similar}?)", "{event} ({similar}?)", with event),
    }
}

pub fn fields_of(event: &str, fields: &[&str]) -> Localized {
    let fields = fields.join(", ");
    localized!("{event} has the fields {fields}", "{event} tem os campos {fields}")
}

pub fn title() -> Localized {
    localized!(
        "the text ends without a title: expected `title` and below it `en TEXT` or `pt TEXT`",
        "o texto termina sem título: esperava `title` e abaixo `en TEXTO` ou `pt TEXTO`"
    )
}

pub fn an_expectation() -> Localized {
    localized!(
        "the text ends without an expectation: it would show nothing",
        "o texto termina sem uma expectativa: não mostraria nada"
    )
}

pub fn item_above() -> Localized {
    localized!("there is no line above that this could explain", "não há linha acima que isto possa explicar")
}

pub fn heading_above() -> Localized {
    localized!(
        "the line above is no heading and no `then`, so it has no notes",
        "a linha acima não é um título nem `then`, então não tem notas"
    )
}

pub fn a_question_named(name: &str) -> Localized {
    localized!("expected a question {name:?} in this text", "esperava uma pergunta {name:?} neste texto")
}

pub fn no_such_text_above() -> Localized {
    localized!("the line above has no such text", "a linha acima não tem esse texto")
}

pub fn growing_epochs() -> Localized {
    localized!("the epochs of a log must grow from run to run", "as épocas de um log devem crescer a cada sequência")
}

pub fn nodes_in_range() -> Localized {
    localized!("a cluster has 1 to 15 nodes", "um cluster tem de 1 a 15 nós")
}

pub fn entries_in_range() -> Localized {
    localized!("expected 1 to 1000000 entries", "esperava de 1 a 1000000 entradas")
}

pub fn clients_in_range() -> Localized {
    localized!("expected 1 to 64 clients", "esperava de 1 a 64 clientes")
}
