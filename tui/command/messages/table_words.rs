//! Heads of tables and the words in their cells.

use crate::lang::{Localized, Text, text};

// Heads of tables.
pub const ADDRESS: Text = text("address", "endereço");
pub const APPLIED: Text = text("applied", "aplicada");
pub const COMMITTED: Text = text("committed", "efetivada");
pub const CONTENT: Text = text("content", "conteúdo");
pub const CONTENTS: Text = text("contents", "conteúdo");
pub const CREATED: Text = text("created", "criado");
pub const DIGEST: Text = text("digest", "digest");
pub const EPOCH: Text = text("epoch", "época");
pub const HELD: Text = text("held", "retida há");
pub const ID: Text = text("id", "id");
pub const INCARNATION: Text = text("incarnation", "encarnação");
pub const KEY: Text = text("key", "chave");
pub const KIND: Text = text("kind", "tipo");
pub const LAST: Text = text("last", "última");
pub const LEADER: Text = text("leader", "líder");
pub const MESSAGE: Text = text("message", "mensagem");
pub const NODE: Text = text("node", "nó");
pub const PID: Text = text("pid", "pid");
pub const POSITION: Text = text("position", "posição");
pub const REVISION: Text = text("revision", "revisão");
pub const ROLE: Text = text("role", "papel");
pub const STATE: Text = text("state", "estado");
pub const TYPED: Text = text("typed", "para digitar");
pub const VALUE: Text = text("value", "valor");
pub const VERSION: Text = text("version", "versão");

// Words in tables.
pub const UNREACHABLE: Text = text("unreachable", "inacessível");
pub const INTERMEDIATE: Text = text("intermediate", "intermediária");
pub const THROUGHPUT: Text = text("throughput", "vazão");
pub const LATENCY: Text = text("latency", "latência");
pub const CPU: Text = text("CPU", "CPU");

/// The word for a role as a node reports it.
pub fn role(name: &str) -> Localized {
    match name {
        "leader" => LEADER.into(),
        "candidate" => text("candidate", "candidato").into(),
        "replica" => text("replica", "réplica").into(),
        other => other.into(),
    }
}

/// The word for what a member is.
pub fn member_kind(name: &str) -> Localized {
    match name {
        "voter" => text("voter", "votante").into(),
        "joining" => text("joining", "entrando").into(),
        "learner" => text("learner", "aprendiz").into(),
        other => other.into(),
    }
}

/// The word for the kind of an entry that writes no key.
pub fn entry_kind(name: &str) -> Localized {
    match name {
        "opening" => text("opening", "abertura").into(),
        "members" => text("members", "membros").into(),
        "command" => text("command", "comando").into(),
        other => other.into(),
    }
}
