//! The wire format, shared by nodes and clients: generated types, conversions to the protocol's types, addresses,
//! endpoints, deadlines and status texts. Connections are opened and served elsewhere: in `peers`, `server` and
//! `client`.

/// The generated types of `proto/epoca/v1`.
pub mod proto {
    #![allow(clippy::all, missing_docs)]
    tonic::include_proto!("epoca.v1");
}

pub mod convert;

pub(crate) mod address;

pub(crate) mod endpoint;

pub(crate) mod deadline;

pub mod forwarded;

mod typed;

pub(crate) mod note;

pub(crate) mod refusal;

pub(crate) mod doubt;

pub(crate) mod done;

pub(crate) mod status;

pub(crate) mod log_throttle;
