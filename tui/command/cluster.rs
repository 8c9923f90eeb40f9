//! `epoca cluster`: starts a local cluster, reports its nodes, and ends it on a signal.

use std::path::Path;

use clap::Args;
use epoca::cluster::{Cluster, ClusterError, ClusterOptions, ProcessEvent};

use super::messages::{self, shell};
use super::node_options::{LeadershipArgs, LimitArgs, SnapshotArgs};
use super::options::Global;
use super::outcome::{Exit, Outcome};
use super::print::{self, error_line};
use super::signals::termination;
use crate::lang::{Lang, Localized};

#[derive(Args, Clone, Debug)]
pub struct ClusterArgs {
    /// How many nodes: one leader and replicas [default: those that the folder holds, or 4 in a new one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=15))]
    pub nodes: Option<u64>,
    /// The first port; ports in use are skipped; 0 takes any
    #[arg(long, value_name = "PORT", default_value_t = 7101)]
    pub base_port: u16,
    /// Allow injected faults, and show keys and values in traces
    #[arg(long)]
    pub lab: bool,
    /// Delete the data of earlier nodes
    #[arg(long)]
    pub fresh: bool,
    #[command(flatten)]
    pub leadership: LeadershipArgs,
    #[command(flatten)]
    pub snapshots: SnapshotArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// Runs until Ctrl-C, SIGTERM or SIGHUP, or until the start fails.
pub async fn run(args: &ClusterArgs, global: &Global) -> Outcome {
    let executable = match std::env::current_exe() {
        Ok(executable) => executable,
        Err(error) => {
            return Outcome::error(Exit::NotDone, "no_executable", messages::no_executable(&error));
        }
    };
    let options = ClusterOptions {
        nodes: args.nodes,
        base_port: args.base_port,
        lab: args.lab,
        fresh: args.fresh,
        more: [args.snapshots.to_arguments(), args.limits.to_arguments()].concat(),
        ..args.leadership.apply_to(ClusterOptions::new(executable, &global.data))
    };
    let terminated = match termination() {
        Ok(terminated) => terminated,
        Err(outcome) => return outcome,
    };
    tokio::pin!(terminated);
    let mut cluster = tokio::select! {
        started = Cluster::start(options) => match started {
            Ok(cluster) => cluster,
            Err(error) => return failed(&error),
        },
        () = &mut terminated => return Outcome::done(serde_json::Value::Null),
    };
    let mut output = Output { lang: global.lang(), failed: false };
    let outcome = tokio::select! {
        outcome = serve(&mut cluster, &global.data, &mut output) => outcome,
        () = &mut terminated => Outcome::done(serde_json::Value::Null),
    };
    // A second signal kills the nodes that have not ended.
    if let Ok(again) = termination() {
        tokio::select! {
            () = cluster.stop() => {}
            () = again => {}
        }
    }
    output.end(outcome)
}

/// The launcher's lines on standard output. The nodes run on if these cannot be written: their clients do not need
/// them.
struct Output {
    lang: Lang,
    failed: bool,
}

impl Output {
    fn line(&mut self, text: impl Into<Localized>) {
        let Err(error) = print::result_line(text.into().to(self.lang)) else { return };
        if !self.failed && !print::is_gone(&error) {
            self.failed = true;
            error_line(&format!("epoca: {}", shell::output_lost(&error).to(self.lang)));
        }
    }

    /// A failed output decides the exit code only if nothing else failed.
    fn end(self, outcome: Outcome) -> Outcome {
        if self.failed && outcome.exit == Exit::Done { outcome.exit(Exit::OutputFailed) } else { outcome }
    }
}

/// Reports what happens to the nodes. Returns only on an error.
async fn serve(cluster: &mut Cluster, data: &Path, output: &mut Output) -> Outcome {
    for node in cluster.nodes() {
        let pid = node.pid.map_or(shell::NOT_RUNNING.to(output.lang).to_owned(), |pid| format!("pid {pid}"));
        output.line(format!("{}  {}  {pid}  {}", node.id, node.address, data.join(node.id.to_string()).display()));
        if let Some(exit) = node.exit {
            error_line(shell::ended_with(&node.id, &exit).to(output.lang));
        }
    }
    cluster.warnings().iter().for_each(|warning| output.line(warning.as_str()));
    match cluster.ready().await {
        Ok(ready) => output.line(shell::ready(&ready.leader, ready.epoch.0)),
        Err(error) => return failed(&error),
    }
    let mut events = cluster.take_events();
    loop {
        match &mut events {
            Some(events) => match events.recv().await {
                Some(ProcessEvent::Ended(node, how)) => {
                    error_line(shell::ended_unexpectedly(node.0, &how.to_string()).to(output.lang));
                }
                Some(ProcessEvent::Grown(node, address)) => output.line(shell::joins(&node, &address)),
                Some(ProcessEvent::Removed(node)) => output.line(shell::removed(&node)),
                Some(_) => {}
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }
}

fn failed(error: &ClusterError) -> Outcome {
    Outcome::error(Exit::NotDone, error.code(), error.to_string())
}
