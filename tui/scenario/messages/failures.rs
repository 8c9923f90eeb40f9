//! Why a step is not passed.

use std::time::Duration;

use epoca::protocol::{EntryId, LogPoint, NodeId};

use crate::lang::{Lang, Localized, localized, text};
use crate::scenario::script::EntryState;
use crate::words;

pub fn at_line(line: usize, why: &Localized) -> Localized {
    localized!("line {line}: {why}", "linha {line}: {why}", with why)
}

/// `slowness`: how much more time the machine had because it was busy, if it mattered.
pub fn not_within(time: Duration, why: &Localized, slowness: Option<f64>) -> Localized {
    let seconds = (time.as_secs_f64() * 10.0).round() / 10.0;
    let number = Localized::new(seconds.to_string(), seconds.to_string().replace('.', ","));
    let text = localized!("not within {number} s: {why}", "não em {number} s: {why}", with number, why);
    match slowness {
        None => text,
        Some(slowness) => localized!(
            "{text} (this busy machine had {slowness:.0} times as long)",
            "{text} (esta máquina ocupada teve {slowness:.0} vezes esse tempo)",
            with text
        ),
    }
}

pub fn still_in_flight(line: &str) -> Localized {
    localized!("{line} is in flight", "{line} está em andamento")
}

pub fn time_not_over() -> Localized {
    localized!("the time is not over", "o tempo não terminou")
}

pub fn reported(node: NodeId, fact: &str) -> Localized {
    localized!("{node} reported {fact}", "{node} informou {fact}")
}

pub fn not_reported(node: NodeId, fact: &str, is_incomplete: bool) -> Localized {
    match is_incomplete {
        false => localized!("{node} has not reported {fact}", "{node} não informou {fact}"),
        true => localized!(
            "{node} has not reported {fact}; not all of its events were received",
            "{node} não informou {fact}; nem todos os seus eventos foram recebidos"
        ),
    }
}

pub fn no_node_reported(fact: &str) -> Localized {
    localized!("no node has reported {fact}", "nenhum nó informou {fact}")
}

pub fn events_lost(events: u64) -> Localized {
    localized!("{events} events were not received", "{events} eventos não foram recebidos")
}

pub fn no_leader() -> Localized {
    localized!("no node leads", "nenhum nó lidera")
}

pub fn still_leads(node: NodeId) -> Localized {
    localized!("{node} still leads", "{node} ainda lidera")
}

pub fn nothing_committed(leader: NodeId) -> Localized {
    localized!("{leader} has committed nothing in its epoch", "{leader} não efetivou nada na sua época")
}

pub fn not_committed(id: EntryId) -> Localized {
    localized!("no node has committed {id}", "nenhum nó efetivou {id}")
}

pub fn committed_without_majority(leader: NodeId, id: EntryId, acks: &[NodeId]) -> Localized {
    let acks = acks.iter().map(NodeId::to_string).collect::<Vec<_>>().join(", ");
    localized!(
        "{leader} committed {id} with the acks of {acks} alone",
        "{leader} efetivou {id} só com os acks de {acks}"
    )
}

pub fn ordered_before_commit(fact: &str) -> Localized {
    localized!("ordered before it was committed: {fact}", "ordem enviada antes da efetivação: {fact}")
}

pub fn commit_not_ordered(leader: NodeId) -> Localized {
    localized!("{leader} has not ordered the commit", "{leader} não enviou a ordem de commit")
}

pub fn log_lacks(node: NodeId, entry: &str) -> Localized {
    localized!("the log of {node} does not have {entry}", "o log de {node} não tem {entry}")
}

pub fn log_has(node: NodeId, entry: &str) -> Localized {
    localized!("the log of {node} has {entry}", "o log de {node} tem {entry}")
}

pub fn entry_at_node(entry: &str, state: EntryState, node: NodeId) -> Localized {
    let state = super::state(state);
    localized!("{entry} is {state} on {node}", "{entry} é {state} em {node}", with state)
}

pub fn log_is(node: NodeId, runs: &str) -> Localized {
    localized!("the log of {node} is {runs}", "o log de {node} é {runs}")
}

pub fn no_log() -> Localized {
    localized!("there is no log to compare", "não há log para comparar")
}

pub fn logs_differ(node: NodeId, last: LogPoint, other: LogPoint) -> Localized {
    localized!(
        "the log of {node} ends with {last}, another with {other}",
        "o log de {node} termina com {last}, outro com {other}"
    )
}

pub fn not_all_final(node: NodeId, last: Option<LogPoint>, applied: Option<LogPoint>) -> Localized {
    let shown = |point: Option<LogPoint>| {
        point.map_or_else(|| text("nothing", "nada").into(), |point| Localized::from(point.to_string()))
    };
    let (last, applied) = (shown(last), shown(applied));
    localized!(
        "the log of {node} ends with {last}, and {applied} is final there",
        "o log de {node} termina com {last}, e {applied} é final ali",
        with last, applied
    )
}

pub fn never_observed(node: NodeId) -> Localized {
    localized!("no event of {node} was received", "nenhum evento de {node} foi recebido")
}

pub fn not_observed_since_start(node: NodeId) -> Localized {
    localized!("{node} has not been observed since its restart", "{node} não foi observado desde que reiniciou")
}

pub fn no_node_matches() -> Localized {
    localized!("no node matches", "nenhum nó corresponde")
}

pub fn no_node_reads() -> Localized {
    localized!("no node reads it", "nenhum nó a lê")
}

/// `node`: whose final data were read; `None` for a client. A value that is `None` was not found.
pub fn read_differs(node: Option<NodeId>, key: &str, expected: Option<&str>, got: Option<&str>) -> Localized {
    let value = |value: Option<&str>| value.map_or_else(|| text("not found", "não encontrado").into(), Localized::from);
    let (reader, expected, got) = (reader(node), value(expected), value(got));
    localized!(
        "{reader} reads {key}: expected: {expected}; got: {got}",
        "{reader} lê {key}: esperado: {expected}; obtido: {got}",
        with reader, expected, got
    )
}

pub fn cannot_read(node: Option<NodeId>, error: &Localized) -> Localized {
    let reader = reader(node);
    localized!("{reader} cannot read: {error}", "{reader} não consegue ler: {error}", with reader, error)
}

fn reader(node: Option<NodeId>) -> Localized {
    node.map_or_else(|| text("the client", "o cliente").into(), |node| node.to_string().into())
}

pub fn disk_lacks(node: NodeId, entry: &str) -> Localized {
    localized!("the disk of {node} does not have {entry}", "o disco de {node} não tem {entry}")
}

pub fn entry_on_disk(entry: &str, state: EntryState, node: NodeId) -> Localized {
    let state = super::state(state);
    localized!("{entry} is {state} on the disk of {node}", "{entry} é {state} no disco de {node}", with state)
}

pub fn disk_reads(node: NodeId, key: &str, expected: Option<&str>, got: Option<&str>) -> Localized {
    let value = |value: Option<&str>| value.map_or_else(|| text("nothing", "nada").into(), Localized::from);
    let (expected, got) = (value(expected), value(got));
    localized!(
        "the disk of {node} has {got} for {key}, not {expected}",
        "o disco de {node} tem {got} em {key}, não {expected}",
        with expected, got
    )
}

pub fn disk_unreadable(folder: &str) -> Localized {
    localized!("{folder} cannot be read now", "{folder} não pode ser lida agora")
}

pub fn inspect_timed_out(folder: &str) -> Localized {
    localized!("{folder} could not be read in time", "{folder} não pôde ser lida a tempo")
}

pub fn cannot_inspect(error: &std::io::Error) -> Localized {
    localized!("cannot run inspect: {error}", "não foi possível executar inspect: {error}")
}

pub fn no_launcher_for_folders() -> Localized {
    localized!(
        "only a launcher knows the data folders, and this cluster has none",
        "só um launcher conhece as pastas de dados, e este cluster não tem um"
    )
}

pub fn no_such_node(node: NodeId) -> Localized {
    localized!("there is no node {node}", "não há nó {node}")
}

pub fn writes_confirmed(confirmed: u64, expected: u64) -> Localized {
    localized!(
        "{confirmed} of {expected} writes were confirmed",
        "{confirmed} de {expected} escritas foram confirmadas"
    )
}

pub fn confirmed_write_missing(node: NodeId, operation: &str, id: EntryId) -> Localized {
    localized!(
        "{node} does not have {operation}, confirmed as {id}",
        "{node} não tem {operation}, confirmada como {id}"
    )
}

pub fn no_write_confirmed() -> Localized {
    localized!("no write was confirmed at all", "nenhuma escrita foi confirmada")
}

pub fn no_load() -> Localized {
    localized!("no load is running", "não há carga em execução")
}

pub fn no_finished_load() -> Localized {
    localized!("no load has run and been stopped", "nenhuma carga rodou e foi encerrada")
}

pub fn no_such_name(name: &str) -> Localized {
    localized!("no node has the name ${name}", "nenhum nó tem o nome ${name}")
}

pub fn no_such_operation(name: &str) -> Localized {
    localized!("no operation has the name {name}", "nenhuma operação tem o nome {name}")
}

pub fn no_entry_of(name: &str) -> Localized {
    localized!("no entry of {name} was observed", "nenhuma entrada de {name} foi observada")
}

pub fn too_few_nodes(needed: u64, nodes: usize) -> Localized {
    localized!(
        "the scenario needs {needed} nodes, and the cluster has {nodes}",
        "o cenário precisa de {needed} nós, e o cluster tem {nodes}"
    )
}

pub fn not_all_connected() -> Localized {
    localized!("not every node is connected", "nem todo nó está conectado")
}

/// A violated invariant. Its name exists in each language; the numbers are the check's own.
pub fn violation(name: &str, violation: &str) -> Localized {
    let portuguese = words::invariant(Lang::Portuguese, name);
    Localized::new(violation, violation.replacen(name, portuguese, 1))
}
