//! The simulated network: which messages are lost, doubled, late, out of order; which links are cut.
//!
//! Each message's fate comes from the seed, its link and its place on it, so that a smaller plan leaves the fate of the
//! others as it was as long as nothing else differs.

use crate::protocol::Envelope;
use crate::verify::dice::Dice;
use crate::verify::simulator::options;

const NODES_MAX: usize = 16;

pub(super) struct Network {
    seed: u64,
    pub(super) options: options::Network,
    /// Noise that is in force besides.
    pub(super) noise: Vec<(usize, options::Network)>,
    /// One in so many messages comes once more, so long after: by which fault.
    pub(super) echoes: Vec<(usize, u64, u64)>,
    links: Vec<Link>,
}

#[derive(Clone, Default)]
struct Link {
    cuts: u64,
    sent: u64,
    /// When the last message arrives.
    last: u64,
}

/// When a message arrives, and when once more.
pub(super) struct Fate {
    pub(super) at: Option<u64>,
    pub(super) again: Option<u64>,
}

impl Network {
    pub(super) fn new(seed: u64, options: options::Network) -> Network {
        Network {
            seed,
            options,
            noise: Vec::new(),
            echoes: Vec::new(),
            links: vec![Link::default(); NODES_MAX * NODES_MAX],
        }
    }

    fn link(&mut self, from: u64, to: u64) -> &mut Link {
        &mut self.links[from as usize % NODES_MAX * NODES_MAX + to as usize % NODES_MAX]
    }

    pub(super) fn cut(&mut self, from: u64, to: u64) {
        self.link(from, to).cuts += 1;
    }

    pub(super) fn heal(&mut self, from: u64, to: u64) {
        self.link(from, to).cuts -= 1;
    }

    pub(super) fn fate(&mut self, now: u64, envelope: &Envelope) -> Fate {
        let (from, to) = (envelope.from.0, envelope.to.0);
        let (seed, options) = (self.seed, self.options);
        let noise = self.noise.last().map(|(_, noise)| *noise);
        let echo = self.echoes.last().map(|(_, one_in, after)| (*one_in, *after));
        let link = self.link(from, to);
        link.sent += 1;
        let mut dice = Dice::of(seed, from << 48 | to << 40 | link.sent);
        let unlucky = |dice: &mut Dice, odds: fn(&options::Network) -> u64| {
            dice.one_in(odds(&options)) || noise.is_some_and(|noise| dice.one_in(odds(&noise)))
        };
        let lost = unlucky(&mut dice, |options| options.lost_in) || link.cuts > 0;
        let doubled = unlucky(&mut dice, |options| options.doubled_in);
        let late = unlucky(&mut dice, |options| options.late_in);
        let mut delay = dice.between(options.delay_least_micros, options.delay_most_micros);
        if late {
            delay *= 10;
        }
        let mut at = now + delay;
        if options.ordered {
            at = at.max(link.last);
            link.last = if lost { link.last } else { at };
        }
        let again = doubled.then(|| at + dice.below(options.delay_most_micros * 5));
        let echo = echo.filter(|(one_in, _)| dice.one_in(*one_in)).map(|(_, after)| at + after);
        let again = echo.or(again);
        Fate { at: (!lost).then_some(at), again: again.filter(|_| !lost) }
    }

    /// A client's request or a hop between nodes takes this long.
    pub(super) fn client_delay(&self, dice: &mut Dice) -> u64 {
        dice.between(self.options.delay_least_micros, self.options.delay_most_micros)
    }
}
