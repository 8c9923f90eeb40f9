//! The languages, which all rooms of the program share.

pub use crate::lang::{Lang, Text, text};
