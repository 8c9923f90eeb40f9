//! The command line: `epoca` opens the console, `epoca node` runs a node, `epoca put`, `get`, … talk to a cluster.

#[allow(dead_code, unused_imports)]
mod command;

mod console;

mod node;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
struct NodeCommand {
    #[command(flatten)]
    args: node::NodeArgs,
}

fn main() -> ExitCode {
    let options = console::ConsoleOptions {
        source: console::Source::Demo { nodes: 4, data: "epoca-data".into(), base_port: 7101, fresh: false },
        ascii: false,
        theme: console::Theme::Dark,
    };
    match std::env::args().nth(1).as_deref() {
        Some("node") => node::run(NodeCommand::parse_from(std::env::args().skip(1)).args),
        Some("console") => {
            console::run(console::ConsoleOptions { source: console::Source::Connect(Vec::new()), ..options })
        }
        _ => console::run(options),
    }
}
