//! gRPC: links between nodes, and the services for clients and control. With `client/` the only place that names
//! generated types.
//!
//! In reading order: `convert` between wire and protocol, the `desk` where the services hand their requests to the
//! loop, the ring through which a node is watched, the links, the services, and how all of it is served on one port.

use std::error::Error;
use std::time::Duration;

use tonic::Status;
use tonic::transport::Endpoint;

use crate::protocol::NodeId;

/// The generated types of `proto/epoca/v1`.
pub mod wire {
    #![allow(clippy::all, missing_docs)]
    tonic::include_proto!("epoca.v1");
}

pub mod convert;

pub mod desk;

pub mod deadline;

pub mod watch;

pub mod links;

pub mod roster;

pub mod disks;

pub mod join;

pub mod complaints;

mod service;

pub use service::{About, ChangedRecord, ChangesGone, Records, ServeError, Services, StoredRecord, serve};

/// The greatest message, either way: a push of [`crate::protocol::Limits::push_bytes`] and one value more, or a request
/// whose value is over the limit and is to be refused in words.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Flow control windows that hold several pushes: the protocol has its own bounds on what is under way.
const STREAM_WINDOW_BYTES: u32 = 8 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// A peer that is gone without a word is noticed after twice this.
const KEEPALIVE: Duration = Duration::from_secs(5);

pub(crate) fn endpoint(peer: NodeId, address: &str) -> Result<Endpoint, links::BadAddress> {
    let bad = |_| links::BadAddress { peer, address: address.to_owned() };
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(bad)?;
    Ok(endpoint
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE))
}

/// A status in words, with the innermost cause: "tcp connect error" alone helps nobody.
fn reason(status: &Status) -> String {
    let mut cause: Option<&dyn Error> = status.source();
    while let Some(deeper) = cause.and_then(Error::source) {
        cause = Some(deeper);
    }
    match cause {
        Some(cause) => format!("{} ({cause})", status.message()),
        None => status.message().to_owned(),
    }
}
