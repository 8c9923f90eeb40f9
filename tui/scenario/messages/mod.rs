//! The sentences of scenarios, in every language: what happens beside the steps, evidence, and why a step is not
//! passed.
//!
//! Each takes typed values and returns one sentence. The titles, steps and explanations of a scenario are in its own
//! text.

mod evidence;

mod failures;

use std::time::Duration;

use epoca::protocol::{Epoch, NodeId};

pub use evidence::*;
pub use failures::*;

use crate::lang::{Lang, Localized, Text, decimal, localized, text};

// What goes on beside the steps.

pub fn restoring() -> Localized {
    localized!("restoring the cluster", "restaurando o cluster")
}

pub fn chaos_left(seconds: u64, fault: &Localized) -> Localized {
    localized!("{seconds} s left: {fault}", "faltam {seconds} s: {fault}", with fault)
}

pub fn repeated(why: &Localized) -> Localized {
    localized!("repeated: {why}", "repetido: {why}", with why)
}

pub fn leadership_moved(from: NodeId, to: NodeId, epoch: Epoch, event: u64) -> Localized {
    let epoch = epoch.0;
    localized!(
        "leadership moved from {from} to {to} without a reason in the scenario (epoch {epoch}, event {event} of {to}): \
         this machine stalled for an election timeout",
        "a liderança mudou de {from} para {to} sem motivo no cenário (época {epoch}, evento {event} de {to}): esta \
         máquina ficou parada durante um timeout de eleição"
    )
}

// What an action did.

pub fn of_command(line: &str, answer: &Localized) -> Localized {
    localized!("{line}: {answer}", "{line}: {answer}", with answer)
}

pub fn in_flight() -> Localized {
    localized!("in flight", "em andamento")
}

pub fn done() -> Localized {
    localized!("done", "feito")
}

pub fn and_more(first: &Localized) -> Localized {
    localized!("{first} …", "{first} …", with first)
}

pub fn answered_late(node: NodeId) -> Localized {
    localized!("{node} runs, and answered late", "{node} está em execução, e respondeu tarde")
}

pub fn clients_started(clients: u64) -> Localized {
    localized!("{clients} clients write and read", "{clients} clientes escrevem e leem")
}

pub fn load_stopped(operations: usize, confirmed: usize, unknown: usize) -> Localized {
    localized!(
        "{operations} operations, {confirmed} writes confirmed, {unknown} with unknown outcome",
        "{operations} operações, {confirmed} escritas confirmadas, {unknown} com resultado desconhecido"
    )
}

pub fn chaos_done(faults: usize, time: Duration, seed: u64) -> Localized {
    let seconds = decimal(time.as_secs_f64(), 0);
    localized!(
        "{faults} faults in {seconds} s (seed {seed})",
        "{faults} falhas em {seconds} s (semente {seed})",
        with seconds
    )
}

pub fn all_agree() -> Localized {
    localized!("all nodes agree", "todos os nós concordam")
}

// Why a scenario cannot be run.

pub fn no_such_scenario(name: &str, known: &str) -> Localized {
    localized!(
        "there is no scenario {name:?}; there are {known}, and files as ./mine.txt",
        "não há cenário {name:?}; os cenários são {known}, e arquivos como ./mine.txt"
    )
}

pub fn cannot_read_file(name: &str, error: &std::io::Error) -> Localized {
    localized!("cannot read {name}: {error}", "não foi possível ler {name}: {error}")
}

pub fn text_too_long(name: &str) -> Localized {
    localized!(
        "{name} is longer than 1 MiB, the maximum for a scenario",
        "{name} é maior que 1 MiB, o máximo para um cenário"
    )
}

pub fn in_file(name: &str, mistake: &Localized) -> Localized {
    localized!("{name}: {mistake}", "{name}: {mistake}", with mistake)
}

pub fn mistake_at(line: usize, column: usize, mistake: &Localized) -> Localized {
    localized!("line {line}, column {column}: {mistake}", "linha {line}, coluna {column}: {mistake}", with mistake)
}

/// What a run has shown that a person ended: the labels of graded lines, or the numbers of steps. Lists may be empty.
pub fn stopped(are_lines: bool, [shown, failed, left_out]: [&str; 3]) -> Localized {
    let list = |name: Text, labels: &str| (!labels.is_empty()).then(|| localized_list(name, labels));
    let [shown_name, failed_name, left_out_name] = if are_lines { LINES } else { STEPS };
    let lists = [list(shown_name, shown), list(failed_name, failed), list(left_out_name, left_out)];
    let mut all = Localized::default();
    for list in lists.into_iter().flatten() {
        all.add(Lang::English, list.to(Lang::English));
        all.add(Lang::Portuguese, list.to(Lang::Portuguese));
    }
    all
}

const LINES: [Text; 3] = [
    text("Lines shown:", "Itens mostrados:"),
    text("Lines not passed:", "Itens que não passaram:"),
    text("Lines not run:", "Itens não executados:"),
];
const STEPS: [Text; 3] = [
    text("Steps shown:", "Passos mostrados:"),
    text("Steps not passed:", "Passos que não passaram:"),
    text("Steps not run:", "Passos não executados:"),
];

fn localized_list(name: Text, labels: &str) -> Localized {
    let name = Localized::from(name);
    localized!("{name} {labels}.", "{name} {labels}.", with name)
}

// Why a cluster is not restored.

pub fn not_restored(time: Duration, why: &Localized) -> Localized {
    let seconds = time.as_secs();
    localized!(
        "the cluster is not restored after {seconds} s: {why}",
        "o cluster não foi restaurado em {seconds} s: {why}",
        with why
    )
}

pub fn epoch_not_opened(leader: NodeId) -> Localized {
    localized!("{leader} has not opened its epoch", "{leader} não abriu a sua época")
}

pub fn not_connected(node: NodeId) -> Localized {
    localized!("{node} is not connected", "{node} não está conectado")
}

pub fn does_not_follow(node: NodeId, leader: NodeId) -> Localized {
    localized!("{node} does not follow {leader}", "{node} não segue {leader}")
}

pub fn log_differs(node: NodeId, leader: NodeId) -> Localized {
    localized!(
        "the log of {node} differs from that of {leader}, or is not final",
        "o log de {node} difere do de {leader}, ou não é final"
    )
}
