//! Texts of the guided tour. What it shows and says is in its own text.

use crate::lang::{Text, text};

pub const LEAVE: Text = text(
    "esc again stops the scenario and goes back to your cluster",
    "esc de novo interrompe o cenário e volta ao seu cluster",
);
pub const LEAVE_TOUR: Text =
    text("esc again ends the defense; the cluster runs on", "esc de novo encerra a defesa; o cluster continua");
pub const NO_QUESTION: Text =
    text("no question belongs to this step: K lists all", "nenhuma pergunta neste passo: K lista todas");
pub const TAB: Text = text("defense", "defesa");
pub const STEP: Text = text("DEFENSE {place} OF {all}", "DEFESA {place} DE {all}");
pub const QUESTION: Text = text("QUESTION", "PERGUNTA");
pub const LOOK: Text = text("look at: {where}", "olhe para: {where}");
pub const LOOK_HERE: Text = text("LOOK HERE", "OLHE AQUI");
pub const PAST: Text = text("the past is shown; L: back to the tour", "a tela mostra o passado; L: volta ao roteiro");
pub const TYPED: Text = text("esc: the keys of the tour", "esc: as teclas do roteiro");
pub const READY: Text = text("n: run it", "n: executar");
pub const THEN: Text = text("n: go on", "n: continuar");
pub const RUNS: Text = text("running …", "executando …");
pub const PAUSES: Text = text("pauses after this item …", "pausa depois deste item …");
pub const PAUSED: Text = text("PAUSED: space goes on, n runs one item", "EM PAUSA: espaço continua, n executa um item");
pub const PASSED: Text = text("shown; n: next", "mostrado; n: próximo");
pub const LAST: Text = text("shown; n: end of the defense", "mostrado; n: fim da defesa");
pub const PASSED_QUESTION: Text = text("shown; n: back to the tour", "mostrado; n: volta ao roteiro");
pub const NOT_PASSED: Text = text("not shown; N: again, n: next", "não mostrado; N: repetir, n: próximo");
pub const NO_NOTES: Text =
    text("the speaker notes cannot be written: {error}", "não foi possível gravar as notas do apresentador: {error}");
pub const STARTS: Text = text("the defense starts …", "a defesa começa …");
pub const AGAIN: Text = text("D begins the defense again", "D começa a defesa de novo");
pub const LIST: Text = text(" QUESTIONS AND STEPS ", " PERGUNTAS E PASSOS ");
pub const LIST_HINT: Text = text("a key or enter goes there, esc closes", "uma tecla ou enter vai até lá, esc fecha");
