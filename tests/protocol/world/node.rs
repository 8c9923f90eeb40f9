//! One node of the world: the in-memory host, which of its work is done automatically, and its observer.

use epoca::protocol::trace::NodeState;
use epoca::protocol::{Config, Input, Time};
use epoca::verify::host::{Checked, CommitRecords, Host, HostOptions, TakenSnapshots};

pub struct Node {
    pub host: Host,
    pub auto: Auto,
    /// The number of entries before the uncommitted ones that a restart passes to the core.
    pub tail_more: u64,
    /// The reason why the core stopped the node.
    pub fatal: Option<String>,
    /// The observer's view of the node: its state at the start, then the fold over its events.
    pub view: NodeState,
    starts: u64,
}

/// Which work of the host is done at once. The test does other work explicitly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Auto {
    pub flush: bool,
    pub apply: bool,
    /// Reads of the log, and checks of its digest chain.
    pub read: bool,
    /// All work on snapshots.
    pub snapshot: bool,
}

impl Auto {
    pub const ALL: Auto = Auto { flush: true, apply: true, read: true, snapshot: true };
    pub const NONE: Auto = Auto { flush: false, apply: false, read: false, snapshot: false };
}

impl Node {
    pub fn new(config: Config) -> Node {
        let options = HostOptions { commit_records: CommitRecords::InOrder, ..HostOptions::default() };
        Node {
            view: NodeState::new(config.id),
            host: Host::new(config, options),
            auto: Auto::ALL,
            tail_more: 0,
            fatal: None,
            starts: 0,
        }
    }

    /// Starts the process on its disk.
    pub(super) fn start(&mut self, now: Time) {
        self.starts += 1;
        // Each start has its own election timeouts.
        let seed = self.host.config.seed.wrapping_add(self.starts.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        accept(self.host.start(seed, now, self.tail_more));
        self.view = self.host.core().node_state(NodeState::TAIL_MAX);
        self.fatal = None;
    }

    /// Ends the process. The disk keeps the first `kept` of the unflushed writes.
    pub(super) fn stop(&mut self, kept: usize) {
        self.host.stop();
        self.host.disk.lose_power(kept);
    }

    /// Applies the oldest batch that is queued for the database.
    pub(super) fn apply(&mut self) -> Option<Input> {
        let input = accept(self.host.apply_next())?;
        self.host.begin_snapshot();
        Some(input)
    }

    /// Answers the oldest pending read of the log, or check of its chain.
    pub(super) fn read_log(&mut self) -> Option<Input> {
        self.host.read_log().unwrap_or_else(|damage| panic!("{damage} cannot be read, and nothing is damaged"))
    }

    /// Does one piece of snapshot work that can be done now, if there is any.
    pub(super) fn work_on_snapshots(&mut self, taken: &mut TakenSnapshots) -> Option<Input> {
        let host = &mut self.host;
        host.end_snapshot(taken)
            .or_else(|| host.read_snapshot(false))
            .or_else(|| accept(host.write_snapshot(taken)).map(|(input, _)| input))
            .or_else(|| accept(host.install_snapshot()).map(|(input, _)| input))
    }
}

/// Any violation fails the test.
pub(super) fn accept<T>(checked: Checked<T>) -> T {
    checked.unwrap_or_else(|violation| panic!("{violation}"))
}
