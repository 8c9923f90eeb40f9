//! Checks of a message's content that do not depend on the receiver's log.

use bytes::Bytes;

use crate::protocol::{Command, EntryId, Kind, LogPoint, LogState, Membership, Offset, Opening, RunEnd};
use crate::wire::convert::{Malformed, PUSHED_MAX};
use crate::wire::proto;

pub(super) fn bounded(entries: Vec<proto::Pushed>) -> Result<Vec<proto::Pushed>, Malformed> {
    if entries.len() > PUSHED_MAX { Err(Malformed::TooMany { found: entries.len() }) } else { Ok(entries) }
}

/// An opening is the first entry of its epoch and no other; a command is one that a client could have written.
pub(super) fn check_body(id: EntryId, kind: Kind, body: &Bytes) -> Result<(), Malformed> {
    let fits = match kind {
        Kind::Opening => id.offset == Offset(0) && Opening::decode(body).is_some(),
        Kind::Command => {
            id.offset > Offset(0) && Command::decode(body).is_some_and(|command| command.change.check().is_ok())
        }
        Kind::Members => id.offset > Offset(0) && Membership::decode(body).is_some_and(|list| list.is_valid()),
    };
    if fits { Ok(()) } else { Err(Malformed::Body { id, kind: kind.name() }) }
}

/// Epochs ascend, and the committed entry lies within the runs. Otherwise a mangled report would look to the leader
/// like a damaged log, and both nodes would stop.
pub(super) fn check_log_state(state: &LogState) -> Result<(), Malformed> {
    if !state.runs.is_sorted_by(|one, next| one.epoch < next.epoch) {
        return Err(Malformed::Contradiction { what: "its epochs do not ascend" });
    }
    match state.committed {
        Some(committed) if !lies_in(&state.runs, committed) => {
            Err(Malformed::Contradiction { what: "its committed entry is not in its epochs" })
        }
        _ => Ok(()),
    }
}

fn lies_in(runs: &[RunEnd], point: LogPoint) -> bool {
    let before: u128 = runs.iter().take_while(|run| run.epoch < point.id.epoch).map(entries).sum();
    let run = runs.iter().find(|run| run.epoch == point.id.epoch && point.id.offset <= run.last);
    let position = before + u128::from(point.id.offset.0) + 1;
    let same = |run: &RunEnd| run.last != point.id.offset || run.digest == point.digest;
    run.is_some_and(same) && position == u128::from(point.position.0)
}

fn entries(run: &RunEnd) -> u128 {
    u128::from(run.last.0) + 1
}
