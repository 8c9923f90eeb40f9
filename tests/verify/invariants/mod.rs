//! Tests of the invariants over trace events: each detects a history that breaks it, and none reports a violation in
//! simulated clusters, whenever a watch begins and in whatever order the nodes' events arrive.

mod violations;

mod watchers;
