//! The sentences of commands, in every language: answers and remarks, words in tables, mistakes at the prompt.
//!
//! Each takes typed values and returns one sentence. Which sentences make up an answer is decided by the commands. The
//! sentences for typed answers of nodes and launcher are in `words`.

mod faults;

mod mistakes;

pub mod shell;

mod table_words;

pub mod verify;

use std::path::Path;

use epoca::client::{ClientError, Reason};
use epoca::protocol::{EntryId, FeatureLevel, NodeId, Position};

pub use faults::*;
pub use mistakes::*;
pub use table_words::*;

use crate::lang::{Localized, decimal, localized, text};
use crate::words::{self, client_error};

pub fn no_executable(error: &std::io::Error) -> Localized {
    localized!(
        "cannot find the file of this program: {error}",
        "não foi possível encontrar o arquivo deste programa: {error}"
    )
}

pub fn not_found(key: &str) -> Localized {
    localized!("not found: {key}", "não encontrado: {key}")
}

pub fn confirmed(id: EntryId, position: Position) -> Localized {
    localized!("confirmed {id} (position {position})", "confirmado {id} (posição {position})")
}

pub fn written_by(id: EntryId, revision: u64) -> Localized {
    localized!("{id}, revision {revision}", "{id}, revisão {revision}")
}

pub fn revision(revision: u64) -> Localized {
    localized!("revision {revision}", "revisão {revision}")
}

pub fn no_stdin_for_value() -> Localized {
    localized!(
        "there is no standard input here; use --file, or type the value itself",
        "não há entrada padrão aqui; use --file ou digite o próprio valor"
    )
}

pub fn no_stdin_for_batch() -> Localized {
    localized!(
        "there is no standard input here; type the changes themselves, as batch \"put x 1\" \"delete y\"",
        "não há entrada padrão aqui; digite as próprias mudanças, como batch \"put x 1\" \"delete y\""
    )
}

pub fn no_stdout() -> Localized {
    localized!("there is no standard output here; use --file", "não há saída padrão aqui; use --file")
}

pub fn value_expected() -> Localized {
    localized!("expected a value, -, or --file F", "esperava um valor, - ou --file F")
}

pub fn too_large(name: &str, bytes_max: usize) -> Localized {
    let mebibytes = bytes_max >> 20;
    localized!(
        "{name} is larger than the maximum of {mebibytes} MiB ({bytes_max} bytes)",
        "{name} é maior que o máximo de {mebibytes} MiB ({bytes_max} bytes)"
    )
}

pub fn cannot_write(file: &Path, error: &std::io::Error) -> Localized {
    let file = file.display();
    localized!("cannot write {file}: {error}", "não foi possível gravar {file}: {error}")
}

pub fn saved(bytes: usize, file: &Path) -> Localized {
    let file = file.display();
    localized!("{bytes} bytes written to {file}", "{bytes} bytes gravados em {file}")
}

pub fn not_equal_absent(key: &str) -> Localized {
    localized!("not equal: {key} is absent", "diferente: {key} não existe")
}

pub fn not_equal(key: &str, value: &str, revision: u64) -> Localized {
    localized!("not equal: {key} is {value} (revision {revision})", "diferente: {key} é {value} (revisão {revision})")
}

pub fn not_equal_rewritten(key: &str, revision: u64) -> Localized {
    localized!(
        "not equal: {key} was at revision {revision}, and has been written again since",
        "diferente: {key} estava na revisão {revision} e foi escrita de novo depois disso"
    )
}

pub fn batch_done(count: usize, revision: u64) -> Localized {
    localized!("{count} changes, revision {revision}", "{count} mudanças, revisão {revision}")
}

pub fn change_does_not_fit(number: usize, line: &str, why: &Localized) -> Localized {
    localized!(
        "change {number} of the batch, {line:?}: {why}",
        "mudança {number} do lote, {line:?}: {why}",
        with why
    )
}

pub fn batch_needs_the_value() -> Localized {
    localized!(
        "in a batch the value itself must be typed, as put x 1",
        "em um lote deve-se digitar o próprio valor, como put x 1"
    )
}

pub fn batch_of_puts_and_deletes() -> Localized {
    localized!(
        "a batch has puts and deletes only, as put x 1 and delete y",
        "um lote só tem put e delete, como put x 1 e delete y"
    )
}

pub fn node_unreachable(node: NodeId, why: &Reason) -> Localized {
    let why = words::reason(why);
    localized!("{node} is unreachable: {why}", "{node} está inacessível: {why}", with why)
}

pub fn of_node(node: NodeId, remark: &Localized) -> Localized {
    localized!("{node}: {remark}", "{node}: {remark}", with remark)
}

pub fn log_begins_after(purged: EntryId, snapshot: &str) -> Localized {
    localized!(
        "the log begins after {purged}; the newest snapshot holds everything up to {snapshot}",
        "o log começa depois de {purged}; o snapshot mais novo guarda tudo até {snapshot}"
    )
}

pub fn not_a_member() -> Localized {
    localized!("not a member, according to its own log", "não é membro, segundo o seu próprio log")
}

/// A change of a key, with the revision that it made and its entry.
pub fn change(revision: u64, change: &Localized, id: EntryId) -> Localized {
    localized!("revision {revision}  {change}  {id}", "revisão {revision}  {change}  {id}", with change)
}

pub fn deletes(key: &str) -> Localized {
    localized!("delete {key}", "apaga {key}")
}

pub fn forged(content: &Localized) -> Localized {
    localized!("forged {content}", "forjada {content}", with content)
}

pub fn no_records() -> Localized {
    localized!("no records", "nenhum registro")
}

pub fn no_entries() -> Localized {
    localized!("no entries", "nenhuma entrada")
}

pub fn first_records_only(count: u64) -> Localized {
    localized!("the first {count}; there are more, see --limit", "os primeiros {count}; há mais, veja --limit")
}

pub fn entries_left_out(first: u64, last: u64) -> Localized {
    localized!(
        "entries {first} to {last} are left out: --limit, --from or --all",
        "as entradas {first} a {last} ficaram de fora: --limit, --from ou --all"
    )
}

pub fn log_begins_at(first: u64) -> Localized {
    localized!(
        "the log begins at {first}: earlier entries are in the snapshot",
        "o log começa em {first}: as entradas anteriores estão no snapshot"
    )
}

pub fn more_from(next: u64) -> Localized {
    localized!("there are more: --from {next}", "há mais: --from {next}")
}

pub fn list_incomplete(last: &str, count: u64) -> Localized {
    localized!(
        "the list is incomplete: it ends with {last}, after {count} records",
        "a lista está incompleta: termina com {last}, depois de {count} registros"
    )
}

pub fn log_incomplete(next: u64) -> Localized {
    localized!(
        "the log is incomplete; continue with --from {next}",
        "o log está incompleto; continue com --from {next}"
    )
}

pub fn changes_seen(count: usize, next: u64) -> Localized {
    localized!("{count} changes; continue with --from {next}", "{count} mudanças; continue com --from {next}")
}

// Members.

pub fn member_added(node: NodeId, learner: bool) -> Localized {
    match learner {
        true => localized!("{node} is a member, as a learner", "{node} é membro, como aprendiz"),
        false => localized!(
            "{node} is a member, as a learner; it becomes a voter once it has caught up",
            "{node} é membro, como aprendiz; será votante quando estiver em dia"
        ),
    }
}

pub fn member_removed(node: NodeId) -> Localized {
    localized!("{node} is no longer a member", "{node} não é mais membro")
}

pub fn member_promoted(node: NodeId) -> Localized {
    localized!("{node} is a voter", "{node} é votante")
}

pub fn since(change: &Localized, id: EntryId, position: Position) -> Localized {
    localized!(
        "{change} (since {id}, position {position})",
        "{change} (desde {id}, posição {position})",
        with change
    )
}

pub fn as_before(change: &Localized) -> Localized {
    localized!("{change}, as before", "{change}, como antes", with change)
}

pub fn majority_of(voters: usize, level: FeatureLevel, since: EntryId, reported_by: NodeId) -> Localized {
    let majority = voters / 2 + 1;
    localized!(
        "voters: {voters}, majority: {majority}; feature level {level}; since {since}, according to {reported_by}",
        "votantes: {voters}, maioria: {majority}; nível de recursos {level}; desde {since}, segundo {reported_by}"
    )
}

pub fn older_version(node: NodeId, level: u32) -> Localized {
    localized!(
        "{node} supports feature levels up to {level}: it runs an older version",
        "{node} conhece níveis de recursos até {level}: executa uma versão mais antiga"
    )
}

pub fn feature_level_below(level: FeatureLevel, level_max: FeatureLevel) -> Localized {
    localized!(
        "feature level {level} is in force, and it supports up to {level_max}",
        "o nível de recursos {level} está em vigor, e ele conhece até {level_max}"
    )
}

pub fn other_folder(node: NodeId) -> Localized {
    localized!(
        "{node} runs with another data folder than this one: it does not count",
        "{node} usa outra pasta de dados, não com esta: ele não conta"
    )
}

// Bench.

pub fn bench_progress(seconds: u64, per_second: u64, errors: u64) -> Localized {
    localized!("{seconds:>4} s  {per_second}/s  {errors} errors", "{seconds:>4} s  {per_second}/s  {errors} erros")
}

pub fn writes_by_clients(count: u64, clients: u64, seconds: f64) -> Localized {
    let seconds = decimal(seconds, 1);
    localized!(
        "{count} writes by {clients} clients in {seconds} s",
        "{count} escritas de {clients} clientes em {seconds} s",
        with seconds
    )
}

pub fn reads_by_clients(count: u64, clients: u64, seconds: f64) -> Localized {
    let seconds = decimal(seconds, 1);
    localized!(
        "{count} reads by {clients} clients in {seconds} s",
        "{count} leituras de {clients} clientes em {seconds} s",
        with seconds
    )
}

pub fn throughput(per_second: f64, errors: u64, overloaded: u64) -> Localized {
    match overloaded {
        0 => localized!("{per_second:.0}/s, {errors} errors", "{per_second:.0}/s, {errors} erros"),
        _ => localized!(
            "{per_second:.0}/s, {errors} errors, {overloaded} of them overloaded",
            "{per_second:.0}/s, {errors} erros, {overloaded} deles por sobrecarga"
        ),
    }
}

pub fn cpu_per_operation(micros: Option<f64>) -> Localized {
    let micros = match micros {
        None => text("unknown (not every node answers)", "desconhecido (nem todo nó responde)").into(),
        Some(micros) => {
            let micros = decimal(micros, 1);
            localized!("{micros} µs", "{micros} µs", with micros)
        }
    };
    localized!(
        "{micros} for each operation, summed over the nodes",
        "{micros} por operação, somados os nós",
        with micros
    )
}

pub fn last_error(error: &ClientError) -> Localized {
    let error = client_error(error);
    localized!("the last error: {error}", "o último erro: {error}", with error)
}
