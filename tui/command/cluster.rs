//! `epoca cluster`: starts a local cluster, says so, and ends it when it is told to.

use std::future::Future;
use std::path::Path;

use clap::Args;
use epoca::cluster::{Cluster, ClusterError, ClusterOptions, ProcessEvent};
use tokio::signal::unix::{SignalKind, signal};

use super::outcome::{Exit, Outcome};
use super::print::{self, error_line};
use super::node_options::{BoundArgs, Conduct, SnapshotArgs};
use super::options::Global;

#[derive(Args, Clone, Debug)]
pub struct ClusterArgs {
    /// How many nodes: one leader, the others replicas. Unless told, those that the folder holds, or 4 in a new one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=15))]
    pub nodes: Option<u64>,
    /// Ports are counted up from here, past those that are taken; 0 takes any
    #[arg(long, value_name = "PORT", default_value_t = 7101)]
    pub base_port: u16,
    /// Allow faults on purpose, and show keys and values to whoever watches
    #[arg(long)]
    pub lab: bool,
    /// Delete the data of the nodes that ran here before
    #[arg(long)]
    pub fresh: bool,
    #[command(flatten)]
    pub conduct: Conduct,
    #[command(flatten)]
    pub snapshots: SnapshotArgs,
    #[command(flatten)]
    pub bounds: BoundArgs,
}

/// Runs until Ctrl-C, SIGTERM or SIGHUP, or until it cannot be started.
pub async fn run(args: &ClusterArgs, global: &Global) -> Outcome {
    let executable = match std::env::current_exe() {
        Ok(executable) => executable,
        Err(error) => return Outcome::error(Exit::Not, "no_executable", format!("where is this program? {error}")),
    };
    let options = ClusterOptions {
        nodes: args.nodes,
        base_port: args.base_port,
        lab: args.lab,
        fresh: args.fresh,
        more: [args.snapshots.given(), args.bounds.given()].concat(),
        ..args.conduct.of(ClusterOptions::new(executable, &global.data))
    };
    let told = match told_to_end() {
        Ok(told) => told,
        Err(error) => return Outcome::error(Exit::Not, "no_signals", format!("cannot wait for signals: {error}")),
    };
    tokio::pin!(told);
    let mut cluster = tokio::select! {
        started = Cluster::start(options) => match started {
            Ok(cluster) => cluster,
            Err(error) => return failed(&error),
        },
        () = &mut told => return Outcome::done(serde_json::Value::Null),
    };
    let mut lines = Lines::default();
    let outcome = tokio::select! {
        outcome = serve(&mut cluster, &global.data, &mut lines) => outcome,
        () = &mut told => Outcome::done(serde_json::Value::Null),
    };
    // Told once more, it kills what has not ended.
    if let Ok(again) = told_to_end() {
        tokio::select! {
            () = cluster.stop() => {}
            () = again => {}
        }
    }
    lines.end(outcome)
}

/// What the launcher says on standard output. The nodes live on if that cannot be written: whoever uses them does not
/// depend on it.
#[derive(Default)]
struct Lines {
    failed: bool,
}

impl Lines {
    fn say(&mut self, text: &str) {
        let Err(error) = print::result_line(text) else { return };
        if !self.failed && !print::is_gone(&error) {
            self.failed = true;
            error_line(&format!("epoca: cannot write to standard output: {error}; the nodes run on"));
        }
    }

    /// The launcher's own code is about its output only if all else went well.
    fn end(self, outcome: Outcome) -> Outcome {
        if self.failed && outcome.exit == Exit::Done { outcome.exit(Exit::NotWritten) } else { outcome }
    }
}

/// Ends only with an error.
async fn serve(cluster: &mut Cluster, data: &Path, lines: &mut Lines) -> Outcome {
    for node in cluster.nodes() {
        let pid = node.pid.map_or("not running".to_owned(), |pid| format!("pid {pid}"));
        lines.say(&format!("{}  {}  {pid}  {}", node.id, node.address, data.join(node.id.to_string()).display()));
        if let Some(exit) = node.exit {
            error_line(&format!("{} ended with {exit}", node.id));
        }
    }
    cluster.warnings().iter().for_each(|warning| lines.say(warning));
    match cluster.ready().await {
        Ok(ready) => lines.say(&format!("ready: {} leads, epoch {}", ready.leader, ready.epoch.0)),
        Err(error) => return failed(&error),
    }
    let mut events = cluster.take_events();
    loop {
        match &mut events {
            Some(events) => match events.recv().await {
                Some(ProcessEvent::Ended(node, how)) => error_line(&format!(
                    "{node} ended by itself with {how}; `epoca fault restart {}` starts it again",
                    node.0
                )),
                Some(ProcessEvent::Grown(node, address)) => lines.say(&format!("{node}  {address}  joins")),
                Some(ProcessEvent::Removed(node)) => lines.say(&format!("{node}  removed")),
                Some(_) => {}
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }
}

fn failed(error: &ClusterError) -> Outcome {
    Outcome::error(Exit::Not, error.code(), error.to_string())
}

/// Ends at the first signal that asks this process to end.
pub fn told_to_end() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}
