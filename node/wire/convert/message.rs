//! Messages between nodes, in both directions.

use crate::protocol::{
    Ack, CommitOrder, Envelope, LogState, Message, PreVoteAnswer, PreVoteAsked, Push, Pushed, Refused, RoundAnswer,
    RunEnd, SnapshotAck, SnapshotChunk, TransferAsked, TransferNow, VoteAnswer, VoteAsked,
};
use crate::wire::convert::ids::{
    bytes16_to_wire, cluster, entry_id, epoch, incarnation, kind, level, node, number, optional_entry_id,
    optional_epoch, optional_point, point,
};
use crate::wire::convert::shape::{bounded, check_body, check_log_state};
use crate::wire::convert::{Malformed, required};
use crate::wire::proto;

impl From<Envelope> for proto::Envelope {
    fn from(envelope: Envelope) -> proto::Envelope {
        proto::Envelope {
            from: envelope.from.0,
            to: envelope.to.0,
            number: envelope.number,
            cluster: envelope.cluster.map(|cluster| bytes16_to_wire(&cluster.0)),
            incarnation: envelope.incarnation.map(|incarnation| bytes16_to_wire(&incarnation.0)),
            epoch: envelope.epoch.map(|epoch| epoch.0),
            sender: envelope.sender.map(|incarnation| bytes16_to_wire(&incarnation.0)),
            process: envelope.process,
            level: envelope.level.0,
            message: Some(envelope.message.into()),
        }
    }
}

impl TryFrom<proto::Envelope> for Envelope {
    type Error = Malformed;

    fn try_from(envelope: proto::Envelope) -> Result<Envelope, Malformed> {
        Ok(Envelope {
            from: node("from", envelope.from)?,
            to: node("to", envelope.to)?,
            number: number("number", envelope.number)?,
            cluster: envelope.cluster.as_ref().map(cluster).transpose()?,
            incarnation: envelope.incarnation.as_ref().map(incarnation).transpose()?,
            epoch: optional_epoch("epoch", envelope.epoch)?,
            sender: envelope.sender.as_ref().map(incarnation).transpose()?,
            process: envelope.process,
            level: level(envelope.level),
            message: required("message", envelope.message)?.try_into()?,
        })
    }
}

impl From<Message> for proto::envelope::Message {
    fn from(message: Message) -> proto::envelope::Message {
        use proto::envelope::Message as Wire;
        match message {
            Message::Push(push) => Wire::Push(push.into()),
            Message::Ack(ack) => Wire::Ack(proto::Ack {
                up_to: ack.up_to.map(Into::into),
                finalized: ack.finalized.map(Into::into),
                answers: ack.answers,
            }),
            Message::RoundAnswer(RoundAnswer { round, patience_micros }) => {
                Wire::RoundAnswer(proto::RoundAnswer { round, patience_micros })
            }
            Message::LogState(state) => Wire::LogState(state.into()),
            Message::CommitOrder(order) => Wire::CommitOrder(proto::CommitOrder { up_to: Some(order.up_to.into()) }),
            Message::Refused(refused) => Wire::Refused(proto::Refused { answers: refused.answers }),
            Message::PreVoteAsked(asked) => {
                Wire::PreVoteAsked(proto::PreVoteAsked { epoch: asked.epoch.0, last: asked.last.map(Into::into) })
            }
            Message::PreVoteAnswer(answer) => Wire::PreVoteAnswer(proto::PreVoteAnswer {
                epoch: answer.epoch.0,
                granted: answer.granted,
                last: answer.last.map(Into::into),
                incarnation: bytes16_to_wire(&answer.incarnation.0),
            }),
            Message::VoteAsked(asked) => Wire::VoteAsked(proto::VoteAsked {
                epoch: asked.epoch.0,
                last: asked.last.map(Into::into),
                transfer: asked.transfer,
            }),
            Message::SnapshotChunk(chunk) => Wire::SnapshotChunk(proto::SnapshotChunk {
                snapshot: Some(chunk.snapshot.into()),
                offset: chunk.offset,
                bytes: chunk.bytes,
                resync: chunk.resync,
            }),
            Message::SnapshotAck(ack) => Wire::SnapshotAck(proto::SnapshotAck {
                snapshot: Some(ack.snapshot.into()),
                answers: ack.answers,
                received: ack.received,
            }),
            Message::VoteAnswer(answer) => {
                Wire::VoteAnswer(proto::VoteAnswer { epoch: answer.epoch.0, granted: answer.granted })
            }
            Message::TransferNow(transfer) => {
                Wire::TransferNow(proto::TransferNow { last: Some(transfer.last.into()) })
            }
            Message::TransferAsked(_) => Wire::TransferAsked(proto::TransferAsked {}),
        }
    }
}

impl TryFrom<proto::envelope::Message> for Message {
    type Error = Malformed;

    fn try_from(message: proto::envelope::Message) -> Result<Message, Malformed> {
        use proto::envelope::Message as Wire;
        Ok(match message {
            Wire::Push(push) => Message::Push(push.try_into()?),
            Wire::Ack(ack) => Message::Ack(Ack {
                up_to: optional_point(ack.up_to)?,
                finalized: optional_point(ack.finalized)?,
                answers: number("answers", ack.answers)?,
            }),
            Wire::RoundAnswer(answer) => Message::RoundAnswer(RoundAnswer {
                round: number("round", answer.round)?,
                patience_micros: answer.patience_micros,
            }),
            Wire::LogState(state) => Message::LogState(state.try_into()?),
            Wire::CommitOrder(order) => Message::CommitOrder(CommitOrder { up_to: point("up_to", order.up_to)? }),
            Wire::Refused(refused) => Message::Refused(Refused { answers: number("answers", refused.answers)? }),
            Wire::PreVoteAsked(asked) => Message::PreVoteAsked(PreVoteAsked {
                epoch: epoch("epoch", asked.epoch)?,
                last: optional_entry_id(asked.last)?,
            }),
            Wire::PreVoteAnswer(answer) => Message::PreVoteAnswer(PreVoteAnswer {
                epoch: epoch("epoch", answer.epoch)?,
                granted: answer.granted,
                last: optional_entry_id(answer.last)?,
                incarnation: incarnation(&answer.incarnation)?,
            }),
            Wire::VoteAsked(asked) => Message::VoteAsked(VoteAsked {
                epoch: epoch("epoch", asked.epoch)?,
                last: optional_entry_id(asked.last)?,
                transfer: asked.transfer,
            }),
            Wire::SnapshotChunk(chunk) => Message::SnapshotChunk(SnapshotChunk {
                snapshot: required("snapshot", chunk.snapshot)?.try_into()?,
                offset: number("offset", chunk.offset)?,
                bytes: chunk.bytes,
                resync: number("resync", chunk.resync)?,
            }),
            Wire::SnapshotAck(ack) => Message::SnapshotAck(SnapshotAck {
                snapshot: required("snapshot", ack.snapshot)?.try_into()?,
                answers: number("answers", ack.answers)?,
                received: number("received", ack.received)?,
            }),
            Wire::VoteAnswer(answer) => {
                Message::VoteAnswer(VoteAnswer { epoch: epoch("epoch", answer.epoch)?, granted: answer.granted })
            }
            Wire::TransferNow(transfer) => Message::TransferNow(TransferNow { last: point("last", transfer.last)? }),
            Wire::TransferAsked(_) => Message::TransferAsked(TransferAsked {}),
        })
    }
}

impl From<Push> for proto::Push {
    fn from(push: Push) -> proto::Push {
        proto::Push {
            prev: push.prev.map(Into::into),
            entries: push.entries.into_iter().map(pushed_to_wire).collect(),
            resync: push.resync,
            replaces: push.replaces,
            round: push.round,
            acked: push.acked.map(Into::into),
        }
    }
}

fn pushed_to_wire(pushed: Pushed) -> proto::Pushed {
    proto::Pushed {
        epoch: pushed.id.epoch.0,
        offset: pushed.id.offset.0,
        kind: proto::EntryKind::from(pushed.kind).into(),
        body: pushed.body,
    }
}

impl TryFrom<proto::Push> for Push {
    type Error = Malformed;

    fn try_from(push: proto::Push) -> Result<Push, Malformed> {
        Ok(Push {
            prev: optional_point(push.prev)?,
            entries: bounded(push.entries)?.into_iter().map(pushed_from_wire).collect::<Result<_, _>>()?,
            resync: number("resync", push.resync)?,
            replaces: push.replaces,
            round: number("round", push.round)?,
            acked: optional_point(push.acked)?,
        })
    }
}

fn pushed_from_wire(pushed: proto::Pushed) -> Result<Pushed, Malformed> {
    let id = entry_id("epoch", pushed.epoch, pushed.offset)?;
    let kind = kind(pushed.kind)?;
    check_body(id, kind, &pushed.body)?;
    Ok(Pushed { id, kind, body: pushed.body })
}

impl From<LogState> for proto::LogState {
    fn from(state: LogState) -> proto::LogState {
        proto::LogState {
            runs: state.runs.into_iter().map(Into::into).collect(),
            committed: state.committed.map(Into::into),
            purged: state.purged.map(Into::into),
            answers: state.answers,
            resync: state.resync,
        }
    }
}

impl TryFrom<proto::LogState> for LogState {
    type Error = Malformed;

    fn try_from(state: proto::LogState) -> Result<LogState, Malformed> {
        let state = LogState {
            runs: state.runs.into_iter().map(RunEnd::try_from).collect::<Result<_, _>>()?,
            committed: optional_point(state.committed)?,
            purged: optional_point(state.purged)?,
            answers: number("answers", state.answers)?,
            resync: number("resync", state.resync)?,
        };
        check_log_state(&state)?;
        Ok(state)
    }
}
