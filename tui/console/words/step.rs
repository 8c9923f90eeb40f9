//! Texts of step mode and of nodes with injected bugs.

use crate::lang::{Lang, Text, text};

pub const STEP: Text = text("STEP", "PASSO");
pub const STANDS_STILL: Text = text("timers are stopped", "os temporizadores estão parados");
pub const MARK_STILL: Text = text("▮ timer stopped", "▮ temporizador parado");
pub const MARK_GOES_ON: Text = text("▸ timer runs", "▸ temporizador corre");
pub const TIME_GOES_ON: Text = text("timers run (t: step mode)", "os temporizadores correm (t: passo a passo)");
pub const NOTHING_WAITS: Text = text(
    "no message waits: try put x 1, or tick 1 to expire n1's timer",
    "nenhuma mensagem espera: tente put x 1, ou tick 1 para esgotar o temporizador de n1",
);
pub const IS_OFF: Text =
    text("step mode is off and nothing is held: t turns it on", "passo a passo desligado, nada retido: t liga");
pub const ONE_WAITS: Text = text("1 message waits", "1 mensagem espera");
pub const COUNT_WAIT: Text = text("{count} messages wait", "{count} mensagens esperam");
pub const ONE_LET_THROUGH: Text =
    text("1 delivered by itself · step on --all keeps it", "1 entregue sozinha · step on --all a retém");
pub const LET_THROUGH: Text = text(
    "{count} delivered by themselves · step on --all keeps them",
    "{count} entregues sozinhas · step on --all as retém",
);
pub const KEEP_EVERY: Text = text(
    "heartbeats come by themselves · step on --all keeps them",
    "heartbeats chegam sozinhos · step on --all os retém",
);
pub const OLDEST_IS: Text = text("oldest: {message}", "mais antiga: {message}");
pub const NEXT_IS: Text = text(". delivers {message}", ". entrega {message}");
pub const MORE_BELOW: Text = text("{count} more below", "mais {count} abaixo");
pub const DUE: Text = text("in {seconds} s", "em {seconds} s");
pub const K_ON: Text = text("step", "passo");
pub const K_OFF: Text = text("run", "correr");
pub const K_NEXT: Text = text("next", "próxima");
pub const K_DELIVER: Text = text("deliver", "entregar");
pub const K_DISCARD: Text = text("discard", "descartar");
pub const K_DELAY: Text = text("delay", "atrasar");
pub const K_DUPLICATE: Text = text("duplicate", "duplicar");
pub const T_STEP: Text = text("STEP {count}", "PASSO {count}");
pub const T_WRONG: Text = text("FAULTY {what}", "ERRADO {what}");
pub const IS_WRONG: Text = text("FAULTY on purpose: {how}", "ERRADO de propósito: {how}");

pub fn waits(lang: Lang, count: usize) -> String {
    if count == 1 { ONE_WAITS.to(lang).to_owned() } else { COUNT_WAIT.with(lang, &[("count", &count)]) }
}
