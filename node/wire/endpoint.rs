//! How a connection to a node is set up: flow control windows, keep-alive, and the largest message.

use std::time::Duration;

use tonic::transport::Endpoint;

use crate::protocol::NodeId;

/// The largest message, in each direction: a push of [`crate::protocol::Limits::push_bytes`] and one more value, or a
/// request with a value over the limit, which must arrive so that the service can refuse it with a reason.
pub(crate) const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Flow control windows that hold several pushes: the protocol itself bounds how much is in flight.
const STREAM_WINDOW_BYTES: u32 = 8 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// A peer that vanishes without closing its connections is detected after twice this time.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(5);

/// The address of a peer is not valid.
#[derive(Debug, thiserror::Error)]
#[error("`{address}` is not a valid address for {peer}: write HOST:PORT, as 127.0.0.1:7102")]
pub struct BadAddress {
    /// The node with this address.
    pub peer: NodeId,
    /// The address as it was given.
    pub address: String,
}

/// The endpoint of a node. It does not connect.
pub(crate) fn endpoint(peer: NodeId, address: &str) -> Result<Endpoint, BadAddress> {
    let bad = |_| BadAddress { peer, address: address.to_owned() };
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(bad)?;
    Ok(endpoint
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE))
}
