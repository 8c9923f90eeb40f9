//! The text of each fact. A key is the name of a fact, with a variant after a dot.
//!
//! `{name}` is a field of the fact, or a value made of its fields. The name of the node precedes the text. The
//! Portuguese terms are those of the assignment.

use crate::lang::{Text, text};

pub const NOTHING: Text = text("the start of the log", "o início do log");
pub const ENTRY: Text = text("entry", "entrada");
pub const ENTRIES: Text = text("entries", "entradas");
pub const READ: Text = text("read", "leitura");
pub const READS: Text = text("reads", "leituras");
pub const HIGHEST: Text =
    text("{ordinal} highest of {positions} = {commit}", "{ordinal} maior de {positions} = {commit}");
pub const GONE: Text = text("does not answer: {text}", "não responde: {text}");
pub const BACK: Text = text("answers, with process id {pid}", "responde, com id de processo {pid}");
pub const LOST: Text = text(
    "this console was too slow for {text} events; it has read the node's state again",
    "este console não acompanhou {text} eventos; leu de novo o estado do nó",
);

pub const RULES: &[(&str, Text)] = &[
    ("Sent", text("sends {kind} number {number} to {to}", "envia {kind} número {number} a {to}")),
    ("Received", text("receives {kind} number {number} from {from}", "recebe {kind} número {number} de {from}")),
    (
        "PeerProcess",
        text("messages of {node} come from its process {process}", "as mensagens de {node} vêm do processo {process}"),
    ),
    ("Dropped", text("dropped: {kind} from {from} to {to}, {why}", "perdido: {kind} de {from} a {to}, {why}")),
    ("Forwarded", text("is not the leader: forwards the write to {to}", "não é o líder: repassa a escrita a {to}")),
    ("WriteRefused", text("refuses the write: {why}", "recusa a escrita: {why}")),
    ("Proposed", text("appends {what} as {ids}", "acrescenta {what} ao log como {ids}")),
    ("Pushed", text("pushes {ids} to {to}, after {prev}", "faz push de {ids} a {to}, depois de {prev}")),
    ("Pushed.first", text("pushes {ids} to {to}, the first of the log", "faz push de {ids} a {to}, a primeira do log")),
    (
        "Consistent.first",
        text(
            "stores {ids} as intermediate data: it is the first of the log",
            "guarda {ids} em dados intermediários: é a primeira do log",
        ),
    ),
    (
        "PreVoteAsked.empty",
        text(
            "asks whether it could win {epoch} with an empty log",
            "pergunta se poderia vencer {epoch} com um log vazio",
        ),
    ),
    (
        "VoteAsked.empty",
        text(
            "votes for itself in {epoch} and asks for votes; its log is empty",
            "vota em si mesmo em {epoch} e pede votos; o seu log está vazio",
        ),
    ),
    (
        "Granted.empty",
        text(
            "grants {to} its {kind} for {epoch}: both logs are empty",
            "dá a {to} o seu {kind} para {epoch}: ambos os logs estão vazios",
        ),
    ),
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
            "stores {ids} as intermediate data: it continues {prev} exactly",
            "guarda {ids} em dados intermediários: continua {prev} exatamente",
        ),
    ),
    (
        "Consistent.equal",
        text(
            "stores {ids} as intermediate data after {prev}; {equal} were already there",
            "guarda {ids} em dados intermediários depois de {prev}; {equal} já estavam lá",
        ),
    ),
    (
        "Consistent.nothing",
        text(
            "follows {from} in {epoch}: its log matches up to {prev}",
            "segue {from} em {epoch}: o seu log coincide até {prev}",
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
            "o push de {from} conflita ({what}): esperava {expected}, encontrou {found}",
        ),
    ),
    (
        "Truncated",
        text(
            "truncates {count} from {from_id}: {why}; everything up to {committed} is committed and stays",
            "trunca {count} a partir de {from_id}: {why}; tudo até {committed} está efetivado e permanece",
        ),
    ),
    (
        "Truncated.forged",
        text(
            "truncates {count} from {from_id} ({forged} forged): {why}; everything up to {committed} is committed and \
             stays",
            "trunca {count} a partir de {from_id} (forjadas: {forged}): {why}; tudo até {committed} está efetivado e \
             permanece",
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
    ("Acked", text("{up_to} is on its disk: sends the ack to {to}", "{up_to} está no seu disco: envia o ack a {to}")),
    ("Counted", text("counts {from} up to {up_to}: {arithmetic}", "conta {from} até {up_to}: {arithmetic}")),
    ("Counted.self", text("counts itself up to {up_to}: {arithmetic}", "conta a si mesmo até {up_to}: {arithmetic}")),
    ("Committed", text("a quorum has {up_to}: committed ({count})", "a maioria tem {up_to}: efetivada ({count})")),
    ("Ordered", text("commit order to {to}: final up to {up_to}", "ordem de commit a {to}: final até {up_to}")),
    (
        "Finalized",
        text("applies {count} up to {up_to}: final and readable", "aplica {count} até {up_to}: finais e legíveis"),
    ),
    ("Finalized.one", text("applies {up_to}: final and readable", "{up_to} no banco de dados final: legível agora")),
    ("FinalChanged", text("its final database changes: {rows}", "o seu banco de dados final muda: {rows}")),
    ("FinalRead", text("its final database starts with {rows}", "o seu banco de dados final começa com {rows}")),
    (
        "Held",
        text(
            "the order up to {up_to} waits: {from} has confirmed this log only up to {confirmed}",
            "a ordem até {up_to} espera: {from} só confirmou este log até {confirmed}",
        ),
    ),
    (
        "LeaderGone",
        text(
            "the process of its leader {leader} has ended: its port refuses connections",
            "o processo do seu líder {leader} terminou: a porta recusa conexões",
        ),
    ),
    (
        "Held.nothing",
        text(
            "the order up to {up_to} waits: {from} has confirmed nothing of this log yet",
            "a ordem até {up_to} espera: {from} ainda não confirmou nada deste log",
        ),
    ),
    ("TimedOut", text("election needed: {why}", "eleição necessária: {why}")),
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
            "leads {epoch}: votes of {votes}, {quorum} needed",
            "lidera {epoch}: votos de {votes}, {quorum} necessários",
        ),
    ),
    ("Opened", text("opens its epoch with {entry}", "abre a sua época com {entry}")),
    ("SteppedDown", text("steps down as leader of {epoch}: {why}", "deixa a liderança de {epoch}: {why}")),
    (
        "SteppedDown.heard",
        text(
            "steps down as leader of {epoch}: {why}, {heard}",
            "deixa a liderança de {epoch}: \
                                                                                   {why}, {heard}",
        ),
    ),
    ("SteppedDown.candidate", text("gives up its candidacy: {why}", "desiste da candidatura: {why}")),
    ("SteppedDown.untold", text("becomes a replica: {why}", "torna-se réplica: {why}")),
    ("EpochLeft.first", text("learns of {heard}, its first epoch", "soube de {heard}, a sua primeira época")),
    ("EpochLeft", text("leaves {epoch} for {heard}", "deixa {epoch} por {heard}")),
    (
        "TransferBegun",
        text(
            "transfers leadership to {to}: {why}; new writes wait",
            "transfere a liderança a {to}: {why}; novas escritas esperam",
        ),
    ),
    (
        "TransferSent",
        text(
            "asks {to}, which has everything up to {last}, to start an election",
            "pede a {to}, que tem tudo até \
                                                                                    {last}, que inicie uma eleição",
        ),
    ),
    (
        "TransferEnded",
        text(
            "the leadership transfer to {to} ends: {outcome}",
            "a transferência da liderança a {to} \
                                                                               termina: {outcome}",
        ),
    ),
    (
        "LeaseHeld",
        text(
            "answers {reads} under its lease, valid for another {left_micros} µs",
            "responde {reads} com o seu lease, válido por mais {left_micros} µs",
        ),
    ),
    (
        "ReadAsked",
        text(
            "asks a quorum before answering {reads} (round {round})",
            "pergunta à maioria antes de responder {reads} (rodada {round})",
        ),
    ),
    (
        "ReadConfirmed",
        text(
            "still leads: {from} answered round {round}; with itself, {quorum} needed",
            "ainda lidera: {from} responderam à rodada {round}; contando a si mesmo, {quorum} necessários",
        ),
    ),
    (
        "ReadAnswered",
        text(
            "answers {reads} from its final database, applied up to {applied}",
            "responde {reads} do seu banco de dados final, aplicado até {applied}",
        ),
    ),
    (
        "QuorumAnswered",
        text(
            "answers a read with the value of {from}: none of {asked} has accepted more than {wanted}, and {from} has \
             applied {applied}",
            "responde uma leitura com o valor de {from}: nenhum de {asked} aceitou além de {wanted}, e {from} aplicou \
             {applied}",
        ),
    ),
    (
        "QuorumDisagreed",
        text(
            "asks again: none of {asked} has applied {wanted} yet, which may be confirmed",
            "pergunta de novo: nenhum de {asked} aplicou ainda {wanted}, que pode estar confirmado",
        ),
    ),
    ("ReadRefused", text("refuses {reads}: {why}", "recusa {reads}: {why}")),
    (
        "SnapshotTaken",
        text(
            "its snapshot of the final database at {up_to} is durable: {bytes} bytes",
            "o seu snapshot do banco de dados final em {up_to} está durável: {bytes} bytes",
        ),
    ),
    (
        "Compacted",
        text(
            "drops {count} entries of its log up to {up_to}: its snapshot covers them",
            "descarta {count} entradas do seu log até {up_to}: o snapshot as cobre",
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
            "installs the snapshot of {up_to}; drops {dropped} entries of its log",
            "instala o snapshot de {up_to}; descarta {dropped} entradas do seu log",
        ),
    ),
    ("JoinAsked", text("admits {node} as a member, {kind}", "admite {node} como membro, {kind}")),
    (
        "FolderReplaced",
        text(
            "{node} has a new data folder: acks of the old one no longer count",
            "{node} tem uma pasta de dados nova: os acks da antiga já não contam",
        ),
    ),
    (
        "CaughtUp",
        text("{node} has caught up: it has {matched} of {last}", "{node} alcançou o líder: tem {matched} de {last}"),
    ),
    ("Promoted", text("promotes {node} to voter", "promove {node} a votante")),
    ("Removed", text("removes {node} from the members", "remove {node} dos membros")),
    (
        "MembersSet",
        text(
            "the member list of {at} takes effect: voters {voters}",
            "a lista de membros de {at} passa a valer: votantes {voters}",
        ),
    ),
    (
        "MembersSet.learners",
        text(
            "the member list of {at} takes effect: voters {voters}; learners {learners}",
            "a lista de membros de {at} passa a valer: votantes {voters}; aprendizes {learners}",
        ),
    ),
    ("Killed", text("was killed, on purpose", "foi morto, de propósito")),
    ("Restarted", text("was started again", "foi iniciado de novo")),
    (
        "Paused",
        text("was paused: the process exists but does not run", "foi pausado: o processo existe, mas não é executado"),
    ),
    ("Resumed", text("was resumed", "foi retomado")),
    ("LinkCut", text("its link with {with} is cut, on purpose", "o seu enlace com {with} está cortado, de propósito")),
    ("LinkHealed", text("its link with {with} is healed", "o seu enlace com {with} foi refeito")),
    ("HoldSet", text("holds all {kind} to it, on purpose", "retém todas as mensagens para ele ({kind}), de propósito")),
    (
        "HoldReleased",
        text("{kind} to it are released: {messages} delivered", "{kind} para ele são liberadas: {messages} entregues"),
    ),
    ("MessageHeld", text("held: {kind} from {from} to {to}", "retido: {kind} de {from} a {to}")),
    ("MessageReleased", text("let through: {kind} #{number} of {from}", "passa agora: {kind} #{number} de {from}")),
    (
        "StepOn",
        text(
            "step mode: its timers are stopped, messages wait",
            "passo a passo: os seus temporizadores estão parados, as mensagens esperam",
        ),
    ),
    ("StepOff", text("step mode ends: its timers run", "fim do passo a passo: os seus temporizadores correm")),
    (
        "MessageLetThrough",
        text(
            "step mode delivers a message that changes nothing: {kind} #{number} of {from}",
            "o passo a passo entrega sozinho o que nada muda: {kind} #{number} de {from}",
        ),
    ),
    ("PaceSet.real", text("its time is back to real time", "o seu tempo é de novo o real")),
    (
        "PaceSet",
        text(
            "slow motion: its timers, messages and flushes run at 1/{slowdown} of real time",
            "câmera lenta: os seus temporizadores, mensagens e flushes andam a 1/{slowdown} do tempo real",
        ),
    ),
    (
        "MessageInFlight",
        text("on its way: {kind} #{number} from {from} to {to}", "a caminho: {kind} #{number} de {from} a {to}"),
    ),
    ("MessageArrived", text("arrives: {kind} #{number} of {from}", "chega: {kind} #{number} de {from}")),
    (
        "TimePassed",
        text(
            "its clock advances by {micros} µs at once, on purpose",
            "o seu relógio avança {micros} µs de uma vez, de propósito",
        ),
    ),
    (
        "DropSet",
        text(
            "drops all {kind} from {from} to {to}, on purpose",
            "perde todas as mensagens ({kind}) de {from} a {to}, de propósito",
        ),
    ),
    (
        "DelaySet",
        text(
            "delays all {kind} from {from} to {to} by {millis} ms, on purpose",
            "atrasa todas as mensagens ({kind}) de {from} a {to} em {millis} ms, de propósito",
        ),
    ),
    (
        "DuplicateSet",
        text(
            "duplicates all {kind} from {from} to {to}, on purpose",
            "duplica todas as mensagens ({kind}) de {from} a {to}, de propósito",
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
        text("discarded: {kind} #{number} of {from}, {why}", "descartado: {kind} #{number} de {from}, {why}"),
    ),
    (
        "MessageDelayed",
        text(
            "delayed by {millis} ms: {kind} #{number} of {from}",
            "atrasado em {millis} ms: {kind} #{number} de \
                                                                    {from}",
        ),
    ),
    ("MessageDuplicated", text("duplicated: {kind} #{number} of {from}", "duplicado: {kind} #{number} de {from}")),
    (
        "MessageDelivered",
        text("delivered, {why}: {kind} #{number} of {from}", "entregue, {why}: {kind} #{number} de {from}"),
    ),
    ("WrongNode", text("is FAULTY on purpose: {how}", "está ERRADO de propósito: {how}")),
    (
        "Rewritten",
        text(
            "FAULTY on purpose ({how}): changes {kind} of {from} to {to}",
            "ERRADO de propósito ({how}): altera {kind} de {from} a {to}",
        ),
    ),
    (
        "Injected",
        text(
            "receives forged entries, on purpose: {what} as {ids}",
            "recebe entradas forjadas, de propósito: {what} como {ids}",
        ),
    ),
    ("DiskError", text("disk error: {text}", "erro de disco: {text}")),
    (
        "Damaged",
        text(
            "its disk is damaged, its data folder is quarantined: {text}",
            "o disco está danificado, a pasta de dados vai para a quarentena: {text}",
        ),
    ),
    (
        "Quarantined",
        text(
            "restarted with an empty data folder; the damaged one is kept aside: {text}",
            "recomeçou com uma pasta de dados vazia; a danificada fica guardada à parte: {text}",
        ),
    ),
];
