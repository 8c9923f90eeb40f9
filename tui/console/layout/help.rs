//! The contents of the help: the shapes of the log table, all keys, all commands. `view` draws them.

use crate::command::command_help;
use crate::console::keys::{self, Mode};
use crate::console::text::wrap;
use crate::console::words::{commands, screen};
use crate::lang::{Lang, Text, text};

/// Column of the explanations.
pub const TEXT_AT: usize = 14;

/// A row: a label with its explanation, or a continuation of the explanation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    pub label: String,
    pub kind: Kind,
    pub text: String,
}

/// How a label is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Heading,
    Plain,
    /// A key or a command.
    Typed,
    Final,
    Intermediate,
    Different,
    Truncated,
}

const SHAPES: &[(&str, Kind, Text)] = &[
    (
        "[ x=1 ]",
        Kind::Final,
        text("final: committed and applied, visible to readers", "final: efetivado e aplicado, visível aos leitores"),
    ),
    (
        "┆ x=1 ┆",
        Kind::Intermediate,
        text(
            "intermediate: on disk, not final, not readable",
            "dados intermediários: no disco, não finais, não legíveis",
        ),
    ),
    (
        "≠ x=1 ≠",
        Kind::Different,
        text(
            "forged, or different from the leader's entry with the same epoch and offset",
            "forjada, ou diferente da entrada do líder com a mesma época e offset",
        ),
    ),
    ("~ x=1 ~", Kind::Truncated, text("truncated a moment ago", "truncada há pouco")),
    (
        "·  …",
        Kind::Plain,
        text(
            "missing in this log; older than what the node reported",
            "ausente neste log; mais antiga que o relato do nó",
        ),
    ),
    ("┃", Kind::Plain, text("the node's commit point", "o ponto de commit do nó")),
    (
        "◇  -x  #4f2a",
        Kind::Plain,
        text(
            "the opening of an epoch; a delete; a digest where values are hidden (no --lab)",
            "a abertura de uma época; uma remoção; um digest onde os valores não aparecem (sem --lab)",
        ),
    ),
    (
        "match next",
        Kind::Plain,
        text(
            "what the leader believes of that log: the position up to which it matches, and the next push",
            "o que o líder supõe daquele log: até que posição confere, e o próximo push",
        ),
    ),
];

/// The whole help, wrapped.
pub fn rows(width: usize, lang: Lang) -> Vec<Row> {
    let mut rows = vec![heading(screen::H_SHAPES.to(lang))];
    rows.extend(SHAPES.iter().flat_map(|(shape, kind, meaning)| explained(shape, *kind, meaning.to(lang), width)));
    rows.extend([heading(""), heading(screen::H_CONTROL.to(lang))]);
    rows.extend(keys(Mode::Control, width, lang));
    rows.extend([heading(""), heading(screen::H_PACED.to(lang))]);
    rows.extend(keys(Mode::Paced, width, lang));
    rows.extend([heading(""), heading(screen::H_COMMANDS.to(lang))]);
    for word in command_help() {
        let about = commands::about(&word, lang).to_owned();
        rows.push(Row { label: word.usage, kind: Kind::Typed, text: String::new() });
        rows.extend(explained("", Kind::Plain, &about, width));
    }
    rows.extend([heading(""), heading(screen::H_EDITING.to(lang))]);
    rows.extend(keys(Mode::Type, width, lang));
    rows
}

fn keys(mode: Mode, width: usize, lang: Lang) -> impl Iterator<Item = Row> {
    let bindings = keys::bindings().iter().filter(move |binding| binding.mode == mode);
    bindings
        .flat_map(move |binding| explained(keys::label(binding.label, lang), Kind::Typed, binding.help.to(lang), width))
}

fn heading(text: &str) -> Row {
    Row { label: text.to_owned(), kind: Kind::Heading, text: String::new() }
}

fn explained(label: &str, kind: Kind, text: &str, width: usize) -> Vec<Row> {
    let texts = wrap(text, width.saturating_sub(TEXT_AT + 1)).into_iter().enumerate();
    let label = |index| if index == 0 { label.to_owned() } else { String::new() };
    texts.map(|(index, text)| Row { label: label(index), kind, text }).collect()
}
