//! Texts of step mode and of nodes with injected bugs.

use crate::lang::{Lang, Text, text};

pub const STEP: Text = text("STEP", "PASSO");
pub const STANDS_STILL: Text = text("timers stand still", "os relógios estão parados");
pub const MARK_STILL: Text = text("▮ timer stops", "▮ relógio para");
pub const MARK_GOES_ON: Text = text("▸ timer goes on", "▸ relógio segue");
pub const TIME_GOES_ON: Text = text("time goes on (t: step mode)", "o tempo corre (t: passo a passo)");
pub const NOTHING_WAITS: Text = text(
    "no message waits: put x 1, or tick 1 lets n1's timer run out",
    "nenhuma mensagem espera: put x 1, ou tick 1 esgota o relógio de n1",
);
pub const IS_OFF: Text =
    text("step mode is off and nothing is held: t turns it on", "passo a passo desligado, nada retido: t liga");
pub const ONE_WAITS: Text = text("1 message waits", "1 mensagem espera");
pub const COUNT_WAIT: Text = text("{count} messages wait", "{count} mensagens esperam");
pub const NEXT_IS: Text = text(". delivers {message}", ". entrega {message}");
pub const MORE_BELOW: Text = text("{count} more below", "mais {count} abaixo");
pub const DUE: Text = text("in {seconds} s", "em {seconds} s");
pub const K_ON: Text = text("step", "passo");
pub const K_OFF: Text = text("time on", "seguir");
pub const K_NEXT: Text = text("next", "próxima");
pub const K_DELIVER: Text = text("deliver", "entregar");
pub const K_DISCARD: Text = text("lose", "perder");
pub const K_DELAY: Text = text("late", "atrasar");
pub const K_DUPLICATE: Text = text("double", "dobrar");
pub const T_STEP: Text = text("STEP {count}", "PASSO {count}");
pub const T_WRONG: Text = text("WRONG {what}", "ERRADO {what}");
pub const IS_WRONG: Text = text("WRONG on purpose: {how}", "ERRADO de propósito: {how}");

pub fn waits(lang: Lang, count: usize) -> String {
    if count == 1 { ONE_WAITS.to(lang).to_owned() } else { COUNT_WAIT.with(lang, &[("count", &count)]) }
}
