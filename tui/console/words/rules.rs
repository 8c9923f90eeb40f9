//! What each rule says when it fires, in all languages. A key is a fact's name, and its case after a dot.
//!
//! `{name}` is a field of the fact or a word made from its fields; the node that speaks stands before the text. The
//! Portuguese words are the assignment's own.

use crate::console::words::{Text, text};

pub const NOTHING: Text = text("the start of the log", "o início do log");
pub const ENTRY: Text = text("entry", "entrada");
pub const ENTRIES: Text = text("entries", "entradas");
pub const HIGHEST: Text =
    text("{ordinal} highest of {positions} = {commit}", "{ordinal} maior de {positions} = {commit}");
pub const GONE: Text = text("does not answer: {text}", "não responde: {text}");
pub const BACK: Text = text("is there, with process id {pid}", "está no ar, com id de processo {pid}");
pub const LOST: Text = text(
    "{text} events were too many for this console; the node's state was read anew",
    "{text} eventos foram demais para este console; o estado do nó foi lido de novo",
);

pub const RULES: &[(&str, Text)] = &[
    ("Sent", text("sends {kind} number {number} to {to}", "envia {kind} número {number} a {to}")),
    ("Received", text("receives {kind} number {number} from {from}", "recebe {kind} número {number} de {from}")),
    (
        "PeerProcess",
        text("messages of {node} come from its process {process}", "as mensagens de {node} vêm do processo {process}"),
    ),
    ("Dropped", text("dropped: {kind} from {from} to {to}, {why}", "descartado: {kind} de {from} a {to}, {why}")),
    ("Forwarded", text("does not lead: passes the write on to {to}", "não lidera: repassa a escrita a {to}")),
    ("WriteRefused", text("refuses the write: {why}", "recusa a escrita: {why}")),
    ("Proposed", text("takes {what} as {ids}", "aceita {what} como {ids}")),
    ("Pushed", text("pushes {ids} to {to}, after {prev}", "faz push de {ids} a {to}, depois de {prev}")),
    (
        "Pushed.resync",
        text(
            "pushes {ids} to {to} again, after {prev} (resync {resync})",
            "faz push de {ids} a {to} de novo, depois de {prev} (ressincronização {resync})",
        ),
    ),
    (
        "Consistent",
        text(
            "takes {ids} as intermediate: it follows {prev} exactly",
            "aceita {ids} como dados intermediários: segue {prev} exatamente",
        ),
    ),
    (
        "Consistent.equal",
        text(
            "takes {ids} as intermediate after {prev}; {equal} more were there already",
            "aceita {ids} como dados intermediários depois de {prev}; outras {equal} já estavam lá",
        ),
    ),
    (
        "Consistent.nothing",
        text(
            "follows {from} in {epoch}: its log agrees up to {prev}",
            "segue {from} em {epoch}: o seu log concorda até {prev}",
        ),
    ),
    (
        "Conflict.prev-missing",
        text(
            "the push of {from} follows {expected}, but the log ends at {found}",
            "o push de {from} segue {expected}, mas o log termina em {found}",
        ),
    ),
    (
        "Conflict.prev-differs",
        text(
            "the push of {from} follows {expected}, but the log has {found}",
            "o push de {from} segue {expected}, mas o log tem {found}",
        ),
    ),
    (
        "Conflict.entry-differs",
        text(
            "the push of {from} conflicts: it has {expected}, the log {found}",
            "o push de {from} conflita: ele tem {expected}, o log tem {found}",
        ),
    ),
    (
        "Conflict",
        text(
            "the push of {from} conflicts ({what}): expected {expected}, found {found}",
            "o push de {from} conflita ({what}): esperava {expected}, achou {found}",
        ),
    ),
    (
        "Truncated",
        text(
            "truncates {count} from {from_id} on, {why}; all up to {committed} is committed and stays",
            "trunca {count} a partir de {from_id}, {why}; tudo até {committed} tem commit e fica",
        ),
    ),
    (
        "Truncated.forged",
        text(
            "truncates {count} from {from_id} on ({forged} forged), {why}; all up to {committed} is committed and stays",
            "trunca {count} a partir de {from_id} ({forged} forjadas), {why}; tudo até {committed} tem commit e fica",
        ),
    ),
    (
        "Reported",
        text(
            "reports its log to {to}: last {last}, committed {committed}, {epochs} epochs",
            "informa o estado atual de log a {to}: última {last}, commit até {committed}, {epochs} épocas",
        ),
    ),
    (
        "Reported.one",
        text(
            "reports its log to {to}: last {last}, committed {committed}, one epoch",
            "informa o estado atual de log a {to}: última {last}, commit até {committed}, uma época",
        ),
    ),
    (
        "Resynced",
        text(
            "sync point with {to}: {sync}, {by}; sends {resent} again",
            "ponto de sincronização com {to}: {sync}, {by}; envia {resent} de novo",
        ),
    ),
    ("Acked", text("has it on its disk: acks {up_to} to {to}", "já está no seu disco: confirma (ack) {up_to} a {to}")),
    ("Counted", text("counts {from} up to {up_to}: {arithmetic}", "conta {from} até {up_to}: {arithmetic}")),
    ("Counted.self", text("counts itself up to {up_to}: {arithmetic}", "conta a si mesmo até {up_to}: {arithmetic}")),
    ("Committed", text("a quorum has {up_to}: committed ({count})", "a maioria tem {up_to}: commit ({count})")),
    ("Ordered", text("orders {to}: all up to {up_to} is final", "ordem de commit a {to}: tudo até {up_to} é final")),
    (
        "Finalized",
        text(
            "{count} up to {up_to} are final here: readable now",
            "{count} até {up_to} no banco de dados final: legíveis agora",
        ),
    ),
    ("Finalized.one", text("{up_to} is final here: readable now", "{up_to} no banco de dados final: legível agora")),
    ("FinalChanged", text("its final database changes: {rows}", "o seu banco de dados final muda: {rows}")),
    ("FinalRead", text("its final database begins with {rows}", "o seu banco de dados final começa com {rows}")),
    (
        "Held",
        text(
            "the order up to {up_to} waits: {from} has confirmed nothing here beyond {confirmed}",
            "a ordem até {up_to} espera: {from} não confirmou nada aqui além de {confirmed}",
        ),
    ),
    ("TimedOut", text("sees need of an election: {why}", "vê necessidade de eleição: {why}")),
    (
        "PreVoteAsked",
        text(
            "asks whether it could win {epoch} with a log that ends at {last}",
            "pergunta se poderia vencer {epoch} com um log que termina em {last}",
        ),
    ),
    (
        "VoteAsked",
        text(
            "votes for itself in {epoch} and asks for votes; its log ends at {last}",
            "vota em si mesmo em {epoch} e pede votos; o seu log termina em {last}",
        ),
    ),
    (
        "Granted",
        text(
            "grants {to} its {kind} for {epoch}: {theirs} is not behind its own {mine}",
            "dá a {to} o seu {kind} para {epoch}: {theirs} não está atrás do seu {mine}",
        ),
    ),
    (
        "VoteRefused",
        text(
            "refuses {to} its {kind} for {epoch}: {why} (theirs {theirs}, its own {mine})",
            "recusa a {to} o seu {kind} para {epoch}: {why} (dele {theirs}, próprio {mine})",
        ),
    ),
    (
        "Elected",
        text(
            "leads {epoch}: {votes} voted for it, {quorum} were needed",
            "lidera {epoch}: {votes} votaram nele, eram precisos {quorum}",
        ),
    ),
    ("Opened", text("opens its epoch with {entry}", "abre a sua época com {entry}")),
    ("SteppedDown", text("leads {epoch} no longer: {why}", "não lidera mais {epoch}: {why}")),
    ("SteppedDown.heard", text("leads {epoch} no longer: {why}, {heard}", "não lidera mais {epoch}: {why}, {heard}")),
    ("SteppedDown.candidate", text("gives up its candidacy: {why}", "desiste da candidatura: {why}")),
    ("SteppedDown.untold", text("is a replica from now on: {why}", "é réplica a partir de agora: {why}")),
    ("EpochLeft.first", text("hears of {heard}, its first epoch", "soube de {heard}, a sua primeira época")),
    ("EpochLeft", text("leaves {epoch}: it heard of {heard}", "deixa {epoch}: soube de {heard}")),
    (
        "TransferBegun",
        text(
            "hands its leadership over to {to}, {why}: from now on writes wait",
            "entrega a liderança a {to}, {why}: a partir de agora escritas esperam",
        ),
    ),
    (
        "TransferSent",
        text("tells {to}, which has all up to {last}, to stand", "manda {to}, que tem tudo até {last}, se candidatar"),
    ),
    ("TransferEnded", text("the handing over to {to} ends: {outcome}", "a entrega a {to} termina: {outcome}")),
    (
        "LeaseHeld",
        text(
            "answers {reads} reads alone: the lease holds for {left_micros} µs more",
            "responde {reads} leituras sozinho: o lease vale por mais {left_micros} µs",
        ),
    ),
    (
        "ReadAsked",
        text(
            "asks a quorum before it answers {reads} reads (round {round})",
            "pergunta à maioria antes de responder {reads} leituras (rodada {round})",
        ),
    ),
    (
        "ReadConfirmed",
        text(
            "still leads: {from} answered round {round}; counting itself, {quorum} were needed",
            "ainda lidera: {from} responderam à rodada {round}; contando a si mesmo, eram precisos {quorum}",
        ),
    ),
    (
        "ReadAnswered",
        text(
            "answers {reads} reads from its final database, applied up to {applied}",
            "responde {reads} leituras do seu banco de dados final, aplicado até {applied}",
        ),
    ),
    (
        "QuorumAnswered",
        text(
            "answers a read with {from}'s value: of {asked} none has accepted more than {wanted}, and it has applied {applied}",
            "responde uma leitura com o valor de {from}: de {asked} nenhum aceitou além de {wanted}, e ele aplicou {applied}",
        ),
    ),
    (
        "QuorumDisagreed",
        text(
            "asks again: of {asked} none has applied {wanted} yet, which may be confirmed",
            "pergunta de novo: de {asked} nenhum aplicou {wanted} ainda, que pode estar confirmado",
        ),
    ),
    ("ReadRefused", text("refuses {reads} reads: {why}", "recusa {reads} leituras: {why}")),
    (
        "SnapshotTaken",
        text(
            "has a snapshot of its final database at {up_to}: {bytes} bytes, durable",
            "tem um snapshot do seu banco de dados final em {up_to}: {bytes} bytes, durável",
        ),
    ),
    (
        "Compacted",
        text(
            "gives up {count} entries of its log, up to {up_to}: the snapshot holds what they made",
            "descarta {count} entradas do seu log, até {up_to}: o snapshot guarda o que elas fizeram",
        ),
    ),
    (
        "SnapshotSent",
        text(
            "sends {to} the snapshot of {up_to}: {sent} of {bytes} bytes",
            "envia a {to} o snapshot de {up_to}: {sent} de {bytes} bytes",
        ),
    ),
    (
        "SnapshotInstalled",
        text(
            "is now what the snapshot of {up_to} holds; {dropped} entries of its log went for it",
            "agora é o que o snapshot de {up_to} guarda; {dropped} entradas do seu log saíram por isso",
        ),
    ),
    ("JoinAsked", text("takes {node} up as a member, {kind}", "aceita {node} como membro, {kind}")),
    (
        "FolderReplaced",
        text(
            "{node} has another data folder now: what the old one has acked counts no more",
            "{node} tem agora outra pasta de dados: o que a antiga confirmou já não conta",
        ),
    ),
    (
        "CaughtUp",
        text("{node} has caught up: it has {matched} of {last}", "{node} alcançou o líder: tem {matched} de {last}"),
    ),
    ("Promoted", text("{node} is to become a voter", "{node} passa a ser votante")),
    ("Removed", text("{node} is to be no member any more", "{node} deixa de ser membro")),
    (
        "MembersSet",
        text(
            "from now on the members of {at} count: voters {voters}",
            "a partir de agora valem os membros de {at}: votantes {voters}",
        ),
    ),
    (
        "MembersSet.learners",
        text(
            "from now on the members of {at} count: voters {voters}; learners {learners}",
            "a partir de agora valem os membros de {at}: votantes {voters}; aprendizes {learners}",
        ),
    ),
    ("Killed", text("was killed, on purpose", "foi morto, de propósito")),
    ("Restarted", text("was started again", "foi iniciado de novo")),
    ("Paused", text("was paused: it neither answers nor ends", "foi pausado: nem responde nem termina")),
    ("Resumed", text("goes on after its pause", "continua depois da pausa")),
    ("LinkCut", text("its link with {with} is cut, on purpose", "o seu enlace com {with} está cortado, de propósito")),
    ("LinkHealed", text("its link with {with} is healed", "o seu enlace com {with} foi refeito")),
    (
        "HoldSet",
        text(
            "{kind} to it are held from now on, on purpose",
            "{kind} para ele ficam retidas a partir de agora, de propósito",
        ),
    ),
    (
        "HoldReleased",
        text("{kind} to it are released: {messages} come through", "{kind} para ele são liberadas: {messages} passam"),
    ),
    ("MessageHeld", text("held back: {kind} from {from} to {to}", "retido: {kind} de {from} a {to}")),
    ("MessageReleased", text("let through: {kind} #{number} of {from}", "passa agora: {kind} #{number} de {from}")),
    (
        "StepOn",
        text(
            "step mode: its time stands still, every message waits",
            "modo passo a passo: seu tempo está parado, toda mensagem espera",
        ),
    ),
    ("StepOff", text("step mode is over: its time goes on", "fim do modo passo a passo: seu tempo continua")),
    (
        "TimePassed",
        text(
            "{micros} µs of its time go by at once, on purpose",
            "{micros} µs do seu tempo passam de uma vez, de propósito",
        ),
    ),
    (
        "DropSet",
        text(
            "from now on {kind} from {from} to {to} are lost, on purpose",
            "a partir de agora {kind} de {from} a {to} se perdem, de propósito",
        ),
    ),
    (
        "DelaySet",
        text(
            "from now on {kind} from {from} to {to} come {millis} ms late, on purpose",
            "a partir de agora {kind} de {from} a {to} chegam {millis} ms atrasados, de propósito",
        ),
    ),
    (
        "DuplicateSet",
        text(
            "from now on {kind} from {from} to {to} come twice, on purpose",
            "a partir de agora {kind} de {from} a {to} chegam duas vezes, de propósito",
        ),
    ),
    (
        "RuleCleared",
        text(
            "{kind} from {from} to {to} are no longer tampered with",
            "{kind} de {from} a {to} não sofrem mais interferência",
        ),
    ),
    (
        "MessageDiscarded",
        text("thrown away: {kind} #{number} of {from}, {why}", "jogado fora: {kind} #{number} de {from}, {why}"),
    ),
    (
        "MessageDelayed",
        text("{kind} #{number} of {from} comes in {millis} ms", "{kind} #{number} de {from} chega em {millis} ms"),
    ),
    (
        "MessageDuplicated",
        text("{kind} #{number} of {from} is there twice", "{kind} #{number} de {from} está em dobro"),
    ),
    (
        "MessageDelivered",
        text("delivered, {why}: {kind} #{number} of {from}", "entregue, {why}: {kind} #{number} de {from}"),
    ),
    ("WrongNode", text("is WRONG on purpose: {how}", "está ERRADO de propósito: {how}")),
    (
        "Rewritten",
        text(
            "WRONG on purpose ({how}): changes {kind} of {from} to {to}",
            "ERRADO de propósito ({how}): altera {kind} de {from} a {to}",
        ),
    ),
    (
        "Injected",
        text(
            "gets forged entries, on purpose: {what} as {ids}",
            "recebe entradas forjadas, de propósito: {what} como {ids}",
        ),
    ),
    ("DiskError", text("disk error: {text}", "erro de disco: {text}")),
    (
        "Damaged",
        text(
            "its disk holds what it did not write, and it is quarantined: {text}",
            "o disco guarda o que ele não escreveu, e ele vai para a quarentena: {text}",
        ),
    ),
    (
        "Quarantined",
        text(
            "has begun anew with an empty folder; what it had is damaged and lies aside: {text}",
            "recomeçou com uma pasta vazia; o que tinha está danificado e fica de lado: {text}",
        ),
    ),
];
