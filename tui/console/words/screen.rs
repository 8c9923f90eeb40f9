//! What the screen itself says, outside of what the rules tell.

pub use crate::console::words::lang::{Text, text};

// The space-time picture.
pub const SPACE_TIME: Text = text("SPACE-TIME", "ESPAÇO-TEMPO");
pub const CLIENT: Text = text("client", "cliente");
pub const UP: Text = text("is back", "voltou");
pub const DOWN: Text = text("down", "fora do ar");
pub const READ: Text = text("read", "leitura");
pub const ANSWER: Text = text("answer", "resposta");
pub const REFUSED: Text = text("refused", "recusado");
pub const QUIET: Text = text(" heartbeats ×{count}, {seconds} s ", " heartbeats ×{count}, {seconds} s ");
pub const QUIET_LONG: Text = text(
    "{count} heartbeats in {seconds} s, with their acks and with orders that were sent again: nothing new",
    "{count} heartbeats em {seconds} s, com seus acks e ordens enviadas de novo: nada novo",
);
pub const NEWER_BELOW: Text = text("{count} newer below", "{count} mais novas abaixo");
pub const LOG_START: Text = text("start of the log", "início do log");
pub const MESSAGE_HEAD: Text = text("{kind} number {number}, {from} to {to}", "{kind} número {number}, {from} a {to}");
pub const CARRIES_EPOCH: Text = text("epoch {epoch}", "época {epoch}");
pub const CARRIES_ABOUT: Text = text("about {entry}", "sobre {entry}");
pub const CARRIES_ENTRIES: Text = text("{entries} up to {entry}", "{entries} até {entry}");
pub const CARRIES_RESYNC: Text = text("resync {number}", "ressincronização {number}");
pub const SENT_AT: Text = text("sent {time} (event {event})", "enviada {time} (evento {event})");
pub const FATE_UNDER_WAY: Text = text("not received yet", "ainda não recebida");
pub const FATE_HELD: Text = text("held back on purpose ▮", "retida de propósito ▮");
pub const FATE_LOST: Text = text("lost: {why}", "perdida: {why}");
pub const FATE_DOWN: Text = text("lost: the receiver is down", "perdida: o destinatário está fora do ar");
pub const FATE_RECEIVED: Text = text("received after {took} (event {event})", "recebida após {took} (evento {event})");
pub const CALL_WRITE: Text = text(
    "the client's {what} reaches the leader, which gives it {entry}",
    "{what} do cliente chega ao líder, que lhe dá {entry}",
);
pub const CALL_WRITTEN: Text =
    text("the client is told: done, up to {entry}", "o cliente é avisado: feito, até {entry}");
pub const CALL_READ: Text = text("{reads} reads reach the leader", "{reads} leituras chegam ao líder");
pub const CALL_ANSWERED: Text = text("{reads} reads are answered", "{reads} leituras são respondidas");

// The narration.
pub const NOTHING_YET: Text = text("nothing has happened yet", "nada aconteceu ainda");
pub const EXPLAIN_HINT: Text = text("e explains", "e explica");
pub const EXPLANATION: Text = text("EXPLANATION", "EXPLICAÇÃO");
pub const ANY_KEY_CLOSES: Text = text("any key closes", "qualquer tecla fecha");

// Marks beside a node's line.
pub const MARK_LEADS: Text = text("◆ leads {what}", "◆ lidera {what}");
pub const MARK_STEPS_DOWN: Text = text("◇ leads {what} no more", "◇ não lidera mais {what}");
pub const MARK_STANDS: Text = text("◇ stands for election", "◇ candidata-se");
pub const MARK_CONFLICT: Text = text("≠ conflict: {what}", "≠ conflito: {what}");
pub const MARK_TRUNCATES: Text = text("~ truncates {what}", "~ trunca {what}");
pub const MARK_COMMITTED: Text = text("✓ committed {what}", "✓ commit {what}");
pub const MARK_CUT: Text = text("✗ cut from {what}", "✗ cortado de {what}");
pub const MARK_HEALED: Text = text("✓ linked with {what}", "✓ ligado a {what}");
pub const MARK_HOLDS: Text = text("▮ holds {what}", "▮ retém {what}");
pub const MARK_RELEASED: Text = text("▸ releases {what}", "▸ libera {what}");
pub const MARK_INJECTED: Text = text("≠ forged: {what}", "≠ forjada: {what}");

/// The kinds of messages, short enough for an arrow.
pub const KINDS: &[(&str, Text)] = &[
    ("push", text("push", "push")),
    ("heartbeat", text("heartbeat", "heartbeat")),
    ("ack", text("ack", "ack")),
    ("round-answer", text("round", "rodada")),
    ("log-state", text("log", "log")),
    ("commit-order", text("order", "ordem")),
    ("refused", text("refused", "recusa")),
    ("pre-vote", text("pre-vote?", "pré-voto?")),
    ("pre-vote-answer", text("pre-vote", "pré-voto")),
    ("vote", text("vote?", "voto?")),
    ("vote-answer", text("vote", "voto")),
];
