//! Order in a cluster: every link whole, nothing held, every process running, one leader, all logs equal and final. A
//! scenario begins with it and ends with it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use epoca::client::Client;
use epoca::protocol::NodeId;
use epoca::verify::patience::Patience;

use super::listener::{Ears, Heard};

/// How long a cluster may take to come back to order.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// Logs that stay different for so long are brought together by a write.
const NUDGE: Duration = Duration::from_secs(2);
const NUDGE_KEY: &[u8] = b"scenario";

/// Undoes every fault and waits until all nodes agree; an error says what stays wrong.
pub async fn restore(client: &Client, ears: &Ears) -> Result<(), String> {
    undo_all(client).await?;
    agree(client, ears, true).await
}

/// The same while clients write on: then logs are never equal for long, and it is enough that all follow one leader.
pub async fn restore_under_load(client: &Client, ears: &Ears) -> Result<(), String> {
    undo_all(client).await?;
    agree(client, ears, false).await
}

/// Until nothing is wrong with it any more: on a busy machine a node may answer too late to be told of it the first
/// time.
async fn undo_all(client: &Client) -> Result<(), String> {
    let begun = Instant::now();
    while let Err(why) = undo(client).await {
        if begun.elapsed() > PATIENCE {
            return Err(why);
        }
        tokio::time::sleep(NUDGE / 4).await;
    }
    Ok(())
}

/// Undoes every fault, for whoever breaks off in the middle.
pub async fn leave(client: &Client) {
    // What cannot be undone is seen on the screen.
    let _ = undo(client).await;
}

async fn undo(client: &Client) -> Result<(), String> {
    let failed = |error: epoca::client::ClientError| error.to_string();
    if let Some(processes) = client.processes().await.map_err(failed)? {
        for process in processes.nodes {
            match process.state.as_str() {
                "paused" => _ = client.resume(process.id).await.map_err(failed)?,
                "stopped" => _ = client.restart(process.id).await.map_err(failed)?,
                _ => {}
            }
        }
    }
    match client.lift().await {
        // Nodes that allow no faults have none.
        Err(error) if error.code() == "lab_only" => Ok(()),
        lifted => lifted.map(drop).map_err(failed),
    }
}

/// Waits until one node leads and all follow it, and if it is asked for hold the same, all of it final.
async fn agree(client: &Client, ears: &Ears, equal: bool) -> Result<(), String> {
    let nodes: Vec<NodeId> = client.nodes().into_iter().map(|(id, _)| id).collect();
    let patience = Patience::of(PATIENCE);
    let mut nudged = Instant::now();
    loop {
        let Some(why) = disorder(&ears.heard(), &nodes, equal) else { return Ok(()) };
        if patience.is_over() {
            return Err(format!("no order after {} s: {why}", PATIENCE.as_secs()));
        }
        if equal && nudged.elapsed() > NUDGE {
            // Forged entries stay at a log's end until a push meets them. If it is not taken, the next one may be.
            let _ = client.put(Bytes::from_static(NUDGE_KEY), Bytes::from_static(b"in order")).await;
            nudged = Instant::now();
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What is not in order, if anything is.
fn disorder(heard: &Heard, nodes: &[NodeId], equal: bool) -> Option<String> {
    let Some((leader, state)) = heard.leader() else { return Some("nobody leads".to_owned()) };
    let Some(last) = state.last().filter(|last| Some(last.id.epoch) == state.epoch) else {
        return Some(format!("{leader} has not opened its epoch"));
    };
    let listed = state.members.as_ref().map(|list| list.voters.iter().chain(&list.learners).copied().collect());
    for id in &listed.unwrap_or_else(|| nodes.to_vec()) {
        let Some(node) = heard.node(*id).filter(|node| node.live) else { return Some(format!("{id} is not heard")) };
        if *id != leader && node.state.leader != Some(leader) {
            return Some(format!("{id} does not follow {leader}"));
        }
        if equal && (node.state.last() != Some(last) || node.state.applied != Some(last)) {
            return Some(format!("the log of {id} differs from that of {leader}, or is not final"));
        }
    }
    None
}
