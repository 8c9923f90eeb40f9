//! The wire format, shared by nodes and clients: generated types, conversions to the protocol's types, addresses,
//! endpoints, deadlines and status texts. It opens no connection and serves none: see `peers`, `server` and `client`.

/// The generated types of `proto/epoca/v1`.
pub mod proto {
    #![allow(clippy::all, missing_docs)]
    tonic::include_proto!("epoca.v1");
}

pub mod convert;

pub mod address;

pub mod endpoint;

pub mod deadline;

pub mod forwarded;

pub mod refusal;

pub mod status;

pub mod log_throttle;
