//! One random act on the world.

use bytes::Bytes;

use epoca::protocol::{Kind, NodeId, Position};
use epoca::verify::rng::Rng;

use crate::random::invariants::Witness;
use crate::world::World;

/// The weight of each act in a schedule.
pub struct Odds(Vec<(u64, Act)>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    Deliver,
    DeliverAny,
    Lose,
    Twice,
    Wait,
    WakeEarly,
    Flush,
    Apply,
    ReadLog,
    Put,
    Read,
    Inject,
    Crash,
    Kill,
    Restart,
    Cut,
    Heal,
    Stand,
    Calm,
}

/// With more messages in flight than this, messages are delivered before anything else.
const POOL_MAX: usize = 150;

impl Odds {
    /// Some schedules have few faults, some have many, some lack a kind of fault.
    pub fn draw(rng: &mut Rng) -> Odds {
        let mut weight = |most: u64| rng.below(most + 1);
        let odds = vec![
            (300, Act::Deliver),
            (weight(60), Act::DeliverAny),
            (weight(30), Act::Lose),
            (weight(15), Act::Twice),
            (20 + weight(60), Act::Wait),
            (weight(10), Act::WakeEarly),
            (60, Act::Flush),
            (40, Act::Apply),
            (40, Act::ReadLog),
            (10 + weight(60), Act::Put),
            (10 + weight(20), Act::Read),
            (weight(12), Act::Inject),
            (weight(6), Act::Crash),
            (weight(6), Act::Kill),
            (10 + weight(20), Act::Restart),
            (weight(6), Act::Cut),
            (5 + weight(10), Act::Heal),
            (4, Act::Stand),
            (2, Act::Calm),
        ];
        Odds(odds)
    }

    fn pick(&self, rng: &mut Rng) -> Act {
        let total: u64 = self.0.iter().map(|(weight, _)| weight).sum();
        let mut rest = rng.below(total);
        for (weight, act) in &self.0 {
            match rest.checked_sub(*weight) {
                Some(less) => rest = less,
                None => return *act,
            }
        }
        Act::Deliver
    }
}

/// Returns a description for the report of a failed schedule.
pub fn act(world: &mut World, odds: &Odds, rng: &mut Rng, witness: &mut Witness) -> String {
    let act = if world.network.pool.len() > POOL_MAX { Act::Deliver } else { odds.pick(rng) };
    let id = rng.choose(&world.ids());
    match act {
        Act::Deliver | Act::DeliverAny | Act::Lose | Act::Twice => return message(world, act, rng),
        Act::Wait => return wait(world),
        Act::Calm => {
            world.elapse_millis(rng.below(3_000));
            return format!("calm until {:?}", world.now);
        }
        Act::Cut | Act::Heal => {
            let other = rng.choose(&world.ids());
            if act == Act::Heal {
                world.network.heal(NodeId(id), NodeId(other));
            } else if id != other {
                world.network.cut(NodeId(id), NodeId(other));
            }
            return format!("{act:?} {id} {other}");
        }
        Act::Restart if !world.host(id).is_up() => world.restart(id),
        _ if !world.host(id).is_up() => return format!("n{id} is down"),
        _ => on_running(world, act, id, rng, witness),
    }
    format!("{act:?} n{id}")
}

fn on_running(world: &mut World, act: Act, id: u64, rng: &mut Rng, witness: &mut Witness) {
    let key = rng.below(5);
    match act {
        Act::WakeEarly => world.step(id, epoca::protocol::Input::Tick),
        Act::Flush => world.flush_some(id, 1 + rng.index(4)),
        Act::Apply => world.apply(id),
        Act::ReadLog => world.answer_read(id),
        Act::Put => {
            // Most clients know the leader.
            let id = if rng.one_in(4) { id } else { world.leader().unwrap_or(id) };
            for _ in 0..1 + rng.below(3) {
                witness.put(world, id, &format!("k{key}={}", rng.below(1_000)));
            }
        }
        Act::Read => {
            let id = if rng.one_in(4) { id } else { world.leader().unwrap_or(id) };
            witness.read(world, id);
        }
        Act::Inject => inject(world, id, rng),
        Act::Crash => {
            let pending = world.host(id).disk.pending();
            world.crash_keeping(id, rng.index(pending + 1));
        }
        Act::Kill => world.kill(id),
        Act::Stand => drop(world.stand(id)),
        _ => {}
    }
}

fn inject(world: &mut World, id: u64, rng: &mut Rng) {
    let count = 1 + rng.index(4);
    let epoch = rng.one_in(3).then(|| {
        let promised = world.host(id).disk.written().promise.map_or(0, |promise| promise.epoch.0);
        promised.saturating_sub(rng.below(3))
    });
    if rng.one_in(3)
        && let Some(coming) = next_entry_of_leader(world, id)
    {
        // Forged, but identical to the entry that a push will confirm.
        world.inject_commands(id, vec![coming], None);
    } else {
        world.inject(id, &vec!["k0=forged"; count], epoch);
    }
}

fn next_entry_of_leader(world: &World, id: u64) -> Option<Bytes> {
    let next = Position::after(world.host(id).disk.written().last());
    let entry = world.host(world.leader()?).disk.written().at(next)?;
    (entry.kind == Kind::Command).then(|| entry.body.clone())
}

/// Links keep the order of their messages, except for [`Act::DeliverAny`], losses and duplicates.
fn message(world: &mut World, act: Act, rng: &mut Rng) -> String {
    if world.network.pool.is_empty() {
        return wait(world);
    }
    let any = rng.index(world.network.pool.len());
    let (from, to) = (world.network.pool[any].from, world.network.pool[any].to);
    let first = world.network.pool.iter().position(|other| other.from == from && other.to == to).unwrap_or(any);
    let index = if act == Act::Deliver { first } else { any };
    let envelope = if act == Act::Twice { world.network.pool[index].clone() } else { world.network.pool.remove(index) };
    let text = format!("{act:?} {} {}→{} {:?}", envelope.number, envelope.from, envelope.to, envelope.message);
    if act != Act::Lose {
        world.deliver_message(envelope);
    }
    text
}

/// Advances time to the next deadline, and gives its node a tick.
fn wait(world: &mut World) -> String {
    let Some((_, id)) = world.next_deadline() else { return "all are down".to_owned() };
    world.tick(id);
    format!("wait until {:?} for n{id}", world.now)
}
