//! Sentences for typed answers of the library: what was done, refused, unknown, or not answered. Values come in, one
//! sentence for each language goes out. What the commands say themselves is in `command/messages`.

mod english;

pub mod help;

mod invariants;

mod portuguese;

use epoca::client::{ClientError, DisksLost, Done, Note, Reason};

pub use invariants::invariant;

use crate::lang::Localized;

pub fn done(done: &Done) -> Localized {
    Localized::new(english::done(done), portuguese::done(done))
}

pub fn client_error(error: &ClientError) -> Localized {
    Localized::new(error.to_string(), portuguese::client_error(error))
}

/// Why there is no answer.
pub fn reason(why: &Reason) -> Localized {
    Localized::new(why.to_string(), portuguese::reason(why))
}

pub fn disks_lost(lost: &DisksLost) -> Localized {
    Localized::new(lost.to_string(), portuguese::disks_lost(lost))
}

pub fn note(note: &Note) -> Localized {
    Localized::new(note.to_string(), portuguese::note(note))
}
