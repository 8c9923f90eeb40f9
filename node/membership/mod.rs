//! What a running node knows of its cluster's membership: the member list in effect, joining, lost data folders, peers
//! of other clusters, and whether this node was removed while it was away.
//!
//! The protocol decides how the member list changes; `peers` opens and closes connections accordingly.

pub(crate) mod view;

pub(crate) mod join;

pub(crate) mod lost_disks;

pub(crate) mod removed;

pub(crate) mod foreign_clusters;

mod identity;

pub(crate) use identity::Identity;
