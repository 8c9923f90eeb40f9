//! Binds what a person does to what the sheet does: `put sheet-1a 1` of the sheet is any write, `hold $a commit-order`
//! a hold at any replica, which is `$a` from then on.

use std::collections::BTreeMap;

use bytes::Bytes;
use epoca::protocol::NodeId;

use crate::command::grammar::Fault;
use crate::command::{Command, parse_line};
use crate::scenario::names::Names;

/// Numbers that stand for the names of nodes while a command of the sheet is parsed.
const NAMED: u64 = 1_000_000;

/// The name of the node that leads when an attempt begins.
pub(super) const LEADER: &str = "leader";

/// What the names, keys and values of the sheet are in a person's demonstration.
#[derive(Default)]
pub(super) struct Bindings {
    /// Keys and values by those of the sheet. The newest binding counts.
    words: BTreeMap<Bytes, Bytes>,
}

impl Bindings {
    /// The person's key or value for one of the sheet.
    pub(super) fn word(&self, of_sheet: &str) -> Bytes {
        let known = self.words.get(of_sheet.as_bytes());
        known.cloned().unwrap_or_else(|| Bytes::copy_from_slice(of_sheet.as_bytes()))
    }

    /// Whether the person's command does what the template of the sheet does. If so, it is bound. The first command of
    /// an attempt chooses its replica; later ones must name the same.
    pub(super) fn take(&mut self, template: &str, command: &Command, names: &mut Names, is_first: bool) -> bool {
        let (line, placeholders) = numbered(template);
        let Ok(wanted) = parse_line(&line) else { return false };
        let named = |node: NodeId| node.0.checked_sub(NAMED).and_then(|index| placeholders.get(index as usize));
        match (&wanted, command) {
            (Command::Put(wanted), Command::Put(put)) => {
                let (Some(of_sheet), Some(value)) = (&wanted.value, &put.value) else { return false };
                self.words.insert(wanted.key.clone(), put.key.clone());
                self.words.insert(of_sheet.clone(), value.clone());
                true
            }
            (Command::Delete { key: wanted }, Command::Delete { key }) => {
                self.words.insert(wanted.clone(), key.clone());
                true
            }
            (Command::Fault(wanted), Command::Fault(fault)) => {
                if matches!((wanted, fault), (Fault::Release { .. }, Fault::Clear)) {
                    return true;
                }
                let Some((of_sheet, node)) = node_of_both(wanted, fault) else { return wanted == fault };
                named(of_sheet).is_some_and(|name| choose(name, node, names, is_first))
            }
            _ => false,
        }
    }
}

/// Binds a name to the node of a command. The names of the other replicas have no meaning of their own, so they are
/// exchanged.
fn choose(name: &str, node: NodeId, names: &mut Names, is_first: bool) -> bool {
    let before = names.nodes.get(name).copied();
    if before == Some(node) {
        return true;
    }
    let other = names.nodes.iter().find(|(_, known)| **known == node).map(|(other, _)| other.clone());
    let (Some(before), Some(other)) = (before, other) else { return false };
    if !is_first || name == LEADER || other == LEADER {
        return false;
    }
    names.nodes.insert(other, before);
    names.nodes.insert(name.to_owned(), node);
    true
}

/// The nodes of two commands that differ in the node alone; other words of them do not matter.
fn node_of_both(wanted: &Fault, fault: &Fault) -> Option<(NodeId, NodeId)> {
    match (wanted, fault) {
        (Fault::Kill { node: wanted }, Fault::Kill { node })
        | (Fault::Restart { node: wanted }, Fault::Restart { node }) => Some((wanted.0, node.0)),
        (Fault::Hold { node: wanted, kind }, Fault::Hold { node, kind: held })
        | (Fault::Release { node: wanted, kind }, Fault::Release { node, kind: held })
            if kind == held || held.0.is_none() || kind.0.is_none() =>
        {
            Some((wanted.0, node.0))
        }
        (Fault::Inject(wanted), Fault::Inject(inject)) => Some((wanted.node.0, inject.node.0)),
        _ => None,
    }
}

/// The template with numbers in place of names, and the names in the order of their numbers.
fn numbered(template: &str) -> (String, Vec<String>) {
    let (mut line, mut names) = (String::new(), Vec::new());
    let mut parts = template.split('$');
    line.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.find(|character: char| !character.is_ascii_alphanumeric()).unwrap_or(part.len());
        line.push_str(&(NAMED + names.len() as u64).to_string());
        line.push_str(&part[end..]);
        names.push(part[..end].to_owned());
    }
    (line, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let nodes = [("leader", 1), ("a", 2), ("b", 3), ("c", 4)];
        Names { nodes: nodes.map(|(name, node)| (name.to_owned(), NodeId(node))).into(), ..Names::default() }
    }

    fn command(line: &str) -> Command {
        parse_line(line).expect(line)
    }

    #[test]
    fn a_write_binds_key_and_value_and_a_fault_binds_the_replica() {
        let (mut bindings, mut names) = (Bindings::default(), names());
        assert!(bindings.take("hold $a commit-order", &command("hold 4 commit-order"), &mut names, true));
        assert_eq!((names.nodes["a"], names.nodes["c"]), (NodeId(4), NodeId(2)));
        assert!(bindings.take("put sheet-3a 1", &command("put x=7"), &mut names, true));
        assert_eq!((&bindings.word("sheet-3a")[..], &bindings.word("1")[..]), (&b"x"[..], &b"7"[..]));
        assert!(!bindings.take("release $a", &command("release 3"), &mut names, false), "it is n4 by now");
        assert!(bindings.take("release $a", &command("release n4 commit-order"), &mut names, false));
        assert!(bindings.take("release $a", &command("clear"), &mut names, false));
    }

    #[test]
    fn what_does_something_else_or_meets_the_leader_is_not_bound() {
        let (mut bindings, mut names) = (Bindings::default(), names());
        assert!(!bindings.take("put k 1", &command("get k"), &mut names, true));
        assert!(!bindings.take("hold $a commit-order", &command("hold 1 commit-order"), &mut names, true));
        assert!(!bindings.take("hold $a commit-order", &command("hold 2 push"), &mut names, true));
        assert!(!bindings.take("inject $a k v --count 3", &command("inject 1 x 666"), &mut names, true));
        assert!(bindings.take("inject $a k v --count 3", &command("inject 3 x 666"), &mut names, true));
    }
}
