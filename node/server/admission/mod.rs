//! What a node admits at the same time: connections, open calls, bytes of requests that still arrive, bytes of responses
//! that clients have not read. Everything beyond a bound is refused at once. The services decide what a request means.

pub(in crate::server) mod calls;

pub(in crate::server) mod connections;

pub(in crate::server) mod limits;

pub(in crate::server) mod request_body;

pub(in crate::server) mod response_body;
