//! Texts of the screen of one node.

use crate::lang::{Text, text};

pub const TITLE: Text = text("NODE {node}", "NÓ {node}");
pub const KEYS: Text = text("1-9 another node · any other key closes", "1-9 outro nó · outra tecla fecha");
pub const PROCESS: Text = text("process", "processo");
pub const LOG: Text = text("log", "log");
pub const AROUND: Text = text("entries", "entradas");
pub const DISK: Text = text("disk", "disco");
pub const ACKS: Text = text("acks", "acks");
pub const TRAFFIC: Text = text("sent", "enviado");
pub const FAULTS: Text = text("faults", "falhas");
pub const LAST_WORDS: Text = text("last events", "últimos eventos");
pub const LOG_FACTS: Text = text(
    "{count} entries reported, the last {last}; committed {committed}, in the final db {applied}",
    "{count} entradas informadas, a última {last}; efetivada {committed}, no banco final {applied}",
);
pub const ORDER_WAITS: Text = text("a commit order up to {held} waits", "uma ordem de commit até {held} espera");
pub const DISK_FACTS: Text = text(
    "snapshot {snapshot}; log given up to {purged}; final db applied {applied}, keys: {keys}",
    "snapshot {snapshot}; log descartado até {purged}; banco final aplicado até {applied}, chaves: {keys}",
);
pub const UNKNOWN: Text = text("unknown", "desconhecido");
pub const NONE: Text = text("none", "nenhum");
pub const MATCHES: Text = text("{node} match {matched} next {next}", "{node} match {matched} next {next}");
pub const FOLLOWS: Text = text(
    "the leader {leader} has an ack up to {matched}, sends {next} next",
    "o líder {leader} tem ack até {matched}, envia {next} a seguir",
);
pub const LATENCY: Text = text("p50 of the confirmed writes {latency}", "p50 das escritas confirmadas {latency}");
pub const NOTES: Text = text("its start", "o seu início");
