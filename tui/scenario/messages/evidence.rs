//! What was observed, as the evidence of a step names it.

use std::time::Duration;

use epoca::protocol::{EntryId, Epoch, LogPoint};

use crate::lang::{Localized, decimal, localized, text};
use crate::scenario::script::EntryState;

pub fn after(answer: &Localized, took: Duration) -> Localized {
    let millis = decimal(took.as_secs_f64() * 1e3, 1);
    localized!("{answer} after {millis} ms", "{answer} após {millis} ms", with answer, millis)
}

pub fn unanswered(line: &str, answer: Option<&Localized>, since: Duration) -> Localized {
    let (seconds, none) = (decimal(since.as_secs_f64(), 1), text("no answer yet", "sem resposta ainda").into());
    let answer = answer.unwrap_or(&none);
    localized!(
        "{line}: {answer}, {seconds} s after it was sent",
        "{line}: {answer}, {seconds} s depois de enviado",
        with answer, seconds
    )
}

pub fn its_log(is_live: bool) -> Localized {
    match is_live {
        true => localized!("its log", "o seu log"),
        false => localized!("its log in its last known state", "o seu log no último estado conhecido"),
    }
}

pub fn log_on_disk() -> Localized {
    localized!("the log on its disk", "o log no seu disco")
}

pub fn database_on_disk(has_key: bool) -> Localized {
    match has_key {
        true => localized!("the final database on its disk has it", "o banco final no seu disco a tem"),
        false => localized!(
            "the final database on its disk does not have the key",
            "o banco final no seu disco não tem a chave"
        ),
    }
}

pub fn record_on_disk(key: &str, value: &str, epoch: &str, offset: &str) -> Localized {
    localized!("{key}={value} from e{epoch}·o{offset}", "{key}={value} de e{epoch}·o{offset}")
}

/// An entry and how far it has come at a node.
pub fn entry_in_state(entry: &Localized, state: EntryState) -> Localized {
    let state = self::state(state);
    localized!("{entry} {state}", "{entry} {state}", with entry, state)
}

pub fn state(state: EntryState) -> Localized {
    match state {
        EntryState::Intermediate => text("intermediate", "intermediária").into(),
        EntryState::Committed => text("committed", "efetivada").into(),
        EntryState::Final => text("final", "final").into(),
    }
}

pub fn forged(point: &str, content: &str) -> Localized {
    localized!("{point} forged {content}", "{point} forjada {content}")
}

pub fn no_entry(entry: &str) -> Localized {
    localized!("no {entry}", "nenhuma {entry}")
}

pub fn ends_with(last: LogPoint) -> Localized {
    localized!("ends with {last}", "termina com {last}")
}

pub fn ends_with_all_final(last: LogPoint) -> Localized {
    localized!("ends with {last}, all of it final", "termina com {last}, tudo final")
}

pub fn no_fact_up_to_here(fact: &str) -> Localized {
    localized!("no {fact} up to this event", "nenhum {fact} até este evento")
}

pub fn leads(epoch: Option<Epoch>, committed: LogPoint) -> Localized {
    let epoch = epoch.map_or(0, |epoch| epoch.0);
    localized!("leads epoch {epoch}, committed up to {committed}", "lidera a época {epoch}, efetivado até {committed}")
}

/// A read: by a client or, `is_local`, from a node's own final data.
pub fn read(is_local: bool, found: &Localized) -> Localized {
    match is_local {
        true => localized!("its own final data: {found}", "os seus dados finais: {found}", with found),
        false => localized!("a linearizable read: {found}", "uma leitura linearizável: {found}", with found),
    }
}

pub fn value_of(key: &str, value: &str) -> Localized {
    localized!("{key}={value}", "{key}={value}")
}

pub fn not_found(key: &str) -> Localized {
    localized!("{key}: expected: not found; got: not found", "{key}: esperado: não encontrado; obtido: não encontrado")
}

pub fn written_by(key: &str, id: EntryId) -> Localized {
    localized!("{key} written by {id}", "{key} escrita por {id}")
}

pub fn invariants_hold(pid: u32) -> Localized {
    localized!(
        "no invariant is violated up to this event of process {pid}",
        "nenhuma invariante foi violada até este evento do processo {pid}"
    )
}

pub fn linearized(placed: usize, operations: usize, unknown: usize) -> Localized {
    localized!(
        "{placed} of {operations} operations stand in one order, {unknown} of them with unknown outcome",
        "{placed} de {operations} operações estão em uma só ordem, {unknown} delas com resultado desconhecido"
    )
}

pub fn has_all_confirmed(count: usize) -> Localized {
    localized!(
        "its log has all {count} confirmed writes, committed",
        "o seu log tem todas as {count} escritas confirmadas, efetivadas"
    )
}

pub fn confirmed_meanwhile(writes: u64) -> Localized {
    localized!("{writes} writes were confirmed meanwhile", "{writes} escritas foram confirmadas nesse tempo")
}
