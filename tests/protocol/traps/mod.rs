//! Traps that young implementations fall into, each by its number, and the regressions of our own.
//!
//! "Crash" is a power cut: what was not flushed is lost.

mod regressions;
