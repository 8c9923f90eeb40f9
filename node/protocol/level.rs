//! Feature levels: how clusters with nodes of two adjacent versions work, and when a cluster starts to use what only
//! the newer version knows.
//!
//! 1. A node supports all levels up to its newest ([`FeatureLevel::NEWEST`]), and tells it in every message.
//! 2. The level in force is in the member list, so it is committed like any change of the members, is in every
//!    snapshot, and is the same at every node that has the list. The founders' list has the least of what the founders
//!    support.
//! 3. The leader raises it with a new list once every member, learners included, has told it in this epoch that it
//!    supports the greater level. It never falls: a list with a lower level than the one before is never made.
//! 4. What a higher level adds is proposed only after that list is committed. All members then know how to read it.
//! 5. A node below the level in force counts for nothing: its votes and acks are rejected. Only its reports of what it
//!    holds are heard, so that the leader sends it what it lacks: it stops, by name and level, at the first entry or
//!    snapshot that needs more than it supports. It does not start on a log that does.
//!
//! | level | adds |
//! | --- | --- |
//! | 1 | everything not named below |
//! | 2 | batches ([`Change::Batch`](crate::Change::Batch)) |
//!
//! A change of the log's or the messages' meaning that an older program would misread gets a new row here and in
//! [`FeatureLevel::needed_by`]. A change of a file's format raises the version of that format instead.

use bytes::Bytes;

use crate::command::Command;
use crate::core::Core;
use crate::entry::Kind;
use crate::membership::Membership;
use crate::message::Pushed;
use crate::role::Role;
use crate::types::{FeatureLevel, reach};

impl FeatureLevel {
    /// The level of which an entry makes use. A member list needs the level that it puts in force.
    pub fn needed_by(kind: Kind, body: &Bytes) -> FeatureLevel {
        match kind {
            Kind::Command if Command::is_batch(body) => FeatureLevel(2),
            Kind::Members => Membership::decode(body).map_or(FeatureLevel::FIRST, |list| list.level),
            Kind::Command | Kind::Opening => FeatureLevel::FIRST,
        }
    }
}

impl Core {
    /// The level in force: that of the last committed member list.
    pub fn level(&self) -> FeatureLevel {
        let committed = reach(self.committed);
        let list = self.lists.all().iter().rev().find(|listed| listed.position.0 <= committed);
        list.map_or(FeatureLevel::FIRST, |listed| listed.membership.level)
    }

    /// Raises the level to what every member supports, if the leader may change the list now.
    pub(super) fn raise_level(&mut self) {
        if self.may_change().is_err() {
            return;
        }
        let (Some(level), Some(listed)) = (self.supported_by_all(), self.members()) else { return };
        if level > listed.membership.level {
            let list = Membership { level, ..listed.membership.clone() };
            self.append_list(&list);
        }
    }

    /// The greatest level that all members support; `None` until each has told it in this epoch.
    fn supported_by_all(&self) -> Option<FeatureLevel> {
        let (Role::Leader(leader), Some(listed)) = (&self.role, self.members()) else { return None };
        let others = listed.membership.members.iter().filter(|member| member.id != self.config.id);
        let told = others.map(|member| leader.replicas.get(&member.id)?.level);
        told.chain([Some(self.config.level_max)]).min().flatten()
    }

    /// The first pushed entry that this node does not know how to read, with the level that it needs.
    pub(super) fn beyond_level(&self, entries: &[Pushed]) -> Option<String> {
        let beyond = |pushed: &&Pushed| FeatureLevel::needed_by(pushed.kind, &pushed.body) > self.config.level_max;
        let found = entries.iter().find(beyond)?;
        Some(self.too_old_for(&found.id.to_string(), FeatureLevel::needed_by(found.kind, &found.body)))
    }

    pub(super) fn too_old_for(&self, what: &str, needed: FeatureLevel) -> String {
        let (me, mine) = (self.config.id, self.config.level_max);
        format!(
            "{what} needs feature level {needed}, which is in force in the cluster; {me} supports up to {mine}: use a \
             newer epoca"
        )
    }
}
