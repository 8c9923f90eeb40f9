//! Turns a target's input into almost valid bytes, because most random bytes fail at the first length field.

/// Reads numbers from a target's bytes; zeros once they are used up.
pub struct Tape<'a>(&'a [u8]);

impl<'a> Tape<'a> {
    pub fn new(bytes: &'a [u8]) -> Tape<'a> {
        Tape(bytes)
    }

    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The unused bytes.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(u16::from_le_bytes([self.byte(), self.byte()])) % bound.max(1)
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 1
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// The bytes themselves, or a sample with a few of its bytes changed, cut, doubled or overwritten.
pub fn spoil(bytes: &[u8], samples: &[Vec<u8>]) -> Vec<u8> {
    let mut tape = Tape::new(bytes);
    if tape.byte() % 4 == 3 {
        return tape.rest().to_vec();
    }
    let mut spoiled = tape.pick(samples);
    while !tape.is_over() && !spoiled.is_empty() {
        change(&mut spoiled, &mut tape);
    }
    spoiled
}

fn change(bytes: &mut Vec<u8>, tape: &mut Tape) {
    let at = tape.below(bytes.len());
    match tape.byte() % 8 {
        0 => bytes.truncate(at),
        1 => bytes[at] = 0xff,
        2 => bytes[at] = 0,
        3 => {
            let doubled = bytes[at..].to_vec();
            bytes.extend(doubled.iter().take(64));
        }
        4 => drop(bytes.drain(..at)),
        // The greatest varint.
        5 => drop(bytes.splice(at..at, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])),
        6 => bytes[at] = tape.byte(),
        _ => bytes[at] ^= 1 << (tape.byte() % 8),
    }
}
