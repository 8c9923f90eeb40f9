//! What the keys for a presenter act on: the next write, and the key that was written last.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::command::{Command, parse_line};
use crate::console::model::Model;
use crate::console::model::final_db::Lookup;

/// Single letters, the customary ones first.
const LETTERS: &str = "xyzabcdefghijklmnopqrstuvw";

/// How many of the newest entries of a log are searched for keys in use.
const ENTRIES_MAX: usize = 1_000;

impl Model {
    /// The next key of a demonstration with its value: x=1, y=2, z=3, a=4. A key that is in use is skipped, because a
    /// read that must find nothing needs a new key.
    pub fn next_write(&self) -> (String, u64) {
        let used = self.keys_in_use();
        let letters = LETTERS.chars().map(String::from);
        let names = letters.chain((LETTERS.len() + 1..).map(|number| format!("k{number}")));
        let is_free = |name: &str| {
            let key = Bytes::copy_from_slice(name.as_bytes());
            !used.contains(name.as_bytes())
                && !self.nodes.values().any(|node| matches!(node.final_db.find(&key), Lookup::Row(_)))
        };
        let free = names.zip(1..).find(|(name, _)| is_free(name));
        free.unwrap_or_else(|| (LETTERS.to_owned(), 1))
    }

    /// The keys in logs and in commands.
    fn keys_in_use(&self) -> BTreeSet<Bytes> {
        let tails = self.nodes.values().flat_map(|node| node.state.tail.iter().rev().take(ENTRIES_MAX));
        let of_logs = tails.filter_map(|preview| preview.key.clone());
        let lines = self.operations.list().iter().filter_map(|operation| parse_line(&operation.line).ok());
        of_logs.chain(lines.filter_map(|command| written_key(&command))).collect()
    }

    /// The key of the last write that was asked for here, or else of the newest entry of the leader's log.
    pub fn last_key(&self) -> Option<Bytes> {
        let lines = self.operations.list().iter().rev();
        let asked = lines.filter_map(|operation| written_key(&parse_line(&operation.line).ok()?)).next();
        let newest = || {
            let log = self.leader().or_else(|| self.nodes.values().next())?;
            log.state.tail.iter().rev().filter(|preview| !preview.forged).find_map(|preview| preview.key.clone())
        };
        asked.or_else(newest)
    }
}

/// The key that a command writes.
fn written_key(command: &Command) -> Option<Bytes> {
    match command {
        Command::Put(put) => Some(put.key.clone()),
        Command::Cas(cas) => Some(cas.key.clone()),
        Command::Delete { key } => Some(key.clone()),
        _ => None,
    }
}
