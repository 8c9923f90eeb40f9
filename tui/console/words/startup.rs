//! Why the console cannot be opened, and what to use instead.

use crate::lang::{Text, text};

pub const NO_TERMINAL: Text = text(
    "the console needs a terminal, and standard input or output is none",
    "o console precisa de um terminal, e a entrada ou a saída padrão não é um",
);
pub const NO_TERM: Text = text(
    "the console needs a full-screen terminal, and TERM is not set",
    "o console precisa de um terminal de tela cheia, e TERM não está definida",
);
pub const INSTEAD_OF_DEMO: Text = text(
    "`epoca cluster --lab` starts the same cluster without a console",
    "`epoca cluster --lab` inicia o mesmo cluster sem console",
);
pub const INSTEAD_OF_CONSOLE: Text = text("`epoca status` shows the nodes", "`epoca status` mostra os nós");
pub const INSTEAD_OF_REPLAY: Text = text(
    "`epoca replay FILE --check` checks a recording without one",
    "`epoca replay FILE --check` verifica uma gravação sem ele",
);
