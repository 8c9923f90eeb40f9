//! Longer explanations: what a rule is for, what would go wrong without it, and where it comes from. One for each family
//! of facts.

use epoca::protocol::trace::Fact;

use crate::console::words::{Text, text};

pub struct Explanation {
    facts: &'static [&'static str],
    pub title: Text,
    pub body: &'static [Text],
    /// The assignment's line, or where the rule was published.
    pub source: Text,
}

/// The explanation of a fact; every fact has one.
pub fn of(fact: &Fact) -> &'static Explanation {
    let name = match fact {
        Fact::Sent { kind, .. } => by_kind(kind),
        other => other.name(),
    };
    let family = |explanation: &&Explanation| explanation.facts.contains(&name);
    EXPLANATIONS.iter().find(family).unwrap_or(&OTHER)
}

/// A message is explained as what it does.
fn by_kind(kind: &str) -> &'static str {
    match kind {
        "ack" => "Acked",
        "commit-order" => "Ordered",
        "log-state" => "Reported",
        "round-answer" => "ReadAsked",
        "refused" => "EpochLeft",
        _ if kind.contains("vote") => "VoteAsked",
        _ => "Sent",
    }
}

const OTHER: Explanation = Explanation {
    facts: &[],
    title: text("A decision of the protocol", "Uma decisão do protocolo"),
    body: &[text(
        "Each decision is told with the numbers that were compared; the line above has them.",
        "Cada decisão é contada com os números que foram comparados; a linha acima os tem.",
    )],
    source: text("the protocol's table of rules", "a tabela de regras do protocolo"),
};

const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        facts: &["Proposed", "Forwarded", "WriteRefused"],
        title: text("A write becomes an entry", "Uma escrita vira uma entrada"),
        body: &[
            text(
                "Only the leader gives a write its place: the epoch is its version as leader, the offset counts from 0 \
                 within the epoch. A node that does not lead passes the write on, once. The entry is intermediate data: \
                 durable in the log, not final, not readable.",
                "Só o líder dá lugar a uma escrita: a época é a sua versão como líder, o offset conta a partir de 0 dentro \
                 da época. Um nó que não lidera repassa a escrita, uma vez. A entrada é um dado intermediário: durável \
                 no log, não final, não legível.",
            ),
            text(
                "The leader waits neither for its own disk nor for a replica before it takes the next write; what comes \
                 meanwhile shares the next flush.",
                "O líder não espera nem o próprio disco nem uma réplica antes da próxima escrita; o que chega nesse meio \
                 tempo divide a próxima gravação.",
            ),
        ],
        source: text(
            "Assignment, leader: receives data and keeps them in its log with epoch and offset. Raft §5.3.",
            "Trabalho, líder: recebe dados e os guarda no log com época e offset. Raft §5.3.",
        ),
    },
    Explanation {
        facts: &["Pushed", "Sent", "Received"],
        title: text("Push", "Push"),
        body: &[
            text(
                "The leader pushes the entries to every replica; nobody polls. Each push names prev, the entry before \
                 its first one, with id and digest, so that the replica can check that it continues its log exactly.",
                "O líder envia (push) as entradas a toda réplica; ninguém consulta. Cada push nomeia prev, a entrada antes \
                 da primeira, com id e digest, para a réplica verificar que ele continua o seu log exatamente.",
            ),
            text(
                "Pushes are pipelined: the next leaves before the last is acked. A lost one shows as a missing prev.",
                "Os pushes são encadeados: o próximo sai antes do ack do anterior. Um que se perde aparece como prev ausente.",
            ),
        ],
        source: text(
            "Assignment, leader: pushes to every replica and awaits their acks. Raft §5.3 (AppendEntries).",
            "Trabalho, líder: envia por push a toda réplica e espera os acks. Raft §5.3 (AppendEntries).",
        ),
    },
    Explanation {
        facts: &["Consistent", "Conflict"],
        title: text("The consistency check", "A verificação de consistência"),
        body: &[
            text(
                "A replica takes a push only if prev is in its log with the same id and the same digest. A digest covers \
                 the one before it, the id and the content, so equal digests mean equal logs up to there, by induction.",
                "Uma réplica só aceita um push se prev está no seu log com o mesmo id e o mesmo digest. Um digest cobre o \
                 anterior, o id e o conteúdo: digests iguais significam logs iguais até ali, por indução.",
            ),
            text(
                "Raft compares index and term alone. An entry with the right number and the wrong content would pass \
                 there unseen; here it does not, and the console shows the two digests.",
                "O Raft compara só índice e mandato. Uma entrada com o número certo e o conteúdo errado passaria lá sem ser \
                 vista; aqui não passa, e o console mostra os dois digests.",
            ),
        ],
        source: text(
            "Assignment, replica: checks that an entry continues its log. Raft §5.3, Log Matching (§5.3, figure 3).",
            "Trabalho, réplica: verifica se a entrada continua o seu log. Raft §5.3, Log Matching (figura 3).",
        ),
    },
    Explanation {
        facts: &["Truncated"],
        title: text("Truncation", "Truncar"),
        body: &[
            text(
                "The replica deletes its entries from the conflict on. It never deletes a committed one: what is \
                 committed lies on a majority, every leader has it, so no leader's push can differ there.",
                "A réplica apaga suas entradas a partir do conflito. Nunca apaga uma com commit: ela está na maioria, todo \
                 líder a tem, portanto o push de nenhum líder pode diferir ali.",
            ),
            text(
                "It truncates where a push contradicts it, never at a restart down to its own commit mark: that loses \
                 confirmed data when leaders change.",
                "Trunca onde um push a contradiz, nunca ao reiniciar até a própria marca de commit: isso perde dados \
                 confirmados quando o líder muda.",
            ),
        ],
        source: text(
            "Assignment, replica: truncates the inconsistent. Raft §5.3; KIP-101 (Kafka: leader epoch instead of high watermark).",
            "Trabalho, réplica: trunca o inconsistente. Raft §5.3; KIP-101 (Kafka: época do líder em vez de high watermark).",
        ),
    },
    Explanation {
        facts: &["Reported", "Resynced"],
        title: text("Log state and sync point", "Estado atual de log e ponto de sincronização"),
        body: &[
            text(
                "The replica reports, for each epoch, its last offset and the digest there. The leader takes the \
                 greatest epoch that both have and the smaller of the two last offsets: that is the sync point. If the \
                 digest differs even there, it is the replica's last committed entry.",
                "A réplica informa, para cada época, o seu último offset e o digest ali. O líder toma a maior época que \
                 ambos têm e o menor dos dois últimos offsets: é o ponto de sincronização. Se até ali o digest difere, é a \
                 última entrada com commit da réplica.",
            ),
            text(
                "One round trip is enough, at most two with forged entries, however many entries conflict. Raft steps \
                 back one entry for each round trip.",
                "Uma ida e volta basta, no máximo duas com entradas forjadas, não importa quantas conflitam. O Raft recua \
                 uma entrada por ida e volta.",
            ),
        ],
        source: text(
            "Assignment, replica: reports its current log state, and is rebuilt from the sync point. Raft §5.3 (end); KIP-101, KIP-279.",
            "Trabalho, réplica: informa o estado atual de log e é reconstruída do ponto de sincronização. Raft §5.3 (fim); KIP-101, KIP-279.",
        ),
    },
    Explanation {
        facts: &["Acked"],
        title: text("The ack", "A confirmação (ack)"),
        body: &[text(
            "An ack means: my log equals yours up to this entry, and it is on my disk. It leaves only after the flush, and \
             it goes up to the last entry of that push, never up to the log's end, which may hold something else.",
            "Um ack significa: o meu log é igual ao seu até esta entrada, e ela está no meu disco. Só sai depois da gravação \
             e vai até a última entrada daquele push, nunca até o fim do log, que pode ter outra coisa.",
        )],
        source: text(
            "Assignment, replica: stores intermediate data and acks. Raft §5.3, §5.1 (answer only from stable storage).",
            "Trabalho, réplica: guarda dados intermediários e confirma. Raft §5.3 (responder só a partir do disco).",
        ),
    },
    Explanation {
        facts: &["Counted", "Committed", "Opened"],
        title: text("Majority and commit", "Maioria e commit"),
        body: &[
            text(
                "The leader sorts the positions up to which each voter matches; the quorum's highest is on a majority. \
                 With four nodes that is the third highest. Its own copy counts only once its own flush is done.",
                "O líder ordena as posições até onde cada votante confere; a do quórum está na maioria. Com quatro nós é \
                 a terceira maior. A cópia do líder só conta depois da própria gravação.",
            ),
            text(
                "Only an entry of its own epoch is committed by counting; older ones become committed with it. \
                 Otherwise an entry that a majority has could still be overwritten by a later leader.",
                "Só uma entrada da própria época recebe commit por contagem; as antigas recebem junto. Senão uma entrada \
                 que a maioria tem ainda poderia ser sobrescrita por um líder posterior.",
            ),
        ],
        source: text(
            "Assignment, leader: orders the commit after the acks of the majority. Raft §5.4.2, figure 8.",
            "Trabalho, líder: ordena o commit depois dos acks da maioria. Raft §5.4.2, figura 8.",
        ),
    },
    Explanation {
        facts: &["Ordered", "Finalized", "Held"],
        title: text("The commit order", "A ordem de commit"),
        body: &[
            text(
                "Heartbeats carry no commit point: only the order makes entries final. A replica obeys it only up to \
                 what it has acked to this leader in this epoch, so an entry that is wrong at that place never becomes \
                 final; the rest of the order waits.",
                "Heartbeats não levam ponto de commit: só a ordem torna entradas finais. Uma réplica a obedece só até o \
                 que confirmou a este líder nesta época, assim uma entrada errada naquele lugar nunca vira final; o resto \
                 da ordem espera.",
            ),
            text(
                "Applying and the mark of how far it went are one atomic write: after a crash nothing is applied twice. \
                 The order is sent again beside heartbeats until the replica reports it done.",
                "Aplicar e marcar até onde foi são uma escrita atômica: depois de uma queda nada é aplicado duas vezes. A \
                 ordem é reenviada junto aos heartbeats até a réplica informar que cumpriu.",
            ),
        ],
        source: text(
            "Assignment, test 4: nothing is applied or readable before the commit order. Raft §5.3 (leaderCommit), here a message of its own.",
            "Trabalho, teste 4: nada é aplicado nem legível antes da ordem de commit. Raft §5.3 (leaderCommit), aqui uma mensagem própria.",
        ),
    },
    Explanation {
        facts: &["TimedOut", "PreVoteAsked", "VoteAsked", "Granted", "VoteRefused"],
        title: text("Election: who may win", "Eleição: quem pode vencer"),
        body: &[
            text(
                "A vote goes only to a candidate whose last (epoch, offset) is not smaller than the voter's: first the \
                 epochs are compared, then the offsets. A majority has every committed entry, a winner needs a majority's \
                 votes, so some voter of his has the entry and would have refused a log without it.",
                "Um voto só vai a um candidato cujo último (época, offset) não é menor que o do votante: primeiro as épocas, \
                 depois os offsets. A maioria tem toda entrada com commit e o vencedor precisa dos votos da maioria: algum \
                 votante dele tem a entrada e teria recusado um log sem ela.",
            ),
            text(
                "The promise (epoch, vote) is on the disk before it is told: nobody votes twice in one epoch. The \
                 pre-vote asks first and changes nothing, so a node that was cut off does not disturb a live leader.",
                "A promessa (época, voto) está no disco antes de ser dita: ninguém vota duas vezes na mesma época. O \
                 pré-voto pergunta antes e não muda nada: um nó que estava isolado não perturba um líder vivo.",
            ),
        ],
        source: text(
            "Raft §5.2, §5.4.1; pre-vote: Ongaro's thesis §9.6.",
            "Raft §5.2, §5.4.1; pré-voto: tese de Ongaro §9.6.",
        ),
    },
    Explanation {
        facts: &["Elected", "SteppedDown", "EpochLeft"],
        title: text("A new leader, a new epoch", "Novo líder, nova época"),
        body: &[
            text(
                "The winner opens its epoch with an entry at offset 0. Until that one is committed it answers no read: \
                 it has all that was confirmed, but does not know yet how far that goes.",
                "O vencedor abre a sua época com uma entrada no offset 0. Até ela ter commit ele não responde leituras: tem \
                 tudo que foi confirmado, mas ainda não sabe até onde vai.",
            ),
            text(
                "A leader that hears of a greater epoch, or no quorum for an election timeout, steps down. Its \
                 unconfirmed entries stay intermediate; the next leader keeps or truncates them. The client is told \
                 'unknown', never 'failed'.",
                "Um líder que sabe de uma época maior, ou não ouve a maioria durante um timeout, renuncia. Suas entradas não \
                 confirmadas ficam em dados intermediários; o próximo líder as mantém ou trunca. O cliente recebe \
                 'desconhecido', nunca 'falhou'.",
            ),
        ],
        source: text(
            "Raft §5.1, §5.2, §8 (no-op at the start of a term).",
            "Raft §5.1, §5.2, §8 (no-op no início do mandato).",
        ),
    },
    Explanation {
        facts: &["ReadAsked", "ReadConfirmed", "ReadAnswered", "ReadRefused"],
        title: text("Reading without the disk", "Ler sem o disco"),
        body: &[text(
            "Before it answers, the leader asks a quorum, in a round sent after the read came, whether it still leads, and \
             waits until it has applied its commit point of that moment. So a read sees all that was confirmed before it \
             began, also when an old leader does not know yet that it is one.",
            "Antes de responder, o líder pergunta à maioria, numa rodada enviada depois de a leitura chegar, se ainda lidera, \
             e espera aplicar o seu ponto de commit daquele momento. Assim uma leitura vê tudo que foi confirmado antes de \
             começar, mesmo quando um líder antigo ainda não sabe que é antigo.",
        )],
        source: text("Raft §8; Ongaro's thesis §6.4 (ReadIndex).", "Raft §8; tese de Ongaro §6.4 (ReadIndex)."),
    },
    Explanation {
        facts: &["LeaseHeld"],
        title: text("Reading by lease", "Ler por lease"),
        body: &[text(
            "A majority has said, in answer to a round that was sent less than a lease ago, that it votes for nobody for \
             longer than that. So nobody else can lead meanwhile, and the leader answers alone. It counts from the sending, \
             and a voter that was started anew waits its promise out; only clocks of different speed could break it, hence \
             the margin of a tenth.",
            "A maioria disse, em resposta a uma rodada enviada há menos de um lease, que não vota em ninguém por mais tempo \
             que isso. Assim ninguém mais pode liderar nesse meio tempo, e o líder responde sozinho. Conta-se a partir do \
             envio, e um nó reiniciado espera a sua promessa passar; só relógios de velocidades diferentes quebrariam isso, \
             daí a margem de um décimo.",
        )],
        source: text("Raft §8; Ongaro's thesis §6.4.1.", "Raft §8; tese de Ongaro §6.4.1."),
    },
    Explanation {
        facts: &["QuorumAnswered", "QuorumDisagreed"],
        title: text("Reading from a quorum", "Ler de um quórum"),
        body: &[text(
            "A write is confirmed once a majority has it, mostly as intermediate data. So many voters are asked that one of \
             them is among those: the greatest entry that any of them has accepted is not before the write. The value \
             counts only from a voter that has applied that entry; comparing final data alone would miss a confirmed write.",
            "Uma escrita é confirmada quando a maioria a tem, em geral como dados intermediários. Pergunta-se a tantos nós que \
             um deles está entre esses: a maior entrada que algum deles aceitou não é anterior à escrita. O valor só vale de \
             um nó que aplicou essa entrada; comparar só dados finais perderia uma escrita confirmada.",
        )],
        source: text("Gifford 1979: NR + NW > N.", "Gifford 1979: NR + NW > N."),
    },
    Explanation {
        facts: &["TransferBegun", "TransferSent", "TransferEnded"],
        title: text("Handing leadership over", "Entregar a liderança"),
        body: &[text(
            "New writes wait, those before them are confirmed, and once the target has the last entry it is told to stand at \
             once. The comparison of logs stands as in every election, so nothing committed can be lost. If it takes longer \
             than an election timeout, the old leader leads on and takes the writes that waited.",
            "Escritas novas esperam, as anteriores são confirmadas e, quando o alvo tem a última entrada, ele se candidata \
             na hora. A comparação dos logs vale como em toda eleição: nada com commit se perde. Se demora mais que um \
             timeout de eleição, o líder antigo continua e aceita as escritas que esperaram.",
        )],
        source: text("Ongaro's thesis §3.10.", "Tese de Ongaro §3.10."),
    },
    Explanation {
        facts: &["SnapshotTaken", "Compacted", "SnapshotSent", "SnapshotInstalled"],
        title: text("A snapshot stands for the log's beginning", "Um snapshot representa o começo do log"),
        body: &[text(
            "A log that only grows fills the disk and makes every restart longer. A snapshot is the final database after \
             exactly the entries up to one; once it is durable the log gives those entries up. A replica that needs one of \
             them gets the snapshot instead, in parts, and the log goes on after it without a gap.",
            "Um log que só cresce enche o disco e alonga cada reinício. Um snapshot é o banco de dados final depois de \
             exatamente as entradas até uma delas; quando está durável, o log descarta essas entradas. Uma réplica que \
             precisa de uma delas recebe o snapshot, em partes, e o log continua depois dele sem lacuna.",
        )],
        source: text("Raft §7; Ongaro's thesis §5.", "Raft §7; tese de Ongaro §5."),
    },
    Explanation {
        facts: &["Damaged", "Quarantined", "FolderReplaced"],
        title: text("A damaged disk is quarantined", "Um disco danificado vai para a quarentena"),
        body: &[text(
            "Every record has a checksum and every entry a digest that covers all before it, so a flipped bit is found. A \
             damaged node acks, votes and truncates nothing from then on. Its folder is moved aside, nothing is deleted, and \
             it comes back as a new member with an empty folder: a learner, until it has everything from the others.",
            "Todo registro tem um checksum e toda entrada um digest que cobre as anteriores, então um bit trocado é \
             achado. Um nó danificado não confirma, não vota e não trunca mais nada. A pasta dele é posta de lado, nada é \
             apagado, e ele volta como um membro novo com a pasta vazia: um aprendiz, até receber tudo dos outros.",
        )],
        source: text(
            "Alagappan et al., Protocol-Aware Recovery for Consensus-Based Storage (FAST 2018).",
            "Alagappan et al., Protocol-Aware Recovery for Consensus-Based Storage (FAST 2018).",
        ),
    },
    Explanation {
        facts: &["JoinAsked", "CaughtUp", "Promoted", "Removed", "MembersSet"],
        title: text("The members change, one at a time", "Os membros mudam, um por vez"),
        body: &[text(
            "The member list is an entry of the log and counts as soon as it is there, committed or not. Only one server is              added or removed at a time, so every majority of the old list shares a voter with every majority of the new              one. A new node gets everything as a learner first, and counts in no majority until it has caught up.",
            "A lista de membros é uma entrada do log e vale assim que está lá, com ou sem commit. Só um servidor entra ou              sai por vez: toda maioria da lista antiga tem um votante em comum com toda maioria da nova. Um nó novo              recebe tudo primeiro como aprendiz e não conta em nenhuma maioria até alcançar o líder.",
        )],
        source: text("Ongaro's thesis §4.", "Tese de Ongaro §4."),
    },
    Explanation {
        facts: &["Injected"],
        title: text("A conflict made on purpose", "Um conflito feito de propósito"),
        body: &[text(
            "Forged entries are put at the end of a replica's log, numbered as its exact continuation. The check gets no \
             hint: it finds them by id or by digest. A durable mark serves one purpose only, that the experiment cannot \
             break what was confirmed: forged entries are never acked, applied or counted in a vote.",
            "Entradas forjadas são postas no fim do log de uma réplica, numeradas como a continuação exata. A verificação não \
             recebe dica: acha-as por id ou por digest. Uma marca durável serve só para que o experimento não quebre o que \
             foi confirmado: entradas forjadas nunca são confirmadas, aplicadas nem contadas num voto.",
        )],
        source: text(
            "Assignment, test 3: conflicting entries are injected and repaired.",
            "Trabalho, teste 3: entradas conflitantes são injetadas e reparadas.",
        ),
    },
    Explanation {
        facts: &[
            "Killed",
            "Restarted",
            "Paused",
            "Resumed",
            "LinkCut",
            "LinkHealed",
            "HoldSet",
            "HoldReleased",
            "MessageHeld",
            "MessageReleased",
            "MessageDiscarded",
            "MessageDelayed",
            "MessageDuplicated",
            "MessageDelivered",
            "DropSet",
            "DelaySet",
            "DuplicateSet",
            "RuleCleared",
            "StepOn",
            "StepOff",
            "TimePassed",
            "Dropped",
            "DiskError",
        ],
        title: text("A fault, made on purpose", "Uma falha, feita de propósito"),
        body: &[text(
            "Faults act outside of the protocol: on processes, or at a gate between the core and the links. The core has no \
             code for them and gets no hint; it sees only silence, late messages or a restart from its disk. A killed node \
             stays dead until it is started again.",
            "As falhas agem fora do protocolo: nos processos, ou num portão entre o núcleo e os enlaces. O núcleo não tem \
             código para elas nem recebe dica; só vê silêncio, mensagens atrasadas ou um reinício a partir do disco. Um nó \
             morto fica morto até ser iniciado de novo.",
        )],
        source: text(
            "Assignment, test 2: a replica stops, writes go on, it returns with an old log and catches up.",
            "Trabalho, teste 2: uma réplica para, as escritas continuam, ela volta com um log antigo e alcança.",
        ),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_fact_has_two_explanations_and_each_named_one_exists() {
        let named: Vec<&str> = EXPLANATIONS.iter().flat_map(|explanation| explanation.facts).copied().collect();
        for (index, name) in named.iter().enumerate() {
            assert!(Fact::NAMES.contains(name), "{name} is no fact");
            assert!(!named[index + 1..].contains(name), "{name} is explained twice");
        }
    }
}
