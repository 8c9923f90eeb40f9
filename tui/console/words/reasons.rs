//! Codes that facts carry as their reason, in words.

use crate::console::words::{Text, text};

pub const REASONS: &[(&str, Text)] = &[
    ("by-hand", text("by hand", "à mão")),
    ("due", text("its time has come", "chegou a sua hora")),
    ("no-room", text("too many wait already", "já há esperando demais")),
    ("lost-on-purpose", text("lost on purpose", "perdida de propósito")),
    ("conflict", text("the leader has something else there", "o líder tem outra coisa ali")),
    ("resync", text("the leader's resync replaces it", "a ressincronização do líder o substitui")),
    ("forged-dropped", text("forged entries go before an election", "entradas forjadas saem antes de uma eleição")),
    ("runs", text("the last of the greatest common epoch", "a última da maior época em comum")),
    ("committed", text("its last committed entry", "a sua última entrada com commit")),
    ("silence", text("nobody led for an election timeout", "ninguém liderou durante um timeout de eleição")),
    ("asked", text("it was asked to stand", "pediram que se candidatasse")),
    ("greater-epoch", text("it heard of a greater epoch", "soube de uma época maior")),
    (
        "no-quorum",
        text("no quorum answered for an election timeout", "a maioria não respondeu durante um timeout de eleição"),
    ),
    ("lost-election", text("another node won", "outro nó venceu")),
    ("log-behind", text("the candidate's log is behind", "o log do candidato está atrasado")),
    ("leader-found", text("it found the leader", "encontrou o líder")),
    ("greater-promise", text("another had promised a greater epoch", "outro tinha prometido uma época maior")),
    ("epoch-not-greater", text("the epoch is not above its promise", "a época não é maior que a prometida")),
    ("voted-already", text("its vote in this epoch is given", "o seu voto nesta época já foi dado")),
    ("leader-alive", text("it hears a live leader", "ouve um líder vivo")),
    ("overloaded", text("too much is waiting already", "já há espera demais")),
    ("no_leader", text("no leader is known", "nenhum líder é conhecido")),
    ("stepped_down", text("it leads no longer", "não lidera mais")),
    ("cut", text("the link is cut on purpose", "o enlace está cortado de propósito")),
    (
        "ack-of-another-log",
        text("the ack is for a log that it no longer has", "o ack é de um log que ele não tem mais"),
    ),
    (
        "leader-contradicts-itself",
        text("the leader contradicts what it had sent", "o líder contradiz o que tinha enviado"),
    ),
    ("second-leader", text("two nodes claim to lead one epoch", "dois nós dizem liderar a mesma época")),
    ("killed", text("killed", "morto")),
    ("push", text("push", "push")),
    ("ack", text("ack", "ack")),
    ("heartbeat", text("heartbeat", "heartbeat")),
    ("commit-order", text("commit orders", "ordens de commit")),
    ("pre-vote", text("pre-vote", "pré-voto")),
    ("vote", text("vote", "voto")),
];
