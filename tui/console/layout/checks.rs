//! The lines of the checks tab.

use crate::console::model::Model;
use crate::console::text::wrap;
use crate::tape::{check_names, evidence_lines};

/// The evidence of all violations up to the shown moment, wrapped.
pub fn evidence(model: &Model, columns: usize) -> Vec<String> {
    let get = |number| model.tape.ring.get(number).map(|record| &**record);
    let start = model.tape.ring.start();
    let texts = model.findings().flat_map(|finding| evidence_lines(finding, start, model.lang, get));
    let lines = texts.collect::<Vec<_>>();
    let lines = lines.iter().flat_map(|text| text.lines());
    lines.flat_map(|text| wrap(text, columns.saturating_sub(2))).collect()
}

/// Number of lines: the evidence, each check, and the progress.
pub fn lines(model: &Model) -> usize {
    if model.checks.is_none() {
        return 1;
    }
    evidence(model, usize::from(model.size.0)).len() + check_names().len() + 1
}
