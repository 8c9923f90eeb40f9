//! Which cores count as the same state: what is history in a core's numbers is left out.
//!
//! 1. The random state. The election timeout is one tick of the model's clock, so every draw gives the same.
//! 2. The time itself. A core compares times only with its own `now`, by "has it passed", so a time is told as what
//!    lies ahead of `now`, or as past. Times are recognised by their size: nothing else in a core is near [`START`].
//! 3. The numbers of the last operation and the last message. Only the order of operations counts, and those to come
//!    are greater in any case; message numbers are for the trace, and the network of this model forgets them.
//!
//! A core has no accessors for these, so they are found by their place in what its derived `Hash` writes; a test holds
//! the places.

use std::hash::{Hash, Hasher};

use epoca::protocol::{Config, Core, FeatureLevel, Time};

/// The clocks' first time, far from every other number in a core.
pub const START: Time = Time(1 << 40);

const TIMES: std::ops::Range<u64> = START.0..START.0 + (1 << 20);

/// After the config: the random state and `now`.
const FRONT: usize = 2;

/// At the end: last operation, last message number, last read, watched, the (empty) outputs.
const BACK: usize = 5;

/// What a core's hash is made of, without history.
pub fn words(core: &Core, config: &Config, now: Time) -> Vec<u64> {
    let from = all_words(config, now).len() + FRONT;
    let mut words = all_words(core, now);
    let end = words.len() - BACK;
    words.drain(end..end + 2);
    words.drain(..from);
    words
}

fn all_words<T: Hash>(value: &T, now: Time) -> Vec<u64> {
    let mut writer = Words { now, words: Vec::with_capacity(256) };
    value.hash(&mut writer);
    writer.words
}

/// A hasher that keeps what is written to it.
struct Words {
    now: Time,
    words: Vec<u64>,
}

impl Hasher for Words {
    fn finish(&self) -> u64 {
        unreachable!("only the words are wanted")
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.words.push(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.words.push(value.into());
    }

    fn write_u64(&mut self, value: u64) {
        let Time(now) = self.now;
        self.words.push(match value {
            past if TIMES.contains(&past) && past < now => TIMES.start,
            ahead if TIMES.contains(&ahead) => TIMES.start + 1 + (ahead - now),
            other => other,
        });
    }

    fn write_usize(&mut self, value: usize) {
        self.words.push(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.words.push(value as u64);
    }
}

#[cfg(test)]
mod tests {
    use epoca::protocol::{Envelope, Input, Message, NodeId, PreVoteAsked, Restored};

    use super::*;
    use crate::node::config;

    fn asked(number: u64) -> Input {
        let message = Message::PreVoteAsked(PreVoteAsked { epoch: epoca::protocol::Epoch(1), last: None });
        let (from, to) = (NodeId(2), NodeId(1));
        Input::Message(Envelope {
            from,
            to,
            number,
            cluster: None,
            incarnation: None,
            epoch: None,
            sender: None,
            process: 0,
            level: FeatureLevel::NEWEST,
            message,
        })
    }

    #[test]
    fn history_stands_at_the_places_that_are_left_out() {
        let config = Config { seed: 77, ..config(1, 3) };
        let mut core = Core::new(config.clone(), Restored::default(), START);
        let front = all_words(&config, START).len();
        let words = all_words(&core, START);
        assert_eq!(words[front + 1], TIMES.start + 1, "now");
        assert_eq!(words[words.len() - BACK..], [0; BACK], "operation, message, read, watched, outputs");

        core.step(START, asked(1));
        let after = all_words(&core, START);
        assert_eq!(after[after.len() - BACK..], [0, 1, 0, 0, 0], "one message was sent, which changes nothing else");
        assert_eq!(after[..after.len() - BACK], words[..words.len() - BACK]);

        core.step(START, Input::Watched(true));
        let watched = all_words(&core, START);
        assert_eq!(watched[watched.len() - BACK..], [0, 1, 0, 1, 0]);
    }

    #[test]
    fn cores_that_differ_in_history_alone_are_the_same_and_others_are_not() {
        let config = config(1, 3);
        let new = |now| Core::new(config.clone(), Restored::default(), now);
        let (mut early, late) = (new(START), new(START.plus_micros(9)));
        early.step(START, asked(1));
        let normal = words(&early, &config, START);
        assert_eq!(normal, words(&late, &config, START.plus_micros(9)), "it sent a message and is as old");
        early.step(early.deadline(), Input::Tick);
        assert_ne!(normal, words(&early, &config, early.deadline()), "it stands for election");
    }
}
