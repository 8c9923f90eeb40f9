//! What the bodies of entries hold, and their encoding: little endian, lengths before bytes, no padding.
//!
//! ```text
//! Opening   0                     any epoch but the first
//!           1 · member list       that of the first one, without kinds: it founds the cluster
//! Members   member list
//! ```
//!
//! Commands and member lists have files of their own: [`crate::command`], [`crate::membership`].
//!
//! A body that does not decode is refused at the edge (clients) or is damage (disk); the core never guesses.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::membership::Membership;

/// The payload with which a leader opens its epoch; that of the very first epoch founds the cluster.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Opening {
    pub founding: Option<Membership>,
}

impl Opening {
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

    /// `None` if the bytes are not an opening.
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

pub(super) fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u32_le(bytes.len() as u32);
    out.put_slice(bytes);
}

pub(super) fn take_bytes(body: &mut Bytes) -> Option<Bytes> {
    let length = body.try_get_u32_le().ok()? as usize;
    (body.len() >= length).then(|| body.split_to(length))
}

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
        for founding in [None, Some(Membership::found((1..=3).map(member).collect()))] {
            let opening = Opening { founding };
            assert_eq!(Opening::decode(&opening.encode()), Some(opening));
        }
    }
}
