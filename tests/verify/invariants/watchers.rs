//! Watchers of simulated clusters that see less than everything, or in another order.

use std::collections::{BTreeMap, VecDeque};

use epoca::protocol::NodeId;
use epoca::protocol::trace::{Event, NodeState};
use epoca::verify::dice::Dice;
use epoca::verify::invariants::{Causal, Violation, Watch};
use epoca::verify::simulator::{Options, Plan, Told, play_before};

const SEEDS: std::ops::Range<u64> = 200..240;

/// Each node as its own events tell it: what a connection to it begins with.
#[derive(Default)]
struct Views(BTreeMap<NodeId, NodeState>);

impl Views {
    fn hear(&mut self, told: &Told) {
        match told {
            Told::Started(snapshot) => {
                self.0.insert(snapshot.node, (*snapshot).clone());
            }
            Told::Event(event) => {
                if let Some(view) = self.0.get_mut(&event.node) {
                    view.fold(&event.fact);
                    view.event = event.number;
                }
            }
            Told::Left(node) => _ = self.0.remove(node),
        }
    }
}

fn play(seed: u64, audience: &mut dyn FnMut(Told<'_>)) {
    let outcome = play_before(&Plan::of(Options::of(seed)), false, audience);
    assert!(outcome.failure.is_none(), "seed {seed}: {:?}", outcome.failure);
}

fn nothing_found(found: Option<Violation>, seed: u64) {
    if let Some(violation) = found {
        panic!("seed {seed}: {violation}");
    }
}

/// Somebody begins to watch in the middle, loses the connection to a node now and then, and gets a new snapshot.
#[test]
fn a_watcher_that_starts_in_the_middle_finds_nothing_wrong() {
    let mut committed = 0;
    for seed in SEEDS {
        let (mut dice, mut views, mut watch) = (Dice::new(seed), Views::default(), Watch::new());
        let mut count = 0;
        play(seed, &mut |told| {
            views.hear(&told);
            count += 1;
            if count == 500 {
                views.0.values().for_each(|view| nothing_found(watch.joined(view), seed));
            }
            match told {
                _ if count <= 500 => {}
                Told::Started(snapshot) => nothing_found(watch.restarted(snapshot), seed),
                Told::Left(node) => watch.left(node),
                Told::Event(event) if dice.one_in(500) => {
                    let view = &views.0[&event.node];
                    nothing_found(watch.joined(view), seed);
                }
                Told::Event(event) => nothing_found(watch.event(event), seed),
            }
        });
        committed += u64::from(watch.committed().is_some());
    }
    assert!(committed > 25, "only {committed} watchers saw anything committed");
}

enum Heard {
    Left,
    Joined(Box<NodeState>),
    Event(Event),
}

/// Each node is heard over a connection of its own, and each connection lags as it likes.
#[test]
fn a_watcher_that_hears_the_nodes_in_any_order_finds_nothing_wrong() {
    let mut committed = 0;
    for seed in SEEDS {
        let (mut dice, mut watch) = (Dice::new(seed), Causal::new());
        let mut streams: BTreeMap<NodeId, VecDeque<Heard>> = BTreeMap::new();
        let mut hear = |dice: &mut Dice, streams: &mut BTreeMap<NodeId, VecDeque<Heard>>| {
            let ids: Vec<NodeId> = streams.keys().copied().collect();
            let node = dice.pick(&ids);
            // A connection lags for a while, then much comes at once.
            for _ in 0..dice.below(200) {
                let found = match streams.get_mut(&node).and_then(VecDeque::pop_front) {
                    Some(Heard::Joined(snapshot)) => watch.joined(&snapshot),
                    Some(Heard::Event(event)) => watch.event(event),
                    Some(Heard::Left) => watch.left(node),
                    None => return,
                };
                nothing_found(found.into_iter().next(), seed);
            }
        };
        play(seed, &mut |told| {
            match told {
                Told::Started(snapshot) => {
                    streams.entry(snapshot.node).or_default().push_back(Heard::Joined(Box::new(snapshot.clone())));
                }
                Told::Event(event) => {
                    streams.entry(event.node).or_default().push_back(Heard::Event(event.clone()));
                }
                Told::Left(node) => streams.entry(node).or_default().push_back(Heard::Left),
            }
            if dice.one_in(40) {
                hear(&mut dice, &mut streams);
            }
        });
        while streams.values().any(|stream| !stream.is_empty()) {
            hear(&mut dice, &mut streams);
        }
        // Everything has been heard: what was suspected on the way must have been explained.
        (0..2).for_each(|_| nothing_found(watch.settled(), seed));
        committed += u64::from(watch.watch().committed().is_some());
    }
    assert!(committed > 25, "only {committed} watchers saw anything committed");
}
