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

use crate::rpc::complaints::Complaints;
use crate::rpc::service::room::overloaded;
use crate::rpc::wire;

/// Beyond the bound so many more are let in for a moment.
const EXTRA: usize = 256;
/// How long such a connection lives. A node whose link it was comes again by itself.
const MOMENT: Duration = Duration::from_secs(10);
/// One whose client was refused ends sooner: the next one that it makes may be within the bound.
const LOOK_AT_EXTRA_EVERY: Duration = Duration::from_secs(1);
/// A connection with answers of which its client takes nothing for so long is ended.
const DEAF: Duration = Duration::from_secs(10);
/// So often each connection is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// After a failure to accept, mostly because the system is out of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// What a request knows of its connection.
#[derive(Clone)]
pub(super) struct Standing {
    extra: bool,
    seat: Arc<Seat>,
}

/// What is open on a connection.
pub(super) struct Seat {
    calls: AtomicUsize,
    /// Answers that are not in the socket yet.
    unread: AtomicUsize,
    /// A call was refused because the connection is one too many.
    refused: AtomicBool,
    since: Instant,
    /// When something of an answer was taken last, or the first of those that wait came up: so many milliseconds later.
    moved_ms: AtomicU64,
}

impl Seat {
    pub(super) fn new() -> Seat {
        let (calls, unread, moved_ms) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicU64::new(0));
        Seat { calls, unread, refused: AtomicBool::new(false), since: Instant::now(), moved_ms }
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    pub(super) fn enter(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave(&self) {
        self.calls.fetch_sub(1, Ordering::Relaxed);
    }

    /// An answer is there for the client to take.
    pub(super) fn answered(&self) {
        if self.unread.fetch_add(1, Ordering::Relaxed) == 0 {
            self.moved();
        }
    }

    pub(super) fn taken_away(&self) {
        self.unread.fetch_sub(1, Ordering::Relaxed);
        self.moved();
    }

    /// The client reads.
    pub(super) fn moved(&self) {
        self.moved_ms.store(self.since.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Answers wait, and the client has taken none for this time.
    fn is_deaf_for(&self, time: Duration) -> bool {
        let moved = Duration::from_millis(self.moved_ms.load(Ordering::Relaxed));
        self.unread.load(Ordering::Relaxed) > 0 && self.since.elapsed().saturating_sub(moved) >= time
    }
}

impl Standing {
    /// A client's request on a connection beyond the bound is refused; what another node passes on is not, since the client
    /// may have been told to ask there.
    pub(super) fn check_unless(forwarded: bool, extensions: &Extensions) -> Result<(), wire::Refusal> {
        if forwarded { Ok(()) } else { Standing::check(extensions) }
    }

    pub(super) fn check(extensions: &Extensions) -> Result<(), wire::Refusal> {
        match extensions.get::<Standing>() {
            Some(Standing { extra: true, seat }) => {
                seat.refused.store(true, Ordering::Relaxed);
                Err(overloaded(
                    "as many connections are open as this node takes: ask another node, use one connection for many \
                     requests, or try again later"
                        .into(),
                ))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn seat(&self) -> Arc<Seat> {
        Arc::clone(&self.seat)
    }

    fn look_every(&self) -> Duration {
        if self.extra { LOOK_AT_EXTRA_EVERY } else { LOOK_EVERY }
    }

    fn is_over(&self) -> bool {
        let Standing { extra, seat } = self;
        match extra {
            true => seat.refused.load(Ordering::Relaxed) || seat.since.elapsed() >= MOMENT,
            false => seat.is_deaf_for(DEAF),
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
    let standing = Standing { extra: before >= most, seat: Arc::new(Seat::new()) };
    let look = Box::pin(tokio::time::sleep(standing.look_every()));
    Some(Connection { stream, look, ended: false, standing, _place: place })
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
    /// When it is looked at next.
    look: Pin<Box<Sleep>>,
    ended: bool,
    standing: Standing,
    _place: Place,
}

impl Connection {
    /// Whether it ends here, whatever its client does; else this task hears when to look again.
    fn ends(&mut self, context: &mut Context<'_>) -> bool {
        while !self.ended && self.look.as_mut().poll(context).is_ready() {
            self.ended = self.standing.is_over();
            self.look.as_mut().reset(tokio::time::Instant::now() + self.standing.look_every());
        }
        self.ended
    }
}

impl Connected for Connection {
    type ConnectInfo = Standing;

    fn connect_info(&self) -> Standing {
        self.standing.clone()
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
        let standing = connection.connect_info();
        assert!(standing.extra && !standing.is_over(), "it has a moment for what it may ask");
        let mut extensions = Extensions::new();
        extensions.insert(standing.clone());
        let refusal = Standing::check(&extensions).expect_err("a client is told");
        assert!(refusal.code == "overloaded" && standing.is_over(), "{refusal:?}");
        assert!(Standing::check_unless(true, &extensions).is_ok(), "another node passes something on");
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
        let seat = connection.connect_info().seat();
        assert!(!seat.is_deaf_for(Duration::ZERO), "nothing is there to be taken");
        seat.answered();
        seat.answered();
        assert!(seat.is_deaf_for(Duration::ZERO) && !seat.is_deaf_for(Duration::from_secs(60)));
        seat.taken_away();
        seat.taken_away();
        connection.look.as_mut().reset(tokio::time::Instant::now());
        let looked = std::future::poll_fn(|context| Poll::Ready(connection.ends(context))).await;
        assert!(!looked, "it is looked at, and stays");
    }
}
