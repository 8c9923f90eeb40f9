//! The connections of a node: a limit, and what happens beyond it.
//!
//! ```text
//! up to the limit      everything
//! 256 more             other nodes and status are served, clients refused as overloaded; closed after 10 s
//! beyond that          closed at once
//! ```
//!
//! A connection whose client reads none of its pending answers is closed, because they take memory from others.
//!
//! So a node that is full of clients is still reachable for its cluster, and can still report its status.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;
use tonic::Extensions;
use tonic::transport::server::Connected;

use crate::wire::log_throttle::LogThrottle;
use crate::wire::refusal::Refusal;

/// Connections admitted beyond the limit.
const EXTRA_CONNECTIONS: usize = 256;
/// The lifetime of such a connection. A node reconnects its link automatically.
const EXTRA_LIFETIME: Duration = Duration::from_secs(10);
/// How often it is checked. It is closed soon after its client was refused: the client's next connection may be within
/// the limit.
const EXTRA_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// A connection with pending answers is closed if its client reads nothing for this long.
const NOT_READING_MAX: Duration = Duration::from_secs(10);
/// How often other connections are checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// The pause after a failed accept, mostly for lack of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// A request's handle to its connection.
#[derive(Clone)]
pub(in crate::server) struct ConnectionHandle {
    extra: bool,
    state: Arc<ConnectionState>,
}

/// What is open on a connection. The counters are independent, so relaxed ordering is enough.
pub(in crate::server) struct ConnectionState {
    calls: AtomicUsize,
    /// Answers that are not completely in the socket.
    pending: AtomicUsize,
    /// A call was refused because the connection is beyond the limit.
    refused: AtomicBool,
    since: Instant,
    /// When the client last read something, or when the first of the pending answers was ready; in milliseconds after
    /// `since`.
    progress_ms: AtomicU64,
}

impl ConnectionState {
    pub(in crate::server) fn new() -> ConnectionState {
        let (calls, pending, progress_ms) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicU64::new(0));
        ConnectionState { calls, pending, refused: AtomicBool::new(false), since: Instant::now(), progress_ms }
    }

    pub(in crate::server) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    pub(in crate::server) fn enter(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(in crate::server) fn leave(&self) {
        self.calls.fetch_sub(1, Ordering::Relaxed);
    }

    /// An answer is ready for the client.
    pub(in crate::server) fn response_ready(&self) {
        if self.pending.fetch_add(1, Ordering::Relaxed) == 0 {
            self.note_progress();
        }
    }

    pub(in crate::server) fn response_read(&self) {
        self.pending.fetch_sub(1, Ordering::Relaxed);
        self.note_progress();
    }

    /// The client has read something.
    pub(in crate::server) fn note_progress(&self) {
        self.progress_ms.store(self.since.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Answers are pending, and the client has read nothing for this long.
    fn has_not_read_for(&self, time: Duration) -> bool {
        let progress = Duration::from_millis(self.progress_ms.load(Ordering::Relaxed));
        self.pending.load(Ordering::Relaxed) > 0 && self.since.elapsed().saturating_sub(progress) >= time
    }
}

impl ConnectionHandle {
    /// Refuses a client's request on a connection beyond the limit. A forwarded request passes: the client was
    /// admitted at the other node.
    pub(in crate::server) fn check_unless(forwarded: bool, extensions: &Extensions) -> Result<(), Refusal> {
        if forwarded { Ok(()) } else { ConnectionHandle::check(extensions) }
    }

    pub(in crate::server) fn check(extensions: &Extensions) -> Result<(), Refusal> {
        match extensions.get::<ConnectionHandle>() {
            Some(ConnectionHandle { extra: true, state }) => {
                state.refused.store(true, Ordering::Relaxed);
                Err(Refusal::ConnectionsFull {})
            }
            _ => Ok(()),
        }
    }

    pub(in crate::server) fn state(&self) -> Arc<ConnectionState> {
        Arc::clone(&self.state)
    }

    fn check_interval(&self) -> Duration {
        if self.extra { EXTRA_CHECK_INTERVAL } else { CHECK_INTERVAL }
    }

    fn should_close(&self) -> bool {
        let ConnectionHandle { extra, state } = self;
        match extra {
            true => state.refused.load(Ordering::Relaxed) || state.since.elapsed() >= EXTRA_LIFETIME,
            false => state.has_not_read_for(NOT_READING_MAX),
        }
    }
}

/// The admitted connections of a listener. The stream never ends and never fails.
pub(in crate::server) fn incoming(listener: TcpListener, limit: usize) -> impl Stream<Item = io::Result<Connection>> {
    let open = Arc::new(AtomicUsize::new(0));
    let log_throttle = LogThrottle::default();
    futures_util::stream::unfold((listener, open, log_throttle), move |(listener, open, log_throttle)| async move {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    log_throttle.warn(&format!("accepting a connection failed: {error}"));
                    tokio::time::sleep(ACCEPT_RETRY).await;
                    continue;
                }
            };
            if let Some(connection) = admit(stream, &open, limit) {
                return Some((Ok(connection), (listener, open, log_throttle)));
            }
            log_throttle.warn(&format!(
                "{limit} connections are open, the most that this node admits: further ones are closed"
            ));
        }
    })
}

/// `None` if the connection is beyond all limits; it is closed.
fn admit(stream: TcpStream, open: &Arc<AtomicUsize>, limit: usize) -> Option<Connection> {
    let before = open.fetch_add(1, Ordering::Relaxed);
    let slot = ConnectionSlot(Arc::clone(open));
    if before >= limit + EXTRA_CONNECTIONS {
        return None;
    }
    // Otherwise an answer may wait for the TCP acknowledgement of the previous one.
    let _ = stream.set_nodelay(true);
    let handle = ConnectionHandle { extra: before >= limit, state: Arc::new(ConnectionState::new()) };
    let check_timer = Box::pin(tokio::time::sleep(handle.check_interval()));
    Some(Connection { stream, check_timer, is_closing: false, handle, _slot: slot })
}

/// Counts an open connection until it is dropped.
struct ConnectionSlot(Arc<AtomicUsize>);

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(in crate::server) struct Connection {
    stream: TcpStream,
    /// The timer of the next check.
    check_timer: Pin<Box<Sleep>>,
    is_closing: bool,
    handle: ConnectionHandle,
    _slot: ConnectionSlot,
}

impl Connection {
    /// Whether the connection must be closed; otherwise registers the task for the next check.
    fn poll_should_close(&mut self, context: &mut Context<'_>) -> bool {
        while !self.is_closing && self.check_timer.as_mut().poll(context).is_ready() {
            self.is_closing = self.handle.should_close();
            self.check_timer.as_mut().reset(tokio::time::Instant::now() + self.handle.check_interval());
        }
        self.is_closing
    }
}

impl Connected for Connection {
    type ConnectInfo = ConnectionHandle;

    fn connect_info(&self) -> ConnectionHandle {
        self.handle.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.poll_should_close(context) {
            return Poll::Ready(Ok(()));
        }
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_closing {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
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
        if self.is_closing {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
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
        for number in 0..2 + EXTRA_CONNECTIONS {
            let client = TcpStream::connect(address).await.unwrap();
            let connection = incoming.next().await.unwrap().unwrap();
            assert_eq!(connection.connect_info().extra, number >= 2);
            open.push((client, connection));
        }
        let mut refused = TcpStream::connect(address).await.unwrap();
        tokio::select! {
            _ = incoming.next() => panic!("it should be closed"),
            read = refused.read_u8() => assert!(read.is_err(), "the connection is closed"),
        }
        drop(open.pop());
        let _client = TcpStream::connect(address).await.unwrap();
        assert!(incoming.next().await.is_some(), "one has gone");
    }

    #[tokio::test]
    async fn an_extra_connection_ends_by_itself_soon_after_its_client_was_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut incoming = Box::pin(incoming(listener, 0));
        let _client = TcpStream::connect(address).await.unwrap();
        let mut connection = incoming.next().await.unwrap().unwrap();
        let handle = connection.connect_info();
        assert!(handle.extra && !handle.should_close(), "a new connection gets time for its first call");
        let mut extensions = Extensions::new();
        extensions.insert(handle.clone());
        let refusal = ConnectionHandle::check(&extensions).expect_err("a client is told");
        assert!(refusal == Refusal::ConnectionsFull {} && handle.should_close(), "{refusal:?}");
        assert!(ConnectionHandle::check_unless(true, &extensions).is_ok(), "another node passes something on");
        connection.check_timer.as_mut().reset(tokio::time::Instant::now());
        assert_eq!(connection.read(&mut [0; 8]).await.unwrap(), 0, "it ends without a word of the client");
    }

    #[tokio::test]
    async fn a_connection_whose_answers_are_not_taken_is_ended_and_a_quiet_one_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut incoming = Box::pin(incoming(listener, 1));
        let _client = TcpStream::connect(address).await.unwrap();
        let mut connection = incoming.next().await.unwrap().unwrap();
        let state = connection.connect_info().state();
        assert!(!state.has_not_read_for(Duration::ZERO), "nothing is there to be taken");
        state.response_ready();
        state.response_ready();
        assert!(state.has_not_read_for(Duration::ZERO) && !state.has_not_read_for(Duration::from_secs(60)));
        state.response_read();
        state.response_read();
        connection.check_timer.as_mut().reset(tokio::time::Instant::now());
        let looked = std::future::poll_fn(|context| Poll::Ready(connection.poll_should_close(context))).await;
        assert!(!looked, "it is looked at, and stays");
    }
}
