//! Limits on open calls, from their headers until their answer is in the socket.
//!
//! ```text
//! headers ─▶ a permit among the open calls ─▶ its messages arrive, in time ─▶ the service
//!            the permit is released ◀── the answer is in the socket ◀──────────────┘
//! ```
//!
//! hyper bounds what waits unread on one connection. It does not bound incomplete messages, nor answers that a client
//! never reads, over all streams of all connections; this module does. Each service has its own limits, so that
//! clients cannot keep out the other nodes.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::Semaphore;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::NamedService;

use crate::server::admission::connections::{ConnectionHandle, ConnectionState};
use crate::server::admission::limits::{Counter, Permit};
use crate::server::admission::request_body::{RequestBody, UNIT};
use crate::server::admission::response_body::{HeldResponse, ResponseBody};

/// Calls whose requests, and calls whose answers, are a stream. A stream may be quiet for long, so it has no deadline.
const REQUEST_STREAMS: [&str; 3] = [
    "/epoca.v1.Client/WriteStream",
    "/epoca.v1.Peer/Replicate",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
];
const RESPONSE_STREAMS: [&str; 3] =
    ["/epoca.v1.Client/Watch", "/epoca.v1.Control/Observe", "/grpc.health.v1.Health/Watch"];
/// While more than half of the permits are in use, one connection gets no more than this many.
const CONNECTION_SHARE: usize = 64;

/// The limits of one service, or of several together. Clones share them.
#[derive(Clone)]
pub(in crate::server) struct CallLimits {
    calls: Counter,
    /// Announced bytes of incomplete messages, in units of [`UNIT`].
    incomplete: Arc<Semaphore>,
}

/// An open call, counted until this is dropped.
pub(in crate::server) struct CallSlot {
    _permit: Permit,
    state: Option<Arc<ConnectionState>>,
}

impl CallLimits {
    pub(in crate::server) fn new(calls: usize, incomplete_bytes: usize) -> CallLimits {
        CallLimits { calls: Counter::new(calls), incomplete: Arc::new(Semaphore::new(incomplete_bytes / UNIT)) }
    }

    /// Wraps a service in these limits.
    pub(in crate::server) fn guard<S>(&self, inner: S) -> Guarded<S> {
        Guarded { inner, limits: self.clone() }
    }

    pub(in crate::server) fn enter(&self, state: Option<Arc<ConnectionState>>) -> Option<CallSlot> {
        let is_over_share =
            self.calls.is_above_half() && state.as_ref().is_some_and(|state| state.calls() >= CONNECTION_SHARE);
        let permit = self.calls.take(1).filter(|_| !is_over_share)?;
        if let Some(state) = &state {
            state.enter();
        }
        Some(CallSlot { _permit: permit, state })
    }
}

impl CallSlot {
    pub(in crate::server) fn state(&self) -> Option<&ConnectionState> {
        self.state.as_deref()
    }
}

impl Drop for CallSlot {
    fn drop(&mut self) {
        if let Some(state) = &self.state {
            state.leave();
        }
    }
}

#[derive(Clone)]
pub(in crate::server) struct Guarded<S> {
    inner: S,
    limits: CallLimits,
}

impl<S: NamedService> NamedService for Guarded<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<Body>> for Guarded<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<http::Response<Body>, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let state = request.extensions().get::<ConnectionHandle>().map(ConnectionHandle::state);
        let Some(slot) = self.limits.enter(state) else {
            return Box::pin(async { Ok(overloaded().into_http()) });
        };
        let path = request.uri().path();
        let single_request = !REQUEST_STREAMS.contains(&path);
        let single_response = single_request && !RESPONSE_STREAMS.contains(&path);
        let incomplete = Arc::clone(&self.limits.incomplete);
        let answered =
            self.inner.call(request.map(|body| Body::new(RequestBody::new(body, single_request, incomplete))));
        Box::pin(async move {
            let mut response = answered.await?;
            let held = response.extensions_mut().remove::<HeldResponse>();
            Ok(response.map(|body| match single_response {
                true => Body::new(ResponseBody::one(body, slot, held)),
                false => Body::new(ResponseBody::stream(body, slot)),
            }))
        })
    }
}

/// The code of every refusal for overload; nothing of the call was read.
fn overloaded() -> Status {
    Status::resource_exhausted(
        "this node has the most open calls that it admits: read the answers, end some calls, or try again later",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_gets_no_more_than_its_share_of_a_crowded_node_and_others_get_in() {
        let limits = CallLimits::new(1_000, 0);
        let [greedy, modest] = [(); 2].map(|()| Arc::new(ConnectionState::new()));
        let mut slots: Vec<_> = std::iter::from_fn(|| limits.enter(Some(Arc::clone(&greedy)))).collect();
        assert_eq!(slots.len(), 501, "up to a half it may have all");
        let others: Vec<_> = std::iter::from_fn(|| limits.enter(Some(Arc::clone(&modest)))).collect();
        assert_eq!(others.len(), CONNECTION_SHARE);
        slots.truncate(400);
        assert_eq!((greedy.calls(), modest.calls()), (400, CONNECTION_SHARE), "an ended call's share is returned");
        assert!(limits.enter(Some(greedy)).is_some());
    }

    /// A stream that was missing here would be cut off while it is quiet.
    #[test]
    fn the_streams_are_those_of_the_protocol() {
        let protos = ["client", "control", "peer"].map(|name| {
            let path = format!("{}/proto/epoca/v1/{name}.proto", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
        });
        let (mut service, mut streams_in, mut streams_out) = ("", Vec::new(), Vec::new());
        for line in protos.iter().flat_map(|proto| proto.lines()).map(str::trim) {
            if let Some(name) = line.strip_prefix("service ") {
                service = name.trim_end_matches([' ', '{']);
            }
            let Some((name, rest)) = line.strip_prefix("rpc ").and_then(|call| call.split_once('(')) else { continue };
            let path = format!("/epoca.v1.{service}/{name}");
            if rest.starts_with("stream ") {
                streams_in.push(path);
            } else if rest.contains("(stream ") {
                streams_out.push(path);
            }
        }
        let ours = |paths: &[&str]| -> Vec<String> {
            paths.iter().filter(|path| path.contains("epoca")).map(|path| (*path).to_owned()).collect()
        };
        assert_eq!((streams_in, streams_out), (ours(&REQUEST_STREAMS), ours(&RESPONSE_STREAMS)));
    }

    #[test]
    fn whatever_its_connections_there_is_an_end_of_places() {
        let limits = CallLimits::new(1_000, 0);
        let slots: Vec<_> = (0..1_000).map(|_| limits.enter(Some(Arc::new(ConnectionState::new())))).collect();
        assert!(slots.iter().all(Option::is_some) && limits.enter(None).is_none());
    }
}
