//! The simulated network: which messages are lost, doubled, late or out of order, and which links are cut.
//!
//! The fate of a message depends on the seed, its link and its number on the link. So a smaller plan does not change
//! the fate of the other messages as long as nothing else differs.

use crate::protocol::Envelope;
use crate::verify::rng::Rng;
use crate::verify::simulator::options;

const NODES_MAX: usize = 16;

pub(super) struct Network {
    seed: u64,
    pub(super) options: options::Network,
    /// The faults with additional noise.
    pub(super) noise: Vec<(usize, options::Network)>,
    /// The faults with echoes: one message in `one_in` arrives a second time, `after_micros` later.
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

/// When a message arrives (`None`: lost), and when a second time.
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
        let mut rng = Rng::stream(seed, from << 48 | to << 40 | link.sent);
        let unlucky = |rng: &mut Rng, odds: fn(&options::Network) -> u64| {
            rng.one_in(odds(&options)) || noise.is_some_and(|noise| rng.one_in(odds(&noise)))
        };
        let lost = unlucky(&mut rng, |options| options.lost_in) || link.cuts > 0;
        let doubled = unlucky(&mut rng, |options| options.doubled_in);
        let late = unlucky(&mut rng, |options| options.late_in);
        let mut delay = rng.between(options.delay_micros_min, options.delay_micros_max);
        if late {
            delay *= 10;
        }
        let mut at = now + delay;
        if options.ordered {
            at = at.max(link.last);
            link.last = if lost { link.last } else { at };
        }
        let again = doubled.then(|| at + rng.below(options.delay_micros_max * 5));
        let echo = echo.filter(|(one_in, _)| rng.one_in(*one_in)).map(|(_, after)| at + after);
        let again = echo.or(again);
        Fate { at: (!lost).then_some(at), again: again.filter(|_| !lost) }
    }

    /// The delay of a client's request or answer.
    pub(super) fn client_delay(&self, rng: &mut Rng) -> u64 {
        rng.between(self.options.delay_micros_min, self.options.delay_micros_max)
    }
}
