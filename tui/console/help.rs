//! What the help says: the shapes in the table of logs, every key of both modes from the table of keys, and every
//! command from the grammar. How it is drawn is the business of `view`.

use crate::command::words;
use crate::console::keys::BINDINGS;
use crate::console::model::Mode;
use crate::console::text::wrapped;

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

const SHAPES: &[(&str, Kind, &str)] = &[
    ("[ x=1 ]", Kind::Final, "final: committed and applied, what readers see"),
    ("┆ x=1 ┆", Kind::Intermediate, "intermediate: on the disk, not final, not readable"),
    ("≠ x=1 ≠", Kind::Different, "forged, or other content than the leader has under the same epoch and offset"),
    ("~ x=1 ~", Kind::Truncated, "truncated a moment ago"),
    ("·  …", Kind::Plain, "missing in this log; before the beginning of what the node told"),
    ("┃", Kind::Plain, "the node's commit point"),
    ("◇  -x  #4f2a", Kind::Plain, "the opening of an epoch; a delete; a digest where values are not shown (no --lab)"),
    ("match next", Kind::Plain, "what the leader believes of that log: up to where it agrees, what is pushed next"),
];

/// The whole help in rows of this width.
pub fn rows(width: usize) -> Vec<Row> {
    let mut rows = vec![heading("The logs: one column for each entry, one row for each node's own account")];
    rows.extend(SHAPES.iter().flat_map(|(shape, kind, meaning)| explained(shape, *kind, meaning, width)));
    rows.extend([heading(""), heading("Single keys [CONTROL]")]);
    rows.extend(keys(Mode::Control, width));
    rows.extend([heading(""), heading("Commands [TYPE]; a node is 3 or n3")]);
    for word in words() {
        rows.push(Row { label: word.usage, kind: Kind::Typed, text: String::new() });
        rows.extend(explained("", Kind::Plain, &word.about, width));
    }
    rows.extend([heading(""), heading("Editing the line [TYPE]")]);
    rows.extend(keys(Mode::Type, width));
    rows
}

fn keys(mode: Mode, width: usize) -> impl Iterator<Item = Row> {
    let bindings = BINDINGS.iter().filter(move |binding| binding.mode == mode);
    bindings.flat_map(move |binding| explained(binding.shown, Kind::Typed, binding.help, width))
}

fn heading(text: &str) -> Row {
    Row { label: text.to_owned(), kind: Kind::Heading, text: String::new() }
}

fn explained(label: &str, kind: Kind, text: &str, width: usize) -> Vec<Row> {
    let texts = wrapped(text, width.saturating_sub(TEXT_AT + 1)).into_iter().enumerate();
    let label = |index| if index == 0 { label.to_owned() } else { String::new() };
    texts.map(|(index, text)| Row { label: label(index), kind, text }).collect()
}
