//! What a leader commits is on a quorum of disks: so many nodes have said in that very epoch that they hold it durably,
//! the leader itself among them once its own flush is done; and its arithmetic is right.

use std::collections::BTreeMap;

use crate::protocol::trace::{Event, Fact, NodeState, Preview, RoleName};
use crate::protocol::{Epoch, LogPoint, NodeId};
use crate::verify::invariants::sight::Sight;
use crate::verify::invariants::{Found, Rule, Source, Violation, source, violation};

/// For how many epochs it is remembered what a node has said.
const EPOCHS_REMEMBERED: usize = 16;

#[derive(Default)]
pub(super) struct Quorum {
    /// The furthest that each node has said to hold durably, for each of its latest epochs: a leader may count what was
    /// said to it long after the others have gone on.
    held: BTreeMap<(NodeId, Epoch), (LogPoint, Source)>,
    /// How many voters each leader counted at last, and its quorum.
    counted: BTreeMap<NodeId, (u64, u64)>,
    /// The latest commit of each epoch.
    commits: BTreeMap<Epoch, Commit>,
    /// The epoch that each node has reached.
    epochs: BTreeMap<NodeId, Epoch>,
    /// Where nodes lag: the first commit that seemed to lack a quorum, and whether everything told up to it has been
    /// heard since. A node that is seen anew may have been another process than was thought, and explains it.
    suspected: Option<(Box<Violation>, bool)>,
}

#[derive(Clone)]
struct Commit {
    leader: NodeId,
    up_to: LogPoint,
    /// Those of the leader's list; if that is not known, all whom anybody watches.
    voters: Vec<NodeId>,
    /// How many of the voters are not known at all.
    strangers: usize,
    quorum: u64,
    source: Source,
}

impl Quorum {
    fn holds(&mut self, sight: &Sight, node: NodeId, point: Option<LogPoint>, source: Source) {
        let (Some(point), Some(seen)) = (point, sight.node(node)) else { return };
        let Some(epoch) = seen.snapshot.epoch else { return };
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

    fn is_counted_right(&self, event: &Event, matches: &[u64], quorum: u64, commit: u64) -> Found {
        let sorted = matches.is_sorted_by(|one, other| one >= other);
        let majority = quorum as usize == matches.len() / 2 + 1;
        if sorted && majority && matches.get(quorum as usize - 1) == Some(&commit) {
            return None;
        }
        let text = format!("{} takes {commit} for the {quorum}th greatest of {matches:?}", event.node);
        violation(self.name(), &[source(event)], text)
    }

    fn is_on_quorum(&self, sight: &Sight, epoch: Epoch, commit: &Commit) -> Found {
        self.lacks_quorum(sight, epoch, commit, |node| sight.saw_all(node, Some(epoch)))
    }

    /// `saw_all`: whether all that a node did in the epoch is known.
    fn lacks_quorum(&self, sight: &Sight, epoch: Epoch, commit: &Commit, saw_all: impl Fn(NodeId) -> bool) -> Found {
        let Commit { leader, up_to, voters, strangers, quorum, source } = commit;
        let log = sight.node(*leader)?;
        let said = |node: &NodeId| {
            let held = self.held.get(&(*node, epoch));
            // Once it leads no more, the leader may have lost what it had beyond this commit.
            let leads = log.snapshot.role == RoleName::Leader && log.snapshot.epoch == Some(epoch);
            // Where nodes lag, the others may be heard of entries that the leader has not told yet.
            let ahead =
                |point: LogPoint| sight.lags && log.snapshot.last().map(|last| last.position) < Some(point.position);
            let agrees = |point: LogPoint| !leads || log.has(point) || !log.knows(point.position) || ahead(point);
            held.is_some_and(|(point, _)| point.position >= up_to.position && agrees(*point))
        };
        let holders: Vec<NodeId> = voters.iter().copied().filter(said).collect();
        // Who is not watched at all may have said it, too.
        let unknown = voters.iter().filter(|node| !said(node) && !saw_all(**node)).count();
        if holders.len() + unknown + strangers >= *quorum as usize {
            return None;
        }
        let text =
            format!("{leader} commits {up_to}, and of {voters:?} only {holders:?} have said that it is on their disks");
        let mut evidence: Vec<Source> = holders.iter().map(|node| self.held[&(*node, epoch)].1).collect();
        evidence.push(*source);
        violation(self.name(), &evidence, text)
    }

    fn on_committed(&mut self, sight: &Sight, event: &Event, up_to: LogPoint) -> Found {
        let (count, quorum) = *self.counted.get(&event.node)?;
        let list = sight.node(event.node)?.snapshot.members.as_ref().map(|list| list.voters.clone());
        let voters = list.unwrap_or_else(|| sight.ids().collect());
        let strangers = (count as usize).saturating_sub(voters.len());
        let commit = Commit { leader: event.node, up_to, voters, strangers, quorum, source: source(event) };
        let epoch = up_to.id.epoch;
        let found = self.is_on_quorum(sight, epoch, &commit);
        if sight.lags && found.is_none() && self.suspected.is_none() {
            let heard_all = |node| sight.heard_all(node, Some(epoch));
            self.suspected = self.lacks_quorum(sight, epoch, &commit, heard_all).map(|found| (found, false));
        }
        self.commits.insert(epoch, commit);
        if self.commits.len() > EPOCHS_REMEMBERED {
            self.commits.pop_first();
        }
        found
    }

    /// If nodes lag, what one said in an epoch is known only once it has left that epoch: only then can it be said that
    /// something was committed without it.
    fn on_epoch(&mut self, sight: &Sight, node: NodeId) -> Found {
        let epoch = sight.node(node)?.snapshot.epoch?;
        let before = self.epochs.insert(node, epoch)?;
        if before == epoch {
            return None;
        }
        let earlier = self.commits.range(..epoch);
        earlier.into_iter().find_map(|(epoch, commit)| self.is_on_quorum(sight, *epoch, commit))
    }
}

impl Rule for Quorum {
    fn name(&self) -> &'static str {
        "committed is on a quorum"
    }

    fn on_joined(&mut self, _: &Sight, _: &NodeState, _: Source) -> Found {
        self.suspected = None;
        None
    }

    fn on_settled(&mut self) -> Found {
        let (found, has_aged) = self.suspected.take()?;
        if has_aged {
            return Some(found);
        }
        self.suspected = Some((found, true));
        None
    }

    fn on_event(&mut self, sight: &Sight, event: &Event, _: &[Preview]) -> Found {
        if sight.lags
            && let Some(found) = self.on_epoch(sight, event.node)
        {
            return Some(found);
        }
        match &event.fact {
            Fact::Acked { up_to: Some(up_to), .. } => {
                let point = sight.node(event.node)?.point_of(*up_to);
                self.holds(sight, event.node, point, source(event));
                None
            }
            Fact::Counted { from, up_to, matches, quorum, commit } => {
                if *from == event.node {
                    self.holds(sight, event.node, *up_to, source(event));
                }
                self.counted.insert(event.node, (matches.len() as u64, *quorum));
                self.is_counted_right(event, matches, *quorum, *commit)
            }
            Fact::Committed { up_to, .. } => self.on_committed(sight, event, *up_to),
            _ => None,
        }
    }
}
