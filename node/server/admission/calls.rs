//! Where calls come in and answers are fetched: what is half here, or not taken away, has bounds, too.
//!
//! ```text
//! headers ─▶ a place among the open calls ─▶ its messages arrive, in time ─▶ the service
//!            the place is free again ◀── the answer is in the socket ◀────────────┘
//! ```
//!
//! The library that speaks HTTP/2 bounds what waits unread on one connection. It does not bound messages of which a byte
//! is still to come, nor answers that a client never takes, over all streams of all connections; that is done here. Each
//! service has bounds of its own, so that clients take no place from the other nodes.

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

/// Calls whose requests, and those whose answers, are a stream that may be quiet for long.
const STREAMS_IN: [&str; 3] = [
    "/epoca.v1.Client/WriteStream",
    "/epoca.v1.Peer/Replicate",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
];
const STREAMS_OUT: [&str; 3] = ["/epoca.v1.Client/Watch", "/epoca.v1.Control/Observe", "/grpc.health.v1.Health/Watch"];
/// While more than half of the places are taken, a connection gets no more than so many of them.
const SHARE: usize = 64;

/// The bounds of one service, or of several together.
#[derive(Clone)]
pub(in crate::server) struct CallLimits {
    calls: Counter,
    /// Bytes of messages that are not complete, as they were announced, in units.
    arriving: Arc<Semaphore>,
}

/// An open call: from its headers until its answer is in the socket.
pub(in crate::server) struct CallSlot {
    _place: Permit,
    state: Option<Arc<ConnectionState>>,
}

impl CallLimits {
    pub(in crate::server) fn new(calls: usize, arriving_bytes: usize) -> CallLimits {
        CallLimits { calls: Counter::new(calls), arriving: Arc::new(Semaphore::new(arriving_bytes / UNIT)) }
    }

    /// The service behind these bounds.
    pub(in crate::server) fn guard<S>(&self, inner: S) -> Guarded<S> {
        Guarded { inner, call_limits: self.clone() }
    }

    pub(in crate::server) fn enter(&self, state: Option<Arc<ConnectionState>>) -> Option<CallSlot> {
        let crowded = self.calls.is_beyond_half() && state.as_ref().is_some_and(|state| state.calls() >= SHARE);
        let slot = self.calls.take(1).filter(|_| !crowded)?;
        if let Some(state) = &state {
            state.enter();
        }
        Some(CallSlot { _place: slot, state })
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
    call_limits: CallLimits,
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
        let Some(slot) = self.call_limits.enter(state) else {
            return Box::pin(async { Ok(full().into_http()) });
        };
        let path = request.uri().path();
        let one_in = !STREAMS_IN.contains(&path);
        let one_out = one_in && !STREAMS_OUT.contains(&path);
        let arriving = Arc::clone(&self.call_limits.arriving);
        let answered = self.inner.call(request.map(|body| Body::new(RequestBody::new(body, one_in, arriving))));
        Box::pin(async move {
            let mut response = answered.await?;
            let limits = response.extensions_mut().remove::<HeldResponse>();
            Ok(response.map(|body| match one_out {
                true => Body::new(ResponseBody::one(body, slot, limits)),
                false => Body::new(ResponseBody::stream(body, slot)),
            }))
        })
    }
}

/// The same code as every refusal of this kind; nothing of the call was read.
fn full() -> Status {
    Status::resource_exhausted(
        "as many calls are open as this node takes: fetch the answers, end some, or try again a little later",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_gets_no_more_than_its_share_of_a_crowded_node_and_others_get_in() {
        let call_limits = CallLimits::new(1_000, 0);
        let [greedy, modest] = [(); 2].map(|()| Arc::new(ConnectionState::new()));
        let mut places: Vec<_> = std::iter::from_fn(|| call_limits.enter(Some(Arc::clone(&greedy)))).collect();
        assert_eq!(places.len(), 501, "up to a half it may have all");
        let others: Vec<_> = std::iter::from_fn(|| call_limits.enter(Some(Arc::clone(&modest)))).collect();
        assert_eq!(others.len(), SHARE);
        places.truncate(400);
        assert_eq!((greedy.calls(), modest.calls()), (400, SHARE), "what has ended is given back");
        assert!(call_limits.enter(Some(greedy)).is_some());
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
        assert_eq!((streams_in, streams_out), (ours(&STREAMS_IN), ours(&STREAMS_OUT)));
    }

    #[test]
    fn whatever_its_connections_there_is_an_end_of_places() {
        let call_limits = CallLimits::new(1_000, 0);
        let places: Vec<_> = (0..1_000).map(|_| call_limits.enter(Some(Arc::new(ConnectionState::new())))).collect();
        assert!(places.iter().all(Option::is_some) && call_limits.enter(None).is_none());
    }
}
