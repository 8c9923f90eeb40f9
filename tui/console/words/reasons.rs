//! Texts for the reason codes of facts.

use crate::lang::{Text, text};

pub const REASONS: &[(&str, Text)] = &[
    ("all", text("all messages", "todas as mensagens")),
    ("by-hand", text("by hand", "à mão")),
    ("due", text("its delay is over", "o seu atraso terminou")),
    ("no-room", text("too many messages are waiting", "há mensagens demais esperando")),
    ("lost-on-purpose", text("lost on purpose", "perdida de propósito")),
    ("conflict", text("the leader has another entry", "o líder tem outra entrada")),
    ("resync", text("the leader's resync replaces it", "a ressincronização do líder o substitui")),
    (
        "forged-dropped",
        text(
            "forged entries are dropped before an election",
            "entradas forjadas são descartadas antes \
                                                                              de uma eleição",
        ),
    ),
    ("runs", text("the last of the greatest common epoch", "a última da maior época em comum")),
    ("committed", text("its last committed entry", "a sua última entrada efetivada")),
    ("silence", text("no leader for an election timeout", "sem líder durante um timeout de eleição")),
    ("leader-gone", text("the leader's process has ended", "o processo do líder terminou")),
    ("asked", text("an election was requested", "uma eleição foi pedida")),
    ("greater-epoch", text("there is a greater epoch", "há uma época maior")),
    (
        "no-quorum",
        text("no quorum answered for an election timeout", "a maioria não respondeu durante um timeout de eleição"),
    ),
    ("lost-election", text("another node won", "outro nó venceu")),
    ("log-behind", text("the candidate's log is behind", "o log do candidato está atrasado")),
    (
        "to-leave",
        text(
            "it will be removed, so another node must lead first",
            "ele será removido, e antes outro nó \
                                                                              deve liderar",
        ),
    ),
    ("removed", text("it is not in the committed member list", "não está na lista de membros efetivada")),
    (
        "joining",
        text(
            "as a learner that becomes a voter once it has caught up",
            "como aprendiz, votante quando alcançar o líder",
        ),
    ),
    ("learner", text("as a learner", "como aprendiz")),
    ("leader-found", text("it found the leader", "encontrou o líder")),
    ("greater-promise", text("another node has promised a greater epoch", "outro nó já prometeu uma época maior")),
    ("epoch-not-greater", text("the epoch is not greater than its promise", "a época não é maior que a prometida")),
    ("voted-already", text("it has already voted in this epoch", "já votou nesta época")),
    ("leader-alive", text("it hears a live leader", "ouve um líder vivo")),
    ("just-started", text("it has just started", "acabou de ser iniciado")),
    ("transfer", text("leadership transfer", "transferência da liderança")),
    ("preferred", text("a preferred node is back", "um nó preferido voltou")),
    ("done", text("it leads", "ele lidera")),
    ("another-leads", text("another node leads", "outro nó lidera")),
    ("timed-out", text("it took too long", "demorou demais")),
    ("no-leader", text("no leader", "sem líder")),
    ("transfer-asked", text("wants to lead", "quer liderar")),
    ("log-differs", text("its log is different", "o seu log é diferente")),
    ("overloaded", text("too many requests are waiting", "há pedidos demais esperando")),
    ("no_leader", text("no leader is known", "nenhum líder é conhecido")),
    ("stepped_down", text("it is no longer the leader", "já não é o líder")),
    ("cut", text("the link is cut on purpose", "o enlace está cortado de propósito")),
    (
        "ack-of-another-log",
        text("the ack is for a log that it no longer has", "o ack é de um log que ele não tem mais"),
    ),
    (
        "leader-contradicts-itself",
        text("the leader contradicts what it had sent", "o líder contradiz o que tinha enviado"),
    ),
    ("unknown-peer", text("the sender is not a known member", "o remetente não é um membro conhecido")),
    ("other-node", text("it was addressed to another node", "era destinada a outro nó")),
    ("other-cluster", text("it comes from another cluster", "vem de outro cluster")),
    (
        "other-incarnation",
        text(
            "it was addressed to an earlier data folder",
            "era destinada a uma pasta de dados \
                                                                              anterior",
        ),
    ),
    (
        "old-incarnation",
        text("it comes from a data folder that was replaced", "vem de uma pasta de dados que foi substituída"),
    ),
    ("epoch-out-of-reach", text("its epoch is too far ahead", "a sua época está longe demais à frente")),
    ("second-leader", text("two nodes claim to lead one epoch", "dois nós dizem liderar a mesma época")),
    ("killed", text("killed", "morto")),
    ("push", text("push", "push")),
    ("ack", text("ack", "ack")),
    ("heartbeat", text("heartbeat", "heartbeat")),
    ("commit-order", text("commit orders", "ordens de commit")),
    ("pre-vote", text("pre-vote", "pré-voto")),
    ("vote", text("vote", "voto")),
];
