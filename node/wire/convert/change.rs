//! The change that a write asks for, in both directions.

use crate::protocol::{Change, Command, Expect};
use crate::wire::convert::Malformed;
use crate::wire::proto;
use crate::wire::proto::compare_and_set::Expect as WireExpect;
use crate::wire::proto::write_request::Change as Wire;

impl TryFrom<Wire> for Change {
    type Error = Malformed;

    fn try_from(of: Wire) -> Result<Change, Malformed> {
        Ok(match of {
            Wire::Put(proto::Put { key, value }) => Change::Put { key, value },
            Wire::Delete(proto::Delete { key }) => Change::Delete { key },
            Wire::CompareAndSet(proto::CompareAndSet { key, value, expect }) => {
                let expect = match expect {
                    Some(WireExpect::Absent(_)) => Expect::Absent,
                    Some(WireExpect::Expected(value)) => Expect::Value(value),
                    Some(WireExpect::Revision(revision)) => Expect::Revision(revision),
                    None => return Err(Malformed::Missing("expect")),
                };
                Change::CompareAndSet { key, expect, value }
            }
            Wire::Batch(batch) => Change::Batch(batch.changes.into_iter().map(change_of).collect()),
        })
    }
}

fn change_of(proto::BatchChange { key, value }: proto::BatchChange) -> Change {
    match value {
        Some(value) => Change::Put { key, value },
        None => Change::Delete { key },
    }
}

impl From<Change> for Wire {
    fn from(of: Change) -> Wire {
        match of {
            Change::Put { key, value } => Wire::Put(proto::Put { key, value }),
            Change::Delete { key } => Wire::Delete(proto::Delete { key }),
            Change::CompareAndSet { key, expect, value } => {
                let expect = Some(match expect {
                    Expect::Absent => WireExpect::Absent(proto::Absent {}),
                    Expect::Value(value) => WireExpect::Expected(value),
                    Expect::Revision(revision) => WireExpect::Revision(revision),
                });
                Wire::CompareAndSet(proto::CompareAndSet { key, expect, value })
            }
            Change::Batch(changes) => {
                let changes = changes.into_iter().filter_map(|change| match change {
                    Change::Put { key, value } => Some(proto::BatchChange { key, value: Some(value) }),
                    Change::Delete { key } => Some(proto::BatchChange { key, value: None }),
                    // Not possible in a checked change: `Change::check` refuses a batch with anything but puts and
                    // deletes.
                    Change::CompareAndSet { .. } | Change::Batch(_) => None,
                });
                Wire::Batch(proto::Batch { changes: changes.collect() })
            }
        }
    }
}

/// A write without a session: it is not deduplicated, so it must not be retried.
impl From<Change> for proto::WriteRequest {
    fn from(change: Change) -> proto::WriteRequest {
        proto::WriteRequest { name: None, change: Some(change.into()) }
    }
}

/// The request that [`Command::encode`] was made from, to forward it to the leader.
impl From<Command> for proto::WriteRequest {
    fn from(Command { session, sequence, once, change }: Command) -> proto::WriteRequest {
        let (born, answered) = once.map_or((None, 0), |once| (Some(once.born), once.answered));
        let name = Some(proto::WriteName { session, sequence, born, answered });
        proto::WriteRequest { name, change: Some(change.into()) }
    }
}
