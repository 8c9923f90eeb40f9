//! Conversions between wire types and protocol types. To the wire they always succeed; from the wire they may fail.
//!
//! Input from the network is not trusted: digests and ids have exactly 16 bytes, numbers are below 2^63 so that
//! arithmetic on them cannot overflow, and required fields are present. The error names the field.
//!
//! An entry body that does not decode is refused here. Otherwise it would become durable, then committed, and then
//! stop every node that applies it. Whether a push fits the log is decided by the protocol.

mod ids;

mod message;

mod change;

mod record;

mod membership;

mod shape;

mod link_rules;

mod trace;

#[cfg(test)]
mod tests;

use crate::protocol::EntryId;

pub(crate) use ids::{level, optional_point};
pub(crate) use link_rules::{pace, wrong, wrong_to_wire};
pub(crate) use trace::role;
pub use trace::{NodeSnapshot, Observation};

/// The most entries of one push. No node sends as many; each one could cost a read of the disk.
const PUSHED_MAX: usize = 16_384;

/// Why a message from the wire was refused.
///
/// | field | meaning |
/// | --- | --- |
/// | `what` | the name of the field in the message |
/// | `found`, `least` | what the field holds; the least that it may hold |
/// | `id`, `kind` | the entry whose body does not decode, and its kind |
/// | `number`, `name`, `fields` | the number of an event, and its fact as it came |
#[allow(missing_docs, reason = "the fields are in the table above; a text says what its variant means")]
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    #[error("malformed message: `{0}` is missing")]
    Missing(&'static str),
    #[error("malformed message: `{what}` has {found} bytes, it must have 16")]
    Length { what: &'static str, found: usize },
    #[error("malformed message: `{what}` is {found}, it must be at least {least} and below 2^63")]
    Range { what: &'static str, found: u64, least: u64 },
    #[error("malformed message: `{what}` has the unknown value {found}")]
    Meaningless { what: &'static str, found: i64 },
    #[error("malformed message: the body of entry {id} is not a valid {kind} at this place")]
    Body { id: EntryId, kind: &'static str },
    #[error("malformed message: a push of {found} entries, at most {PUSHED_MAX} are allowed")]
    TooMany { found: usize },
    #[error("malformed message: the log state contradicts itself: {what}")]
    Contradiction { what: &'static str },
    #[error("malformed message: a member list without a voter, or with a member twice")]
    Members,
    #[error("event {number} is an unknown fact: `{name}` with the fields {fields}; the node may be of another version")]
    Fact { number: u64, name: String, fields: String },
}

/// A required field, which the wire format has as optional.
fn required<T>(what: &'static str, value: Option<T>) -> Result<T, Malformed> {
    value.ok_or(Malformed::Missing(what))
}
