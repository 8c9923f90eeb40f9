//! How a scenario text shows events, logs and databases.

use epoca::protocol::trace::Preview;
use epoca::protocol::{NodeId, Position, Time};
use epoca::verify::host::Host;

use crate::world::{Event, What, World};

/// How much of the trace a block shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Show {
    #[default]
    All,
    /// Everything except sends and receipts of messages.
    Decisions,
    Nothing,
}

impl Show {
    /// The events, with a time line before those at another time than `shown`, the time shown last.
    pub fn lines(self, events: &[Event], shown: &mut Time) -> Vec<String> {
        let mut lines = Vec::new();
        for event in events.iter().filter(|event| self.takes(event)) {
            lines.extend(at(event.time, shown));
            lines.push(line(event));
        }
        lines
    }

    fn takes(self, event: &Event) -> bool {
        match (self, &event.what) {
            (Show::Nothing, _) => false,
            (Show::Decisions, What::Fact(fact)) => !matches!(fact.rule(), "N1" | "N2"),
            _ => true,
        }
    }
}

/// The current time, unless it was shown already.
pub fn at(time: Time, shown: &mut Time) -> Option<String> {
    let changed = std::mem::replace(shown, time) != time;
    changed.then(|| format!("        at {} ms", time.0 / 1_000))
}

fn line(event: &Event) -> String {
    match &event.what {
        What::Fact(fact) => format!("{} {fact}", event.node),
        What::Answer(request, answer) => format!("{} answers r{}: {answer:?}", event.node, request.0),
        What::Rejected(from, why) => format!("{} rejects {from}: {}", event.node, why.code()),
        What::Fatal(text) => format!("{} stops: {text}", event.node),
    }
}

/// A line for each node: its role, its promise, its log. Brackets enclose what is final there, parentheses what is not
/// yet durable; `!` marks forged entries.
pub fn logs(world: &World) -> Vec<String> {
    world.hosts().map(log).collect()
}

fn log(host: &Host) -> String {
    let written = host.disk.written();
    let durable = host.disk.durable();
    let applied = host.database.applied().map_or(Position(0), |applied| applied.position);
    let mut line = format!("{} {}", host.id(), state(host));
    let epoch = written.promise.map(|promise| promise.epoch.to_string());
    line.push_str(&format!(", promise {}:", epoch.unwrap_or("-".into())));
    for entry in &written.entries {
        let preview = Preview::of(entry, written.is_forged(entry.position));
        let text = if durable.has(entry.point()) { preview.to_string() } else { format!("({preview})") };
        let open = if entry.position == Position(1) && applied >= entry.position { "[" } else { "" };
        let close = if entry.position == applied { "]" } else { "" };
        line.push_str(&format!(" {open}{text}{close}"));
    }
    line
}

fn state(host: &Host) -> &'static str {
    host.running().map_or("down", |core| core.role().name())
}

/// The final database of a node.
pub fn final_data(host: &Host) -> Vec<String> {
    let line = |(key, (value, id)): (&bytes::Bytes, (&bytes::Bytes, epoca::protocol::EntryId))| {
        format!("{} final: {}={} from {id}", host.id(), key.escape_ascii(), value.escape_ascii())
    };
    let lines: Vec<_> = host.database.records().map(line).collect();
    if lines.is_empty() { vec![format!("{} final: nothing", host.id())] } else { lines }
}

/// The messages in flight and those held by the gate.
pub fn pool(world: &World) -> Vec<String> {
    let line = |how: &str, from: NodeId, to: NodeId, kind: &str| format!("{how}: {kind} {from} → {to}");
    let free = world.network.pool.iter().map(|e| line("under way", e.from, e.to, e.message.kind().name()));
    let held = world.network.held.iter().map(|e| line("held", e.from, e.to, e.message.kind().name()));
    free.chain(held).collect()
}
