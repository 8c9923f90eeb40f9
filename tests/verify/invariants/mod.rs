//! The invariants over trace events: each bites on a history that breaks it, none on what simulated clusters do, whenever
//! somebody begins to watch and in whatever order the nodes are heard.

mod bites;

mod watchers;
