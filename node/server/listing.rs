//! Pages of records, bounded in number and in bytes.

use crate::server::records::Records;
use crate::wire::proto;

const LIMIT_DEFAULT: u64 = 1_000;
const LIMIT_MAX: u64 = 10_000;
/// A page is cut after this many bytes of keys and values, but has at least one record.
const PAGE_BYTES_MAX: usize = 2 << 20;
/// Records read at once. With values of 1 MiB this bounds the memory of a page.
const CHUNK: usize = 32;

/// One page of records. Blocks on the disk.
pub(super) fn page(records: &dyn Records, list: &proto::ListRequest) -> Result<proto::ListResponse, String> {
    let limit = if list.limit == 0 { LIMIT_DEFAULT } else { list.limit.min(LIMIT_MAX) } as usize;
    let mut page = proto::ListResponse { records: Vec::new(), more: true, refused: None };
    let mut after = list.after.clone();
    let mut bytes = 0;
    while page.more && page.records.len() < limit {
        let start = (!after.is_empty()).then_some(&after[..]);
        let (chunk, more) = records.list(&list.prefix, start, CHUNK.min(limit - page.records.len()))?;
        page.more = more;
        for record in chunk {
            bytes += record.key.len() + record.value.len();
            if bytes > PAGE_BYTES_MAX && !page.records.is_empty() {
                page.more = true;
                return Ok(page);
            }
            after = record.key.clone();
            page.records.push(record.into());
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::protocol::apply::{ChangePage, Record, TooOld};
    use crate::protocol::{Entry, EntryId, Position};

    /// Keys `000`, `001`, … with values of one length.
    struct Numbered {
        count: usize,
        value_bytes: usize,
    }

    impl Records for Numbered {
        fn get(&self, _: &[u8]) -> Result<Option<Record>, String> {
            Ok(None)
        }

        fn list(&self, _: &[u8], after: Option<&[u8]>, limit: usize) -> Result<(Vec<Record>, bool), String> {
            let keys = (0..self.count).map(|number| format!("{number:03}"));
            let later: Vec<_> = keys.filter(|key| after.is_none_or(|after| key.as_bytes() > after)).collect();
            let records = later.iter().take(limit).map(|key| Record {
                key: Bytes::from(key.clone()),
                value: Bytes::from(vec![0; self.value_bytes]),
                id: EntryId::new(1, 1),
                create_revision: 1,
                revision: 1,
                version: 1,
            });
            Ok((records.collect(), later.len() > limit))
        }

        fn revision(&self) -> u64 {
            0
        }

        fn changes(&self, after: u64, _: &[u8], _: usize) -> Result<ChangePage, TooOld> {
            Ok(ChangePage { changes: Vec::new(), up_to: after })
        }

        fn snapshot(&self, _: Position, _: u64, _: u64) -> Result<Option<(Bytes, u64)>, String> {
            Ok(None)
        }

        fn log(&self, _: Position, _: Position, _: u64) -> Result<Vec<Entry>, String> {
            Ok(Vec::new())
        }
    }

    /// All keys, page by page, and how many pages that took.
    fn read_all(records: &Numbered, limit: u64) -> (Vec<Bytes>, usize) {
        let mut list = proto::ListRequest { limit, ..Default::default() };
        let (mut keys, mut pages) = (Vec::new(), 0);
        loop {
            let page = page(records, &list).expect("it can be read");
            pages += 1;
            keys.extend(page.records.into_iter().map(|record| record.key));
            if !page.more {
                return (keys, pages);
            }
            list.after = keys.last().cloned().expect("a page that is not the last has records");
        }
    }

    #[test]
    fn pages_are_bounded_in_number_and_give_every_record_once() {
        let (keys, pages) = read_all(&Numbered { count: 100, value_bytes: 1 }, 40);
        assert_eq!((keys.len(), pages), (100, 3));
        assert!(keys.is_sorted());
    }

    #[test]
    fn pages_are_bounded_in_bytes() {
        let (keys, pages) = read_all(&Numbered { count: 5, value_bytes: 1 << 20 }, 0);
        assert_eq!((keys.len(), pages), (5, 5));
    }
}
