//! What a running node knows of its cluster's membership: the member list in effect, nodes that want to join, lost data
//! folders, peers of other clusters, and whether this node was removed while it was away.
//!
//! How the member list changes is decided in `protocol`; connections follow the list in `peers`.

pub mod view;

pub mod join;

pub mod lost_disks;

pub mod removed;

pub mod foreign_clusters;

mod identity;

pub use identity::Identity;
