//! Scenarios through the program, as a person or a script runs them: on real processes, each with a cluster of its own
//! that leaves nothing behind.

mod support;

mod library;

mod damage;

mod refusals;
