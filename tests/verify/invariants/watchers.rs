//! Watches of simulated clusters that miss events, or receive them in another order.

use std::collections::{BTreeMap, VecDeque};

use epoca::protocol::NodeId;
use epoca::protocol::trace::{Event, NodeState};
use epoca::verify::invariants::{Causal, Violation, Watch};
use epoca::verify::rng::Rng;
use epoca::verify::simulator::{Notification, Options, Plan, play_observed};

const SEEDS: std::ops::Range<u64> = 200..240;

/// The state of each node according to its events: a new connection begins with this state.
#[derive(Default)]
struct Views(BTreeMap<NodeId, NodeState>);

impl Views {
    fn update(&mut self, notification: &Notification) {
        match notification {
            Notification::Started(snapshot) => {
                self.0.insert(snapshot.node, (*snapshot).clone());
            }
            Notification::Event(event) => {
                if let Some(view) = self.0.get_mut(&event.node) {
                    view.fold(&event.fact);
                    view.event = event.number;
                }
            }
            Notification::Left(node) => _ = self.0.remove(node),
        }
    }
}

fn play(seed: u64, observer: &mut dyn FnMut(Notification<'_>)) {
    let outcome = play_observed(&Plan::of(Options::of(seed)), false, observer);
    assert!(outcome.failure.is_none(), "seed {seed}: {:?}", outcome.failure);
}

fn nothing_found(found: Option<Violation>, seed: u64) {
    if let Some(violation) = found {
        panic!("seed {seed}: {violation}");
    }
}

/// A watch begins in the middle, loses the connection to a node now and then, and receives a new snapshot.
#[test]
fn a_watcher_that_starts_in_the_middle_finds_nothing_wrong() {
    let mut committed = 0;
    for seed in SEEDS {
        let (mut rng, mut views, mut watch) = (Rng::new(seed), Views::default(), Watch::new());
        let mut count = 0;
        play(seed, &mut |notification| {
            views.update(&notification);
            count += 1;
            if count == 500 {
                views.0.values().for_each(|view| nothing_found(watch.joined(view), seed));
            }
            match notification {
                _ if count <= 500 => {}
                Notification::Started(snapshot) => nothing_found(watch.restarted(snapshot), seed),
                Notification::Left(node) => watch.left(node),
                Notification::Event(event) if rng.one_in(500) => {
                    let view = &views.0[&event.node];
                    nothing_found(watch.joined(view), seed);
                }
                Notification::Event(event) => nothing_found(watch.event(event), seed),
            }
        });
        committed += u64::from(watch.committed().is_some());
    }
    assert!(committed > 25, "only {committed} watchers observed a commit");
}

enum Arrival {
    Left,
    Joined(Box<NodeState>),
    Event(Event),
}

/// Each node has its own connection, and each connection lags at random.
#[test]
fn a_watcher_finds_no_violation_in_any_order_of_the_nodes() {
    let mut committed = 0;
    for seed in SEEDS {
        let (mut rng, mut watch) = (Rng::new(seed), Causal::new());
        let mut streams: BTreeMap<NodeId, VecDeque<Arrival>> = BTreeMap::new();
        let mut receive = |rng: &mut Rng, streams: &mut BTreeMap<NodeId, VecDeque<Arrival>>| {
            let ids: Vec<NodeId> = streams.keys().copied().collect();
            let node = rng.choose(&ids);
            // A connection lags for a while, then many events come at once.
            for _ in 0..rng.below(200) {
                let found = match streams.get_mut(&node).and_then(VecDeque::pop_front) {
                    Some(Arrival::Joined(snapshot)) => watch.joined(&snapshot),
                    Some(Arrival::Event(event)) => watch.event(event),
                    Some(Arrival::Left) => watch.left(node),
                    None => return,
                };
                nothing_found(found.into_iter().next(), seed);
            }
        };
        play(seed, &mut |notification| {
            match notification {
                Notification::Started(snapshot) => {
                    streams.entry(snapshot.node).or_default().push_back(Arrival::Joined(Box::new(snapshot.clone())));
                }
                Notification::Event(event) => {
                    streams.entry(event.node).or_default().push_back(Arrival::Event(event.clone()));
                }
                Notification::Left(node) => streams.entry(node).or_default().push_back(Arrival::Left),
            }
            if rng.one_in(40) {
                receive(&mut rng, &mut streams);
            }
        });
        while streams.values().any(|stream| !stream.is_empty()) {
            receive(&mut rng, &mut streams);
        }
        // All events have arrived: every suspicion must be resolved.
        (0..2).for_each(|_| nothing_found(watch.settled(), seed));
        committed += u64::from(watch.watch().committed().is_some());
    }
    assert!(committed > 25, "only {committed} watchers observed a commit");
}
