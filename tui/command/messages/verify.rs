//! Sentences of `epoca verify`. The plan and the trace of a failing seed stay as the simulator writes them.

use crate::lang::{Localized, Text, decimal, localized, text};

pub const STEPS: Text = text("steps of a core", "passos de um núcleo");
pub const EVENTS: Text = text("trace events checked", "eventos de rastro verificados");
pub const SIMULATED: Text = text("simulated", "simulado");
pub const MESSAGES: Text = text("messages", "mensagens");
pub const WRITES: Text = text("writes", "escritas");
pub const RETRIES: Text = text("retries", "novas tentativas");
pub const NOT_EQUAL: Text = text("compare-and-set not equal", "compare-and-set diferente");
pub const READS: Text = text("reads", "leituras");
pub const MEMBERS: Text = text("membership changes", "mudanças de membros");
pub const LINEARIZED: Text = text("operations linearized", "operações linearizadas");
pub const WATCHED: Text = text("changes watched", "mudanças observadas");
pub const AGREEMENT: Text = text("longest time to agreement", "maior tempo até o acordo");

/// The places of a text, filled in each language.
pub fn filled(text: Text, numbers: &[(&str, u64)]) -> Localized {
    let places: Vec<(&str, &dyn std::fmt::Display)> =
        numbers.iter().map(|(name, number)| (*name, number as &dyn std::fmt::Display)).collect();
    let to = |lang| text.with(lang, &places);
    Localized::new(to(crate::lang::Lang::English), to(crate::lang::Lang::Portuguese))
}

pub const MESSAGE_COUNTS: Text =
    text("{sent}, {lost} lost, {doubled} doubled", "{sent}, {lost} perdidas, {doubled} duplicadas");
pub const WRITE_COUNTS: Text = text(
    "{confirmed} confirmed, {unknown} unknown, {refused} refused",
    "{confirmed} confirmadas, {unknown} desconhecidas, {refused} recusadas",
);
pub const RETRY_COUNTS: Text = text(
    "{retried} with unknown outcome, {again} answered by an earlier attempt, {lost} with a lost session",
    "{retried} com resultado desconhecido, {again} respondidas por uma tentativa anterior, {lost} com sessão perdida",
);
pub const READ_COUNTS: Text = text(
    "{reads} linearizable, {quorum} of a quorum, {local} local",
    "{reads} linearizáveis, {quorum} de um quórum, {local} locais",
);
pub const MEMBER_COUNTS: Text = text(
    "{lists} committed: {joined} joined, {promoted} promoted, {removed} removed, {replaced} with a new disk, {moved} \
     with a new address",
    "{lists} efetivadas: {joined} entraram, {promoted} promovidos, {removed} removidos, {replaced} com disco novo, \
     {moved} com endereço novo",
);
pub const WATCH_COUNTS: Text =
    text("{watched}, {gone} times with history gone", "{watched}, {gone} vezes com o histórico já descartado");

pub fn rate(steps: u64, rate: f64) -> Localized {
    localized!("{steps} ({rate:.0} a second)", "{steps} ({rate:.0} por segundo)")
}

pub fn node_time(days: f64) -> Localized {
    let (days, years) = (decimal(days, 2), decimal(days / 365.25, 4));
    localized!("{days} node-days ({years} node-years)", "{days} dias de nó ({years} anos de nó)", with days, years)
}

pub fn seconds(seconds: f64) -> Localized {
    let seconds = decimal(seconds, 2);
    localized!("{seconds} s", "{seconds} s", with seconds)
}

pub fn progress(seeds: u64, millions: f64, thousands: f64) -> Localized {
    let millions = decimal(millions, 1);
    localized!(
        "{seeds} seeds, {millions} million steps ({thousands:.0} thousand a second), no violation",
        "{seeds} sementes, {millions} milhões de passos ({thousands:.0} mil por segundo), nenhuma violação",
        with millions
    )
}

pub fn passed(seeds: u64, first: u64, last: u64, lists: u64) -> Localized {
    localized!(
        "{seeds} seeds ({first} to {last}), {lists} membership changes: no violation",
        "{seeds} sementes ({first} a {last}), {lists} mudanças de membros: nenhuma violação"
    )
}

pub fn searching(seed: u64, invariant: &Localized) -> Localized {
    localized!(
        "seed {seed} fails: {invariant}; searching for the smallest plan that fails",
        "a semente {seed} falha: {invariant}; procurando o menor plano que falha",
        with invariant
    )
}

pub fn breaks(seed: u64, at: &str) -> Localized {
    localized!("seed {seed} breaks an invariant after {at}", "a semente {seed} viola uma invariante após {at}")
}

pub fn suffice((faults, of_faults): (usize, usize), (calls, of_calls): (usize, usize), tried: usize) -> Localized {
    localized!(
        "{faults} of {of_faults} faults and {calls} of {of_calls} calls suffice ({tried} plans tried):",
        "{faults} de {of_faults} falhas e {calls} de {of_calls} chamadas bastam ({tried} planos tentados):"
    )
}

pub fn repeat(seed: u64) -> Localized {
    localized!("to repeat: epoca verify --seed {seed}", "para repetir: epoca verify --seed {seed}")
}

pub fn broken(invariant: &Localized, seed: u64) -> Localized {
    localized!(
        "{invariant} is broken with seed {seed}",
        "{invariant}: violada com a semente {seed}",
        with invariant
    )
}

pub fn fired(name: &str) -> Localized {
    localized!("fired: {name}", "disparada: {name}")
}

pub fn fault(name: &str) -> Localized {
    localized!("fault: {name}", "falha: {name}")
}
