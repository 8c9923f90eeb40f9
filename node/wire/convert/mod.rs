//! Between the wire's types and the protocol's: one way it always works, the other way it may be refused.
//!
//! What comes from a network is believed in nothing: digests and ids have exactly 16 bytes, numbers stay below 2^63 so
//! that no arithmetic on them overflows, and what may not be missing is there. A refusal says which field is wrong.
//!
//! A body that does not decode would be durable, then committed, and then stop every node that applies it: it is refused
//! here. Absent on purpose: whether a push fits a log, which is the protocol's business.

mod ids;

mod message;

mod change;

mod membership;

mod shape;

mod lab;

mod trace;

#[cfg(test)]
mod tests;

use crate::protocol::EntryId;

pub use ids::{optional_point, point};
pub use trace::{NodeSnapshot, Observation, event_from_wire};

/// More entries than any node sends at once: each can be made to need a look at the disk.
const PUSHED_MAX: usize = 16_384;

/// Why a message from the wire was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    #[error("malformed message: `{0}` is missing")]
    Missing(&'static str),
    #[error("malformed message: `{what}` has {found} bytes, it must have 16")]
    Length { what: &'static str, found: usize },
    #[error("malformed message: `{what}` is {found}, it must be at least {least} and below 2^63")]
    Range { what: &'static str, found: u64, least: u64 },
    #[error("malformed message: `{what}` has the value {found}, which means nothing")]
    Meaningless { what: &'static str, found: i64 },
    #[error("malformed message: `{what}` is `{found}`, which means nothing")]
    Unheard { what: &'static str, found: String },
    #[error("malformed message: the body of entry {id} is no {kind} that may stand there")]
    Body { id: EntryId, kind: &'static str },
    #[error("malformed message: a push of {found} entries, it must have at most {PUSHED_MAX}")]
    TooMany { found: usize },
    #[error("malformed message: the log state contradicts itself: {what}")]
    Contradiction { what: &'static str },
    #[error("malformed message: a member list that names no voter, or a member twice")]
    Members,
    #[error("event {number} is no fact known here: `{name}` with the fields {fields}; is the node of another version?")]
    Fact { number: u64, name: String, fields: String },
}

/// Something that the wire has as an optional message but that must be there.
fn required<T>(what: &'static str, value: Option<T>) -> Result<T, Malformed> {
    value.ok_or(Malformed::Missing(what))
}
