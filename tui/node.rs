//! `epoca node`: runs one node.

use std::process::ExitCode;

#[derive(clap::Args, Debug)]
pub struct NodeArgs {}

pub fn run(args: NodeArgs) -> ExitCode {
    eprintln!("no node yet: {args:?}");
    ExitCode::FAILURE
}
