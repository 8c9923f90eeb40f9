//! The incoming messages of a call. A large incomplete message takes a permit for its announced bytes, or waits for
//! one. A message that has begun must be complete within a time limit: a client that stops in the middle is cut off.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::PollSemaphore;
use tonic::Status;
use tonic::body::Body;

use crate::wire::endpoint::MESSAGE_BYTES_MAX;

/// The unit of the budget of incomplete bytes.
pub(in crate::server) const UNIT: usize = 1 << 10;
/// Shorter messages take no permit: the number of open calls bounds them.
const SMALL_BYTES: usize = 16 << 10;
/// The time limit: from the first byte of a message to its last, and from a call's headers to its end if it has a
/// single message.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(10);

pub(in crate::server) struct RequestBody {
    inner: Body,
    /// The call has a single message. A stream may be quiet between two messages.
    is_single: bool,
    framing: Framing,
    budget: PollSemaphore,
    /// Held by the large message that is arriving.
    permit: Option<OwnedSemaphorePermit>,
    /// A piece that waits for a permit, and the size of the permit in units.
    waiting: Option<(Bytes, u32)>,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    pub(in crate::server) fn new(inner: Body, is_single: bool, budget: Arc<Semaphore>) -> RequestBody {
        let budget = PollSemaphore::new(budget);
        RequestBody {
            inner,
            is_single,
            framing: Framing::default(),
            budget,
            permit: None,
            waiting: None,
            deadline: None,
        }
    }

    /// Follows the framing through a piece. Returns the permit that the message needs that is incomplete after it.
    fn follow(&mut self, piece: &Bytes) -> Option<u32> {
        let completed = self.framing.follow(piece);
        if completed {
            self.permit = None;
            if !self.is_single {
                self.deadline = None;
            }
        }
        let announced = self.framing.announced();
        let large = (SMALL_BYTES + 1..=MESSAGE_BYTES_MAX).contains(&announced);
        (large && self.permit.is_none()).then_some(announced.div_ceil(UNIT) as u32)
    }

    /// Nothing has arrived, or there is no permit: waits until the deadline.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if !self.is_single && !self.framing.is_incomplete() {
            return Poll::Pending;
        }
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(ARRIVAL_TIMEOUT)));
        ready!(deadline.as_mut().poll(context));
        self.permit = None;
        let seconds = ARRIVAL_TIMEOUT.as_secs();
        Poll::Ready(Some(Err(match self.waiting.take() {
            // The code of every refusal for overload: the call has not begun.
            Some(_) => Status::resource_exhausted(format!(
                "for {seconds} s this node has had the most incoming messages that it admits: try again later"
            )),
            None => Status::deadline_exceeded(format!("the message was not complete {seconds} s after its first byte")),
        })))
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        loop {
            if let Some((_, wanted)) = &this.waiting {
                match this.budget.poll_acquire_many(context, *wanted) {
                    Poll::Ready(permit) => this.permit = permit,
                    Poll::Pending => return this.poll_deadline(context),
                }
                return Poll::Ready(this.waiting.take().map(|(piece, _)| Ok(Frame::data(piece))));
            }
            let frame = match Pin::new(&mut this.inner).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(other) => return Poll::Ready(other),
                Poll::Pending => return this.poll_deadline(context),
            };
            let wanted = frame.data_ref().cloned().and_then(|piece| Some((this.follow(&piece)?, piece)));
            match wanted {
                Some((wanted, piece)) => this.waiting = Some((piece, wanted)),
                None => return Poll::Ready(Some(Ok(frame))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The position in gRPC's framing: before each message a flag and four bytes of length.
#[derive(Default)]
struct Framing {
    header: [u8; 5],
    have: usize,
    /// The length of the message whose header is complete.
    length: usize,
    left: usize,
}

impl Framing {
    /// True if a message was completed.
    fn follow(&mut self, mut piece: &[u8]) -> bool {
        let mut completed = false;
        while !piece.is_empty() {
            if self.left == 0 {
                let length = piece.len().min(self.header.len() - self.have);
                self.header[self.have..self.have + length].copy_from_slice(&piece[..length]);
                (self.have, piece) = (self.have + length, &piece[length..]);
                if self.have < self.header.len() {
                    break;
                }
                let [_, length @ ..] = self.header;
                self.length = u32::from_be_bytes(length) as usize;
                (self.have, self.left) = (0, self.length);
                completed |= self.left == 0;
            } else {
                let length = piece.len().min(self.left);
                (self.left, piece) = (self.left - length, &piece[length..]);
                completed |= self.left == 0;
            }
        }
        completed
    }

    fn is_incomplete(&self) -> bool {
        self.left > 0 || self.have > 0
    }

    /// The length of the incomplete message; 0 if there is none.
    fn announced(&self) -> usize {
        if self.left > 0 { self.length } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use std::future::poll_fn;

    use super::*;

    fn message(length: usize) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend((length as u32).to_be_bytes());
        bytes.resize(5 + length, 7);
        bytes
    }

    #[test]
    fn framing_is_followed_wherever_the_bytes_are_parted() {
        let bytes = [message(3), message(0), message(20), message(1)].concat();
        for size in 1..bytes.len() {
            let mut framing = Framing::default();
            let completed = bytes.chunks(size).filter(|piece| framing.follow(piece)).count();
            assert!(completed > 0 && !framing.is_incomplete(), "pieces of {size}");
        }
        let mut framing = Framing::default();
        assert!(!framing.follow(&message(20)[..10]));
        assert_eq!((framing.announced(), framing.is_incomplete()), (20, true));
        assert!(framing.follow(&message(20)[10..]) && framing.announced() == 0);
    }

    /// Yields these pieces, then stays pending.
    struct Pieces(Vec<Vec<u8>>);

    impl http_body::Body for Pieces {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            if self.0.is_empty() {
                return Poll::Pending;
            }
            Poll::Ready(Some(Ok(Frame::data(self.0.remove(0).into()))))
        }
    }

    fn request_body(pieces: &[&[u8]], is_single: bool, limits: &Arc<Semaphore>) -> Pin<Box<RequestBody>> {
        let pieces = Body::new(Pieces(pieces.iter().map(|piece| piece.to_vec()).collect()));
        Box::pin(RequestBody::new(pieces, is_single, Arc::clone(limits)))
    }

    /// The bytes that are ready; `None` if nothing is.
    async fn next(body: &mut Pin<Box<RequestBody>>) -> Option<Result<usize, Status>> {
        poll_fn(|context| match body.as_mut().poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(Ok(frame.into_data().map_or(0, |data| data.len())))),
            Poll::Ready(Some(Err(status))) => Poll::Ready(Some(Err(status))),
            Poll::Ready(None) | Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    #[tokio::test]
    async fn a_large_message_takes_room_until_it_is_complete_and_others_wait_for_it() {
        let limits = Arc::new(Semaphore::new(150));
        let large = message(100 << 10);
        let (begin, end) = large.split_at(20 << 10);
        let mut first = request_body(&[begin, end], true, &limits);
        let mut second = request_body(&[begin, end], true, &limits);
        assert_eq!(next(&mut first).await.map(|piece| piece.unwrap()), Some(20 << 10));
        assert_eq!(limits.available_permits(), 50);
        assert!(next(&mut second).await.is_none(), "it waits for room");
        assert!(next(&mut first).await.is_some() && limits.available_permits() < 150);
        assert!(next(&mut second).await.is_some(), "the first is complete");
        let mut third = request_body(&[begin, end], true, &limits);
        assert!(next(&mut third).await.is_none(), "it waits in its turn");
        third.deadline.as_mut().expect("it ends in time").as_mut().reset(tokio::time::Instant::now());
        let ended = poll_fn(|context| third.as_mut().poll_frame(context)).await;
        let status = ended.expect("it ends").expect_err("there was no room");
        assert_eq!(status.code(), tonic::Code::ResourceExhausted, "{status}");
        drop((second, third));
        assert_eq!(limits.available_permits(), 150, "a call that ends releases its permit");
    }

    #[tokio::test]
    async fn small_messages_and_whole_ones_need_no_room() {
        let limits = Arc::new(Semaphore::new(0));
        let (small, large) = (message(SMALL_BYTES), message(1 << 20));
        let mut body = request_body(&[&small[..100], &small[100..], &large, &large[..3]], false, &limits);
        for wanted in [100, small.len() - 100, large.len(), 3] {
            assert_eq!(next(&mut body).await.map(|piece| piece.unwrap()), Some(wanted));
        }
    }

    #[tokio::test]
    async fn what_stops_in_the_middle_is_cut_off_and_a_quiet_stream_is_not() {
        let limits = Arc::new(Semaphore::new(1_000));
        let large = message(100 << 10);
        for (one, pieces, ends) in [
            (true, vec![], true),
            (true, vec![&large[..50 << 10]], true),
            (false, vec![&large[..50 << 10]], true),
            (false, vec![&large[..4]], true),
            (false, vec![&large[..]], false),
            (false, vec![], false),
        ] {
            let mut body = request_body(&pieces, one, &limits);
            for _ in &pieces {
                assert!(matches!(next(&mut body).await, Some(Ok(_))));
            }
            assert!(next(&mut body).await.is_none());
            assert_eq!(body.deadline.is_some(), ends, "one message: {one}, {} pieces", pieces.len());
            if let Some(deadline) = &mut body.deadline {
                deadline.as_mut().reset(tokio::time::Instant::now());
                let ended = poll_fn(|context| body.as_mut().poll_frame(context)).await;
                let status = ended.expect("it ends").expect_err("it did not arrive");
                assert!(status.message().contains("was not complete 10 s after"), "{status}");
                assert_eq!(limits.available_permits(), 1_000);
            }
        }
    }
}
