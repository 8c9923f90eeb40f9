//! Words of reports and of the shell's scenario commands, in every language: heads of tables and captions.

use std::time::Duration;

use crate::lang::{Localized, Text, decimal, localized, text};

pub const TITLE_OF_SHEET: Text = text(
    "Epoca: the assignment's sheet, with its evidence",
    "Epoca: a ficha de avaliação do trabalho, com suas evidências",
);
pub const TITLE_OF_SCENARIOS: Text = text("Epoca: scenarios and their evidence", "Epoca: cenários e suas evidências");
pub const STUDENT: Text = text("Student", "Estudante");
pub const STUDENTS: Text = text("Students", "Estudantes");
pub const DATE: Text = text("Date", "Data");
pub const PROGRAM: Text = text("Program", "Programa");
pub const POINTS_FACT: Text = text("Points", "Pontos");
pub const STEPS_FACT: Text = text("Steps", "Passos");
pub const NODES: Text = text("Nodes", "Nós");
pub const OF: Text = text("of", "de");
pub const POINTS: Text = text("points", "pontos");
pub const TOTAL: Text = text("total", "total");
pub const GRADED_LINES: Text = text("The graded lines", "Os itens avaliados");
pub const TESTS: Text = text("The four tests, and two more", "Os quatro testes, e mais dois");
pub const WHY: Text = text("why", "motivo");
pub const REPEATED: Text = text("repeated", "repetido");
pub const MORE: Text = text("more", "a mais");
pub const DOWN: Text = text("down", "fora do ar");

// Heads of tables.
pub const KEY: Text = text("key", "tecla");
pub const SCENARIO: Text = text("scenario", "cenário");
pub const TITLE: Text = text("title", "título");
pub const LINE: Text = text("line", "item");
pub const SHOWN: Text = text("what is shown", "o que se mostra");
pub const VERDICT: Text = text("verdict", "veredito");
pub const STEPS: Text = text("steps", "passos");
pub const TOOK: Text = text("took", "levou");
pub const NODE: Text = text("node", "nó");
pub const LOGS_BEFORE: Text = text("logs before", "logs antes");
pub const LOGS_AFTER: Text = text("logs after", "logs depois");

// Kinds of evidence.
pub const EVENT: Text = text("event", "evento");
pub const STATE: Text = text("state", "estado");
pub const ANSWER: Text = text("answer", "resposta");
pub const READ: Text = text("read", "leitura");
pub const DISK: Text = text("disk", "disco");

pub const INTERRUPTED: Text = text("interrupted: no verdict", "interrompido: sem veredito");

pub fn in_seconds(took: Duration) -> Localized {
    let seconds = decimal(took.as_secs_f64(), 1);
    localized!("in {seconds} s", "em {seconds} s", with seconds)
}
