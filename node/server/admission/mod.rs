//! What a node admits at the same time: connections, open calls, bytes of incomplete requests, bytes of unread
//! responses. Everything beyond a limit is refused at once, so that memory is bounded and no client waits without an
//! answer. The services decide what a request means.

pub(in crate::server) mod calls;

pub(in crate::server) mod connections;

pub(in crate::server) mod limits;

pub(in crate::server) mod request_body;

pub(in crate::server) mod response_body;
