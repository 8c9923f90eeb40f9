//! The evidence, tested: the checkers find what they must and no more, the simulator repeats itself.

mod invariants;

mod linearizability;

mod watching;

mod simulator;

mod seeds;
