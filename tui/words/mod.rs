//! What the program says of what it did. Values come in, sentences go out.

pub mod english;
