//! The change that a write asks for, in both directions.

use crate::protocol::{Change, Expect};
use crate::wire::convert::Malformed;
use crate::wire::proto;
use crate::wire::proto::compare_and_set::Expect as WireExpect;
use crate::wire::proto::write_request::Change as Wire;

impl TryFrom<&Wire> for Change {
    type Error = Malformed;

    fn try_from(of: &Wire) -> Result<Change, Malformed> {
        Ok(match of {
            Wire::Put(put) => Change::Put { key: put.key.clone(), value: put.value.clone() },
            Wire::Delete(delete) => Change::Delete { key: delete.key.clone() },
            Wire::CompareAndSet(set) => {
                let expect = match &set.expect {
                    Some(WireExpect::Absent(_)) => Expect::Absent,
                    Some(WireExpect::Expected(value)) => Expect::Value(value.clone()),
                    Some(WireExpect::Revision(revision)) => Expect::Revision(*revision),
                    None => return Err(Malformed::Missing("expect")),
                };
                Change::CompareAndSet { key: set.key.clone(), expect, value: set.value.clone() }
            }
            Wire::Batch(batch) => Change::Batch(batch.changes.iter().map(change_of).collect()),
        })
    }
}

fn change_of(change: &proto::BatchChange) -> Change {
    let key = change.key.clone();
    match &change.value {
        Some(value) => Change::Put { key, value: value.clone() },
        None => Change::Delete { key },
    }
}

impl From<&Change> for Wire {
    fn from(of: &Change) -> Wire {
        match of {
            Change::Put { key, value } => Wire::Put(proto::Put { key: key.clone(), value: value.clone() }),
            Change::Delete { key } => Wire::Delete(proto::Delete { key: key.clone() }),
            Change::CompareAndSet { key, expect, value } => {
                let expect = Some(match expect {
                    Expect::Absent => WireExpect::Absent(proto::Absent {}),
                    Expect::Value(value) => WireExpect::Expected(value.clone()),
                    Expect::Revision(revision) => WireExpect::Revision(*revision),
                });
                Wire::CompareAndSet(proto::CompareAndSet { key: key.clone(), expect, value: value.clone() })
            }
            Change::Batch(changes) => {
                let changes = changes.iter().filter_map(|change| match change {
                    Change::Put { key, value } => {
                        Some(proto::BatchChange { key: key.clone(), value: Some(value.clone()) })
                    }
                    Change::Delete { key } => Some(proto::BatchChange { key: key.clone(), value: None }),
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
    fn from(of: Change) -> proto::WriteRequest {
        proto::WriteRequest { name: None, change: Some((&of).into()) }
    }
}
