//! Many writes of one client under way at once, over one stream. Answers carry the request's tag and may overtake.
//!
//! No task of its own: the stream of answers, when it is polled, takes requests as long as there is room for them. Whoever
//! does not read answers is not read any further either.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tonic::codegen::BoxStream;
use tonic::{Status, Streaming};

use crate::rpc::service::client::ClientService;
use crate::rpc::service::refusal::refused;
use crate::rpc::service::room::Taken;
use crate::rpc::service::write::{Write, no};
use crate::rpc::wire;

/// How many writes of one stream may be under way; then it is not read further until one is answered.
const UNDER_WAY_MAX: usize = 4_096;
/// The same for the bytes of their keys and values; one write more may be begun.
const UNDER_WAY_BYTES_MAX: usize = 16 << 20;

pub(super) fn answers(
    service: ClientService,
    requests: Streaming<wire::TaggedWrite>,
    room: Taken,
) -> BoxStream<wire::TaggedWriteResponse> {
    Box::pin(Answers { service, requests: Some(requests), under_way: FuturesUnordered::new(), bytes: 0, _room: room })
}

struct Answers {
    service: ClientService,
    /// `None` once the client has sent all.
    requests: Option<Streaming<wire::TaggedWrite>>,
    under_way: FuturesUnordered<BoxFuture<'static, Answered>>,
    /// Keys and values of what is under way.
    bytes: usize,
    _room: Taken,
}

/// An answer, with how many bytes its write had.
type Answered = (wire::TaggedWriteResponse, usize);

impl Answers {
    fn take_requests(&mut self, context: &mut Context<'_>) -> Result<(), Status> {
        while self.under_way.len() < UNDER_WAY_MAX
            && self.bytes < UNDER_WAY_BYTES_MAX
            && let Some(requests) = &mut self.requests
        {
            match Pin::new(requests).poll_next(context) {
                Poll::Ready(Some(Ok(request))) => self.take(request),
                Poll::Ready(Some(Err(status))) => return Err(status),
                Poll::Ready(None) => self.requests = None,
                Poll::Pending => return Ok(()),
            }
        }
        Ok(())
    }

    fn take(&mut self, request: wire::TaggedWrite) {
        use wire::tagged_write::Write as Wire;
        let tag = request.tag;
        let write = request.write.map(|write| match write {
            Wire::Put(put) => Write::Put(put),
            Wire::Delete(delete) => Write::Delete(delete),
            Wire::CompareAndSet(set) => Write::CompareAndSet(set),
            Wire::Batch(batch) => Write::Batch(batch),
        });
        let bytes = write.as_ref().map_or(0, Write::bytes);
        self.bytes += bytes;
        let service = self.service.clone();
        self.under_way.push(Box::pin(async move {
            let response = match write {
                Some(write) => service.write_one(write).await,
                None => no(refused("empty_write", "the message holds no write")),
            };
            (wire::TaggedWriteResponse { tag, response: Some(response) }, bytes)
        }));
    }
}

impl Stream for Answers {
    type Item = Result<wire::TaggedWriteResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Err(status) = self.take_requests(context) {
            return Poll::Ready(Some(Err(status)));
        }
        match Pin::new(&mut self.under_way).poll_next(context) {
            Poll::Ready(Some((response, bytes))) => {
                self.bytes -= bytes;
                Poll::Ready(Some(Ok(response)))
            }
            Poll::Ready(None) if self.requests.is_none() => Poll::Ready(None),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}
