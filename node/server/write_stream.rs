//! Many writes of one client in flight over one stream. Answers carry the request's tag and may come in another order.
//!
//! ```text
//! stream of requests ─▶ task: writes in flight ─▶ answers ready ─▶ stream of answers
//! ```
//!
//! A client that does not read its answers is not read from either; sooner if many answers wait on other streams too.
//! The task continues meanwhile, so that answered writes hold no permit that other clients need.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::Stream;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tonic::codegen::BoxStream;
use tonic::{Status, Streaming};

use crate::server::admission::limits::Permit;
use crate::server::client::ClientService;
use crate::server::write::key_and_value_bytes;
use crate::wire::proto;

/// The most writes in flight on one stream plus answers ready; beyond it the stream is not read.
const IN_FLIGHT_MAX: usize = 4_096;
/// The same while the answers ready on all streams together are at their limit. Not 0, so that every stream
/// progresses.
const IN_FLIGHT_MIN: usize = 16;
/// The most bytes of keys and values in flight. One further write may exceed it.
const IN_FLIGHT_BYTES_MAX: usize = 16 << 20;

pub(super) fn answers(
    service: ClientService,
    requests: Streaming<proto::TaggedWrite>,
    permit: Permit,
) -> BoxStream<proto::TaggedWriteResponse> {
    let shared = Arc::new(Shared::default());
    tokio::spawn(StreamTask {
        service,
        requests: Some(requests),
        in_flight: FuturesUnordered::new(),
        bytes: 0,
        shared: Arc::clone(&shared),
        _permit: permit,
    });
    Box::pin(Answers { shared })
}

/// Shared by the task and the stream of answers. The lock is held only to move answers and wakers, never across an
/// await.
#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Answers that the client has not read. Bound: with the writes in flight [`IN_FLIGHT_MAX`]; beyond it the task
    /// reads no further requests.
    ready: VecDeque<Ready>,
    /// No more answers come; with the error, if that is why.
    ended: Option<Result<(), Status>>,
    /// The client is gone.
    reader_gone: bool,
    reader: Option<Waker>,
    /// The task, while it waits for answers to be read.
    task: Option<Waker>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while the lock is held.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer ready to be read, with its permit; without one if all streams together are at their limit.
type Ready = (proto::TaggedWriteResponse, Option<Permit>);

/// An answer, with the bytes of its write.
type Answered = (proto::TaggedWriteResponse, usize);

struct StreamTask {
    service: ClientService,
    /// `None` once the client has sent its last request.
    requests: Option<Streaming<proto::TaggedWrite>>,
    /// Bounds: [`IN_FLIGHT_MAX`] with the answers ready, and [`IN_FLIGHT_BYTES_MAX`].
    in_flight: FuturesUnordered<BoxFuture<'static, Answered>>,
    /// Bytes of keys and values in flight.
    bytes: usize,
    shared: Arc<Shared>,
    _permit: Permit,
}

impl StreamTask {
    /// Reads requests while the limits allow; true if it read any.
    fn read_requests(&mut self, context: &mut Context<'_>) -> Result<bool, Status> {
        let mut has_read = false;
        while let Some(requests) = &mut self.requests {
            let mut shared = self.shared.lock();
            let most = if self.service.limits.has_stream_answer_permit() { IN_FLIGHT_MAX } else { IN_FLIGHT_MIN };
            if self.in_flight.len() + shared.ready.len() >= most || self.bytes >= IN_FLIGHT_BYTES_MAX {
                shared.task = Some(context.waker().clone());
                return Ok(has_read);
            }
            drop(shared);
            match Pin::new(requests).poll_next(context) {
                Poll::Ready(Some(Ok(request))) => self.begin(request),
                Poll::Ready(Some(Err(status))) => return Err(status),
                Poll::Ready(None) => self.requests = None,
                Poll::Pending => return Ok(has_read),
            }
            has_read = true;
        }
        Ok(has_read)
    }

    fn begin(&mut self, request: proto::TaggedWrite) {
        let tag = request.tag;
        let write = request.write.unwrap_or_default();
        let bytes = key_and_value_bytes(&write);
        self.bytes += bytes;
        let service = self.service.clone();
        self.in_flight.push(Box::pin(async move {
            let response = service.write_one(write, false).await;
            (proto::TaggedWriteResponse { tag, response: Some(response) }, bytes)
        }));
    }

    /// Moves finished answers to the reader; true if there were any.
    fn publish_answers(&mut self, context: &mut Context<'_>) -> bool {
        let mut answers = Vec::new();
        while let Poll::Ready(Some((answer, bytes))) = Pin::new(&mut self.in_flight).poll_next(context) {
            self.bytes -= bytes;
            answers.push((answer, self.service.limits.stream_answer()));
        }
        let mut shared = self.shared.lock();
        let has_answers = !answers.is_empty();
        shared.ready.extend(answers);
        if has_answers && let Some(reader) = shared.reader.take() {
            reader.wake();
        }
        has_answers
    }

    fn end(&self, result: Result<(), Status>) {
        let mut shared = self.shared.lock();
        shared.ended = Some(result);
        if let Some(reader) = shared.reader.take() {
            reader.wake();
        }
    }
}

impl Future for StreamTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.shared.lock().reader_gone {
                return Poll::Ready(());
            }
            let has_read = match self.read_requests(context) {
                Ok(has_read) => has_read,
                Err(status) => {
                    self.end(Err(status));
                    return Poll::Ready(());
                }
            };
            let has_answered = self.publish_answers(context);
            if self.requests.is_none() && self.in_flight.is_empty() {
                self.end(Ok(()));
                return Poll::Ready(());
            }
            if !has_read && !has_answered {
                return Poll::Pending;
            }
        }
    }
}

struct Answers {
    shared: Arc<Shared>,
}

impl Stream for Answers {
    type Item = Result<proto::TaggedWriteResponse, Status>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut shared = self.shared.lock();
        if let Some((answer, _permit)) = shared.ready.pop_front() {
            if let Some(task) = shared.task.take() {
                task.wake();
            }
            return Poll::Ready(Some(Ok(answer)));
        }
        match shared.ended.take() {
            Some(result) => {
                shared.ended = Some(Ok(()));
                Poll::Ready(result.err().map(Err))
            }
            None => {
                shared.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        let mut shared = self.shared.lock();
        shared.reader_gone = true;
        if let Some(task) = shared.task.take() {
            task.wake();
        }
    }
}
