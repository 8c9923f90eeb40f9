//! The command line: `epoca` opens the console, `epoca node` runs a node, `epoca put`, `get`, … talk to a cluster.

fn main() {}
