//! Explanations of rules: the purpose, what would go wrong without the rule, and its source. One for each family of
//! facts.

use epoca::protocol::MessageKind;
use epoca::protocol::trace::Fact;

use crate::lang::{Text, text};

pub struct Explanation {
    facts: &'static [&'static str],
    pub title: Text,
    pub body: &'static [Text],
    /// The line of the assignment, or the publication.
    pub source: Text,
}

impl Explanation {
    /// A name that no other explanation has.
    pub fn name(&self) -> &'static str {
        self.facts.first().copied().unwrap_or("Other")
    }
}

/// The explanation of a fact. Every fact has one.
pub fn of(fact: &Fact) -> &'static Explanation {
    let name = subject(fact);
    let family = |explanation: &&Explanation| explanation.facts.contains(&name);
    EXPLANATIONS.iter().find(family).unwrap_or(&OTHER)
}

/// The name of the fact that is explained: of a message, that of the rule that sends it.
pub fn subject(fact: &Fact) -> &'static str {
    match fact {
        Fact::Sent { kind, .. } => by_kind(kind),
        other => other.name(),
    }
}

/// The fact that explains a message of this kind.
fn by_kind(kind: &str) -> &'static str {
    use MessageKind::{Ack, CommitOrder, LogState, PreVote, PreVoteAnswer, Refused, RoundAnswer, Vote, VoteAnswer};
    match MessageKind::from_name(kind) {
        Some(Ack) => "Acked",
        Some(CommitOrder) => "Ordered",
        Some(LogState) => "Reported",
        Some(RoundAnswer) => "ReadAsked",
        Some(Refused) => "EpochLeft",
        Some(PreVote | PreVoteAnswer | Vote | VoteAnswer) => "VoteAsked",
        _ => "Sent",
    }
}

const OTHER: Explanation = Explanation {
    facts: &[],
    title: text("A decision of the protocol", "Uma decisão do protocolo"),
    body: &[text(
        "The line above shows the decision with the numbers that were compared.",
        "A linha acima mostra a decisão com os números que foram comparados.",
    )],
    source: text("the protocol's table of rules", "a tabela de regras do protocolo"),
};

const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        facts: &["Proposed", "Forwarded", "WriteRefused"],
        title: text("A write becomes an entry", "Uma escrita vira uma entrada"),
        body: &[
            text(
                "Only the leader assigns a position to a write: the epoch is its version as leader, the offset counts \
                 from 0 within the epoch. Another node forwards the write once. The entry is intermediate data: \
                 durable in the log, not final, not readable.",
                "Só o líder atribui uma posição a uma escrita: a época é a sua versão como líder, o offset conta a \
                 partir de 0 dentro da época. Outro nó repassa a escrita uma vez. A entrada é um dado intermediário: \
                 durável no log, não final, não legível.",
            ),
            text(
                "The leader accepts the next write without waiting for its own disk or for a replica. Writes that \
                 arrive meanwhile share the next flush.",
                "O líder aceita a próxima escrita sem esperar o próprio disco nem uma réplica. As escritas que chegam \
                 nesse meio tempo dividem a próxima gravação.",
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
                "The leader pushes the entries to every replica; replicas do not poll. Each push names prev, the \
                 entry before its first one, with id and digest. The replica uses it to check that the push continues \
                 its log exactly.",
                "O líder envia (push) as entradas a toda réplica; as réplicas não consultam. Cada push nomeia prev, a \
                 entrada antes da primeira, com id e digest. Com isso a réplica verifica que o push continua o seu \
                 log exatamente.",
            ),
            text(
                "Pushes are pipelined: the next one is sent before the last one is acked. A lost push appears as a \
                 missing prev.",
                "Os pushes são encadeados: o próximo sai antes do ack do anterior. Um push perdido aparece como prev \
                 ausente.",
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
                "A replica accepts a push only if prev is in its log with the same id and the same digest. A digest \
                 covers the previous digest, the id and the content, so equal digests mean equal logs up to that \
                 entry, by induction.",
                "Uma réplica só aceita um push se prev está no seu log com o mesmo id e o mesmo digest. Um digest \
                 cobre o anterior, o id e o conteúdo: digests iguais significam logs iguais até ali, por indução.",
            ),
            text(
                "Raft compares only index and term. An entry with the right number and the wrong content would pass \
                 that check. Here it fails, and the console shows both digests.",
                "O Raft compara só índice e termo. Uma entrada com o número certo e o conteúdo errado passaria \
                 nessa verificação. Aqui ela não passa, e o console mostra os dois digests.",
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
                "The replica deletes its entries from the conflict on. It never deletes a committed one: a committed \
                 entry is on a majority, every leader has it, so no leader's push can differ there.",
                "A réplica apaga suas entradas a partir do conflito. Nunca apaga uma efetivada: ela está na maioria, \
                 todo líder a tem, portanto o push de nenhum líder pode diferir ali.",
            ),
            text(
                "It truncates only where a push contradicts its log. Truncating to the own commit mark at a restart \
                 would lose confirmed data when leaders change.",
                "Trunca só onde um push contradiz o seu log. Truncar até a própria marca de commit ao reiniciar \
                 perderia dados confirmados quando o líder muda.",
            ),
        ],
        source: text(
            "Assignment, replica: truncates inconsistent entries. Raft §5.3; KIP-101 (Kafka: leader epoch instead of \
             high watermark).",
            "Trabalho, réplica: trunca o inconsistente. Raft §5.3; KIP-101 (Kafka: época do líder em vez de high \
             watermark).",
        ),
    },
    Explanation {
        facts: &["Reported", "Resynced"],
        title: text("Log state and sync point", "Estado atual de log e ponto de sincronização"),
        body: &[
            text(
                "The replica reports the last offset of each epoch and the digest there. The leader takes the \
                 greatest epoch that both have and the smaller of the two last offsets: that is the sync point. If \
                 the digests differ there, the sync point is the replica's last committed entry.",
                "A réplica informa o último offset de cada época e o digest ali. O líder toma a maior época que ambos \
                 têm e o menor dos dois últimos offsets: é o ponto de sincronização. Se os digests diferem ali, o \
                 ponto de sincronização é a última entrada efetivada da réplica.",
            ),
            text(
                "One round trip is enough, at most two with forged entries, however many entries conflict. Raft steps \
                 back one entry for each round trip.",
                "Uma ida e volta basta, no máximo duas com entradas forjadas, não importa quantas conflitam. O Raft \
                 recua uma entrada por ida e volta.",
            ),
        ],
        source: text(
            "Assignment, replica: reports its current log state, and is rebuilt from the sync point. Raft §5.3 (end); \
             KIP-101, KIP-279.",
            "Trabalho, réplica: informa o estado atual de log e é reconstruída do ponto de sincronização. Raft §5.3 \
             (fim); KIP-101, KIP-279.",
        ),
    },
    Explanation {
        facts: &["Acked"],
        title: text("The ack", "A confirmação (ack)"),
        body: &[text(
            "An ack means: my log equals yours up to this entry, and it is on my disk. It is sent only after the \
             flush. It covers the last entry of that push, never the end of the log, which may hold other entries.",
            "Um ack significa: o meu log é igual ao seu até esta entrada, e ela está no meu disco. Só sai depois da \
             gravação. Vale até a última entrada daquele push, nunca até o fim do log, que pode ter outras entradas.",
        )],
        source: text(
            "Assignment, replica: stores intermediate data and acks. Raft §5.1, §5.3 (answers from stable storage).",
            "Trabalho, réplica: guarda dados intermediários e confirma. Raft §5.3 (responder só a partir do disco).",
        ),
    },
    Explanation {
        facts: &["Counted", "Committed", "Opened"],
        title: text("Majority and commit", "Maioria e commit"),
        body: &[
            text(
                "The leader sorts the positions up to which each voter matches. The value at the quorum's rank is on \
                 a majority; with four nodes that is the third highest. Its own copy counts only after its own flush.",
                "O líder ordena as posições até onde o log de cada votante coincide. A posição na ordem do quórum está \
                 na maioria; com quatro nós é a terceira maior. A cópia do líder só conta depois da própria gravação.",
            ),
            text(
                "Only an entry of the leader's own epoch is committed by counting; older entries are committed with \
                 it. Otherwise a later leader could still overwrite an entry that a majority has.",
                "Só uma entrada da própria época é efetivada por contagem; as antigas são efetivadas junto. Senão uma \
                 entrada que a maioria tem ainda poderia ser sobrescrita por um líder posterior.",
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
                "Heartbeats carry no commit point: only the order makes entries final. A replica applies it only up \
                 to what it has acked to this leader in this epoch, so a wrong entry at that position never becomes \
                 final. The rest of the order waits.",
                "Heartbeats não levam ponto de commit: só a ordem torna entradas finais. Uma réplica a aplica só até \
                 o que confirmou a este líder nesta época, assim uma entrada errada naquela posição nunca se torna \
                 final. O resto da ordem espera.",
            ),
            text(
                "The data and the applied position are one atomic write, so nothing is applied twice after a crash. \
                 The order is repeated with heartbeats until the replica reports it as applied.",
                "Os dados e a posição aplicada são uma escrita atômica: depois de uma queda nada é aplicado duas \
                 vezes. A ordem é repetida com os heartbeats até a réplica informar que a aplicou.",
            ),
        ],
        source: text(
            "Assignment, test 4: nothing is applied or readable before the commit order. Raft §5.3 (leaderCommit), \
             here a message of its own.",
            "Trabalho, teste 4: nada é aplicado nem legível antes da ordem de commit. Raft §5.3 (leaderCommit), aqui \
             uma mensagem própria.",
        ),
    },
    Explanation {
        facts: &["LeaderGone", "TimedOut", "PreVoteAsked", "VoteAsked", "Granted", "VoteRefused"],
        title: text("Election: who may win", "Eleição: quem pode vencer"),
        body: &[
            text(
                "A node votes only for a candidate whose last (epoch, offset) is not smaller than its own: epochs are \
                 compared first, then offsets. Every committed entry is on a majority and a winner needs the votes of \
                 a majority, so one of its voters has the entry and would have refused a log without it.",
                "Um nó só vota num candidato cujo último (época, offset) não é menor que o seu: comparam-se primeiro \
                 as épocas, depois os offsets. Toda entrada efetivada está na maioria e o vencedor precisa dos votos \
                 da maioria: algum dos seus votantes tem a entrada e teria recusado um log sem ela.",
            ),
            text(
                "A node persists its epoch and vote before it replies, so no node votes twice in one epoch. The \
                 pre-vote asks first and changes nothing, so a node that was partitioned does not disturb a live \
                 leader.",
                "Um nó grava a sua época e o seu voto antes de responder: nenhum nó vota duas vezes na mesma época. O \
                 pré-voto pergunta antes e não muda nada: um nó que estava isolado não perturba um líder vivo.",
            ),
            text(
                "A replica whose stream from the leader broke and whose new connection is refused knows that the \
                 process has ended, and does not wait for the election timeout. Evidence only decides when it asks.",
                "Uma réplica cujo stream do líder caiu e cuja nova conexão é recusada sabe que o processo terminou e \
                 não espera o timeout de eleição. A evidência só decide quando ela pergunta.",
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
                "The winner opens its epoch with an entry at offset 0. It answers no read before that entry is \
                 committed: it has everything that was confirmed, but does not know yet up to where.",
                "O vencedor abre a sua época com uma entrada no offset 0. Não responde leituras antes do commit dessa \
                 entrada: tem tudo que foi confirmado, mas ainda não sabe até onde.",
            ),
            text(
                "A leader steps down when it learns of a greater epoch, or when no quorum answers for an election \
                 timeout. Its unconfirmed entries stay intermediate; the next leader keeps or truncates them. The \
                 client gets 'unknown', never 'failed'.",
                "Um líder deixa a liderança quando sabe de uma época maior, ou quando a maioria não responde durante \
                 um timeout de eleição. Suas entradas não confirmadas ficam em dados intermediários; o próximo líder \
                 as mantém ou trunca. O cliente recebe 'desconhecido', nunca 'falhou'.",
            ),
        ],
        source: text(
            "Raft §5.1, §5.2, §8 (no-op at the start of a term).",
            "Raft §5.1, §5.2, §8 (no-op no início do termo).",
        ),
    },
    Explanation {
        facts: &["ReadAsked", "ReadConfirmed", "ReadAnswered", "ReadRefused"],
        title: text("Reading without the disk", "Ler sem o disco"),
        body: &[text(
            "Before it answers, the leader asks a quorum whether it still leads, in a round sent after the read \
             arrived, and waits until it has applied the commit point of that moment. A read therefore sees \
             everything that was confirmed before it began, even if an old leader does not know yet that it was \
             replaced.",
            "Antes de responder, o líder pergunta à maioria se ainda lidera, numa rodada enviada depois de a leitura \
             chegar, e espera aplicar o ponto de commit daquele momento. Assim uma leitura vê tudo que foi confirmado \
             antes de ela começar, mesmo se um líder antigo ainda não sabe que foi substituído.",
        )],
        source: text("Raft §8; Ongaro's thesis §6.4 (ReadIndex).", "Raft §8; tese de Ongaro §6.4 (ReadIndex)."),
    },
    Explanation {
        facts: &["LeaseHeld"],
        title: text("Reading by lease", "Ler por lease"),
        body: &[text(
            "In answer to a round that was sent less than a lease ago, a majority has promised not to vote for longer \
             than the lease. No other node can win an election meanwhile, so the leader answers alone. The lease \
             counts from the sending, and a restarted voter waits until its promise has expired. Only clocks of \
             different speed could break it, hence a margin of one tenth.",
            "Em resposta a uma rodada enviada há menos de um lease, a maioria prometeu não votar por mais tempo que o \
             lease. Nenhum outro nó pode vencer uma eleição nesse meio tempo, e o líder responde sozinho. O lease \
             conta a partir do envio, e um votante reiniciado espera a sua promessa expirar. Só relógios de \
             velocidades diferentes quebrariam isso, daí a margem de um décimo.",
        )],
        source: text("Raft §8; Ongaro's thesis §6.4.1.", "Raft §8; tese de Ongaro §6.4.1."),
    },
    Explanation {
        facts: &["QuorumAnswered", "QuorumDisagreed"],
        title: text("Reading from a quorum", "Ler de um quórum"),
        body: &[text(
            "A write is confirmed once a majority has it, mostly as intermediate data. The read asks enough voters to \
             include one of that majority, so the greatest entry that any of them has accepted is not before the \
             write. The value counts only from a voter that has applied that entry; comparing only final data would \
             miss a confirmed write.",
            "Uma escrita é confirmada quando a maioria a tem, em geral como dados intermediários. A leitura pergunta \
             a votantes suficientes para incluir um dessa maioria: a maior entrada que algum deles aceitou não é \
             anterior à escrita. O valor só vale de um votante que aplicou essa entrada; comparar só dados finais \
             perderia uma escrita confirmada.",
        )],
        source: text("Gifford 1979: NR + NW > N.", "Gifford 1979: NR + NW > N."),
    },
    Explanation {
        facts: &["TransferBegun", "TransferSent", "TransferEnded"],
        title: text("Leadership transfer", "Transferência da liderança"),
        body: &[text(
            "New writes wait and earlier ones are confirmed. Once the target has the last entry, the leader asks it \
             to start an election at once. Logs are compared as in every election, so no committed entry can be lost. \
             If the transfer takes longer than an election timeout, the old leader continues and accepts the waiting \
             writes.",
            "Novas escritas esperam e as anteriores são confirmadas. Quando o alvo tem a última entrada, o líder pede \
             que inicie uma eleição na hora. Os logs são comparados como em toda eleição: nenhuma entrada efetivada \
             se perde. Se a transferência demora mais que um timeout de eleição, o líder antigo continua e aceita as \
             escritas que esperaram.",
        )],
        source: text("Ongaro's thesis §3.10.", "Tese de Ongaro §3.10."),
    },
    Explanation {
        facts: &["SnapshotTaken", "Compacted", "SnapshotSent", "SnapshotInstalled"],
        title: text("A snapshot replaces the beginning of the log", "Um snapshot substitui o começo do log"),
        body: &[text(
            "A log that only grows fills the disk and makes every restart longer. A snapshot is the final database \
             after applying exactly the entries up to one position. Once it is durable, the log drops those entries. \
             A replica that needs one of them gets the snapshot instead, in parts, and its log continues after it \
             without a gap.",
            "Um log que só cresce enche o disco e alonga cada reinício. Um snapshot é o banco de dados final depois \
             de aplicar exatamente as entradas até uma posição. Quando está durável, o log descarta essas entradas. \
             Uma réplica que precisa de uma delas recebe o snapshot, em partes, e o seu log continua depois dele sem \
             lacuna.",
        )],
        source: text("Raft §7; Ongaro's thesis §5.", "Raft §7; tese de Ongaro §5."),
    },
    Explanation {
        facts: &["Damaged", "Quarantined", "FolderReplaced"],
        title: text("A damaged disk is quarantined", "Um disco danificado vai para a quarentena"),
        body: &[text(
            "Every record has a checksum, and every entry has a digest that covers all entries before it, so a \
             flipped bit is found. From then on the damaged node acks, votes and truncates nothing. Its folder is \
             kept aside, nothing is deleted, and it rejoins as a new member with an empty folder: a learner, until it \
             has received everything from the others.",
            "Todo registro tem um checksum e toda entrada tem um digest que cobre as anteriores, então um bit trocado \
             é detectado. A partir daí o nó danificado não confirma, não vota e não trunca mais nada. A pasta dele \
             fica guardada à parte, nada é apagado, e ele volta como um membro novo com a pasta vazia: um aprendiz, \
             até receber tudo dos outros.",
        )],
        source: text(
            "Alagappan et al., Protocol-Aware Recovery for Consensus-Based Storage (FAST 2018).",
            "Alagappan et al., Protocol-Aware Recovery for Consensus-Based Storage (FAST 2018).",
        ),
    },
    Explanation {
        facts: &["JoinAsked", "CaughtUp", "Promoted", "Removed", "MembersSet"],
        title: text("Membership changes one server at a time", "Os membros mudam um servidor por vez"),
        body: &[text(
            "The member list is an entry of the log and takes effect as soon as it is there, committed or not. Only \
             one server is added or removed at a time, so every majority of the old list shares a voter with every \
             majority of the new one. A new node first receives everything as a learner, and counts in no majority \
             until it has caught up.",
            "A lista de membros é uma entrada do log e vale assim que está lá, efetivada ou não. Só um servidor \
             entra ou sai por vez: toda maioria da lista antiga tem um votante em comum com toda maioria da nova. Um \
             nó novo primeiro recebe tudo como aprendiz, e não conta em nenhuma maioria até alcançar o líder.",
        )],
        source: text("Ongaro's thesis §4.", "Tese de Ongaro §4."),
    },
    Explanation {
        facts: &["Injected"],
        title: text("An injected conflict", "Um conflito injetado"),
        body: &[text(
            "Forged entries are appended to a replica's log with the numbers of its exact continuation. The \
             consistency check gets no hint: it finds them by id or by digest. A durable mark only ensures that the \
             experiment cannot violate confirmed data: forged entries are never acked, applied or counted in a vote.",
            "Entradas forjadas são acrescentadas ao log de uma réplica com os números da continuação exata. A \
             verificação de consistência não recebe dica: ela as detecta por id ou por digest. Uma marca durável só \
             garante que o experimento não viole dados confirmados: entradas forjadas nunca são confirmadas, \
             aplicadas nem contadas num voto.",
        )],
        source: text(
            "Assignment, test 3: conflicting entries are injected and repaired.",
            "Trabalho, teste 3: entradas conflitantes são injetadas, detectadas e corrigidas.",
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
            "MessageLetThrough",
            "TimePassed",
            "PaceSet",
            "MessageInFlight",
            "MessageArrived",
            "Dropped",
            "DiskError",
        ],
        title: text("An injected fault", "Uma falha injetada"),
        body: &[text(
            "Faults act outside of the protocol: on processes, or at a gate between the core and the links. The core \
             has no code for them and gets no hint; it sees only missing messages, late messages or a restart from \
             its disk. A killed node stays down until it is started again.",
            "As falhas agem fora do protocolo: nos processos, ou num portão entre o núcleo e os enlaces. O núcleo não \
             tem código para elas nem recebe dica; só vê mensagens ausentes, mensagens atrasadas ou um reinício a \
             partir do disco. Um nó morto fica fora do ar até ser iniciado de novo.",
        )],
        source: text(
            "Assignment, test 2: a replica stops, writes continue, it returns with an old log and catches up.",
            "Trabalho, teste 2: uma réplica para, as escritas continuam, ela volta com um log antigo e alcança o \
             líder.",
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
