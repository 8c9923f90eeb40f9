//! An answer on its way out: handed over in small pieces, so that no more of it waits than its client takes, and counted
//! until the last of them is in the socket.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tonic::body::Body;
use tonic::{Response, Status};

use crate::server::admission::calls::CallSlot;
use crate::server::admission::limits::{Permit, RequestLimits};

/// As much as one frame of HTTP/2 has.
const PIECE_BYTES: usize = 16 << 10;
/// Shorter answers take no room: what an open call costs has a bound by their number.
const SMALL_BYTES: usize = 4 << 10;
/// An answer is encoded into a buffer that doubles as it grows.
const BUFFER_FACTOR: usize = 2;

/// The room that an answer takes, on its way from the service that made it.
#[derive(Clone)]
pub(in crate::server) struct HeldResponse {
    _room: Arc<Permit>,
}

/// The answer, with room for it until its client has taken it; refused if there is none.
pub(in crate::server) fn answer<M: prost::Message>(limits: &RequestLimits, message: M) -> Result<Response<M>, Status> {
    let bytes = message.encoded_len();
    let mut response = Response::new(message);
    if bytes > SMALL_BYTES {
        let taken = limits.answer(BUFFER_FACTOR * bytes);
        let taken = taken.map_err(|refusal| Status::resource_exhausted(refusal.message))?;
        response.extensions_mut().insert(HeldResponse { _room: Arc::new(taken) });
    }
    Ok(response)
}

/// What an answer takes until it is in the socket.
struct Unread {
    slot: CallSlot,
    _room: Option<HeldResponse>,
}

impl Unread {
    fn new(slot: CallSlot, limits: Option<HeldResponse>) -> Arc<Unread> {
        if let Some(state) = slot.state() {
            state.answered();
        }
        Arc::new(Unread { slot, _room: limits })
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        if let Some(state) = self.slot.state() {
            state.taken_away();
        }
    }
}

/// What goes with the last piece of each frame.
enum Kept {
    One(Arc<Unread>),
    /// A stream of answers, of which each service bounds what waits. It may be quiet for long.
    Stream {
        _place: CallSlot,
    },
}

pub(in crate::server) struct ResponseBody {
    inner: Body,
    /// What is left of a frame.
    rest: Bytes,
    kept: Kept,
}

impl ResponseBody {
    /// The answer of a call that has one.
    pub(in crate::server) fn one(inner: Body, slot: CallSlot, limits: Option<HeldResponse>) -> ResponseBody {
        ResponseBody { inner, rest: Bytes::new(), kept: Kept::One(Unread::new(slot, limits)) }
    }

    pub(in crate::server) fn stream(inner: Body, slot: CallSlot) -> ResponseBody {
        ResponseBody { inner, rest: Bytes::new(), kept: Kept::Stream { _place: slot } }
    }

    fn piece(&mut self) -> Frame<Bytes> {
        let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
        match &self.kept {
            Kept::One(unread) if self.rest.is_empty() => {
                Frame::data(Bytes::from_owner(Last { piece, _unread: Arc::clone(unread) }))
            }
            Kept::One(_) | Kept::Stream { .. } => Frame::data(piece),
        }
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        // A piece is fetched when the one before has found a way on: the client reads, if slowly.
        if let Kept::One(unread) = &this.kept
            && let Some(state) = unread.slot.state()
            && !this.rest.is_empty()
        {
            state.moved();
        }
        if this.rest.is_empty() {
            let frame = match ready!(Pin::new(&mut this.inner).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                other => return Poll::Ready(other),
            };
            match frame.into_data() {
                Ok(data) => this.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        Poll::Ready(Some(Ok(this.piece())))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// The last piece of a frame: dropped once it is written.
struct Last {
    piece: Bytes,
    _unread: Arc<Unread>,
}

impl AsRef<[u8]> for Last {
    fn as_ref(&self) -> &[u8] {
        &self.piece
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use http_body::Body as _;

    use super::*;
    use crate::server::admission::calls::CallLimits;
    use crate::server::admission::connections::ConnectionState;

    /// One frame, then the end.
    struct One(Option<Bytes>);

    impl http_body::Body for One {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
        }
    }

    #[tokio::test]
    async fn an_answer_leaves_in_pieces_and_counts_until_the_last_is_written() {
        let (state, call_limits) = (Arc::new(ConnectionState::new()), CallLimits::new(10, 0));
        let slot = call_limits.enter(Some(Arc::clone(&state))).expect("there is room");
        let whole: Bytes = (0..40_000_u32).map(|number| number as u8).collect();
        let mut leaving = Box::pin(ResponseBody::one(Body::new(One(Some(whole.clone()))), slot, None));
        let mut pieces = Vec::new();
        while let Some(frame) = poll_fn(|context| leaving.as_mut().poll_frame(context)).await {
            pieces.push(frame.expect("nothing fails").into_data().expect("there are no trailers"));
        }
        assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [16_384, 16_384, 7_232]);
        assert_eq!(pieces.concat(), whole);
        drop(leaving);
        pieces.remove(0);
        assert_eq!(state.calls(), 1, "the last piece waits in some buffer");
        drop(pieces);
        assert_eq!(state.calls(), 0);
    }

    #[test]
    fn only_large_answers_take_room_and_give_it_back() {
        let limits = RequestLimits::default();
        let of =
            |bytes: usize| crate::wire::proto::BackupResponse { part: vec![0; bytes].into(), ..Default::default() };
        let held: Vec<_> = std::iter::from_fn(|| answer(&limits, of(1 << 20)).ok()).collect();
        assert_eq!(held.len(), 127, "two times a mebibyte and a little each");
        let refused = answer(&limits, of(8 << 20)).map(drop).expect_err("there is no room");
        assert!(refused.message().contains("256 MiB of answers wait at this node to be read"), "{refused}");
        assert!(answer(&limits, of(1_000)).is_ok(), "a small one needs none");
        drop(held);
        assert!(answer(&limits, of(1 << 20)).is_ok());
    }
}
