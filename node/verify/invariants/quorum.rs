//! A committed entry is on a quorum of disks: enough nodes have reported in the same epoch that they hold it durably,
//! the leader itself among them once its own flush is done. And the leader's arithmetic is right.

use std::collections::BTreeMap;

use crate::protocol::trace::{Event, Fact, NodeState, Preview, RoleName};
use crate::protocol::{Epoch, LogPoint, NodeId};
use crate::verify::invariants::observer::Observer;
use crate::verify::invariants::{Finding, Invariant, Source, Violation, source, violation};

/// For how many epochs the reports of a node are remembered.
const EPOCHS_REMEMBERED: usize = 16;

#[derive(Default)]
pub(super) struct Quorum {
    /// The greatest entry that each node has reported as durable, for each of its latest epochs: a leader may count a
    /// report long after the others have moved to a later epoch.
    held: BTreeMap<(NodeId, Epoch), (LogPoint, Source)>,
    /// How many voters each leader counted last, and its quorum.
    counted: BTreeMap<NodeId, (u64, u64)>,
    /// The latest commit of each epoch.
    commits: BTreeMap<Epoch, Commit>,
    /// The epoch that each node has reached.
    epochs: BTreeMap<NodeId, Epoch>,
    /// If connections lag: the first commit that seemed to lack a quorum, and whether every event up to it has arrived
    /// since. A node that joins again may have been another process, which explains the suspicion.
    suspected: Option<(Box<Violation>, bool)>,
}

#[derive(Clone)]
struct Commit {
    leader: NodeId,
    up_to: LogPoint,
    /// The voters of the leader's list; if that is not known, all watched nodes.
    voters: Vec<NodeId>,
    /// How many voters are not known.
    unknown_voters: usize,
    quorum: u64,
    source: Source,
}

impl Quorum {
    fn holds(&mut self, observer: &Observer, node: NodeId, point: Option<LogPoint>, source: Source) {
        let (Some(point), Some(observed)) = (point, observer.node(node)) else { return };
        let Some(epoch) = observed.snapshot.epoch else { return };
        let known = self.held.get(&(node, epoch));
        if known.is_none_or(|(known, _)| known.position < point.position) {
            self.held.insert((node, epoch), (point, source));
        }
        let of_node = (node, Epoch(0))..=(node, epoch);
        if self.held.range(of_node.clone()).count() > EPOCHS_REMEMBERED
            && let Some((oldest, _)) = self.held.range(of_node).next()
        {
            let oldest = *oldest;
            self.held.remove(&oldest);
        }
    }

    fn is_counted_right(&self, event: &Event, matches: &[u64], quorum: u64, commit: u64) -> Finding {
        let sorted = matches.is_sorted_by(|one, other| one >= other);
        let majority = quorum as usize == matches.len() / 2 + 1;
        if sorted && majority && matches.get(quorum as usize - 1) == Some(&commit) {
            return None;
        }
        let text = format!("{} takes {commit} as the {quorum}th greatest of {matches:?}", event.node);
        violation(self.name(), &[source(event)], text)
    }

    fn is_on_quorum(&self, observer: &Observer, epoch: Epoch, commit: &Commit) -> Finding {
        self.lacks_quorum(observer, epoch, commit, |node| observer.saw_all(node, Some(epoch)))
    }

    /// `saw_all`: whether all events of a node in the epoch are known.
    fn lacks_quorum(
        &self,
        observer: &Observer,
        epoch: Epoch,
        commit: &Commit,
        saw_all: impl Fn(NodeId) -> bool,
    ) -> Finding {
        let Commit { leader, up_to, voters, unknown_voters, quorum, source } = commit;
        let log = observer.node(*leader)?;
        let said = |node: &NodeId| {
            let held = self.held.get(&(*node, epoch));
            // A former leader may have lost the entries after this commit.
            let leads = log.snapshot.role == RoleName::Leader && log.snapshot.epoch == Some(epoch);
            // If connections lag, others may report entries before the leader's own event arrives.
            let ahead =
                |point: LogPoint| observer.lags && log.snapshot.last().map(|last| last.position) < Some(point.position);
            let agrees = |point: LogPoint| !leads || log.has(point) || !log.knows(point.position) || ahead(point);
            held.is_some_and(|(point, _)| point.position >= up_to.position && agrees(*point))
        };
        let holders: Vec<NodeId> = voters.iter().copied().filter(said).collect();
        // A node that is not watched may have reported it, too.
        let unknown = voters.iter().filter(|node| !said(node) && !saw_all(**node)).count();
        if holders.len() + unknown + unknown_voters >= *quorum as usize {
            return None;
        }
        let text = format!("{leader} commits {up_to}, but of {voters:?} only {holders:?} have acked it");
        let mut evidence: Vec<Source> = holders.iter().map(|node| self.held[&(*node, epoch)].1).collect();
        evidence.push(*source);
        violation(self.name(), &evidence, text)
    }

    fn on_committed(&mut self, observer: &Observer, event: &Event, up_to: LogPoint) -> Finding {
        let (count, quorum) = *self.counted.get(&event.node)?;
        let list = observer.node(event.node)?.snapshot.members.as_ref().map(|list| list.voters.clone());
        let voters = list.unwrap_or_else(|| observer.ids().collect());
        let unknown_voters = (count as usize).saturating_sub(voters.len());
        let commit = Commit { leader: event.node, up_to, voters, unknown_voters, quorum, source: source(event) };
        let epoch = up_to.id.epoch;
        let found = self.is_on_quorum(observer, epoch, &commit);
        if observer.lags && found.is_none() && self.suspected.is_none() {
            let heard_all = |node| observer.heard_all(node, Some(epoch));
            self.suspected = self.lacks_quorum(observer, epoch, &commit, heard_all).map(|found| (found, false));
        }
        self.commits.insert(epoch, commit);
        if self.commits.len() > EPOCHS_REMEMBERED {
            self.commits.pop_first();
        }
        found
    }

    /// If connections lag, all reports of a node in an epoch are known only when it has left the epoch. Only then is it
    /// known that something was committed without it.
    fn on_epoch(&mut self, observer: &Observer, node: NodeId) -> Finding {
        let epoch = observer.node(node)?.snapshot.epoch?;
        let before = self.epochs.insert(node, epoch)?;
        if before == epoch {
            return None;
        }
        let earlier = self.commits.range(..epoch);
        earlier.into_iter().find_map(|(epoch, commit)| self.is_on_quorum(observer, *epoch, commit))
    }
}

impl Invariant for Quorum {
    fn name(&self) -> &'static str {
        "committed is on a quorum"
    }

    fn on_joined(&mut self, _: &Observer, _: &NodeState, _: Source) -> Finding {
        self.suspected = None;
        None
    }

    fn on_settled(&mut self) -> Finding {
        let (found, has_aged) = self.suspected.take()?;
        if has_aged {
            return Some(found);
        }
        self.suspected = Some((found, true));
        None
    }

    fn on_event(&mut self, observer: &Observer, event: &Event, _: &[Preview]) -> Finding {
        if observer.lags
            && let Some(found) = self.on_epoch(observer, event.node)
        {
            return Some(found);
        }
        match &event.fact {
            Fact::Acked { up_to: Some(up_to), .. } => {
                let point = observer.node(event.node)?.point_of(*up_to);
                self.holds(observer, event.node, point, source(event));
                None
            }
            Fact::Counted { from, up_to, matches, quorum, commit } => {
                if *from == event.node {
                    self.holds(observer, event.node, *up_to, source(event));
                }
                self.counted.insert(event.node, (matches.len() as u64, *quorum));
                self.is_counted_right(event, matches, *quorum, *commit)
            }
            Fact::Committed { up_to, .. } => self.on_committed(observer, event, *up_to),
            _ => None,
        }
    }
}
