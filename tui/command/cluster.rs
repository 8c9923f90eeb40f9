//! `epoca cluster`: starts a local cluster, says so, and ends it when it is told to.

use std::future::Future;
use std::path::Path;

use epoca::cluster::{Cluster, ClusterError, ClusterOptions, ProcessEvent};
use tokio::signal::unix::{SignalKind, signal};

use super::outcome::{Exit, Outcome};
use super::print::{error_line, result_line};
use super::shell::{ClusterArgs, Global};

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
    let serving = serve(&mut cluster, &global.data);
    let outcome = tokio::select! {
        outcome = serving => outcome,
        () = &mut told => Outcome::done(serde_json::Value::Null),
    };
    // Told once more, it kills what has not ended.
    if let Ok(again) = told_to_end() {
        tokio::select! {
            () = cluster.stop() => {}
            () = again => {}
        }
    }
    outcome
}

/// Ends only with an error.
async fn serve(cluster: &mut Cluster, data: &Path) -> Outcome {
    for node in cluster.nodes() {
        let pid = node.pid.map_or("not running".to_owned(), |pid| format!("pid {pid}"));
        result_line(&format!("{}  {}  {pid}  {}", node.id, node.address, data.join(node.id.to_string()).display()));
        if let Some(exit) = node.exit {
            error_line(&format!("{} ended with {exit}", node.id));
        }
    }
    cluster.warnings().iter().for_each(|warning| result_line(warning));
    match cluster.ready().await {
        Ok(ready) => result_line(&format!("ready: {} leads, epoch {}", ready.leader, ready.epoch.0)),
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
                Some(ProcessEvent::Grown(node, address)) => result_line(&format!("{node}  {address}  joins")),
                Some(ProcessEvent::Removed(node)) => result_line(&format!("{node}  removed")),
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
