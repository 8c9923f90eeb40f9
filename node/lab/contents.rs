//! A message's content in short, for the list of held messages: only numbers and names.

use crate::protocol::{EntryId, LogPoint, Message, Push, SnapshotChunk};

/// As `e2·o3..e2·o5 after e2·o2`.
pub fn of(message: &Message) -> String {
    match message {
        Message::Push(push) => of_push(push),
        Message::Ack(ack) => format!("up to {}", id(ack.up_to)),
        Message::RoundAnswer(answer) => format!("round {}", answer.round),
        Message::LogState(state) => {
            let ends = state.runs.iter().map(|run| format!("{}·{}", run.epoch, run.last));
            let ends: Vec<String> = ends.collect();
            format!("log ends {}, committed {}", or_dash(&ends.join(" ")), id(state.committed))
        }
        Message::CommitOrder(order) => format!("up to {}", order.up_to.id),
        Message::Refused(refused) => format!("of #{}", refused.answers),
        Message::PreVoteAsked(asked) => format!("for {}, last {}", asked.epoch, entry(asked.last)),
        Message::VoteAsked(asked) => format!("for {}, last {}", asked.epoch, entry(asked.last)),
        Message::SnapshotChunk(chunk) => {
            let SnapshotChunk { snapshot, offset, bytes, .. } = chunk;
            format!("of {}, byte {offset} and {} more, of {}", snapshot.point.id, bytes.len(), snapshot.bytes)
        }
        Message::SnapshotAck(ack) => {
            format!("of {}, {} of {} bytes", ack.snapshot.point.id, ack.received, ack.snapshot.bytes)
        }
        Message::PreVoteAnswer(answer) => format!("{} for {}", granted(answer.granted), answer.epoch),
        Message::TransferNow(transfer) => format!("start an election now, last {}", transfer.last.id),
        Message::TransferAsked(_) => "wants to lead".to_owned(),
        Message::VoteAnswer(answer) => format!("{} for {}", granted(answer.granted), answer.epoch),
    }
}

fn of_push(push: &Push) -> String {
    let after = id(push.prev);
    let again = if push.replaces { ", replaces" } else { "" };
    match (push.entries.first(), push.entries.last()) {
        (Some(first), Some(last)) if first.id == last.id => format!("{} after {after}{again}", first.id),
        (Some(first), Some(last)) => format!("{}..{} after {after}{again}", first.id, last.id),
        _ => format!("after {after}"),
    }
}

fn granted(granted: bool) -> &'static str {
    if granted { "yes" } else { "no" }
}

fn id(point: Option<LogPoint>) -> String {
    entry(point.map(|point| point.id))
}

fn entry(id: Option<EntryId>) -> String {
    id.map_or("-".to_owned(), |id| id.to_string())
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}
