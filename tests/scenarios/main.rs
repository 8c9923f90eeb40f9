//! Scenarios through the command line: on real processes, on temporary clusters that leave nothing behind.

mod support;

mod library;

mod damage;

mod refusals;
