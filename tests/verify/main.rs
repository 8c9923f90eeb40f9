//! Tests of the verification itself: the checkers find violations and only these, and the simulator is deterministic.

mod invariants;

mod linearizability;

mod watching;

mod simulator;

mod seeds;
