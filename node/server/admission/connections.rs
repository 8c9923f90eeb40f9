//! The connections of a node: a bounded number, and what becomes of those beyond it.
//!
//! ```text
//! up to the bound      everything
//! a few more           other nodes and status are served, clients are told "overloaded"; ended after a moment
//! still more           closed at once
//! ```
//!
//! One whose client takes no answer, though some are there, is ended: they take room from others.
//!
//! So a node that is full of clients can still be reached by its cluster, and says to a person what is the matter.

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

use crate::server::admission::limits::overloaded;
use crate::wire::log_throttle::LogThrottle;
use crate::wire::proto;

/// Beyond the bound so many more are let in for a moment.
const EXTRA: usize = 256;
/// How long such a connection lives. A node whose link it was comes again by itself.
const MOMENT: Duration = Duration::from_secs(10);
/// One whose client was refused ends sooner: the next one that it makes may be within the bound.
const LOOK_AT_EXTRA_EVERY: Duration = Duration::from_secs(1);
/// A connection with answers of which its client takes nothing for so long is ended.
const NOT_READING_MAX: Duration = Duration::from_secs(10);
/// So often each connection is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// After a failure to accept, mostly because the system is out of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// What a request knows of its connection.
#[derive(Clone)]
pub(in crate::server) struct ConnectionHandle {
    extra: bool,
    state: Arc<ConnectionState>,
}

/// What is open on a connection.
pub(in crate::server) struct ConnectionState {
    calls: AtomicUsize,
    /// Answers that are not in the socket yet.
    unread: AtomicUsize,
    /// A call was refused because the connection is one too many.
    refused: AtomicBool,
    since: Instant,
    /// When something of an answer was taken last, or the first of those that wait came up: so many milliseconds later.
    moved_ms: AtomicU64,
}

impl ConnectionState {
    pub(in crate::server) fn new() -> ConnectionState {
        let (calls, unread, moved_ms) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicU64::new(0));
        ConnectionState { calls, unread, refused: AtomicBool::new(false), since: Instant::now(), moved_ms }
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

    /// An answer is there for the client to take.
    pub(in crate::server) fn answered(&self) {
        if self.unread.fetch_add(1, Ordering::Relaxed) == 0 {
            self.moved();
        }
    }

    pub(in crate::server) fn taken_away(&self) {
        self.unread.fetch_sub(1, Ordering::Relaxed);
        self.moved();
    }

    /// The client reads.
    pub(in crate::server) fn moved(&self) {
        self.moved_ms.store(self.since.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Answers wait, and the client has taken none for this time.
    fn has_not_read_for(&self, time: Duration) -> bool {
        let moved = Duration::from_millis(self.moved_ms.load(Ordering::Relaxed));
        self.unread.load(Ordering::Relaxed) > 0 && self.since.elapsed().saturating_sub(moved) >= time
    }
}

impl ConnectionHandle {
    /// A client's request on a connection beyond the bound is refused; what another node passes on is not, since the client
    /// may have been told to ask there.
    pub(in crate::server) fn check_unless(forwarded: bool, extensions: &Extensions) -> Result<(), proto::Refusal> {
        if forwarded { Ok(()) } else { ConnectionHandle::check(extensions) }
    }

    pub(in crate::server) fn check(extensions: &Extensions) -> Result<(), proto::Refusal> {
        match extensions.get::<ConnectionHandle>() {
            Some(ConnectionHandle { extra: true, state }) => {
                state.refused.store(true, Ordering::Relaxed);
                Err(overloaded(
                    "as many connections are open as this node takes: ask another node, use one connection for many \
                     requests, or try again later"
                        .into(),
                ))
            }
            _ => Ok(()),
        }
    }

    pub(in crate::server) fn state(&self) -> Arc<ConnectionState> {
        Arc::clone(&self.state)
    }

    fn look_every(&self) -> Duration {
        if self.extra { LOOK_AT_EXTRA_EVERY } else { LOOK_EVERY }
    }

    fn is_over(&self) -> bool {
        let ConnectionHandle { extra, state } = self;
        match extra {
            true => state.refused.load(Ordering::Relaxed) || state.since.elapsed() >= MOMENT,
            false => state.has_not_read_for(NOT_READING_MAX),
        }
    }
}

/// The connections of a listener as they come; it never ends and never fails.
pub(in crate::server) fn incoming(listener: TcpListener, most: usize) -> impl Stream<Item = io::Result<Connection>> {
    let open = Arc::new(AtomicUsize::new(0));
    let log_throttle = LogThrottle::default();
    futures_util::stream::unfold((listener, open, log_throttle), move |(listener, open, log_throttle)| async move {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    log_throttle.warn(&format!("a connection could not be taken: {error}"));
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            if let Some(connection) = admit(stream, &open, most) {
                return Some((Ok(connection), (listener, open, log_throttle)));
            }
            log_throttle
                .warn(&format!("{most} connections are open, which is as many as this node takes: more are closed"));
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
    let connection = ConnectionHandle { extra: before >= most, state: Arc::new(ConnectionState::new()) };
    let look = Box::pin(tokio::time::sleep(connection.look_every()));
    Some(Connection { stream, look, ended: false, connection, _place: place })
}

/// One of the connections that are counted.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(in crate::server) struct Connection {
    stream: TcpStream,
    /// When it is looked at next.
    look: Pin<Box<Sleep>>,
    ended: bool,
    connection: ConnectionHandle,
    _place: Place,
}

impl Connection {
    /// Whether it ends here, whatever its client does; else this task hears when to look again.
    fn ends(&mut self, context: &mut Context<'_>) -> bool {
        while !self.ended && self.look.as_mut().poll(context).is_ready() {
            self.ended = self.connection.is_over();
            self.look.as_mut().reset(tokio::time::Instant::now() + self.connection.look_every());
        }
        self.ended
    }
}

impl Connected for Connection {
    type ConnectInfo = ConnectionHandle;

    fn connect_info(&self) -> ConnectionHandle {
        self.connection.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ends(context) {
            return Poll::Ready(Ok(()));
        }
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.ended {
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
        if self.ended {
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
    async fn an_extra_connection_ends_by_itself_soon_after_its_client_was_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut incoming = Box::pin(incoming(listener, 0));
        let _client = TcpStream::connect(address).await.unwrap();
        let mut connection = incoming.next().await.unwrap().unwrap();
        let handle = connection.connect_info();
        assert!(handle.extra && !handle.is_over(), "it has a moment for what it may ask");
        let mut extensions = Extensions::new();
        extensions.insert(handle.clone());
        let refusal = ConnectionHandle::check(&extensions).expect_err("a client is told");
        assert!(refusal.code == "overloaded" && handle.is_over(), "{refusal:?}");
        assert!(ConnectionHandle::check_unless(true, &extensions).is_ok(), "another node passes something on");
        connection.look.as_mut().reset(tokio::time::Instant::now());
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
        state.answered();
        state.answered();
        assert!(state.has_not_read_for(Duration::ZERO) && !state.has_not_read_for(Duration::from_secs(60)));
        state.taken_away();
        state.taken_away();
        connection.look.as_mut().reset(tokio::time::Instant::now());
        let looked = std::future::poll_fn(|context| Poll::Ready(connection.ends(context))).await;
        assert!(!looked, "it is looked at, and stays");
    }
}
