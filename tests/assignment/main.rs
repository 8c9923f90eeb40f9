//! The requirements of the assignment on real processes, through the public API: its four tests, and one test for each
//! graded line, named for it.
//!
//! Each test has its own cluster: four node processes, started by the test, and a client process for each command, all
//! with their own process ids, talking over gRPC on the loopback.

mod lab;

mod four_tests;

mod client;

mod leader;

mod replica;

mod durability;
