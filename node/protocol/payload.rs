//! What the bodies of entries hold, and their encoding: little endian, lengths before bytes, no padding.
//!
//! ```text
//! Opening   0                                                     any epoch but the first
//!           1 · cluster 16 · count u32 · (id u64 · incarnation 16 · length u32 · address)…
//! ```
//!
//! Commands have a file of their own: [`crate::protocol::command`].
//!
//! A body that does not decode is refused at the edge (clients) or is damage (disk); the core never guesses.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::protocol::types::{ClusterId, Incarnation, NodeId};

/// One voter: who it is, where it listens, and which data folder it votes with.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Member {
    pub id: NodeId,
    pub address: String,
    pub incarnation: Incarnation,
}

/// The payload with which a leader opens its epoch; that of the very first epoch founds the cluster.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Opening {
    pub founding: Option<Founding>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Founding {
    pub cluster: ClusterId,
    /// Sorted by id.
    pub members: Vec<Member>,
}

impl Founding {
    /// The founding of these members. The cluster id follows from their ids and incarnations alone, so two candidates
    /// of one first election found the same cluster.
    pub fn of(mut members: Vec<Member>) -> Founding {
        members.sort();
        let mut hasher = blake3::Hasher::new();
        for member in &members {
            hasher.update(&member.id.0.to_le_bytes());
            hasher.update(&member.incarnation.0);
        }
        let mut cluster = [0; 16];
        cluster.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Founding { cluster: ClusterId(cluster), members }
    }

    /// Whether it is what [`Founding::of`] makes of its members, each of them once.
    pub fn is_sound(&self) -> bool {
        self.members.windows(2).all(|pair| pair[0].id < pair[1].id) && Founding::of(self.members.clone()) == *self
    }

    pub fn lists(&self, id: NodeId, incarnation: Incarnation) -> bool {
        self.members.iter().any(|member| member.id == id && member.incarnation == incarnation)
    }
}

impl Opening {
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        let Some(founding) = &self.founding else {
            out.put_u8(0);
            return out.freeze();
        };
        out.put_u8(1);
        out.put_slice(&founding.cluster.0);
        out.put_u32_le(founding.members.len() as u32);
        for member in &founding.members {
            out.put_u64_le(member.id.0);
            out.put_slice(&member.incarnation.0);
            put_bytes(&mut out, member.address.as_bytes());
        }
        out.freeze()
    }

    /// `None` if the bytes are not an opening.
    pub fn decode(body: &Bytes) -> Option<Opening> {
        let mut body = body.clone();
        let founding = match body.try_get_u8().ok()? {
            0 => None,
            1 => {
                let cluster = ClusterId(take_16(&mut body)?);
                let count = body.try_get_u32_le().ok()?;
                let mut members = Vec::new();
                for _ in 0..count {
                    let id = NodeId(body.try_get_u64_le().ok()?);
                    let incarnation = Incarnation(take_16(&mut body)?);
                    let address = String::from_utf8(take_bytes(&mut body)?.to_vec()).ok()?;
                    members.push(Member { id, address, incarnation });
                }
                Some(Founding { cluster, members })
            }
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

fn take_16(body: &mut Bytes) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    body.try_copy_to_slice(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openings_come_back_as_they_went() {
        let members = (1..=3)
            .map(|id| Member { id: NodeId(id), address: format!("127.0.0.1:{id}"), incarnation: Incarnation([9; 16]) })
            .collect();
        for founding in [None, Some(Founding::of(members))] {
            let opening = Opening { founding };
            assert_eq!(Opening::decode(&opening.encode()), Some(opening));
        }
    }
}
