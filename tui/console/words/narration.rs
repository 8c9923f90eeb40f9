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
    plain("Proposed", "appends {what} as {ids}", "acrescenta {what} ao log como {ids}")
        .why("intermediate data: not on a majority, not readable", "dados intermediários: sem maioria, não legíveis"),
    plain("Pushed", "push of {ids} to {peers}, prev {prev}", "push de {ids} a {peers}, prev {prev}"),
    plain(
        "Pushed.first",
        "push of {ids} to {peers}, the first of the log",
        "push de {ids} a {peers}, a primeira do log",
    ),
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
        "Consistent.first",
        "{ids} is the first of the log: stored as intermediate data",
        "{ids} é a primeira do log: fica em dados intermediários",
    ),
    plain(
        "Consistent.equal",
        "prev {prev} matches by id and digest: {ids} stored, {equal} were already there",
        "prev {prev} confere em id e digest: {ids} fica, {equal} já estavam lá",
    ),
    plain(
        "Conflict.prev-missing",
        "prev is {expected}, but the log ends at {found}: entries are missing",
        "prev é {expected}, mas o log termina em {found}: faltam entradas",
    )
    .why(
        "this truncates nothing; the replica reports its log state",
        "isto não trunca nada; a réplica informa o estado atual de log",
    ),
    plain(
        "Conflict.same-id",
        "conflict: the leader has {expected}, this log has {found}: same id, different digest",
        "conflito: o líder tem {expected}, este log tem {found}: mesmo id, digest diferente",
    ),
    plain(
        "Conflict.other-id",
        "conflict: the leader has {expected}, this log has {found}: different id",
        "conflito: o líder tem {expected}, este log tem {found}: id diferente",
    ),
    plain("Truncated", "truncates {count} from {from_id}: {why}", "trunca {count} a partir de {from_id}: {why}").why(
        "no committed entry is lost: everything up to {committed} is committed and comes before",
        "nenhuma entrada efetivada se perde: tudo até {committed} está efetivado e vem antes",
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
    plain("Acked", "{up_to} is on the disk: ack to {to}", "{up_to} está no disco: envia o ack a {to}"),
    plain("Counted", "counts {peers}: {arithmetic}", "conta {peers}: {arithmetic}"),
    plain("Counted.short", "counts {peers}: {arithmetic}", "conta {peers}: {arithmetic}")
        .why("no majority has {up_to}: it is not confirmed", "a maioria não tem {up_to}: não é confirmada"),
    plain("Committed", "a majority has {up_to}: committed", "a maioria tem {up_to}: efetivada").why(
        "every later leader needs the vote of a node that has it, so it cannot be lost",
        "todo líder futuro precisa do voto de um nó que a tem: não pode ser perdida",
    ),
    plain("Ordered", "commit order to {peers}: final up to {up_to}", "ordem de commit a {peers}: final até {up_to}"),
    plain("Finalized", "{up_to} in the final database: readable now", "{up_to} no banco de dados final: legível agora"),
    plain(
        "Held",
        "the order up to {up_to} waits: {from} has confirmed this log only up to {confirmed}",
        "a ordem até {up_to} espera: {from} só confirmou este log até {confirmed}",
    )
    .why(
        "so a wrong entry at that position never becomes final",
        "assim uma entrada errada naquela posição nunca se torna final",
    ),
    plain(
        "Held.nothing",
        "the order up to {up_to} waits: {from} has confirmed nothing of this log yet",
        "a ordem até {up_to} espera: {from} ainda não confirmou nada deste log",
    )
    .why(
        "so a wrong entry at that position never becomes final",
        "assim uma entrada errada naquela posição nunca se torna final",
    ),
    plain(
        "PreVoteAsked",
        "pre-vote: asks whether it could win {epoch}; its log ends at {last}",
        "pré-voto: pergunta se poderia vencer {epoch}; o seu log termina em {last}",
    ),
    plain(
        "PreVoteAsked.empty",
        "pre-vote: asks whether it could win {epoch}; its log is empty",
        "pré-voto: pergunta se poderia vencer {epoch}; o seu log está vazio",
    ),
    plain(
        "VoteAsked.empty",
        "votes for itself in {epoch} and asks for votes; its log is empty",
        "vota em si em {epoch} e pede votos; o seu log está vazio",
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
        "Granted.empty",
        "{kind} for {to} in {epoch}: both logs are empty",
        "{kind} para {to} em {epoch}: ambos os logs estão vazios",
    ),
    plain(
        "VoteRefused",
        "no {kind} for {to} in {epoch}: {why} ({theirs} against {mine})",
        "sem {kind} para {to} em {epoch}: {why} ({theirs} contra {mine})",
    ),
    plain(
        "Elected",
        "leads {epoch}: votes of {votes}, {quorum} needed",
        "lidera {epoch}: votos de {votes}, {quorum} necessários",
    )
    .why(
        "its log is not behind a majority's, so it has every committed entry",
        "o seu log não está atrás do da maioria: tem toda entrada efetivada",
    ),
    plain("SteppedDown", "steps down as leader of {epoch}: {why}", "deixa a liderança de {epoch}: {why}").why(
        "unconfirmed entries stay intermediate until the next leader decides",
        "entradas não confirmadas ficam em dados intermediários até o próximo líder decidir",
    ),
    plain("SteppedDown.candidate", "gives up its candidacy: {why}", "desiste da candidatura: {why}")
        .why("it never led, so it confirmed nothing", "não chegou a liderar, portanto não confirmou nada"),
    plain("SteppedDown.untold", "becomes a replica: {why}", "torna-se réplica: {why}"),
    plain("MessageHeld", "held on purpose: {kind} of {peers}", "retido de propósito: {kind} de {peers}"),
    plain("MessageReleased", "let through: {kind} of {peers}", "passa agora: {kind} de {peers}"),
    plain("MessageDelivered.due", "delivered, {why}: {kind} of {peers}", "entregue, {why}: {kind} de {peers}"),
    plain("MessageDelayed", "delayed by {millis} ms: {kind} of {peers}", "atrasado em {millis} ms: {kind} de {peers}"),
    plain("MessageDuplicated", "duplicated: {kind} of {peers}", "duplicado: {kind} de {peers}"),
    plain("MessageDiscarded.no-room", "discarded, {why}: {kind} of {peers}", "descartado, {why}: {kind} de {peers}"),
    plain("Injected", "forged on purpose: {what} as {ids}", "forjada de propósito: {what} como {ids}").why(
        "the consistency check gets no hint: it has to find the entry by id or digest",
        "a verificação não recebe dica: tem de detectar a entrada por id ou digest",
    ),
    plain(
        "Quarantined",
        "restarted with an empty data folder, the old one is kept aside: {text}",
        "recomeçou com uma pasta de dados vazia, a antiga fica guardada à parte: {text}",
    )
    .why(
        "promises and acks of the old folder no longer count: it joins as a new member, a learner at first",
        "promessas e acks da pasta antiga já não contam: entra como membro novo, primeiro como aprendiz",
    ),
    plain("LinkCut.both", "cut from each other, on purpose", "cortados um do outro, de propósito"),
    plain("LinkHealed.both", "linked with each other again", "ligados um ao outro de novo"),
    plain("LinkCut", "cut from {with}, on purpose", "cortado de {with}, de propósito"),
    plain("LinkHealed", "linked with {with} again", "ligado a {with} de novo"),
];
