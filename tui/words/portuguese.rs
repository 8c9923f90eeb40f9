//! Brazilian Portuguese sentences for what was done, refused or not answered. A variant without words does not compile.

use std::time::Duration;

use epoca::client::{ClientError, DisksLost, Done, Doubt, Note, Reason, Refusal};
use epoca::protocol::trace::{Effect, LinkRule, kind_name};
use epoca::protocol::{KEY_BYTES_MAX, MessageKind, NodeId, VALUE_BYTES_MAX};

pub fn done(done: &Done) -> String {
    match done {
        Done::Killed { node, pid } => format!("{node} morto (pid {pid}); `fault restart {}` o reinicia", node.0),
        Done::Restarted { node, pid } => restarted(*node, *pid),
        Done::Paused { node, pid } => format!("{node} pausado (pid {pid}); `fault resume {}` o retoma", node.0),
        Done::Resumed { node, pid } => format!("{node} retomado (pid {pid})"),
        Done::Damaged { node, pid, last, whole, voters } => {
            let flipped = format!("um bit de {} foi invertido no disco de {node}, que reiniciou (pid {pid})", last.id);
            let needed = voters / 2 + 1;
            if *whole < needed {
                return format!(
                    "{flipped}; só {whole} de {voters} votantes têm discos íntegros e a maioria são {needed}, \
                     então talvez ele só seja aceito de novo quando outros voltarem: `status` diz o que fazer"
                );
            }
            format!("{flipped}: ele põe a pasta de lado e volta como aprendiz; veja `status` e `member list`")
        }
        Done::MadeWrong { node, how, pid } => format!(
            "a partir de agora {node} está ERRADO de propósito: {how}; `fault wrong {} off` o corrige ({})",
            node.0,
            restarted(*node, *pid)
        ),
        Done::MadeRight { node, pid } => right_again(*node, *pid),
        Done::Joins { node, address, pid, learner } => {
            let kind = if *learner { "como aprendiz" } else { "votante assim que estiver em dia" };
            format!("{node} entra em {address} (pid {pid}), {kind}")
        }
        Done::Left { node, folder } => {
            format!("{node} foi removido e o seu processo terminou; os dados continuam em {folder}")
        }
        Done::RuleSet { rule, both_ways, later } => with_later(rule_set(rule, *both_ways), later),
        Done::RuleCleared { rule, later } => with_later(rule_cleared(rule), later),
        Done::LinkCleared { node, peer, later } => {
            with_later(format!("o enlace entre {node} e {peer} foi restabelecido"), later)
        }
        Done::AllCleared { later, righted, wrong } => {
            let mut said = with_later("nenhuma falha em vigor".to_owned(), later);
            righted.iter().for_each(|(node, pid)| said += &format!("; {}", right_again(*node, *pid)));
            for (node, how) in wrong {
                said += &format!("; {node} continua errado de propósito ({how}): reinicie-o sem --wrong");
            }
            said
        }
        Done::StepOn { every: true, later } => {
            with_later("passo a passo ligado: os temporizadores param e toda mensagem espera".to_owned(), later)
        }
        Done::StepOn { every: false, later } => {
            let rest = "as que nada mudam são entregues sozinhas";
            with_later(format!("passo a passo ligado: os temporizadores param e as mensagens esperam; {rest}"), later)
        }
        Done::PaceSet { pace, later } if pace.is_real() => with_later("o tempo é de novo o real".to_owned(), later),
        Done::PaceSet { pace, later } => {
            let what = "temporizadores, mensagens e flushes são esticados";
            with_later(format!("câmera lenta, {pace} do tempo real: {what}"), later)
        }
        Done::StepOff { later } => with_later(
            "passo a passo desligado: os temporizadores voltam a correr e o que esperava passa".to_owned(),
            later,
        ),
        Done::Ticked { node, millis } => format!("o temporizador de {node} esgotou: passaram {millis} ms"),
        Done::Delivered { message } => format!("{message} foi entregue"),
        Done::Discarded { message } => format!("{message} foi descartada"),
        Done::Delayed { message, millis } => format!("{message} será entregue em {millis} ms"),
        Done::Duplicated { message } => format!("{message} foi duplicada"),
        Done::Injected { .. } => "as entradas forjadas estão no fim do log".to_owned(),
        Done::StandsFirst { node } => format!("{node} se candidata na primeira eleição"),
        Done::Stands { node } => format!("{node} se candidata: `epoca status` mostra quem lidera"),
        Done::AsksToLead { node } => format!("{node} pediu para liderar: `epoca status` mostra quem lidera"),
        Done::LeadsAlready { node } => format!("{node} já lidera"),
        Done::Leads { node } => format!("{node} lidera"),
        Done::AnotherLeads {} => "outro nó lidera".to_owned(),
    }
}

fn restarted(node: NodeId, pid: u32) -> String {
    format!("{node} reiniciado (pid {pid})")
}

fn right_again(node: NodeId, pid: u32) -> String {
    format!("{node} voltou a funcionar corretamente ({})", restarted(node, pid))
}

fn with_later(said: String, later: &[NodeId]) -> String {
    match later {
        [] => said,
        [one] => format!("{said} ({one} adota isso quando voltar)"),
        some => format!("{said} ({} adotam isso quando voltarem)", names(some, " e ")),
    }
}

fn rule_set(rule: &LinkRule, both_ways: bool) -> String {
    let (from, to) = (end(rule.from), end(rule.to));
    let message = message(rule.kind);
    match rule.effect {
        Effect::Drop if both_ways && rule.kind.is_none() => format!("o enlace entre {from} e {to} está cortado"),
        Effect::Hold => format!("{to} retém {message} que chega"),
        Effect::Drop => format!("{message} de {from} para {to} se perde"),
        Effect::Delay { millis } => format!("{message} de {from} para {to} atrasa {millis} ms"),
        Effect::Duplicate => format!("{message} de {from} para {to} é duplicado"),
    }
}

fn rule_cleared(rule: &LinkRule) -> String {
    let (from, to) = (end(rule.from), end(rule.to));
    match (rule.effect, rule.kind) {
        (Effect::Hold, None) => format!("{to} deixa tudo passar"),
        (Effect::Hold, kind) => format!("{to} deixa passar {}", message(kind)),
        (_, kind) => format!("{} de {from} para {to} volta a chegar uma vez e sem atraso", message(kind)),
    }
}

fn message(kind: Option<MessageKind>) -> String {
    if kind.is_none() { "toda mensagem".to_owned() } else { format!("todo {}", kind_name(kind)) }
}

fn end(node: Option<NodeId>) -> String {
    node.map_or("qualquer nó".to_owned(), |node| node.to_string())
}

fn names(nodes: &[NodeId], between: &str) -> String {
    nodes.iter().map(NodeId::to_string).collect::<Vec<_>>().join(between)
}

/// An error of the client library.
pub fn client_error(error: &ClientError) -> String {
    match error {
        ClientError::Refused(of) => refusal(of),
        ClientError::Unreachable { addresses, why } => format!(
            "nenhum nó responde em {} ({}). Há um cluster em execução? `epoca cluster` \
             inicia um, --connect indica outro",
            addresses.join(", "),
            reason(why)
        ),
        ClientError::NoLeader { timeout, why } => {
            format!("nenhum líder aceitou em {} s: {}", seconds(timeout), reason(why))
        }
        ClientError::TimedOut { timeout, why } => format!("sem resposta em {} s: {}", seconds(timeout), reason(why)),
        ClientError::Unknown { why } => {
            format!("resultado desconhecido: {}. Leia a chave para ver se foi escrita", reason(why))
        }
        ClientError::UnknownChange { why } => {
            format!("resultado desconhecido: {}. `epoca member list` mostra se foi feita", reason(why))
        }
        ClientError::UnknownNode { node, nodes } => unknown_node(*node, nodes),
        ClientError::OtherCluster { address } => {
            format!("o nó em {address} pertence a outro cluster, não ao da pasta de dados; indique o seu com --connect")
        }
        ClientError::BadAddress { address } => {
            format!("{address:?} não é um endereço: escreva HOST:PORTA, como 127.0.0.1:7101")
        }
        ClientError::NoLauncher { node } => format!("{node} foi iniciado à mão: faça isso onde ele está em execução"),
        ClientError::NoRandom(why) => format!("o sistema não fornece números aleatórios: {why}"),
    }
}

fn seconds(time: &Duration) -> String {
    time.as_secs_f64().to_string().replace('.', ",")
}

/// Why there is no answer.
pub fn reason(why: &Reason) -> String {
    match why {
        Reason::System(words) => words.clone(),
        Reason::Refused(of) => refusal(of),
        Reason::Doubt(of) => doubt(of),
        Reason::Failed(of) => client_error(of),
        Reason::At { address, why } => format!("{address}: {}", reason(why)),
        Reason::MayHaveTaken { address, why } => format!("{address} pode ter recebido o pedido, mas {}", reason(why)),
        Reason::Silent { address } => format!("{address} não responde"),
        Reason::NotAnswering => "não responde".to_owned(),
        Reason::LeadsNoMore => "já não lidera".to_owned(),
        Reason::NoAnswer => "sem resposta".to_owned(),
        Reason::NoAnswerInTime => "não respondeu a tempo".to_owned(),
        Reason::NoConnection => "a conexão não se abriu a tempo".to_owned(),
        Reason::NoAddress => "nenhum endereço é conhecido".to_owned(),
        Reason::NoNode => "nenhum nó responde".to_owned(),
        Reason::OtherCluster => "outro cluster responde nesse endereço".to_owned(),
        Reason::StreamEnded => "o stream terminou".to_owned(),
        Reason::StreamFull => "o nó não aceita mais escritas por enquanto".to_owned(),
        Reason::MoreToRead => "há mais do que deu tempo de ler".to_owned(),
        Reason::NotTaken => "nenhum nó aceitou".to_owned(),
        Reason::Searching => "outros pedidos ainda procuravam o líder".to_owned(),
        Reason::Unreadable(words) => format!("não foi possível ler a resposta: {words}"),
        Reason::Empty => "a resposta está vazia".to_owned(),
        Reason::Misfit => "a resposta não corresponde ao pedido".to_owned(),
        Reason::NoMajority { asked, answering, quorum } => format!(
            "de {asked} nós só {} respondem e a maioria são {quorum}: nenhum nó pode liderar antes que outro volte. \
             Nada foi feito: tente de novo depois",
            names(answering, " ")
        ),
        Reason::NoneKnowsLeader { answering } => match &answering[..] {
            [one] => format!("só {one} responde e não conhece um líder"),
            some => format!("{} respondem e nenhum conhece um líder", names(some, " ")),
        },
        Reason::LeaderSilent { leader, epoch } => {
            format!("segundo os outros, {leader} lidera a época {epoch}, mas não responde")
        }
        Reason::InStepMode { why, nodes } => format!(
            "{}; o modo passo a passo está ligado em {} e toda mensagem espera: `epoca fault step off` o desliga",
            reason(why),
            names(nodes, " ")
        ),
    }
}

fn doubt(of: &Doubt) -> String {
    match of {
        Doubt::SteppedDown {} => "o líder renunciou com a entrada no seu log".to_owned(),
        Doubt::Stopped {} => "o nó parou antes de responder".to_owned(),
        Doubt::AnswerLost { leader, detail } => {
            format!("o pedido foi repassado a {leader} e a resposta se perdeu: {detail}")
        }
        Doubt::Deposed { leader, next } => {
            format!("o pedido foi repassado a {leader}, que não respondeu, e agora {next} lidera")
        }
        Doubt::Misfit {} => "o nó deu uma resposta que não corresponde ao pedido".to_owned(),
    }
}

fn unknown_node(node: NodeId, nodes: &[NodeId]) -> String {
    format!("não há um nó {node}; os nós são {}", names(nodes, " "))
}

/// Why a request was refused.
pub fn refusal(of: &Refusal) -> String {
    match of {
        Refusal::EmptyKey {} => "a chave está vazia: dê pelo menos um byte".to_owned(),
        Refusal::EmptyBatch {} => "o lote está vazio: dê pelo menos um put ou delete".to_owned(),
        Refusal::BatchTooLarge {} => {
            "as chaves e os valores somam mais de 1 MiB, ou há mais de 1024 mudanças: divida o lote".to_owned()
        }
        Refusal::EmptyWrite {} => "a mensagem não contém uma escrita".to_owned(),
        Refusal::NothingExpected {} => "um compare-and-set precisa dizer o que espera".to_owned(),
        Refusal::QuorumReadOfMany {} => {
            "uma leitura por quórum é de uma só chave: use linearizable, lease ou local".to_owned()
        }
        Refusal::SnapshotGone {} => "um snapshot mais novo substituiu este: comece de novo".to_owned(),
        Refusal::SessionLost {} => {
            "a sessão desta escrita não é mais conhecida, então não se distingue uma repetição de uma escrita nova"
                .to_owned()
        }
        Refusal::Internal {} => "a resposta não corresponde ao pedido: por favor, relate isso".to_owned(),
        Refusal::NoLeader {} => {
            "nenhum líder é conhecido: talvez haja uma eleição, ou falte a maioria dos nós; tente de novo".to_owned()
        }
        Refusal::SteppedDown {} => "o líder renunciou antes de responder: tente de novo".to_owned(),
        Refusal::Stopping {} => "este nó está parando: pergunte a outro".to_owned(),
        Refusal::Stopped {} => "este nó parou antes de responder: pergunte a outro".to_owned(),
        Refusal::QueueFull {} => "há pedidos demais esperando neste nó: tente de novo daqui a pouco".to_owned(),
        Refusal::ConnectionsFull {} => {
            "este nó já tem todas as conexões que aceita: use outro nó, ou uma só conexão para muitos pedidos, ou \
             tente depois"
                .to_owned()
        }
        Refusal::BackupsFull {} => {
            "outros backups deste nó estão sendo lidos: tente de novo quando terminarem".to_owned()
        }
        Refusal::CommitsFull {} => {
            "há entradas demais esperando o commit: tente de novo quando a maioria acompanhar".to_owned()
        }
        Refusal::NoVoter {} => "pelo seu log, este nó não é votante desta lista: não pode responder como um".to_owned(),
        Refusal::NoCluster {} => "este nó ainda não pertence a um cluster: pergunte a outro".to_owned(),
        Refusal::NotFounded {} => "o cluster ainda não foi fundado: nenhum nó lidera".to_owned(),
        Refusal::NotFresh {} => "o log já não está vazio: as eleições acontecem sozinhas".to_owned(),
        Refusal::TransferUnderWay {} => "a liderança já está sendo transferida: veja `epoca status`".to_owned(),
        Refusal::TransferFailed {} => {
            "o nó escolhido não assumiu a tempo; `epoca status` mostra quem lidera agora".to_owned()
        }
        Refusal::NoMember {} => "o cluster não tem esse membro: veja `epoca member list`".to_owned(),
        Refusal::Learner {} => {
            "é um aprendiz: recebe todos os dados, mas não conta em nenhuma maioria e não pode liderar; `epoca member \
             promote` o torna votante"
                .to_owned()
        }
        Refusal::NobodyLive {} => {
            "nenhuma réplica que pudesse liderar deu sinal há pouco: reinicie uma antes".to_owned()
        }
        Refusal::JustStarted {} => "este nó acabou de ser iniciado e ainda não se candidata: tente de novo".to_owned(),
        Refusal::NotSettled {} => {
            "o líder é novo e nada da sua época foi efetivado ainda: tente de novo quando a maioria \
             acompanhar"
                .to_owned()
        }
        Refusal::ChangeUnderWay {} => "outra mudança de membros ainda não foi efetivada: tente de novo".to_owned(),
        Refusal::IdInUse {} => "um nó ativo já usa esse id, com outra pasta de dados: escolha outro id".to_owned(),
        Refusal::NotCaughtUp {} => {
            "ainda lhe faltam entradas, ou não deu sinal há pouco: veja `epoca member list`".to_owned()
        }
        Refusal::LastVoter {} => "um cluster precisa de um votante: adicione e promova outro nó antes".to_owned(),
        Refusal::QuorumAtRisk {} => {
            "dos votantes que restariam, poucos dão sinal para formar maioria: reinicie ou remova antes os que caíram"
                .to_owned()
        }
        Refusal::TooManyMembers {} => "o cluster já tem o máximo de membros: remova um antes".to_owned(),
        Refusal::FeatureLevel {} => {
            "um membro executa uma versão mais antiga, que não conhece este tipo de escrita: `epoca member list` \
             mostra qual; atualize-o antes"
                .to_owned()
        }
        Refusal::VersionTooOld { node, count, limit } => format!(
            "{node} conhece níveis de recursos até {count}, e o nível {limit} está em vigor no cluster: use um epoca \
             mais novo em {node}"
        ),
        Refusal::BadIncarnation {} => "a encarnação de uma pasta de dados tem 16 bytes".to_owned(),
        Refusal::LabOnly {} => "falhas só funcionam em um laboratório: inicie os nós com --lab".to_owned(),
        Refusal::ClusterLabOnly {} => {
            "falhas só funcionam em um cluster iniciado com --lab (`epoca demo` faz isso)".to_owned()
        }
        Refusal::HoldBySender {} => "um hold diz respeito ao que chega a este nó, não importa quem envia".to_owned(),
        Refusal::BadHandling {} => {
            "uma mensagem é entregue, descartada, atrasada (com um tempo) ou duplicada".to_owned()
        }
        Refusal::Leads {} => "este nó lidera, e o log do líder é o que vale: injete em uma réplica".to_owned(),
        Refusal::Standing {} => "este nó é candidato: tente de novo quando houver um líder".to_owned(),
        Refusal::EmptyLog {} => "o log deste nó está vazio, não há o que continuar: escreva algo antes".to_owned(),
        Refusal::EpochOutOfRange {} => {
            "a época não pode ser menor que a última do log nem maior que a do nó: veja `epoca status`".to_owned()
        }
        Refusal::EpochZero {} => "as épocas começam em 1".to_owned(),
        Refusal::Rebuilt {} => {
            "o executável foi recompilado depois que o cluster começou: encerre o cluster e inicie-o de novo, ou \
             metade executaria o novo"
                .to_owned()
        }
        Refusal::UnknownWrong {} => {
            "não há essa forma de estar errado de propósito; há skip-check e commit-alone".to_owned()
        }
        Refusal::NoLauncher {} => {
            "nenhum lançador conhecido pode iniciar um nó: inicie um com `epoca node --join`, ou dê o endereço de \
             um que espera"
                .to_owned()
        }
        Refusal::KeyTooLarge { count } => {
            format!("a chave tem {count} bytes, o limite é {KEY_BYTES_MAX} (4 KiB): use uma menor")
        }
        Refusal::ValueTooLarge { count } => {
            format!("o valor tem {count} bytes, o limite é {VALUE_BYTES_MAX} (1 MiB): divida-o")
        }
        Refusal::UnknownConsistency { count } => {
            format!("não há consistência {count}: use linearizable, lease, quorum ou local")
        }
        Refusal::WrongReplicas { count, voters, limit, changed } => {
            let why = if *changed { ", a maioria, porque a lista de membros já mudou" } else { "" };
            format!(
                "uma leitura por quórum de {count} nós não é possível: de {voters} votantes é preciso perguntar a pelo \
                 menos {limit}{why}, para que um deles tenha toda escrita confirmada"
            )
        }
        Refusal::FutureRevision { revision, bound } => format!(
            "a revisão {revision} ainda não existe: a mais nova é {bound}. Observe a partir de {}, ou sem revisão a \
             partir do que vier",
            bound + 1
        ),
        Refusal::HistoryGone { revision, bound } => {
            format!("as mudanças a partir da revisão {revision} não são mais guardadas: observe a partir de {bound}")
        }
        Refusal::LeaderUnreachable { leader, reason } => {
            format!("{leader} lidera, mas este nó não o alcança ({reason}): use outro nó, ou espere")
        }
        Refusal::LeadersChanged { count } => {
            format!("{count} líderes se sucederam antes que um respondesse: tente de novo")
        }
        Refusal::NotALeader { leader } => {
            format!("este nó já não lidera; pelo que sabe, {leader} lidera: pergunte lá")
        }
        Refusal::RequestsFull { limit } => {
            format!("{limit} pedidos estão em andamento neste nó: tente de novo daqui a pouco")
        }
        Refusal::WritesFull { limit } => {
            format!("{} MiB de escritas estão em andamento neste nó: tente de novo daqui a pouco", limit >> 20)
        }
        Refusal::AnswersFull { limit } => {
            format!("{} MiB de respostas esperam leitura neste nó: tente de novo daqui a pouco", limit >> 20)
        }
        Refusal::WatchesFull { limit } => {
            format!("{limit} clientes já observam mudanças neste nó: observe em outro, ou encerre alguns")
        }
        Refusal::WriteStreamsFull { limit } => {
            format!("{limit} streams de escritas estão abertos neste nó: use um só para muitas escritas")
        }
        Refusal::LeaderOverloaded { leader, reason } => format!("{leader} lidera e está sobrecarregado: {reason}"),
        Refusal::Overloaded { subject, reason } => format!("{subject}: {reason}"),
        Refusal::BadNodeId { count } => format!("{count} não é um id de nó: eles começam em 1"),
        Refusal::BadMemberAddress { subject } => {
            format!("{subject:?} não é um endereço: escreva HOST:PORTA, como 127.0.0.1:7105")
        }
        Refusal::UnspecifiedAddress { subject, node } => {
            format!("{subject} são todos os endereços de uma máquina: inicie {node} com --advertise e um deles")
        }
        Refusal::OtherCluster { node } => format!("{node} pertence a outro cluster: inicie-o em uma pasta vazia"),
        Refusal::OtherClusterAt { subject } => {
            format!("o nó em {subject} pertence a outro cluster: inicie-o em uma pasta vazia")
        }
        Refusal::DisksLost { nodes, others, voters } => {
            disks_lost(&DisksLost { lost: nodes.clone(), whole: others.clone(), voters: *voters })
        }
        Refusal::RuleElsewhere { rule, node } => format!("a regra `{rule}` não diz respeito aos enlaces de {node}"),
        Refusal::NoLink { node, peer, nodes } => {
            format!("{node} não tem enlace com {peer}: os seus enlaces vão para {}", names(nodes, ", "))
        }
        Refusal::SameNode { node } => format!("um enlace tem duas pontas; {node} foi indicado duas vezes"),
        Refusal::NoSuchMessage { id, node } => {
            format!("nenhuma mensagem {id} espera em {node}: `fault pending` lista as que esperam")
        }
        Refusal::TooMany { limit } => format!("entradas forjadas demais de uma vez: o limite é {limit}"),
        Refusal::UnknownNode { node, nodes } => unknown_node(*node, nodes),
        Refusal::NotRunning { node } => format!("{node} não está em execução; `fault restart {}` o inicia", node.0),
        Refusal::Paused { node } => format!("{node} já está pausado; `fault resume {}` o retoma", node.0),
        Refusal::NotPaused { node } => format!("{node} não está pausado"),
        Refusal::DoesNotEnd { node } => format!("{node} não termina; recebeu o sinal e continua lá"),
        Refusal::NotStarted { node, reason } => format!("não foi possível iniciar {node}: {reason}"),
        Refusal::Ended { node, reason } => format!("{node} terminou logo em seguida: {reason}"),
        Refusal::NoAnswer { node, pid, subject } => {
            format!(
                "{node} está em execução, mas não responde ainda: o seu pid é {pid}; o que ele diz está em {subject}"
            )
        }
        Refusal::NothingStored { node } => {
            format!("{node} ainda não tem no log uma entrada efetivada da qual inverter um bit: escreva algo antes")
        }
        Refusal::DamagedAlone { node } => format!(
            "{node} está sozinho: com o log danificado não teria de quem receber os dados de novo, não mudaria nada e \
             terminaria. Inicie um cluster com mais nós"
        ),
        Refusal::NotDamaged { node, reason } => format!("nenhum bit do log de {node} foi invertido: {reason}"),
        Refusal::NotRemembered { node, reason } => {
            format!("{node} entrou ou saiu, mas não foi possível anotar isso para o próximo início: {reason}")
        }
        Refusal::NotTaken { subject, reason } => format!("{subject}: {reason}"),
        Refusal::Disk { reason } => format!("não foi possível gravar o backup: {reason}"),
        Refusal::BadRule { reason }
        | Refusal::Unreachable { reason }
        | Refusal::TimedOut { reason }
        | Refusal::UnknownOutcome { reason }
        | Refusal::Malformed { reason } => reason.clone(),
    }
}

/// A quorum of the voters' data folders is lost.
pub fn disks_lost(of: &DisksLost) -> String {
    let DisksLost { lost, whole, voters } = of;
    let listed = if whole.is_empty() { "nenhum".to_owned() } else { names(whole, " ") };
    format!(
        "perdeu-se a maioria dos discos: {} usam outra pasta de dados que a da lista de membros, e {} de {voters} \
         votantes podem estar íntegros ({listed}) onde são necessários {}. Nenhum líder pode ser eleito e nenhum nó \
         pode entrar. Nada é fundado de novo, porque o que foi confirmado ainda pode estar nas pastas postas de lado. \
         Devolva tantas quantas faltam das pastas de quarentena, consertadas (o why.txt em cada uma diz como), ou \
         restaure um backup em pastas novas com `epoca restore`",
        names(lost, " "),
        whole.len(),
        of.needed(),
    )
}

/// A remark of a node. What it has logged exists in English only.
pub fn note(of: &Note) -> String {
    match of {
        Note::Quarantined { folder, found } => {
            format!("em quarentena: {folder} guarda o que este nó tinha antes: {found}")
        }
        Note::DisksLost { lost } => disks_lost(lost),
        Note::Logged { text } => text.clone(),
    }
}
