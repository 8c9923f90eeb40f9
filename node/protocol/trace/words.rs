//! The fixed words that facts have for reasons and outcomes.

use crate::named::named;

named! {
    /// Why a push does not continue a log.
    pub enum Difference {
        /// The log ends before the entry that the push follows.
        PrevMissing = "prev-missing",
        /// It has another entry in that place.
        PrevDiffers = "prev-differs",
        /// An entry of the push stands in the place of another one.
        EntryDiffers = "entry-differs",
    }
}
