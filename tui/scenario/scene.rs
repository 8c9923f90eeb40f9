//! What a tour shows at this moment: the heading or `then` that holds, where to look, what comes next. The same for the
//! projected screen and for the speaker's notes.

use epoca::protocol::NodeId;

use super::account::Run;
use super::presenter::{Region, Wait};
use super::script::{Item, ItemKind, NodeRef};
use crate::lang::{Lang, Localized, Text, localized, text};

impl Run {
    /// The item whose notes hold now: the current heading, or the last `then` that was reached below it.
    pub fn scene(&self) -> Option<usize> {
        let step = self.step?;
        let is_reached = |index: &usize| {
            matches!(self.script.items[*index].kind, ItemKind::Then)
                && (self.waits == Some(Wait::Then(*index)) || self.results[*index].is_some())
        };
        self.items_of(step).rev().find(is_reached).or(Some(step))
    }

    /// Whether an item has a line among the evidence of its step.
    pub fn shows(&self, item: usize) -> bool {
        self.results[item].is_some() && !matches!(self.script.items[item].kind, ItemKind::Then)
    }

    /// What happens now.
    pub fn now(&self) -> Option<&Localized> {
        let item = &self.script.items[self.scene()?];
        Some(if let ItemKind::Then = item.kind { &item.words } else { &item.why })
    }

    /// Where to look now; a row of the logs with its node.
    pub fn regions(&self) -> Vec<(Region, Option<NodeId>)> {
        let look = self.scene().map(|scene| self.script.items[scene].notes.look.as_slice());
        let node = |region: &Region| match region {
            Region::Logs(Some(node)) => self.node(node),
            _ => None,
        };
        look.unwrap_or_default().iter().map(|region| (region.clone(), node(region))).collect()
    }

    fn node(&self, node: &NodeRef) -> Option<NodeId> {
        match node {
            NodeRef::Id(id) => Some(*id),
            NodeRef::Name(name) => self.names.iter().find(|(known, _)| known == name).map(|(_, id)| *id),
        }
    }

    /// Where to look now, as a list.
    pub fn look(&self) -> Option<Localized> {
        let mut all = Localized::default();
        for (region, node) in self.regions() {
            let words = region_words(&region, node);
            all = if all.is_empty() { words } else { localized!("{all}, {words}", "{all}, {words}", with all, words) };
        }
        (!all.is_empty()).then_some(all)
    }

    /// The text with the nodes' numbers in place of their names: `n3` for `$b`.
    pub fn named(&self, text: &Localized, lang: Lang) -> String {
        let mut filled = text.to(lang).to_owned();
        for (name, node) in &self.names {
            filled = replace_name(&filled, name, *node);
        }
        filled
    }

    /// The question that is asked at the current step.
    pub fn question_here(&self) -> Option<usize> {
        let item = &self.script.items[self.step?];
        self.script.question(item.notes.ask.as_deref()?)
    }

    /// The step to which a tour goes on from here: after a question the one where it was asked.
    pub fn next_step(&self) -> Option<usize> {
        let here = self.step?;
        self.origin.or_else(|| self.steps().find(|step| *step > here))
    }

    /// The headings to which a person may go: the questions, then the steps.
    pub fn entries(&self) -> Vec<usize> {
        self.script.questions().chain(self.steps()).collect()
    }

    /// Whether the current heading is a question.
    pub fn is_at_question(&self) -> bool {
        self.step.is_some_and(|step| matches!(self.script.items[step].kind, ItemKind::Question { .. }))
    }
}

/// Names are whole words: `$a` is not a part of `$after`.
fn replace_name(text: &str, name: &str, node: NodeId) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    let wanted = format!("${name}");
    while let Some((before, after)) = rest.split_once(&wanted) {
        filled.push_str(before);
        let is_whole = !after.starts_with(|next: char| next.is_ascii_alphanumeric());
        filled.push_str(if is_whole { "" } else { &wanted });
        if is_whole {
            filled.push_str(&node.to_string());
        }
        rest = after;
    }
    filled + rest
}

fn region_words(region: &Region, node: Option<NodeId>) -> Localized {
    const TOP: Text = text("the top line", "a linha do topo");
    const LOGS: Text = text("the logs", "os logs");
    const SPACE_TIME: Text = text("the space-time diagram", "o diagrama espaço-tempo");
    const TAB: Text = text("the evidence in this tab", "as evidências nesta aba");
    const CHECKS: Text = text("the checks", "as verificações");
    const TAPE: Text = text("the tape", "a fita");
    const PROMPT: Text = text("the prompt", "o prompt");
    match (region, node) {
        (Region::Logs(_), Some(node)) => localized!("the log of {node}", "o log de {node}"),
        (Region::Top, _) => TOP.into(),
        (Region::Logs(_), None) => LOGS.into(),
        (Region::SpaceTime, _) => SPACE_TIME.into(),
        (Region::Tab, _) => TAB.into(),
        (Region::Checks, _) => CHECKS.into(),
        (Region::Tape, _) => TAPE.into(),
        (Region::Prompt, _) => PROMPT.into(),
    }
}

impl Item {
    /// `3b.2` of a graded line.
    pub fn label(&self) -> Option<&str> {
        match &self.kind {
            ItemKind::Graded { label, .. } => label.as_deref(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_node_is_replaced_as_a_whole_word() {
        let node = NodeId(2);
        assert_eq!(replace_name("$a's log, $after, ($a)", "a", node), "n2's log, $after, (n2)");
        assert_eq!(replace_name("de $a.", "a", node), "de n2.");
    }
}
