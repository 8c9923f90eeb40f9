//! The guarantees of local reads: they return committed data only, and one node's final data never goes back.

use std::collections::BTreeMap;

use bytes::Bytes;
use epoca::client::{LogLine, Record};
use epoca::protocol::Kind;

use crate::clients::LocalRead;

/// A key's value from this log position on; `None` is "absent".
type Since = (u64, Option<usize>);

/// The states of each key, from the log that all nodes agreed on at the end.
pub struct Past<'a> {
    log: &'a [LogLine],
    keys: BTreeMap<&'a Bytes, Vec<Since>>,
}

impl<'a> Past<'a> {
    pub fn new(log: &'a [LogLine]) -> Past<'a> {
        let mut keys: BTreeMap<&Bytes, Vec<Since>> = BTreeMap::new();
        for (index, line) in log.iter().enumerate() {
            if let (Kind::Command, Some(key)) = (line.kind, &line.key) {
                let states = keys.entry(key).or_insert_with(|| vec![(0, None)]);
                states.push((line.point.position.0, line.value.as_ref().map(|_| index)));
            }
        }
        Past { log, keys }
    }

    /// Checks the sequence of reads of one node.
    pub fn check(&self, reads: &[LocalRead]) -> Result<(), String> {
        // The node has applied the log at least up to here.
        let mut applied = 0;
        for read in reads {
            let absent = vec![(0, None)];
            let states = self.keys.get(&read.key).unwrap_or(&absent);
            let what = self.committed(read)?;
            let fits = |index: &usize| {
                let until = states.get(index + 1).map_or(u64::MAX, |(position, _)| *position);
                states[*index].1 == what && until > applied
            };
            let Some(index) = (0..states.len()).find(fits) else {
                let later = |since: &&Since| since.0 + 50 > applied;
                let known: Vec<_> =
                    states.iter().filter(later).map(|(at, index)| (at, index.map(|index| &self.log[index]))).collect();
                return Err(format!(
                    "{read:?} after the node had shown what stands at position {applied}; the key since then: {known:?}"
                ));
            };
            applied = applied.max(states[index].0);
        }
        Ok(())
    }

    /// The log position of the write that a read returned.
    fn committed(&self, read: &LocalRead) -> Result<Option<usize>, String> {
        let Some(record) = &read.seen else { return Ok(None) };
        let is = |line: &LogLine| is_write(line, &read.key, record);
        let index = self.log.iter().position(is);
        index.map(Some).ok_or_else(|| format!("{read:?} is of a write that was never committed"))
    }
}

fn is_write(line: &LogLine, key: &Bytes, record: &Record) -> bool {
    line.point.id == record.id && line.key.as_ref() == Some(key) && line.value.as_ref() == Some(&record.value)
}

#[cfg(test)]
mod tests {
    use epoca::protocol::{Digest, EntryId, LogPoint, Position};

    use super::*;

    fn line(position: u64, value: Option<&'static str>) -> LogLine {
        let point = LogPoint { id: EntryId::new(1, position), position: Position(position), digest: Digest([0; 16]) };
        let (key, value) = (Some(Bytes::from_static(b"a")), value.map(|value| Bytes::from_static(value.as_bytes())));
        LogLine { point, committed: true, kind: Kind::Command, key, value, forged: false, write: None }
    }

    fn read(offset: u64, value: &'static str) -> LocalRead {
        let key = Bytes::from_static(b"a");
        let value = Bytes::from_static(value.as_bytes());
        let id = EntryId::new(1, offset);
        let seen = Some(Record { key: key.clone(), value, id, create_revision: 1, revision: 1, version: 1 });
        LocalRead { key, seen }
    }

    #[test]
    fn local_reads_that_go_back_or_show_intermediate_data_are_found() {
        let log = [line(1, Some("x")), line(2, None), line(3, Some("y"))];
        let past = Past::new(&log);
        let nothing = LocalRead { key: Bytes::from_static(b"a"), seen: None };
        let right = [nothing.clone(), read(1, "x"), nothing.clone(), read(3, "y")];
        assert_eq!(past.check(&right), Ok(()));
        assert!(past.check(&[read(3, "y"), read(1, "x")]).is_err(), "back to an older value");
        assert!(past.check(&[read(3, "y"), nothing.clone()]).is_err(), "back to before it was written");
        assert!(past.check(&[read(1, "x"), nothing, read(1, "x")]).is_err(), "back to before it was deleted");
        assert!(past.check(&[read(4, "z")]).is_err(), "never committed");
        assert!(past.check(&[read(3, "x")]).is_err(), "another value than was written there");
    }
}
