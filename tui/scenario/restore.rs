//! Restoring a cluster: every link works, no message is held, every process runs, one node leads, all logs are equal
//! and final. A scenario begins and ends with it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use epoca::client::{Client, ClientError, ProcessState, Refusal};
use epoca::protocol::NodeId;
use epoca::protocol::trace::RuleSelection;

use super::listener::{Listener, ObservedCluster};
use super::messages;
use super::wait::Wait;
use crate::lang::Localized;
use crate::words::client_error;

/// How long a cluster may take to recover.
const RECOVERY: Duration = Duration::from_secs(120);
/// The pause between two attempts to undo all faults, and between two looks at the logs.
const UNDO_PAUSE: Duration = Duration::from_millis(500);
const LOOK_PAUSE: Duration = Duration::from_millis(20);
/// Logs that stay different for this long are aligned by a write.
const NUDGE_AFTER: Duration = Duration::from_secs(2);
const NUDGE_KEY: &[u8] = b"scenario";

/// Undoes every fault and waits until all nodes agree. The error tells what stays wrong.
pub async fn restore(client: &Client, listener: &Listener) -> Result<(), Localized> {
    undo_persistently(client).await?;
    wait_for_agreement(client, listener, true).await
}

/// Like [`restore`], while clients write. Logs are then never equal for long, so it suffices that all nodes follow one
/// leader.
pub async fn restore_under_load(client: &Client, listener: &Listener) -> Result<(), Localized> {
    undo_persistently(client).await?;
    wait_for_agreement(client, listener, false).await
}

/// Repeats until it succeeds: on a busy machine a node may answer too late at first.
async fn undo_persistently(client: &Client) -> Result<(), Localized> {
    let wait = Wait::new(RECOVERY, UNDO_PAUSE);
    while let Err(error) = undo(client).await {
        if !wait.again().await {
            return Err(client_error(&error));
        }
    }
    Ok(())
}

/// Undoes every fault once, for a scenario that is stopped in the middle.
pub async fn undo_faults(client: &Client) {
    // A fault that cannot be undone stays visible on the screen.
    let _ = undo(client).await;
}

async fn undo(client: &Client) -> Result<(), ClientError> {
    if let Some(processes) = client.processes().await? {
        for process in processes.nodes {
            match process.state {
                ProcessState::Paused => _ = client.resume(process.id).await?,
                ProcessState::Stopped => _ = client.restart(process.id).await?,
                ProcessState::Running => {}
            }
        }
    }
    match client.clear_rules(&RuleSelection::All).await {
        // Nodes without --lab have no faults.
        Err(ClientError::Refused(Refusal::LabOnly {} | Refusal::ClusterLabOnly {})) => Ok(()),
        lifted => lifted.map(drop),
    }
}

/// Waits until one node leads and all others follow it. With `equal` the logs must also be equal and final.
async fn wait_for_agreement(client: &Client, listener: &Listener, equal: bool) -> Result<(), Localized> {
    let nodes: Vec<NodeId> = client.nodes().into_iter().map(|(id, _)| id).collect();
    let wait = Wait::new(RECOVERY, LOOK_PAUSE);
    let mut nudged = Instant::now();
    loop {
        let Some(why) = disagreement(&listener.observed(), &nodes, equal) else { return Ok(()) };
        if !wait.again().await {
            return Err(messages::not_restored(RECOVERY, &why));
        }
        if equal && nudged.elapsed() > NUDGE_AFTER {
            // Forged entries stay at the end of a log until a push conflicts with them. If this write fails, the next
            // one may succeed.
            let _ = client.put(Bytes::from_static(NUDGE_KEY), Bytes::from_static(b"in order")).await;
            nudged = Instant::now();
        }
    }
}

/// Why the nodes do not agree, if they do not.
fn disagreement(observed: &ObservedCluster, nodes: &[NodeId], equal: bool) -> Option<Localized> {
    let Some((leader, state)) = observed.leader() else { return Some(messages::no_leader()) };
    let Some(last) = state.last().filter(|last| Some(last.id.epoch) == state.epoch) else {
        return Some(messages::epoch_not_opened(leader));
    };
    let listed = state.members.as_ref().map(|list| list.voters.iter().chain(&list.learners).copied().collect());
    for id in &listed.unwrap_or_else(|| nodes.to_vec()) {
        let Some(node) = observed.node(*id).filter(|node| node.live) else {
            return Some(messages::not_connected(*id));
        };
        if *id != leader && node.state.leader != Some(leader) {
            return Some(messages::does_not_follow(*id, leader));
        }
        if equal && (node.state.last() != Some(last) || node.state.applied != Some(last)) {
            return Some(messages::log_differs(*id, leader));
        }
    }
    None
}
