//! The messages of a call on their way in. One that is large and not complete takes room for all of itself, or waits for it,
//! and whatever has begun must be complete in time: a client that stops in the middle is cut off.

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

/// Room is counted in pieces of so many bytes.
pub(in crate::server) const UNIT: usize = 1 << 10;
/// Shorter messages take no room: what an open call costs has a bound by their number.
const SMALL_BYTES: usize = 16 << 10;
/// From a message's first byte to its last, and from a call's headers to its end if it has one message alone.
const IN_TIME: Duration = Duration::from_secs(10);

pub(in crate::server) struct RequestBody {
    inner: Body,
    /// The call has one message and ends; a stream may be quiet between two of them.
    one: bool,
    framing: Framing,
    limits: PollSemaphore,
    /// Held by the large message that is under way.
    taken: Option<OwnedSemaphorePermit>,
    /// A piece that waits for room, and for how much.
    waiting: Option<(Bytes, u32)>,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    pub(in crate::server) fn new(inner: Body, one: bool, limits: Arc<Semaphore>) -> RequestBody {
        let limits = PollSemaphore::new(limits);
        RequestBody { inner, one, framing: Framing::default(), limits, taken: None, waiting: None, deadline: None }
    }

    /// Follows what has come; gives how much room the message needs that is under way after it.
    fn follow(&mut self, piece: &Bytes) -> Option<u32> {
        let completed = self.framing.follow(piece);
        if completed {
            self.taken = None;
            if !self.one {
                self.deadline = None;
            }
        }
        let announced = self.framing.announced();
        let large = (SMALL_BYTES + 1..=MESSAGE_BYTES_MAX).contains(&announced);
        (large && self.taken.is_none()).then_some(announced.div_ceil(UNIT) as u32)
    }

    /// Nothing has come, or there is no room: not for ever.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if !self.one && !self.framing.is_under_way() {
            return Poll::Pending;
        }
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(IN_TIME)));
        ready!(deadline.as_mut().poll(context));
        self.taken = None;
        let seconds = IN_TIME.as_secs();
        Poll::Ready(Some(Err(match self.waiting.take() {
            // As every refusal for this reason: it has not begun.
            Some(_) => Status::resource_exhausted(format!(
                "as many messages are on their way in as this node takes, for {seconds} s: try again a little later"
            )),
            None => {
                Status::deadline_exceeded(format!("the message did not arrive within {seconds} s of its beginning"))
            }
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
                match this.limits.poll_acquire_many(context, *wanted) {
                    Poll::Ready(taken) => this.taken = taken,
                    Poll::Pending => return this.wait(context),
                }
                return Poll::Ready(this.waiting.take().map(|(piece, _)| Ok(Frame::data(piece))));
            }
            let frame = match Pin::new(&mut this.inner).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(other) => return Poll::Ready(other),
                Poll::Pending => return this.wait(context),
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

/// Where in gRPC's framing the bytes stand: a flag and four bytes of length before each message.
#[derive(Default)]
struct Framing {
    header: [u8; 5],
    have: usize,
    /// Of the message whose header is complete.
    length: usize,
    left: usize,
}

impl Framing {
    /// True if a message was completed.
    fn follow(&mut self, mut piece: &[u8]) -> bool {
        let mut completed = false;
        while !piece.is_empty() {
            if self.left == 0 {
                let taken = piece.len().min(self.header.len() - self.have);
                self.header[self.have..self.have + taken].copy_from_slice(&piece[..taken]);
                (self.have, piece) = (self.have + taken, &piece[taken..]);
                if self.have < self.header.len() {
                    break;
                }
                let [_, length @ ..] = self.header;
                self.length = u32::from_be_bytes(length) as usize;
                (self.have, self.left) = (0, self.length);
                completed |= self.left == 0;
            } else {
                let taken = piece.len().min(self.left);
                (self.left, piece) = (self.left - taken, &piece[taken..]);
                completed |= self.left == 0;
            }
        }
        completed
    }

    fn is_under_way(&self) -> bool {
        self.left > 0 || self.have > 0
    }

    /// The length of the message that has begun and is not complete; 0 if there is none.
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
            assert!(completed > 0 && !framing.is_under_way(), "pieces of {size}");
        }
        let mut framing = Framing::default();
        assert!(!framing.follow(&message(20)[..10]));
        assert_eq!((framing.announced(), framing.is_under_way()), (20, true));
        assert!(framing.follow(&message(20)[10..]) && framing.announced() == 0);
    }

    /// Gives these pieces, then nothing for ever.
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

    fn arriving(pieces: &[&[u8]], one: bool, limits: &Arc<Semaphore>) -> Pin<Box<RequestBody>> {
        let pieces = Body::new(Pieces(pieces.iter().map(|piece| piece.to_vec()).collect()));
        Box::pin(RequestBody::new(pieces, one, Arc::clone(limits)))
    }

    /// What comes at once, in bytes; `None`: nothing for now.
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
        let mut first = arriving(&[begin, end], true, &limits);
        let mut second = arriving(&[begin, end], true, &limits);
        assert_eq!(next(&mut first).await.map(|piece| piece.unwrap()), Some(20 << 10));
        assert_eq!(limits.available_permits(), 50);
        assert!(next(&mut second).await.is_none(), "it waits for room");
        assert!(next(&mut first).await.is_some() && limits.available_permits() < 150);
        assert!(next(&mut second).await.is_some(), "the first is complete");
        let mut third = arriving(&[begin, end], true, &limits);
        assert!(next(&mut third).await.is_none(), "it waits in its turn");
        third.deadline.as_mut().expect("not for ever").as_mut().reset(tokio::time::Instant::now());
        let ended = poll_fn(|context| third.as_mut().poll_frame(context)).await;
        let status = ended.expect("it ends").expect_err("there was no room");
        assert_eq!(status.code(), tonic::Code::ResourceExhausted, "{status}");
        drop((second, third));
        assert_eq!(limits.available_permits(), 150, "whoever goes away gives it back");
    }

    #[tokio::test]
    async fn small_messages_and_whole_ones_need_no_room() {
        let limits = Arc::new(Semaphore::new(0));
        let (small, large) = (message(SMALL_BYTES), message(1 << 20));
        let mut body = arriving(&[&small[..100], &small[100..], &large, &large[..3]], false, &limits);
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
            let mut body = arriving(&pieces, one, &limits);
            for _ in &pieces {
                assert!(matches!(next(&mut body).await, Some(Ok(_))));
            }
            assert!(next(&mut body).await.is_none());
            assert_eq!(body.deadline.is_some(), ends, "one message: {one}, {} pieces", pieces.len());
            if let Some(deadline) = &mut body.deadline {
                deadline.as_mut().reset(tokio::time::Instant::now());
                let ended = poll_fn(|context| body.as_mut().poll_frame(context)).await;
                let status = ended.expect("it ends").expect_err("it did not arrive");
                assert!(status.message().contains("did not arrive within 10 s"), "{status}");
                assert_eq!(limits.available_permits(), 1_000);
            }
        }
    }
}
