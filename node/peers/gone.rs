//! Evidence that the process of a peer has ended: its stream broke, and its address refuses connections.
//!
//! When a process ends, the kernel closes its sockets at once and its port refuses connections. A port that still
//! accepts proves nothing: the process may be alive behind a broken stream, another program may have taken the port, or
//! a proxy may answer for it. Then nothing is reported, and the election timeout decides.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::peers::link::Link;
use crate::peers::{Links, PeerEvent};

/// The pauses before the attempts to connect. The first ones cover a process that is just ending: its streams may break
/// before its port is closed.
const PAUSES: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(5),
    Duration::from_millis(20),
    Duration::from_millis(60),
    Duration::from_millis(150),
];

/// A refusal comes at once. Silence is no evidence.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

impl Links {
    /// Checks a peer whose stream has just broken, and reports it to the event loop if its process has ended. Stops
    /// when the peer opens another stream.
    pub(super) async fn report_if_gone(&self, link: &Link) {
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            if link.has_stream() || link.pushes.is_closed() {
                return;
            }
            if refuses_connections(&link.address).await {
                tracing::info!("the process of {} has ended: {} refuses connections", link.id, link.address);
                // A full inbox or a stopping node loses the evidence; the election timeout remains.
                let _ = self.inbox.try_send(PeerEvent::Gone(link.id));
                return;
            }
        }
    }
}

async fn refuses_connections(address: &str) -> bool {
    let attempt = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await;
    matches!(attempt, Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_port_that_accepts_connections_is_no_evidence() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it has one").to_string();
        assert!(!refuses_connections(&address).await);
        drop(listener);
        assert!(refuses_connections(&address).await);
        assert!(!refuses_connections("no address").await);
    }
}
