//! Simulated watchers. Each has a connection to a node, which pages through its history of changes for it. The watcher
//! goes to another node when that one ends, falls behind, or does not keep the wanted revisions. How far a watcher is
//! and what a node keeps is the product's own code; the connections between them are here.

use bytes::Bytes;

use crate::protocol::NodeId;
use crate::protocol::apply::{ChangePage, TooOld, WatchCursor, Write};
use crate::verify::host::Checked;
use crate::verify::invariants::Violation;
use crate::verify::rng::Rng;
use crate::verify::simulator::options::Watching;
use crate::verify::simulator::plan::Plan;
use crate::verify::simulator::queue::{Due, Queue};
use crate::verify::simulator::world::Simulation;
use crate::verify::watching::{Commits, Watched};

const INVARIANT: &str = "a watcher receives each change once, in order";

pub(super) struct Watchers {
    all: Vec<Watcher>,
    commits: Commits,
    pub(super) rng: Rng,
    options: Watching,
    timeout: u64,
}

struct Watcher {
    prefix: Bytes,
    cursor: WatchCursor,
    watched: Watched,
    /// Counts its connections. What arrives on an earlier one is ignored.
    connection: u64,
    at: Option<NodeId>,
    /// Something arrived since the last check for silence.
    heard: bool,
    /// When the last message of this connection arrives. Messages keep their order.
    arrives: u64,
    /// The nodes that it has not tried.
    candidates: Vec<NodeId>,
    /// The oldest revision that the nodes tried so far keep, if it is too new.
    oldest: Option<u64>,
    /// It stayed with a node that sent nothing, while other nodes no longer keep the wanted revisions.
    in_vain: bool,
}

/// The next look of a node at its changes for one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) watcher: usize,
    pub(super) connection: u64,
    pub(super) node: NodeId,
    pub(super) run: u64,
    /// All changes up to this revision were looked at.
    pub(super) after: u64,
    /// The revision that the last message to the watcher reached.
    pub(super) reported: Option<u64>,
}

/// A message of a node to a watcher.
#[derive(Clone, Debug)]
pub(super) enum News {
    Changes(ChangePage),
    TooOld(TooOld),
    Broken,
}

impl Watchers {
    pub(super) fn new(plan: &Plan) -> Watchers {
        let options = plan.options.watching;
        let mut rng = Rng::stream(plan.options.seed, 8);
        let watcher = |_| {
            // All keys, those of one digit, or a key that is never written.
            let prefix = Bytes::from_static(rng.choose(&[b"", b"k1", b"k", b"k2", b"quiet"]));
            Watcher::new(prefix, 1)
        };
        let all = (0..options.watchers).map(watcher).collect();
        Watchers { all, commits: Commits::default(), rng, options, timeout: plan.options.election_timeout_micros }
    }

    pub(super) fn begin(&mut self, queue: &mut Queue) {
        for watcher in 0..self.all.len() {
            queue.put(1 + self.rng.below(self.timeout * 5), Due::Watch { watcher, connection: 0 });
        }
    }

    /// The changes of an entry that no node had applied before.
    pub(super) fn on_committed(&mut self, changes: &[Write]) -> Checked {
        self.commits.add(changes).map_err(|text| Violation::of("revisions are consecutive", text))
    }

    /// How many watchers have not seen everything.
    pub(super) fn behind(&self) -> usize {
        self.all.iter().filter(|watcher| watcher.watched.up_to() < self.commits.revision()).count()
    }
}

impl Watcher {
    fn new(prefix: Bytes, from: u64) -> Watcher {
        Watcher {
            cursor: WatchCursor::starting_at(from),
            watched: Watched::from(prefix.clone(), from),
            prefix,
            connection: 0,
            at: None,
            heard: false,
            arrives: 0,
            candidates: Vec::new(),
            oldest: None,
            in_vain: false,
        }
    }

    /// Whether to stay with this node. A watcher that has waited without a change stays only for new changes.
    fn accepts(&mut self, page: &ChangePage) -> bool {
        let brings_more = page.up_to > self.cursor.revision();
        if self.in_vain && !brings_more {
            return false;
        }
        self.in_vain = self.oldest.take().is_some() && !brings_more;
        self.candidates.clear();
        true
    }

    fn leave(&mut self) {
        self.connection += 1;
        self.at = None;
        self.arrives = 0;
    }
}

impl Simulation<'_> {
    /// A watcher without a connection tries the next candidate, or begins with all nodes again.
    pub(super) fn on_watch(&mut self, index: usize, connection: u64) -> Checked {
        let watcher = &self.watchers.all[index];
        if watcher.connection != connection || watcher.at.is_some() {
            return Ok(());
        }
        if watcher.candidates.is_empty() {
            if let Some(oldest) = self.watchers.all[index].oldest.take() {
                self.resume_at(index, oldest)?;
            }
            self.watchers.all[index].candidates = self.candidates();
        }
        let delay = self.network.client_delay(&mut self.watchers.rng);
        let watcher = &mut self.watchers.all[index];
        let Some(node) = watcher.candidates.pop() else { return Ok(()) };
        let after = watcher.cursor.revision();
        watcher.at = Some(node);
        self.queue.put(self.now + delay, Due::Stream { watcher: index, connection, node, after });
        let patience = self.watchers.timeout * 2;
        self.queue.put(self.now + patience, Due::Quiet { watcher: index, connection });
        Ok(())
    }

    /// No node keeps the next revision: the watcher resumes at the oldest that is kept.
    fn resume_at(&mut self, index: usize, oldest: u64) -> Checked {
        self.stats.watched_gone += 1;
        let watcher = &mut self.watchers.all[index];
        watcher.cursor = WatchCursor::starting_at(oldest);
        watcher.watched.on_gone(oldest).map_err(|text| Violation::of(INVARIANT, format!("watcher {index}: {text}")))
    }

    /// All nodes, the one to try first at the end: mostly the one with the newest revision, otherwise any.
    fn candidates(&mut self) -> Vec<NodeId> {
        let mut nodes = self.ids();
        let rng = &mut self.watchers.rng;
        rng.shuffle(&mut nodes);
        if !rng.one_in(3) {
            nodes.sort_by_key(|node| self.machines[node.0 as usize - 1].host.database.revision());
        }
        nodes
    }

    /// A watcher's connection arrives at a node.
    pub(super) fn on_stream(&mut self, index: usize, connection: u64, node: NodeId, after: u64) -> Checked {
        let run = self.machine(node).run;
        if !self.host(node).is_up() {
            self.send_to_watcher(index, connection, News::Broken);
            return Ok(());
        }
        self.on_page(Page { watcher: index, connection, node, run, after, reported: None })
    }

    /// The node sends the watcher the next changes, and looks again later.
    pub(super) fn on_page(&mut self, page: Page) -> Checked {
        let Page { watcher: index, connection, node, after, reported, .. } = page;
        let Watcher { connection: current, prefix, .. } = &self.watchers.all[index];
        if *current != connection {
            return Ok(());
        }
        let limit = self.watchers.options.page_changes;
        let found = match self.machines[node.0 as usize - 1].host.database.changes(after, prefix, limit) {
            Ok(found) => found,
            Err(too_old) => {
                self.send_to_watcher(index, connection, News::TooOld(too_old));
                return Ok(());
            }
        };
        let (after, full) = (found.up_to, found.changes.len() == limit);
        // The first answer comes at once. Progress of a quiet prefix is reported now and then.
        let progress = reported.is_none_or(|reported| reported < after && self.watchers.rng.one_in(4));
        let reported = if progress || !found.changes.is_empty() {
            self.send_to_watcher(index, connection, News::Changes(found));
            Some(after)
        } else {
            reported
        };
        let most = if full { 200 } else { self.watchers.timeout / 10 };
        let at = self.now + 1 + self.watchers.rng.below(most);
        self.queue.put(at, Due::Page(Page { after, reported, ..page }));
        Ok(())
    }

    fn send_to_watcher(&mut self, index: usize, connection: u64, news: News) {
        let delay = self.network.client_delay(&mut self.watchers.rng);
        let watcher = &mut self.watchers.all[index];
        if watcher.connection == connection {
            watcher.arrives = watcher.arrives.max(self.now + delay);
            self.queue.put(watcher.arrives, Due::News { watcher: index, connection, news });
        }
    }

    /// A message arrives at a watcher.
    pub(super) fn on_news(&mut self, index: usize, connection: u64, news: News) -> Checked {
        let watcher = &mut self.watchers.all[index];
        if watcher.connection != connection {
            return Ok(());
        }
        watcher.heard = true;
        match news {
            News::Changes(page) if watcher.accepts(&page) => return self.take_page(index, page),
            News::Changes(_) => {}
            News::TooOld(TooOld { oldest }) => {
                watcher.oldest = Some(watcher.oldest.map_or(oldest, |known| known.min(oldest)));
            }
            News::Broken => {}
        }
        self.leave_node(index);
        Ok(())
    }

    /// Handles a page as the product's client does. What the client passes on is what its user sees.
    fn take_page(&mut self, index: usize, page: ChangePage) -> Checked {
        let Watchers { all, commits, .. } = &mut self.watchers;
        let Watcher { cursor, watched, .. } = &mut all[index];
        let broken = |text| Violation::of(INVARIANT, format!("watcher {index}: {text}"));
        for change in page.changes.iter() {
            if cursor.advance(change.revision) {
                watched.on_change(commits, change).map_err(broken)?;
                self.stats.watched += 1;
            }
        }
        cursor.advance_to(page.up_to);
        watched.on_reached(commits, cursor.revision()).map_err(broken)
    }

    /// The watcher leaves a node that is silent though others have more, and now and then any node.
    pub(super) fn on_quiet(&mut self, index: usize, connection: u64) -> Checked {
        let furthest = self.hosts().filter(|host| host.is_up()).map(|host| host.database.revision()).max();
        let Watchers { all, rng, timeout, .. } = &mut self.watchers;
        let watcher = &mut all[index];
        if watcher.connection != connection {
            return Ok(());
        }
        let quiet = !std::mem::take(&mut watcher.heard) && furthest > Some(watcher.cursor.revision());
        if quiet || rng.one_in(6) {
            self.leave_node(index);
        } else {
            self.queue.put(self.now + *timeout * 2, Due::Quiet { watcher: index, connection });
        }
        Ok(())
    }

    fn leave_node(&mut self, index: usize) {
        let pause = 1 + self.watchers.rng.below(self.watchers.timeout / 20);
        let watcher = &mut self.watchers.all[index];
        watcher.leave();
        self.queue.put(self.now + pause, Due::Watch { watcher: index, connection: watcher.connection });
    }

    /// A process ends. What it has sent may still arrive.
    pub(super) fn drop_watchers(&mut self, node: NodeId) {
        for index in 0..self.watchers.all.len() {
            if self.watchers.all[index].at == Some(node) {
                let connection = self.watchers.all[index].connection;
                self.send_to_watcher(index, connection, News::Broken);
            }
        }
    }
}
