//! An outgoing answer: given to hyper in small pieces, so that no more of it is buffered than its client reads, and
//! counted until the last piece is in the socket.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tonic::body::Body;
use tonic::{Response, Status};

use crate::server::admission::calls::CallSlot;
use crate::server::admission::limits::{Permit, RequestLimits};
use crate::wire::status::overloaded;

/// The default size of an HTTP/2 frame.
const PIECE_BYTES: usize = 16 << 10;
/// Shorter answers take no permit: the number of open calls bounds them.
const SMALL_BYTES: usize = 4 << 10;
/// The encoder's buffer doubles as it grows.
const BUFFER_FACTOR: usize = 2;

/// The permit of an answer, on its way from the service to the body.
#[derive(Clone)]
pub(in crate::server) struct HeldResponse {
    _permit: Arc<Permit>,
}

/// The answer, with a permit until its client has read it; refused as overloaded if there is none.
pub(in crate::server) fn answer<M: prost::Message>(limits: &RequestLimits, message: M) -> Result<Response<M>, Status> {
    let bytes = message.encoded_len();
    let mut response = Response::new(message);
    if bytes > SMALL_BYTES {
        let permit = limits.answer(BUFFER_FACTOR * bytes).map_err(|refusal| overloaded(&refusal))?;
        response.extensions_mut().insert(HeldResponse { _permit: Arc::new(permit) });
    }
    Ok(response)
}

/// Counts an answer until it is in the socket.
struct PendingResponse {
    slot: CallSlot,
    _permit: Option<HeldResponse>,
}

impl PendingResponse {
    fn new(slot: CallSlot, held: Option<HeldResponse>) -> Arc<PendingResponse> {
        if let Some(state) = slot.state() {
            state.response_ready();
        }
        Arc::new(PendingResponse { slot, _permit: held })
    }
}

impl Drop for PendingResponse {
    fn drop(&mut self) {
        if let Some(state) = self.slot.state() {
            state.response_read();
        }
    }
}

/// What is released with the last piece of a frame.
enum Held {
    One(Arc<PendingResponse>),
    /// A stream of answers. Each service bounds what it buffers, and a stream may be quiet for long.
    Stream {
        _slot: CallSlot,
    },
}

pub(in crate::server) struct ResponseBody {
    inner: Body,
    /// The rest of a frame.
    rest: Bytes,
    held: Held,
}

impl ResponseBody {
    /// The answer of a call with a single one.
    pub(in crate::server) fn one(inner: Body, slot: CallSlot, held: Option<HeldResponse>) -> ResponseBody {
        ResponseBody { inner, rest: Bytes::new(), held: Held::One(PendingResponse::new(slot, held)) }
    }

    pub(in crate::server) fn stream(inner: Body, slot: CallSlot) -> ResponseBody {
        ResponseBody { inner, rest: Bytes::new(), held: Held::Stream { _slot: slot } }
    }

    fn piece(&mut self) -> Frame<Bytes> {
        let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
        match &self.held {
            Held::One(pending) if self.rest.is_empty() => {
                Frame::data(Bytes::from_owner(LastPiece { piece, _pending: Arc::clone(pending) }))
            }
            Held::One(_) | Held::Stream { .. } => Frame::data(piece),
        }
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        // hyper asks for a piece once it has passed on the previous one, so the client is reading, even if slowly.
        if let Held::One(pending) = &this.held
            && let Some(state) = pending.slot.state()
            && !this.rest.is_empty()
        {
            state.note_progress();
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

/// The last piece of a frame. hyper drops it when it is written, and that ends the count.
struct LastPiece {
    piece: Bytes,
    _pending: Arc<PendingResponse>,
}

impl AsRef<[u8]> for LastPiece {
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
    use crate::wire::refusal::Refusal;

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
        let mut body = Box::pin(ResponseBody::one(Body::new(One(Some(whole.clone()))), slot, None));
        let mut pieces = Vec::new();
        while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
            pieces.push(frame.expect("nothing fails").into_data().expect("there are no trailers"));
        }
        assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [16_384, 16_384, 7_232]);
        assert_eq!(pieces.concat(), whole);
        drop(body);
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
        let limit = 256 << 20;
        assert_eq!(crate::wire::status::refusal_of(&refused), Some(Refusal::AnswersFull { limit }));
        assert!(answer(&limits, of(1_000)).is_ok(), "a small one needs none");
        drop(held);
        assert!(answer(&limits, of(1 << 20)).is_ok());
    }
}
