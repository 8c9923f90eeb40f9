//! gRPC: links between nodes, and the services for clients and control. With `client/` the only place that names
//! generated types.

/// The generated types of `proto/epoca/v1`.
pub mod wire {
    #![allow(clippy::all, missing_docs)]
    tonic::include_proto!("epoca.v1");
}

pub mod convert;
