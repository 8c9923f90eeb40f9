//! The encoding of entry bodies: little endian, lengths before bytes, no padding.
//!
//! ```text
//! Opening   0                     any epoch but the first
//!           1 · member list       the first epoch: founds the cluster; all members are voters, so no kinds
//! Members   member list
//! ```
//!
//! Commands and member lists have files of their own: [`crate::command`], [`crate::membership`].
//!
//! A body that does not decode is refused where a client sends it, and is damage where the disk returns it. The core
//! never guesses.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::membership::Membership;

/// The body of the entry at offset 0 with which a leader opens its epoch. In the first epoch it founds the cluster.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Opening {
    /// The founding member list. `Some` only in the very first entry of a log.
    pub founding: Option<Membership>,
}

impl Opening {
    /// Encodes the body, as the module's head shows.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        match &self.founding {
            None => out.put_u8(0),
            Some(founding) => {
                out.put_u8(1);
                founding.put(&mut out, false);
            }
        }
        out.freeze()
    }

    /// Decodes a body. `None` if the bytes are not exactly one opening.
    pub fn decode(body: &Bytes) -> Option<Opening> {
        let mut body = body.clone();
        let founding = match body.try_get_u8().ok()? {
            0 => None,
            1 => Some(Membership::take(&mut body, false)?),
            _ => return None,
        };
        body.is_empty().then_some(Opening { founding })
    }
}

/// Appends a `u32` length and the bytes.
pub(super) fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u32_le(bytes.len() as u32);
    out.put_slice(bytes);
}

/// Takes bytes with a `u32` length before them; `None` if there are fewer. The result shares the body's memory.
pub(super) fn take_bytes(body: &mut Bytes) -> Option<Bytes> {
    let length = body.try_get_u32_le().ok()? as usize;
    (body.len() >= length).then(|| body.split_to(length))
}

/// Takes an id of 16 bytes; `None` if there are fewer.
pub(super) fn take_16(body: &mut Bytes) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    body.try_copy_to_slice(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::membership::{Member, MemberKind};
    use crate::types::{Incarnation, NodeId};

    #[test]
    fn openings_come_back_as_they_went() {
        let member = |id| Member {
            id: NodeId(id),
            address: format!("127.0.0.1:{id}"),
            incarnation: Incarnation([9; 16]),
            kind: MemberKind::Voter,
        };
        for founding in [None, Some(Membership::founding((1..=3).map(member).collect()))] {
            let opening = Opening { founding };
            assert_eq!(Opening::decode(&opening.encode()), Some(opening));
        }
    }
}
