//! Texts of the tape.

use crate::lang::{Text, text};

pub const TAPE: Text = text(" TAPE ", " FITA ");
pub const REPLAY: Text = text("REPLAY {name}  event {step}/{of}", "GRAVAÇÃO {name}  evento {step}/{of}");
pub const PAST: Text = text("PAST event {step}/{of}", "PASSADO evento {step}/{of}");
pub const EVENT: Text = text("event {step}/{of}", "evento {step}/{of}");
pub const GONE: Text = text(" (oldest {count} dropped)", " ({count} mais antigos descartados)");
pub const STEP: Text = text("step", "passo");
pub const JUMP: Text = text("jump", "salto");
pub const FREEZE: Text = text("freeze", "congelar");
pub const PLAY: Text = text("play", "reproduzir");
pub const SPEED: Text = text("speed", "ritmo");
pub const END: Text = text("end", "fim");
pub const LIVE: Text = text("live", "agora");
pub const BOOKMARK: Text = text("bookmark", "marcar");
pub const BOOKMARKED: Text = text("bookmark at event {step}", "marca no evento {step}");
pub const ENDS_HERE: Text = text("the recording ends here", "a gravação termina aqui");
pub const FALLEN_OFF: Text =
    text("the {count} oldest events are no longer on the tape", "os {count} eventos mais antigos já não estão na fita");
pub const WANTED_EVENT: Text =
    text("expected the number of an event, such as event 212", "esperava o número de um evento, como event 212");
pub const IS_RECORDING: Text = text("this is a recording", "isto é uma gravação");
pub const IS_PAST: Text =
    text("the past is shown, L returns to the present", "a tela mostra o passado, L volta ao presente");
pub const NO_NODE_THERE: Text = text("this is a recording: there are no nodes", "isto é uma gravação: não há nós");
pub const BACK_TO_NOW: Text =
    text("returned to the present to execute this", "de volta ao presente para executar isto");
pub const VIOLATED: Text = text(
    "{name} is violated: the tape stopped there; L returns to the present, `checks` shows the evidence",
    "violação de {name}: a fita parou ali; L volta ao presente, `checks` mostra a evidência",
);
pub const VIOLATED_THERE: Text = text(
    "{name} is violated: the next mark of the tape; `checks` shows the evidence",
    "violação de {name}: na próxima marca da fita; `checks` mostra a evidência",
);
