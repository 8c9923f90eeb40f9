//! Records of the final database, and their changes.

use bytes::Bytes;

use crate::protocol::EntryId;
use crate::protocol::apply::{Numbers, Record, Write};
use crate::wire::proto;

impl From<Record> for proto::Record {
    fn from(record: Record) -> proto::Record {
        let Record { key, value, id, create_revision, revision, version } = record;
        proto::Record { key, value, epoch: id.epoch.0, offset: id.offset.0, create_revision, revision, version }
    }
}

impl From<proto::Record> for Record {
    fn from(record: proto::Record) -> Record {
        let proto::Record { key, value, epoch, offset, create_revision, revision, version } = record;
        Record { key, value, id: EntryId::new(epoch, offset), create_revision, revision, version }
    }
}

/// A deleted key has an empty value, and of the numbers only the revision of the delete.
impl From<Write> for proto::Changed {
    fn from(write: Write) -> proto::Changed {
        let Write { key, id, revision, record } = write;
        let deleted = record.is_none();
        let absent = (Bytes::new(), Numbers { create_revision: 0, revision, version: 0 });
        let (value, Numbers { create_revision, revision, version }) = record.unwrap_or(absent);
        let record = Record { key, value, id, create_revision, revision, version };
        proto::Changed { record: Some(record.into()), deleted }
    }
}
