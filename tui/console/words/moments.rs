//! Texts of the comparison of two moments.

use crate::lang::{Text, text};

pub const TITLE: Text = text("EVENT {from} → {to}", "EVENTO {from} → {to}");
pub const FIRST_SET: Text = text(
    "first moment: event {step}. Go to the second one ([ ] { } or a click on the tape), M again compares; esc forgets",
    "primeiro momento: evento {step}. Vá ao segundo ([ ] { } ou um clique na fita), M de novo compara; esc desiste",
);
/// At the top of the screen, until the second moment is chosen.
pub const T_FIRST: Text = text(" M {step} → ? ", " M {step} → ? ");
pub const SAME: Text = text("both moments are event {step}", "os dois momentos são o evento {step}");
pub const GONE: Text = text("the first moment has fallen off the tape", "o primeiro momento já saiu da gravação");
pub const LEADER: Text = text("leader {before} → {after}", "líder {before} → {after}");
pub const SAME_LEADER: Text = text("leader {before}", "líder {before}");
pub const NOBODY: Text = text("none", "nenhum");
pub const UNCHANGED: Text = text("unchanged", "sem mudança");
pub const CAME_UP: Text = text("up", "no ar");
pub const WENT_DOWN: Text = text("down", "fora do ar");
pub const EPOCH: Text = text("epoch {before} → {after}", "época {before} → {after}");
pub const COMMIT: Text = text("commit {before} → {after}", "commit {before} → {after}");
pub const APPEARED: Text = text("new in its log: ", "novas no log: ");
pub const FINALIZED: Text = text("became final: ", "efetivadas: ");
pub const TRUNCATED: Text = text("truncated: ", "truncadas: ");
pub const FINAL_DB: Text = text("final db: ", "banco final: ");
pub const LEGEND: Text = text("[ ] final, ┆ ┆ intermediate", "[ ] final, ┆ ┆ intermediária");
