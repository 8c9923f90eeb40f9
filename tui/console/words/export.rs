//! Texts of exported recordings.

use crate::lang::{Text, text};

pub const LOGS: Text = text("Logs", "Logs");
pub const LEGEND: Text = text(
    "[ ] final   ┆ ┆ intermediate   ≠ ≠ differs from the leader   ~ ~ truncated   · missing   ┃ commit",
    "[ ] final   ┆ ┆ intermediária   ≠ ≠ difere do líder   ~ ~ truncada   · ausente   ┃ commit",
);
pub const SPACE_TIME: Text = text("Space-time", "Espaço-tempo");
pub const NARRATION: Text = text("Narration", "Narração");
pub const EXPLAIN: Text = text("choose a line for its explanation", "escolha uma linha para ver a explicação");
pub const SCENARIO: Text = text("Scenario", "Cenário");
pub const CHECKS: Text = text("Checks", "Verificações");
pub const OPERATIONS: Text = text("Operations", "Operações");
pub const CLIENT: Text = text("client", "cliente");
pub const PLAY: Text = text("play", "reproduzir");
pub const PAUSE: Text = text("pause", "pausar");
pub const BACK: Text = text("one event back", "um evento atrás");
pub const FORWARD: Text = text("one event forward", "um evento à frente");
pub const PREVIOUS: Text = text("previous mark", "marca anterior");
pub const NEXT: Text = text("next mark", "próxima marca");
pub const SLOWER: Text = text("slower", "mais devagar");
pub const FASTER: Text = text("faster", "mais rápido");
pub const EVENT: Text = text("event", "evento");
pub const OLDER: Text = text("◂ older", "◂ mais antigas");
pub const NOTHING: Text = text("nothing yet", "nada ainda");
pub const CLOSE: Text = text("close", "fechar");
pub const KEYS: Text = text(
    "Keys: space plays and pauses · ← → or [ ] one event · { } previous and next mark · - + speed · Home, End",
    "Teclas: espaço reproduz e pausa · ← → ou [ ] um evento · { } marca anterior e próxima · - + ritmo · Home, End",
);
pub const NEEDS_SCRIPT: Text = text(
    "This page plays a recording with JavaScript, which is turned off here.",
    "Esta página reproduz uma gravação com JavaScript, que está desativado aqui.",
);
pub const TOO_LARGE: Text = text(
    "the page would have more than {megabytes} MB: it holds {step} of {of} events so far; record a shorter part, or \
     use --export asciicast",
    "a página teria mais de {megabytes} MB: até aqui ela contém {step} de {of} eventos; grave um trecho menor, ou use \
     --export asciicast",
);
pub const NO_EVENT: Text = text(
    "there is no event {step}: the recording has events 1 to {of}",
    "não há evento {step}: a gravação tem os eventos 1 a {of}",
);
pub const EMPTY: Text = text("the recording shows no event", "a gravação não mostra nenhum evento");
pub const TOO_SMALL: Text = text(
    "the console needs at least {columns}x{rows}: give a larger --size",
    "o console precisa de pelo menos {columns}x{rows}: dê um --size maior",
);
