//! What the program says, by language. Values come in, sentences go out: nothing here parses a sentence, and a variant
//! that has no words in one language does not compile.

pub mod english;

pub mod portuguese;
