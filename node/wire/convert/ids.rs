//! Numbers, ids, digests and points.

use bytes::Bytes;

use crate::protocol::{
    ClusterId, Digest, EntryId, Epoch, FeatureLevel, Incarnation, Kind, LogPoint, NodeId, Offset, Position, RunEnd,
    SnapshotId,
};
use crate::wire::convert::{Malformed, required};
use crate::wire::proto;

/// Numbers are below this, so that adding to them cannot overflow.
const NUMBER_END: u64 = 1 << 63;

fn at_least(least: u64, what: &'static str, found: u64) -> Result<u64, Malformed> {
    if (least..NUMBER_END).contains(&found) { Ok(found) } else { Err(Malformed::Range { what, found, least }) }
}

pub(super) fn number(what: &'static str, found: u64) -> Result<u64, Malformed> {
    at_least(0, what, found)
}

pub(super) fn node(what: &'static str, found: u64) -> Result<NodeId, Malformed> {
    at_least(1, what, found).map(NodeId)
}

pub(super) fn epoch(what: &'static str, found: u64) -> Result<Epoch, Malformed> {
    at_least(1, what, found).map(Epoch)
}

/// A node that tells no level has the first one.
pub(crate) fn level(found: u32) -> FeatureLevel {
    FeatureLevel(found.max(FeatureLevel::FIRST.0))
}

pub(super) fn optional_epoch(what: &'static str, found: Option<u64>) -> Result<Option<Epoch>, Malformed> {
    found.map(|found| epoch(what, found)).transpose()
}

pub(super) fn optional_node(what: &'static str, found: Option<u64>) -> Result<Option<NodeId>, Malformed> {
    found.map(|found| node(what, found)).transpose()
}

pub(super) fn position(what: &'static str, found: u64) -> Result<Position, Malformed> {
    at_least(1, what, found).map(Position)
}

fn bytes16(what: &'static str, bytes: &Bytes) -> Result<[u8; 16], Malformed> {
    bytes[..].try_into().map_err(|_| Malformed::Length { what, found: bytes.len() })
}

pub(super) fn cluster(bytes: &Bytes) -> Result<ClusterId, Malformed> {
    bytes16("cluster", bytes).map(ClusterId)
}

pub(super) fn incarnation(bytes: &Bytes) -> Result<Incarnation, Malformed> {
    bytes16("incarnation", bytes).map(Incarnation)
}

pub(super) fn bytes16_to_wire(bytes: &[u8; 16]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

pub(super) fn entry_id(what: &'static str, found: u64, offset: u64) -> Result<EntryId, Malformed> {
    Ok(EntryId { epoch: epoch(what, found)?, offset: Offset(number("offset", offset)?) })
}

pub(super) fn optional_entry_id(found: Option<proto::EntryId>) -> Result<Option<EntryId>, Malformed> {
    found.map(EntryId::try_from).transpose()
}

/// A required point; `what` names the field.
pub(crate) fn point(what: &'static str, found: Option<proto::Point>) -> Result<LogPoint, Malformed> {
    required(what, found)?.try_into()
}

/// An optional point.
pub(crate) fn optional_point(found: Option<proto::Point>) -> Result<Option<LogPoint>, Malformed> {
    found.map(LogPoint::try_from).transpose()
}

pub(super) fn kind(found: i32) -> Result<Kind, Malformed> {
    match proto::EntryKind::try_from(found) {
        Ok(proto::EntryKind::Opening) => Ok(Kind::Opening),
        Ok(proto::EntryKind::Command) => Ok(Kind::Command),
        Ok(proto::EntryKind::Members) => Ok(Kind::Members),
        _ => Err(Malformed::Meaningless { what: "kind", found: i64::from(found) }),
    }
}

impl From<Kind> for proto::EntryKind {
    fn from(kind: Kind) -> proto::EntryKind {
        match kind {
            Kind::Opening => proto::EntryKind::Opening,
            Kind::Command => proto::EntryKind::Command,
            Kind::Members => proto::EntryKind::Members,
        }
    }
}

impl From<EntryId> for proto::EntryId {
    fn from(id: EntryId) -> proto::EntryId {
        proto::EntryId { epoch: id.epoch.0, offset: id.offset.0 }
    }
}

impl TryFrom<proto::EntryId> for EntryId {
    type Error = Malformed;

    fn try_from(id: proto::EntryId) -> Result<EntryId, Malformed> {
        entry_id("epoch", id.epoch, id.offset)
    }
}

impl From<LogPoint> for proto::Point {
    fn from(point: LogPoint) -> proto::Point {
        proto::Point {
            epoch: point.id.epoch.0,
            offset: point.id.offset.0,
            position: point.position.0,
            digest: bytes16_to_wire(&point.digest.0),
        }
    }
}

impl TryFrom<proto::Point> for LogPoint {
    type Error = Malformed;

    fn try_from(point: proto::Point) -> Result<LogPoint, Malformed> {
        Ok(LogPoint {
            id: entry_id("epoch", point.epoch, point.offset)?,
            position: position("position", point.position)?,
            digest: Digest(bytes16("digest", &point.digest)?),
        })
    }
}

impl From<SnapshotId> for proto::SnapshotId {
    fn from(id: SnapshotId) -> proto::SnapshotId {
        proto::SnapshotId { point: Some(id.point.into()), bytes: id.bytes, digest: bytes16_to_wire(&id.digest.0) }
    }
}

impl TryFrom<proto::SnapshotId> for SnapshotId {
    type Error = Malformed;

    fn try_from(id: proto::SnapshotId) -> Result<SnapshotId, Malformed> {
        Ok(SnapshotId {
            point: point("point", id.point)?,
            bytes: at_least(1, "bytes", id.bytes)?,
            digest: Digest(bytes16("digest", &id.digest)?),
        })
    }
}

impl From<RunEnd> for proto::RunEnd {
    fn from(run: RunEnd) -> proto::RunEnd {
        proto::RunEnd { epoch: run.epoch.0, last: run.last.0, digest: bytes16_to_wire(&run.digest.0) }
    }
}

impl TryFrom<proto::RunEnd> for RunEnd {
    type Error = Malformed;

    fn try_from(run: proto::RunEnd) -> Result<RunEnd, Malformed> {
        Ok(RunEnd {
            epoch: epoch("epoch", run.epoch)?,
            last: Offset(number("last", run.last)?),
            digest: Digest(bytes16("digest", &run.digest)?),
        })
    }
}
