//! Many writes of one client under way at once, over one stream. Answers carry the request's tag and may overtake.
//!
//! No task of its own: the stream of answers, when it is polled, takes requests as long as there is room for them.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tonic::codegen::BoxStream;
use tonic::{Status, Streaming};

use crate::rpc::service::client::ClientService;
use crate::rpc::service::refusal::refused;
use crate::rpc::service::write::{Write, no};
use crate::rpc::wire;

/// How many writes of one stream may be under way; then it is not read further until one is answered.
const UNDER_WAY_MAX: usize = 4_096;

pub(super) fn answers(
    service: ClientService,
    requests: Streaming<wire::TaggedWrite>,
) -> BoxStream<wire::TaggedWriteResponse> {
    Box::pin(Answers { service, requests: Some(requests), under_way: FuturesUnordered::new() })
}

struct Answers {
    service: ClientService,
    /// `None` once the client has sent all.
    requests: Option<Streaming<wire::TaggedWrite>>,
    under_way: FuturesUnordered<BoxFuture<'static, wire::TaggedWriteResponse>>,
}

impl Answers {
    fn take_requests(&mut self, context: &mut Context<'_>) -> Result<(), Status> {
        while self.under_way.len() < UNDER_WAY_MAX
            && let Some(requests) = &mut self.requests
        {
            match Pin::new(requests).poll_next(context) {
                Poll::Ready(Some(Ok(request))) => self.under_way.push(answer(self.service.clone(), request)),
                Poll::Ready(Some(Err(status))) => return Err(status),
                Poll::Ready(None) => self.requests = None,
                Poll::Pending => return Ok(()),
            }
        }
        Ok(())
    }
}

impl Stream for Answers {
    type Item = Result<wire::TaggedWriteResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Err(status) = self.take_requests(context) {
            return Poll::Ready(Some(Err(status)));
        }
        match Pin::new(&mut self.under_way).poll_next(context) {
            Poll::Ready(Some(response)) => Poll::Ready(Some(Ok(response))),
            Poll::Ready(None) if self.requests.is_none() => Poll::Ready(None),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

fn answer(service: ClientService, request: wire::TaggedWrite) -> BoxFuture<'static, wire::TaggedWriteResponse> {
    use wire::tagged_write::Write as Wire;
    Box::pin(async move {
        let response = match request.write {
            Some(Wire::Put(put)) => service.write_one(Write::Put(put)).await,
            Some(Wire::Delete(delete)) => service.write_one(Write::Delete(delete)).await,
            Some(Wire::CompareAndSet(set)) => service.write_one(Write::CompareAndSet(set)).await,
            Some(Wire::Batch(batch)) => service.write_one(Write::Batch(batch)).await,
            None => no(refused("empty_write", "the message holds no write")),
        };
        wire::TaggedWriteResponse { tag: request.tag, response: Some(response) }
    })
}
