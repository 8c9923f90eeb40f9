//! The connections of a node: a bounded number, and what becomes of those beyond it.
//!
//! ```text
//! up to the bound      everything
//! a few more           other nodes and status are served, clients are told "overloaded"; ended after a moment
//! still more           closed at once
//! ```
//!
//! So a node that is full of clients can still be reached by its cluster, and says to a person what is the matter.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;
use tonic::Extensions;
use tonic::transport::server::Connected;

use crate::rpc::complaints::Complaints;
use crate::rpc::service::room::overloaded;
use crate::rpc::wire;

/// Beyond the bound so many more are let in for a moment.
const EXTRA: usize = 256;
/// How long such a connection lives. A node whose link it was comes again by itself.
const MOMENT: Duration = Duration::from_secs(10);
/// After a failure to accept, mostly because the system is out of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// What a request knows of its connection.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    extra: bool,
}

impl Standing {
    /// A client's request on a connection beyond the bound is refused.
    pub(super) fn check(extensions: &Extensions) -> Result<(), wire::Refusal> {
        match extensions.get::<Standing>() {
            Some(Standing { extra: true }) => Err(overloaded(
                "as many connections are open as this node takes: ask another node, use one connection for many \
                 requests, or try again later"
                    .into(),
            )),
            _ => Ok(()),
        }
    }
}

/// The connections of a listener as they come; it never ends and never fails.
pub(super) fn incoming(listener: TcpListener, most: usize) -> impl Stream<Item = io::Result<Connection>> {
    let open = Arc::new(AtomicUsize::new(0));
    let complaints = Complaints::default();
    futures_util::stream::unfold((listener, open, complaints), move |(listener, open, complaints)| async move {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    complaints.say(&format!("a connection could not be taken: {error}"));
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            if let Some(connection) = admit(stream, &open, most) {
                return Some((Ok(connection), (listener, open, complaints)));
            }
            complaints
                .say(&format!("{most} connections are open, which is as many as this node takes: more are closed"));
        }
    })
}

/// `None`: it is closed.
fn admit(stream: TcpStream, open: &Arc<AtomicUsize>, most: usize) -> Option<Connection> {
    let before = open.fetch_add(1, Ordering::Relaxed);
    let place = Place(Arc::clone(open));
    if before >= most + EXTRA {
        return None;
    }
    // Without it an answer may wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let ends = (before >= most).then(|| Box::pin(tokio::time::sleep(MOMENT)));
    Some(Connection { stream, ends, _place: place })
}

/// One of the connections that are counted.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) struct Connection {
    stream: TcpStream,
    /// Beyond the bound: when it ends.
    ends: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl Connected for Connection {
    type ConnectInfo = Standing;

    fn connect_info(&self) -> Standing {
        Standing { extra: self.ends.is_some() }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(ends) = &mut self.ends
            && ends.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Ok(()));
        }
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn beyond_the_bound_a_few_are_let_in_as_extra_and_the_rest_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut incoming = Box::pin(incoming(listener, 2));
        let mut open = Vec::new();
        for number in 0..2 + EXTRA {
            let client = TcpStream::connect(address).await.unwrap();
            let connection = incoming.next().await.unwrap().unwrap();
            assert_eq!(connection.connect_info().extra, number >= 2);
            open.push((client, connection));
        }
        let mut refused = TcpStream::connect(address).await.unwrap();
        tokio::select! {
            _ = incoming.next() => panic!("it should be closed"),
            read = refused.read_u8() => assert!(read.is_err(), "nobody answers there"),
        }
        drop(open.pop());
        let _client = TcpStream::connect(address).await.unwrap();
        assert!(incoming.next().await.is_some(), "one has gone");
    }

    #[tokio::test]
    async fn an_extra_connection_ends_by_itself() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut incoming = Box::pin(incoming(listener, 0));
        let _client = TcpStream::connect(address).await.unwrap();
        let mut connection = incoming.next().await.unwrap().unwrap();
        let ends = connection.ends.as_mut().expect("it is an extra one");
        ends.as_mut().reset(tokio::time::Instant::now());
        assert_eq!(connection.read(&mut [0; 8]).await.unwrap(), 0, "it ends without a word of the client");
    }
}
