//! Texts about scenarios. A scenario file has its own texts.

use crate::lang::{Text, text};

pub const RUNS_ALREADY: Text =
    text("a scenario is already running; X stops it", "um cenário já está em andamento; X o interrompe");
pub const NEEDS_LAB: Text =
    text("scenarios need nodes that were started with --lab", "cenários precisam de nós iniciados com --lab");
pub const OTHER_CLUSTER: Text = text(
    "this is the scenario's own cluster: esc goes back to yours",
    "este é o cluster do próprio cenário: esc volta ao seu",
);
pub const OWN_CLUSTER: Text = text("SCENARIO'S OWN CLUSTER", "CLUSTER DO CENÁRIO");
pub const NOT_RECORDED: Text = text(
    "the scenario's own cluster has a tape of its own, which is not written to {name}",
    "o cluster do cenário tem a sua própria fita, que não é gravada em {name}",
);
pub const LIST: Text = text(" SCENARIOS ", " CENÁRIOS ");
pub const LIST_HINT: Text = text(
    "a key or enter runs it, esc closes; typed: run NAME, run ./mine.txt",
    "uma tecla ou enter executa, esc fecha; digitado: run NOME, run ./meu.txt",
);
pub const NONE_YET: Text = text(
    "no scenario has run yet: keys 1 to 9, 0 for the list, or typed: run NAME",
    "nenhum cenário foi executado ainda: teclas 1 a 9, 0 para a lista, ou digitado: run NOME",
);
pub const NO_SHEET: Text = text(
    "the assignment's sheet: run assignment ticks each graded line on this cluster",
    "a ficha de avaliação do trabalho: run assignment marca cada item avaliado neste cluster",
);
pub const STARTS: Text = text("{name} starts …", "{name} começa …");
pub const UNDER_WAY: Text = text("{ticked} of {all}", "{ticked} de {all}");
pub const STOPPED: Text = text("STOPPED", "INTERROMPIDO");
pub const ENDED: Text =
    text("{verdict}, {ticked} of {all} in {seconds} s", "{verdict}, {ticked} de {all} em {seconds} s");
pub const ESC_GOES_BACK: Text =
    text("esc: back to your cluster; arrows: the evidence", "esc: volta ao seu cluster; setas: a evidência");
pub const EVIDENCE_HINT: Text = text("arrows show the evidence", "as setas mostram a evidência");
