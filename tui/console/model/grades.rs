//! The lines of the assignment's sheet that a person has shown by hand, each with its evidence and its moment.

use crate::console::model::Model;
use crate::scenario::by_hand::{Grade, graded_lines, sheet};
use crate::scenario::{ItemKind, Points};

/// Where the grades are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum GradesShown {
    #[default]
    Hidden,
    /// One line with all labels.
    Strip,
}

#[derive(Clone, Debug, Default)]
pub struct Grades {
    /// Each with the number of records on the tape before it.
    shown: Vec<(u64, Grade)>,
    pub place: GradesShown,
}

impl Grades {
    pub fn take(&mut self, grade: Grade, at: u64) {
        self.shown.push((at, grade));
    }
}

impl Model {
    /// The grade of a line, if it was shown by the moment on the screen.
    pub fn grade(&self, heading: usize) -> Option<&Grade> {
        let at = self.tape.at();
        let found = self.grades.shown.iter().find(|(shown_at, grade)| grade.heading == heading && *shown_at <= at);
        found.map(|(_, grade)| grade)
    }

    /// The points that were shown, and all points.
    pub fn points_by_hand(&self) -> (Points, Points) {
        let script = sheet();
        let points = |heading: usize| match script.items[heading].kind {
            ItemKind::Graded { points: Some(points), .. } => points,
            _ => Points::default(),
        };
        let shown = graded_lines(&script).filter(|heading| self.grade(*heading).is_some());
        (shown.map(points).sum(), graded_lines(&script).map(points).sum())
    }
}
