//! Many writes of one client under way at once, over one stream. Answers carry the request's tag and may overtake.
//!
//! ```text
//! stream of requests ─▶ the task: writes under way ─▶ answers that wait ─▶ stream of answers
//! ```
//!
//! Whoever does not read answers is not read any further either, and sooner if many answers wait on other streams, too. The task goes on meanwhile, so that writes which are
//! answered take no room from other clients.

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
use crate::server::write::bytes;
use crate::wire::proto;

/// How many writes of one stream may be under way, with the answers that wait; then it is not read further until one is
/// read.
const UNDER_WAY_MAX: usize = 4_096;
/// The same while as many answers wait on all streams together as may.
const UNDER_WAY_LEAST: usize = 16;
/// The same for the bytes of the keys and values of those under way; one write more may be begun.
const UNDER_WAY_BYTES_MAX: usize = 16 << 20;

pub(super) fn answers(
    service: ClientService,
    requests: Streaming<proto::TaggedWrite>,
    limits: Permit,
) -> BoxStream<proto::TaggedWriteResponse> {
    let shared = Arc::new(Shared::default());
    let (under_way, of_task) = (FuturesUnordered::new(), Arc::clone(&shared));
    tokio::spawn(Work { service, requests: Some(requests), under_way, bytes: 0, shared: of_task, _room: limits });
    Box::pin(Answers { shared })
}

/// Between the task and the stream of answers.
#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    ready: VecDeque<Ready>,
    /// Nothing more comes, and why if that is an error.
    ended: Option<Result<(), Status>>,
    /// Nobody reads any more.
    unread: bool,
    reader: Option<Waker>,
    /// The task, while it waits for room.
    task: Option<Waker>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while the lock is held.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer that waits to be read, with its place among those of all streams.
type Ready = (proto::TaggedWriteResponse, Option<Permit>);

/// An answer, with how many bytes its write had.
type Answered = (proto::TaggedWriteResponse, usize);

struct Work {
    service: ClientService,
    /// `None` once the client has sent all.
    requests: Option<Streaming<proto::TaggedWrite>>,
    under_way: FuturesUnordered<BoxFuture<'static, Answered>>,
    /// Keys and values of what is under way.
    bytes: usize,
    shared: Arc<Shared>,
    _room: Permit,
}

impl Work {
    /// Takes requests as long as there is room for them; true if it took any.
    fn take_requests(&mut self, context: &mut Context<'_>) -> Result<bool, Status> {
        let mut some = false;
        while let Some(requests) = &mut self.requests {
            let mut shared = self.shared.lock();
            let most = if self.service.limits.has_stream_answers() { UNDER_WAY_MAX } else { UNDER_WAY_LEAST };
            if self.under_way.len() + shared.ready.len() >= most || self.bytes >= UNDER_WAY_BYTES_MAX {
                shared.task = Some(context.waker().clone());
                return Ok(some);
            }
            drop(shared);
            match Pin::new(requests).poll_next(context) {
                Poll::Ready(Some(Ok(request))) => self.begin(request),
                Poll::Ready(Some(Err(status))) => return Err(status),
                Poll::Ready(None) => self.requests = None,
                Poll::Pending => return Ok(some),
            }
            some = true;
        }
        Ok(some)
    }

    fn begin(&mut self, request: proto::TaggedWrite) {
        let tag = request.tag;
        let write = request.write.unwrap_or_default();
        let bytes = bytes(&write);
        self.bytes += bytes;
        let service = self.service.clone();
        self.under_way.push(Box::pin(async move {
            let response = service.write_one(write, false).await;
            (proto::TaggedWriteResponse { tag, response: Some(response) }, bytes)
        }));
    }

    /// Hands over the answers that are there; true if there were any.
    fn hand_over(&mut self, context: &mut Context<'_>) -> bool {
        let mut answers = Vec::new();
        while let Poll::Ready(Some((answer, bytes))) = Pin::new(&mut self.under_way).poll_next(context) {
            self.bytes -= bytes;
            answers.push((answer, self.service.limits.stream_answer()));
        }
        let mut shared = self.shared.lock();
        let some = !answers.is_empty();
        shared.ready.extend(answers);
        if some && let Some(reader) = shared.reader.take() {
            reader.wake();
        }
        some
    }

    fn end(&self, how: Result<(), Status>) {
        let mut shared = self.shared.lock();
        shared.ended = Some(how);
        if let Some(reader) = shared.reader.take() {
            reader.wake();
        }
    }
}

impl Future for Work {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.shared.lock().unread {
                return Poll::Ready(());
            }
            let taken = match self.take_requests(context) {
                Ok(taken) => taken,
                Err(status) => {
                    self.end(Err(status));
                    return Poll::Ready(());
                }
            };
            let answered = self.hand_over(context);
            if self.requests.is_none() && self.under_way.is_empty() {
                self.end(Ok(()));
                return Poll::Ready(());
            }
            if !taken && !answered {
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
        if let Some((answer, _place)) = shared.ready.pop_front() {
            if let Some(task) = shared.task.take() {
                task.wake();
            }
            return Poll::Ready(Some(Ok(answer)));
        }
        match shared.ended.take() {
            Some(how) => {
                shared.ended = Some(Ok(()));
                Poll::Ready(how.err().map(Err))
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
        shared.unread = true;
        if let Some(task) = shared.task.take() {
            task.wake();
        }
    }
}
