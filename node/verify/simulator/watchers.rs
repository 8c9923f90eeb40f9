//! Simulated watchers: each has a connection to some node, which pages through its history for it, and goes to another one
//! when that node ends, falls behind, or does not keep what is wanted. How far a watcher is, and what a node keeps, are the
//! product's own; here are the connections between them.

use bytes::Bytes;

use crate::protocol::NodeId;
use crate::protocol::apply::{ChangePage, TooOld, WatchCursor, Write};
use crate::verify::dice::Dice;
use crate::verify::simulator::options::Watching;
use crate::verify::simulator::plan::Plan;
use crate::verify::simulator::queue::{Due, Queue};
use crate::verify::simulator::world::{Simulation, Step, wrong};
use crate::verify::watching::{Commits, Watched};

const PROMISE: &str = "who watches gets each change once, in order";

pub(super) struct Watchers {
    all: Vec<Watcher>,
    commits: Commits,
    pub(super) dice: Dice,
    options: Watching,
    timeout: u64,
}

struct Watcher {
    prefix: Bytes,
    seen: WatchCursor,
    watched: Watched,
    /// Counts its connections; what comes of an earlier one is not heard.
    connection: u64,
    at: Option<NodeId>,
    /// Something came since it was last asked whether it hears anything.
    heard: bool,
    /// When the last message of this connection arrives: they keep their order.
    arrives: u64,
    /// The nodes that it has still to try, and from where on those keep changes that it has tried.
    candidates: Vec<NodeId>,
    oldest: Option<u64>,
    /// It waited at a node that brought nothing, while others said that what it wants is gone.
    in_vain: bool,
}

/// The next look of a node at its changes, for a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) watcher: usize,
    pub(super) connection: u64,
    pub(super) node: NodeId,
    pub(super) run: u64,
    /// All changes up to there were looked at, and up to there the watcher was told so.
    pub(super) after: u64,
    pub(super) told: Option<u64>,
}

/// What a node says to a watcher.
#[derive(Clone, Debug)]
pub(super) enum News {
    Found(ChangePage),
    TooOld(TooOld),
    Broken,
}

impl Watchers {
    pub(super) fn new(plan: &Plan) -> Watchers {
        let options = plan.options.watching;
        let mut dice = Dice::of(plan.options.seed, 8);
        let watcher = |_| {
            // All keys, those of one digit, or a key that nobody writes.
            let prefix = Bytes::from_static(dice.pick(&[b"", b"k1", b"k", b"k2", b"quiet"]));
            Watcher::new(prefix, 1)
        };
        let all = (0..options.watchers).map(watcher).collect();
        Watchers { all, commits: Commits::default(), dice, options, timeout: plan.options.election_timeout_micros }
    }

    pub(super) fn begin(&mut self, queue: &mut Queue) {
        for watcher in 0..self.all.len() {
            queue.put(1 + self.dice.below(self.timeout * 5), Due::Watch { watcher, connection: 0 });
        }
    }

    /// What an entry changed that nobody had applied before.
    pub(super) fn committed(&mut self, changes: &[Write]) -> Step {
        self.commits.add(changes).map_err(|text| wrong("revisions follow each other", text))
    }

    /// How many of them have not seen everything yet.
    pub(super) fn behind(&self) -> usize {
        self.all.iter().filter(|watcher| watcher.watched.up_to() < self.commits.revision()).count()
    }
}

impl Watcher {
    fn new(prefix: Bytes, from: u64) -> Watcher {
        Watcher {
            seen: WatchCursor::starting_at(from),
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

    /// Whether this node is as good as any: not if it only lets the watcher wait, once that was in vain.
    fn stays_for(&mut self, page: &ChangePage) -> bool {
        let brings_more = page.up_to > self.seen.revision();
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
    /// The watcher has no connection: it tries the next candidate, or begins with all of them.
    pub(super) fn on_watch(&mut self, index: usize, connection: u64) -> Step {
        let watcher = &self.watchers.all[index];
        if watcher.connection != connection || watcher.at.is_some() {
            return Ok(());
        }
        if watcher.candidates.is_empty() {
            if let Some(oldest) = self.watchers.all[index].oldest.take() {
                self.go_on_from(index, oldest)?;
            }
            self.watchers.all[index].candidates = self.candidates();
        }
        let delay = self.network.client_delay(&mut self.watchers.dice);
        let watcher = &mut self.watchers.all[index];
        let Some(node) = watcher.candidates.pop() else { return Ok(()) };
        let after = watcher.seen.revision();
        watcher.at = Some(node);
        self.queue.put(self.now + delay, Due::Stream { watcher: index, connection, node, after });
        let patience = self.watchers.timeout * 2;
        self.queue.put(self.now + patience, Due::Quiet { watcher: index, connection });
        Ok(())
    }

    /// Nobody keeps what this watcher wants next.
    fn go_on_from(&mut self, index: usize, oldest: u64) -> Step {
        self.stats.watched_gone += 1;
        let watcher = &mut self.watchers.all[index];
        watcher.seen = WatchCursor::starting_at(oldest);
        watcher.watched.on_gone(oldest).map_err(|text| wrong(PROMISE, format!("watcher {index}: {text}")))
    }

    /// All nodes, the one to be asked first at the end: mostly the furthest, and otherwise any.
    fn candidates(&mut self) -> Vec<NodeId> {
        let mut nodes = self.ids();
        let dice = &mut self.watchers.dice;
        for last in (1..nodes.len()).rev() {
            nodes.swap(last, dice.below(last as u64 + 1) as usize);
        }
        if !dice.one_in(3) {
            nodes.sort_by_key(|node| self.hosts[node.0 as usize - 1].database.revision());
        }
        nodes
    }

    /// A watcher's connection arrives at a node.
    pub(super) fn on_stream(&mut self, index: usize, connection: u64, node: NodeId, after: u64) -> Step {
        let host = self.host(node);
        let run = host.run;
        if !host.is_up() {
            self.tell_watcher(index, connection, News::Broken);
            return Ok(());
        }
        self.on_page(Page { watcher: index, connection, node, run, after, told: None })
    }

    /// The node looks for what the watcher has not been sent, and looks again later.
    pub(super) fn on_page(&mut self, page: Page) -> Step {
        let Page { watcher: index, connection, node, after, told, .. } = page;
        let Watcher { connection: current, prefix, .. } = &self.watchers.all[index];
        if *current != connection {
            return Ok(());
        }
        let limit = self.watchers.options.page_changes;
        let found = match self.hosts[node.0 as usize - 1].database.changes(after, prefix, limit) {
            Ok(found) => found,
            Err(too_old) => {
                self.tell_watcher(index, connection, News::TooOld(too_old));
                return Ok(());
            }
        };
        let (after, full) = (found.up_to, found.changes.len() == limit);
        // The first answer comes at once; how far a quiet prefix was looked at is told now and then.
        let worth_telling = told.is_none_or(|told| told < after && self.watchers.dice.one_in(4));
        let told = if worth_telling || !found.changes.is_empty() {
            self.tell_watcher(index, connection, News::Found(found));
            Some(after)
        } else {
            told
        };
        let most = if full { 200 } else { self.watchers.timeout / 10 };
        let at = self.now + 1 + self.watchers.dice.below(most);
        self.queue.put(at, Due::Page(Page { after, told, ..page }));
        Ok(())
    }

    fn tell_watcher(&mut self, index: usize, connection: u64, news: News) {
        let delay = self.network.client_delay(&mut self.watchers.dice);
        let watcher = &mut self.watchers.all[index];
        if watcher.connection == connection {
            watcher.arrives = watcher.arrives.max(self.now + delay);
            self.queue.put(watcher.arrives, Due::News { watcher: index, connection, news });
        }
    }

    /// Something comes to a watcher.
    pub(super) fn on_news(&mut self, index: usize, connection: u64, news: News) -> Step {
        let watcher = &mut self.watchers.all[index];
        if watcher.connection != connection {
            return Ok(());
        }
        watcher.heard = true;
        match news {
            News::Found(page) if watcher.stays_for(&page) => return self.take_page(index, page),
            News::Found(_) => {}
            News::TooOld(TooOld { oldest }) => {
                watcher.oldest = Some(watcher.oldest.map_or(oldest, |known| known.min(oldest)));
            }
            News::Broken => {}
        }
        self.leave_node(index);
        Ok(())
    }

    /// As the client does with what a node sends; what comes of it is what its user sees.
    fn take_page(&mut self, index: usize, page: ChangePage) -> Step {
        let Watchers { all, commits, .. } = &mut self.watchers;
        let Watcher { seen, watched, .. } = &mut all[index];
        let broken = |text| wrong(PROMISE, format!("watcher {index}: {text}"));
        for change in page.changes.iter() {
            if seen.advance(change.revision) {
                watched.on_change(commits, change).map_err(broken)?;
                self.stats.watched += 1;
            }
        }
        seen.advance_to(page.up_to);
        watched.on_reached(commits, seen.revision()).map_err(broken)
    }

    /// The watcher asks itself whether its node is cut off, or it is just tired of it.
    pub(super) fn on_quiet(&mut self, index: usize, connection: u64) -> Step {
        let furthest = self.hosts.iter().filter(|host| host.is_up()).map(|host| host.database.revision()).max();
        let Watchers { all, dice, timeout, .. } = &mut self.watchers;
        let watcher = &mut all[index];
        if watcher.connection != connection {
            return Ok(());
        }
        let quiet = !std::mem::take(&mut watcher.heard) && furthest > Some(watcher.seen.revision());
        if quiet || dice.one_in(6) {
            self.leave_node(index);
        } else {
            self.queue.put(self.now + *timeout * 2, Due::Quiet { watcher: index, connection });
        }
        Ok(())
    }

    fn leave_node(&mut self, index: usize) {
        let pause = 1 + self.watchers.dice.below(self.watchers.timeout / 20);
        let watcher = &mut self.watchers.all[index];
        watcher.leave();
        self.queue.put(self.now + pause, Due::Watch { watcher: index, connection: watcher.connection });
    }

    /// A process ends; what it has sent may still arrive.
    pub(super) fn watchers_break(&mut self, node: NodeId) {
        for index in 0..self.watchers.all.len() {
            if self.watchers.all[index].at == Some(node) {
                let connection = self.watchers.all[index].connection;
                self.tell_watcher(index, connection, News::Broken);
            }
        }
    }
}
