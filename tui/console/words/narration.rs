//! Texts of the narration: the step, worded for one node or several, and a second sentence with the reason, or why no
//! committed entry is lost. A fact without a text here uses the one of `rules`.

use crate::lang::{Text, text};

pub struct NarrationText {
    pub key: &'static str,
    pub what: Text,
    pub why: Option<Text>,
}

const fn plain(key: &'static str, english: &'static str, portuguese: &'static str) -> NarrationText {
    NarrationText { key, what: text(english, portuguese), why: None }
}

impl NarrationText {
    const fn why(self, english: &'static str, portuguese: &'static str) -> NarrationText {
        NarrationText { why: Some(text(english, portuguese)), ..self }
    }
}

pub const TEXTS: &[NarrationText] = &[
    plain("Proposed", "takes {what} as {ids}", "aceita {what} como {ids}").why(
        "intermediate data: no majority has it, nobody can read it",
        "dados intermediários: a maioria não tem, ninguém lê",
    ),
    plain("Pushed", "push of {ids} to {peers}, prev {prev}", "push de {ids} a {peers}, prev {prev}"),
    plain(
        "Pushed.resync",
        "push of {ids} to {peers} again, from the sync point {prev}",
        "push de {ids} a {peers} de novo, a partir do ponto de sincronização {prev}",
    ),
    plain(
        "Consistent",
        "prev {prev} matches by id and digest: {ids} stored as intermediate data",
        "prev {prev} confere em id e digest: {ids} fica em dados intermediários",
    ),
    plain(
        "Consistent.equal",
        "prev {prev} matches by id and digest: {ids} stored, {equal} were there already",
        "prev {prev} confere em id e digest: {ids} fica, {equal} já estavam lá",
    ),
    plain(
        "Conflict.prev-missing",
        "prev is {expected}, the log here ends at {found}: something is missing in between",
        "prev é {expected}, o log aqui termina em {found}: falta algo no meio",
    )
    .why(
        "nothing is truncated for that; the leader is told the log state",
        "nada é truncado por isso; o líder recebe o estado atual de log",
    ),
    plain(
        "Conflict.same-id",
        "the leader has {expected}, here stands {found}: same id, another digest: conflict",
        "o líder tem {expected}, aqui está {found}: mesmo id, outro digest: conflito",
    ),
    plain(
        "Conflict.other-id",
        "the leader has {expected}, here stands {found}: another id: conflict",
        "o líder tem {expected}, aqui está {found}: outro id: conflito",
    ),
    plain("Truncated", "truncates {count} from {from_id} on: {why}", "trunca {count} a partir de {from_id}: {why}")
        .why(
            "nothing committed is lost: all up to {committed} is committed and lies before",
            "nada com commit se perde: tudo até {committed} tem commit e está antes",
        ),
    plain(
        "Reported",
        "log state to {to}: last {last}, committed {committed}",
        "estado atual de log a {to}: última {last}, commit até {committed}",
    ),
    plain(
        "Resynced",
        "sync point with {to}: {sync}, {by}; {resent} sent again",
        "ponto de sincronização com {to}: {sync}, {by}; {resent} de novo",
    ),
    plain("Acked", "{up_to} is on the disk: ack to {to}", "{up_to} está no disco: ack a {to}"),
    plain("Counted", "counts {peers}: {arithmetic}", "conta {peers}: {arithmetic}"),
    plain("Counted.short", "counts {peers}: {arithmetic}", "conta {peers}: {arithmetic}")
        .why("no majority has {up_to}: it is not confirmed", "a maioria não tem {up_to}: não é confirmada"),
    plain("Committed", "a majority has {up_to}: committed", "a maioria tem {up_to}: commit").why(
        "every later leader needs a vote of somebody who has it, so it cannot be lost",
        "todo líder futuro precisa do voto de alguém que a tem: não se perde",
    ),
    plain(
        "Ordered",
        "commit order to {peers}: all up to {up_to} is final",
        "ordem de commit a {peers}: tudo até {up_to} é final",
    ),
    plain("Finalized", "{up_to} in the final database: readable now", "{up_to} no banco de dados final: legível agora"),
    plain(
        "Held",
        "the order up to {up_to} waits: {from} has confirmed only {confirmed} here",
        "a ordem até {up_to} espera: {from} só confirmou {confirmed} aqui",
    )
    .why(
        "so a wrong entry at that place never becomes final",
        "assim uma entrada errada naquele lugar nunca vira final",
    ),
    plain(
        "PreVoteAsked",
        "asks first whether it could win {epoch}; its log ends at {last}",
        "pergunta antes se poderia vencer {epoch}; o seu log termina em {last}",
    ),
    plain(
        "VoteAsked",
        "votes for itself in {epoch} and asks for votes; its log ends at {last}",
        "vota em si em {epoch} e pede votos; o seu log termina em {last}",
    ),
    plain(
        "Granted",
        "{kind} for {to} in {epoch}: {theirs} is not behind {mine}",
        "{kind} para {to} em {epoch}: {theirs} não está atrás de {mine}",
    ),
    plain(
        "VoteRefused",
        "no {kind} for {to} in {epoch}: {why} ({theirs} against {mine})",
        "sem {kind} para {to} em {epoch}: {why} ({theirs} contra {mine})",
    ),
    plain(
        "Elected",
        "leads {epoch}: votes of {votes}, {quorum} were needed",
        "lidera {epoch}: votos de {votes}, eram precisos {quorum}",
    )
    .why(
        "its log is not behind a majority's, so it has all that is committed",
        "o seu log não está atrás do da maioria: tem tudo que teve commit",
    ),
    plain("SteppedDown", "leads {epoch} no longer: {why}", "não lidera mais {epoch}: {why}").why(
        "what it had not confirmed stays intermediate until the next leader decides",
        "o que não confirmou fica em dados intermediários até o próximo líder decidir",
    ),
    plain("SteppedDown.candidate", "gives up its candidacy: {why}", "desiste da candidatura: {why}")
        .why("it never led: nothing was confirmed by it", "ele não chegou a liderar: nada foi confirmado por ele"),
    plain("SteppedDown.untold", "is a replica from now on: {why}", "é réplica a partir de agora: {why}"),
    plain("MessageHeld", "held back on purpose: {kind} of {peers}", "retido de propósito: {kind} de {peers}"),
    plain("MessageReleased", "let through: {kind} of {peers}", "passa agora: {kind} de {peers}"),
    plain("MessageDelivered.due", "delivered, {why}: {kind} of {peers}", "entregue, {why}: {kind} de {peers}"),
    plain("MessageDelayed", "comes in {millis} ms: {kind} of {peers}", "chega em {millis} ms: {kind} de {peers}"),
    plain("MessageDuplicated", "is there twice: {kind} of {peers}", "está em dobro: {kind} de {peers}"),
    plain("MessageDiscarded.no-room", "thrown away, {why}: {kind} of {peers}", "jogado fora, {why}: {kind} de {peers}"),
    plain("Injected", "forged on purpose: {what} as {ids}", "forjada de propósito: {what} como {ids}").why(
        "the consistency check gets no hint: it must find it by id or digest",
        "a verificação não recebe dica: tem de achar por id ou digest",
    ),
    plain(
        "Quarantined",
        "has begun anew, its old folder lies aside: {text}",
        "recomeçou, a pasta antiga fica de lado: {text}",
    )
    .why(
        "what it had promised and acked with that folder counts no more: it is a new member, a learner first",
        "o que prometeu e confirmou com aquela pasta já não conta: é um membro novo, primeiro aprendiz",
    ),
    plain("LinkCut.both", "cut from each other, on purpose", "cortados um do outro, de propósito"),
    plain("LinkHealed.both", "linked with each other again", "ligados um ao outro de novo"),
    plain("LinkCut", "cut from {with}, on purpose", "cortado de {with}, de propósito"),
    plain("LinkHealed", "linked with {with} again", "ligado a {with} de novo"),
];
