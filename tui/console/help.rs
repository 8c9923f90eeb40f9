//! What the help says: the shapes in the table of logs, every key of both modes from the table of keys, and every
//! command from the grammar. How it is drawn is the business of `view`.

use crate::command::command_help;
use crate::console::keys;
use crate::console::model::Mode;
use crate::console::text::wrapped;
use crate::console::words::{Lang, Text, commands, screen, text};

/// Where the explanations begin.
pub const TEXT_AT: usize = 14;

/// One row: what is explained, and (a part of) its explanation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    pub label: String,
    pub kind: Kind,
    pub text: String,
}

/// What a label is, so that it can be drawn like that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Heading,
    Plain,
    /// A key or a command, as it is typed.
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
        text("final: committed and applied, what readers see", "final: com commit e aplicado, o que leitores veem"),
    ),
    (
        "┆ x=1 ┆",
        Kind::Intermediate,
        text(
            "intermediate: on the disk, not final, not readable",
            "dados intermediários: no disco, não finais, não legíveis",
        ),
    ),
    (
        "≠ x=1 ≠",
        Kind::Different,
        text(
            "forged, or other content than the leader has under the same epoch and offset",
            "forjada, ou com outro conteúdo que o do líder na mesma época e offset",
        ),
    ),
    ("~ x=1 ~", Kind::Truncated, text("truncated a moment ago", "truncada há pouco")),
    (
        "·  …",
        Kind::Plain,
        text(
            "missing in this log; before the beginning of what the node told",
            "ausente neste log; antes do começo do que o nó contou",
        ),
    ),
    ("┃", Kind::Plain, text("the node's commit point", "o ponto de commit do nó")),
    (
        "◇  -x  #4f2a",
        Kind::Plain,
        text(
            "the opening of an epoch; a delete; a digest where values are not shown (no --lab)",
            "a abertura de uma época; uma remoção; um digest onde valores não são mostrados (sem --lab)",
        ),
    ),
    (
        "match next",
        Kind::Plain,
        text(
            "what the leader believes of that log: up to where it agrees, what is pushed next",
            "o que o líder supõe daquele log: até onde confere, o que envia em seguida",
        ),
    ),
];

/// The whole help in rows of this width.
pub fn rows(width: usize, lang: Lang) -> Vec<Row> {
    let mut rows = vec![heading(screen::H_SHAPES.to(lang))];
    rows.extend(SHAPES.iter().flat_map(|(shape, kind, meaning)| explained(shape, *kind, meaning.to(lang), width)));
    rows.extend([heading(""), heading(screen::H_CONTROL.to(lang))]);
    rows.extend(keys(Mode::Control, width, lang));
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
    bindings.flat_map(move |binding| explained(binding.shown, Kind::Typed, binding.help.to(lang), width))
}

fn heading(text: &str) -> Row {
    Row { label: text.to_owned(), kind: Kind::Heading, text: String::new() }
}

fn explained(label: &str, kind: Kind, text: &str, width: usize) -> Vec<Row> {
    let texts = wrapped(text, width.saturating_sub(TEXT_AT + 1)).into_iter().enumerate();
    let label = |index| if index == 0 { label.to_owned() } else { String::new() };
    texts.map(|(index, text)| Row { label: label(index), kind, text }).collect()
}
