//! The lines of the view of grades, wrapped to its width.

use crate::console::model::Model;
use crate::console::text::{cut, wrap};
use crate::scenario::by_hand::{graded_lines, sheet};
use crate::scenario::{ItemKind, evidence_text, points_text};

/// Columns of the mark.
const MARK: usize = 3;

/// A row of the view.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GradeRow {
    /// A line of the sheet that was shown, and one that was not.
    Shown(String),
    Open(String),
    /// The text of the line goes on.
    More(String),
    /// What shows it.
    Evidence(String),
}

pub fn rows(model: &Model, columns: usize) -> Vec<GradeRow> {
    let script = sheet();
    let room = columns.saturating_sub(MARK + 1);
    let mut rows = Vec::new();
    for heading in graded_lines(&script) {
        let item = &script.items[heading];
        let ItemKind::Graded { label, points } = &item.kind else { continue };
        let label = label.as_deref().unwrap_or_default();
        let points = points.map(|points| points_text(points, model.lang)).unwrap_or_default();
        let grade = model.grade(heading);
        let texts = wrap(&format!("{label:<4} {points}  {}", item.words.to(model.lang)), room);
        for (index, text) in texts.into_iter().enumerate() {
            rows.push(match (index, grade.is_some()) {
                (0, true) => GradeRow::Shown(text),
                (0, false) => GradeRow::Open(text),
                _ => GradeRow::More(text),
            });
        }
        let telling = grade.and_then(|grade| grade.telling());
        rows.extend(telling.map(|evidence| GradeRow::Evidence(cut(&evidence_text(evidence, model.lang), room))));
    }
    rows
}
