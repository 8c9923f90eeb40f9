//! Sentences of the commands that only the shell has: clusters, backups, recordings, and how a cluster is found.

use std::fmt::Display;
use std::path::Path;

use crate::lang::{Localized, Text, decimal, localized, text};

// How a cluster is found.
pub fn bad_variable(variable: &str, bad: &str, why: &Localized) -> Localized {
    localized!("{variable} holds {bad:?}: {why}", "{variable} contém {bad:?}: {why}", with why)
}

pub fn no_cluster(folder: &Path) -> Localized {
    let folder = folder.display();
    localized!(
        "no cluster runs on {folder}: `epoca cluster` starts one there, --connect names one that runs elsewhere",
        "nenhum cluster está em execução em {folder}: `epoca cluster` inicia um ali, --connect indica outro"
    )
}

pub fn variable_unused(variable: &str) -> Localized {
    localized!(
        "{variable} is not used: scenarios run on temporary clusters, unless --connect or --data is given",
        "{variable} não é usada: cenários são executados em clusters temporários, a menos que haja --connect ou --data"
    )
}

pub fn cannot_wait_for_signals(error: &dyn Display) -> Localized {
    localized!("cannot wait for signals: {error}", "não foi possível esperar sinais: {error}")
}

pub fn result_lost(error: &dyn Display, is_done: bool) -> Localized {
    match is_done {
        false => {
            localized!("cannot write to standard output: {error}", "não foi possível escrever na saída padrão: {error}")
        }
        true => localized!(
            "cannot write to standard output: {error}; the command itself was done",
            "não foi possível escrever na saída padrão: {error}; o comando em si foi feito"
        ),
    }
}

// `epoca cluster`.
pub const NOT_RUNNING: Text = text("not running", "fora do ar");

pub fn output_lost(error: &dyn Display) -> Localized {
    localized!(
        "cannot write to standard output: {error}; the nodes continue",
        "não foi possível escrever na saída padrão: {error}; os nós continuam"
    )
}

pub fn ended_with(node: &dyn Display, exit: &dyn Display) -> Localized {
    localized!("{node} ended with {exit}", "{node} terminou com {exit}")
}

pub fn ended_unexpectedly(node: u64, how: &str) -> Localized {
    localized!(
        "n{node} ended unexpectedly with {how}; `epoca fault restart {node}` starts it again",
        "n{node} terminou inesperadamente com {how}; `epoca fault restart {node}` o reinicia"
    )
}

pub fn ready(leader: &dyn Display, epoch: u64) -> Localized {
    localized!("ready: {leader} leads, epoch {epoch}", "pronto: {leader} lidera, época {epoch}")
}

pub fn joins(node: &dyn Display, address: &str) -> Localized {
    localized!("{node}  {address}  joins", "{node}  {address}  entra")
}

pub fn removed(node: &dyn Display) -> Localized {
    localized!("{node}  removed", "{node}  removido")
}

// Backups.
pub const BACKUP_INTERRUPTED: Text =
    text("the backup was interrupted; its file is deleted", "o backup foi interrompido; o seu arquivo foi apagado");
pub const TWICE_NAMED: Text = text("a node is named twice with --member", "um nó é indicado duas vezes com --member");
pub const COMPLETE_BACKUP: Text = text("a complete backup:", "um backup completo:");

pub fn cannot_write(path: &Path, error: &dyn Display) -> Localized {
    let path = path.display();
    localized!("{path} cannot be written: {error}", "não foi possível gravar {path}: {error}")
}

pub fn exists_already(path: &Path) -> Localized {
    let path = path.display();
    localized!("{path} exists already: choose another name", "{path} já existe: escolha outro nome")
}

pub fn holds(path: &Path) -> Localized {
    let path = path.display();
    localized!("{path} holds", "{path} contém")
}

pub fn restored(folder: &Path, cluster: &dyn Display, nodes: &str) -> Localized {
    let folder = folder.display();
    localized!("{folder} is cluster {cluster} of {nodes}, with", "{folder} é o cluster {cluster} de {nodes}, com")
}

pub fn restore_failed(error: &dyn Display) -> Localized {
    localized!("the restore failed: {error}; please report it", "a restauração falhou: {error}; por favor, relate isso")
}

pub fn one_address(address: &str) -> Localized {
    localized!(
        "two nodes have the address {address} with --member: each needs its own",
        "dois nós têm o endereço {address} com --member: cada um precisa do seu"
    )
}

pub fn backup_contents(prefix: &Localized, id: &dyn Display, cluster: &str, revision: u64, bytes: u64) -> Localized {
    localized!(
        "{prefix} everything up to {id} of cluster {cluster}, revision {revision}, {bytes} bytes",
        "{prefix} tudo até {id} do cluster {cluster}, revisão {revision}, {bytes} bytes",
        with prefix
    )
}

// `epoca inspect`.
pub const THE_LOG: Text = text("intermediate data: the log", "dados intermediários: o log");
pub const THE_DATABASE: Text = text("final data: the database", "dados finais: o banco de dados");
pub const NOTHING: Text = text("nothing", "nada");
pub const NONE_YET: Text = text("none yet", "nenhum ainda");
pub const NO_PROMISE: Text = text("none", "nenhuma");
pub const ROW_INCARNATION: Text = text("incarnation", "encarnação");
pub const ROW_PROMISE: Text = text("promise", "promessa");
pub const ROW_LOG: Text = text("log", "log");
pub const ROW_DATABASE: Text = text("database", "banco de dados");

pub fn more_entries(next: u64) -> Localized {
    localized!("there are more entries: --from {next}", "há mais entradas: --from {next}")
}

pub fn first_records(limit: usize) -> Localized {
    localized!("the first {limit} records; see --limit", "os primeiros {limit} registros; veja --limit")
}

pub fn inspected(node: &dyn Display, is_running: bool) -> Localized {
    match is_running {
        false => node.to_string().into(),
        true => localized!(
            "{node}, running: this is what it has written so far",
            "{node}, em execução: isto é o que ele gravou até agora"
        ),
    }
}

pub fn incarnation(incarnation: &dyn Display, cluster: &Localized) -> Localized {
    localized!("{incarnation}, cluster {cluster}", "{incarnation}, cluster {cluster}", with cluster)
}

pub fn voted(epoch: &dyn Display, vote: Option<&dyn Display>) -> Localized {
    match vote {
        Some(vote) => localized!("{epoch}, voted for {vote}", "{epoch}, votou em {vote}"),
        None => localized!("{epoch}, no vote", "{epoch}, sem voto"),
    }
}

pub fn log_bounds(last: &str, committed: &str) -> Localized {
    localized!("last {last}, committed {committed}", "última {last}, efetivada {committed}")
}

pub fn applied(applied: &str, revision: u64) -> Localized {
    localized!("applied {applied}, revision {revision}", "aplicada {applied}, revisão {revision}")
}

pub fn founds(voters: usize) -> Localized {
    localized!("opening, founds the cluster of {voters} voters", "abertura, funda o cluster de {voters} votantes")
}

pub fn members(members: &str) -> Localized {
    localized!("members: {members}", "membros: {members}")
}

pub fn does_not_decode(bytes: &str) -> Localized {
    localized!("does not decode: {bytes}", "não pode ser decodificada: {bytes}")
}

// Recordings.
pub const TORN: Text =
    text("its last line is incomplete and was left out", "a sua última linha está incompleta e foi deixada de fora");

pub fn recorded(records: u64, kilobytes: u64, path: &Path) -> Localized {
    let path = path.display();
    localized!(
        "recorded {records} records, {kilobytes} KB, in {path}",
        "{records} registros gravados, {kilobytes} KB, em {path}"
    )
}

pub fn events_written(count: u64, path: &Path) -> Localized {
    let path = path.display();
    localized!("{count} events written to {path}", "{count} eventos gravados em {path}")
}

pub fn bytes_written(bytes: u64, path: &Path) -> Localized {
    let path = path.display();
    localized!("{bytes} bytes written to {path}", "{bytes} bytes gravados em {path}")
}

pub fn checked(path: &Path, events: u64, seconds: f64) -> Localized {
    let (path, seconds) = (path.display(), decimal(seconds, 1));
    localized!("{path}: {events} events in {seconds} s", "{path}: {events} eventos em {seconds} s", with seconds)
}

pub fn events_lost(lost: u64) -> Localized {
    localized!("{lost} events were lost during the recording", "{lost} eventos se perderam durante a gravação")
}

pub fn ordered(name: &Localized, operations: usize) -> Localized {
    localized!("✓ {name} ({operations} operations)", "✓ {name} ({operations} operações)", with name)
}

pub const AT: Text = text("at", "em");
pub const FIRST_STATE: Text = text("the first observed state", "o primeiro estado observado");

pub fn violation(invariant: &str, what: &str) -> Localized {
    localized!("VIOLATION of {invariant}: {what}", "VIOLAÇÃO de {invariant}: {what}")
}

pub fn recording_exists(path: &Path) -> Localized {
    let path = path.display();
    localized!(
        "{path} exists already; a recording never overwrites a file: name another file, or delete it",
        "{path} já existe; uma gravação nunca substitui um arquivo: indique outro, ou apague-o"
    )
}

pub fn no_recording(path: &Path) -> Localized {
    let path = path.display();
    localized!(
        "{path} is no recording: its first line is not the header of one",
        "{path} não é uma gravação: a primeira linha não é o cabeçalho de uma"
    )
}

pub fn format_too_new(path: &Path, version: u64, known: u64) -> Localized {
    let path = path.display();
    localized!(
        "{path} has format version {version}; this epoca reads up to {known}: use a newer epoca",
        "{path} tem o formato versão {version}; este epoca lê até {known}: use um epoca mais novo"
    )
}

pub fn bad_line(path: &Path, line: u64, why: &str) -> Localized {
    let path = path.display();
    localized!("{path}, line {line}: {why}", "{path}, linha {line}: {why}")
}
