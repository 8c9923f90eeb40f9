//! What options mean.

pub const TEXTS: &[(&str, &str)] = &[
    (
        "A fault that is active from the start, as \"hold * 3 commit-order\"",
        "Uma falha em vigor desde o início, como \"hold * 3 commit-order\"",
    ),
    (
        "A node of the new cluster, as 1=127.0.0.1:7101; once for each [default: the nodes of the old one]",
        "Um nó do cluster novo, como 1=127.0.0.1:7101; uma vez para cada um [padrão: os nós do antigo]",
    ),
    ("Accept clicks and the wheel: tabs, rows, messages", "Aceita cliques e a roda do mouse: abas, linhas, mensagens"),
    (
        "Allow injected faults (cut, hold, inject), and show keys and values in traces",
        "Permite injetar falhas (cut, hold, inject) e mostra chaves e valores nos rastros",
    ),
    (
        "Allow injected faults, and show keys and values in traces",
        "Permite injetar falhas e mostra chaves e valores nos rastros",
    ),
    (
        "Another node and its address, as 2=127.0.0.1:7102; once for each. These nodes found a cluster \
         together; later the members in its log count. Without this option the node founds a cluster of its own",
        "Outro nó e o seu endereço, como 2=127.0.0.1:7102; uma vez para cada um. Esses nós fundam juntos um \
         cluster; depois valem os membros no seu log. Sem esta opção o nó funda um cluster só seu",
    ),
    (
        "Ask the nodes at these addresses to add this one to their cluster; it receives all data, then becomes \
         a voter",
        "Pede aos nós nestes endereços que adicionem este ao cluster deles; ele recebe todos os dados e depois \
         se torna votante",
    ),
    ("Ask this node, as 3 or n3", "Pergunta a este nó, como 3 ou n3"),
    (
        "Begin with a large banner that explains what happens, for an audience",
        "Começa com uma faixa grande que explica o que acontece, para uma plateia",
    ),
    (
        "Check that the file is in happens-before order, and that twenty shuffled orders of arrival, with \
         delays of up to this many milliseconds, are sorted into happens-before order again",
        "Verifica que o arquivo está na ordem causal, e que vinte ordens de chegada embaralhadas, com atrasos \
         de até tantos milissegundos, voltam à ordem causal",
    ),
    (
        "Check the invariants and the linearizability of the operations, and end: exit code 1 for a violation, \
         else 0",
        "Verifica as invariantes e a linearizabilidade das operações, e termina: código de saída 1 se há \
         violação, senão 0",
    ),
    (
        "Colours for a dark or a light background [default: the terminal's, else dark]; NO_COLOR turns them off",
        "Cores para fundo escuro ou claro [padrão: o do terminal, senão escuro]; NO_COLOR as desliga",
    ),
    ("Columns and rows of the screen, for asciicast and svg", "Colunas e linhas da tela, para asciicast e svg"),
    ("Copy the data of this node [default: the leader]", "Copia os dados deste nó [padrão: o líder]"),
    ("Cut only the direction from the first node to the second", "Corta só o sentido do primeiro nó para o segundo"),
    ("Delete the data of earlier nodes", "Apaga os dados de nós anteriores"),
    ("Draw with ASCII characters only", "Desenha só com caracteres ASCII"),
    ("End after this many changes", "Termina depois de tantas mudanças"),
    (
        "End when stdin is closed: the launcher holds its other end",
        "Termina quando stdin é fechado: o lançador segura a outra ponta",
    ),
    (
        "Found no cluster: wait until `epoca member add` names this node's address",
        "Não funda um cluster: espera até que `epoca member add` indique o endereço deste nó",
    ),
    (
        "How long the leader may answer reads alone after a majority has answered it, in milliseconds: at most \
         nine tenths of the election timeout; 0 turns leases off",
        "Por quanto tempo o líder pode responder leituras sozinho depois da resposta de uma maioria, em \
         milissegundos: no máximo nove décimos do timeout de eleição; 0 desliga os leases",
    ),
    ("How long to measure", "Por quanto tempo medir"),
    (
        "How long to record [default: until Ctrl-C or SIGTERM]",
        "Por quanto tempo gravar [padrão: até Ctrl-C ou SIGTERM]",
    ),
    (
        "How long to run [default: 10, without --seeds and --seed]",
        "Por quanto tempo executar [padrão: 10, sem --seeds e --seed]",
    ),
    ("How many", "Quantas"),
    (
        "How many bytes of snapshots a leader sends in a second [default: 64 MiB]",
        "Quantos bytes de snapshots um líder envia por segundo [padrão: 64 MiB]",
    ),
    ("How many clients, each with one operation in flight", "Quantos clientes, cada um com uma operação em andamento"),
    (
        "How many entries before a snapshot the log keeps, for replicas that are slightly behind [default: \
         10000]",
        "Quantas entradas anteriores a um snapshot o log guarda, para réplicas um pouco atrasadas [padrão: \
         10000]",
    ),
    (
        "How many entries may wait to become final at a leader; it refuses further writes as overloaded \
         [default: 65536]",
        "Quantas entradas podem esperar para se tornarem finais em um líder; ele recusa outras escritas por \
         sobrecarga [padrão: 65536]",
    ),
    (
        "How many nodes a quorum read asks [default: the smallest number that suffices]",
        "A quantos nós uma leitura por quórum pergunta [padrão: o menor número que basta]",
    ),
    (
        "How many nodes: one leader and replicas [default: those that the folder holds, or 4 in a new one]",
        "Quantos nós: um líder e réplicas [padrão: os que a pasta contém, ou 4 em uma nova]",
    ),
    ("How many seeds to run", "Quantas sementes executar"),
    (
        "How often the leader sends heartbeats, in milliseconds [default: 100]",
        "Com que frequência o líder envia heartbeats, em milissegundos [padrão: 100]",
    ),
    ("How results and errors are shown", "Como resultados e erros são mostrados"),
    ("Keep it a learner until it is promoted", "Mantém-no aprendiz até ser promovido"),
    ("Log to the end of this file, not to stderr", "Registra no fim deste arquivo, não em stderr"),
    (
        "Once added, receive all data but count in no majority, until `epoca member promote`",
        "Depois de adicionado, recebe todos os dados mas não conta em maioria alguma, até `epoca member promote`",
    ),
    ("Only if the key has this value", "Só se a chave tem este valor"),
    ("Only if there is no such key", "Só se a chave não existe"),
    ("Only if this revision was the last to write the key", "Só se esta revisão foi a última a escrever a chave"),
    (
        "Only with --lab: act as an older version, which supports feature levels up to this one",
        "Só com --lab: age como uma versão mais antiga, que conhece níveis de recursos até este",
    ),
    (
        "Only with --lab: break a rule, to test that the checks detect it: skip-check accepts every push as if \
         it matched, commit-alone commits without a quorum",
        "Só com --lab: viola uma regra, para testar que as verificações o detectam: skip-check aceita todo push \
         como se coincidisse, commit-alone efetiva sem quórum",
    ),
    ("Playback speed of an asciicast, from 0.01 to 16", "Ritmo de reprodução de um asciicast, de 0.01 a 16"),
    ("Read the new value from this file", "Lê o valor novo deste arquivo"),
    ("Read the value from this file", "Lê o valor deste arquivo"),
    (
        "Record everything that happens in this file, for `epoca replay`; it must not exist yet",
        "Grava tudo o que acontece neste arquivo, para `epoca replay`; ele ainda não deve existir",
    ),
    (
        "Show all entries of the log (at the console's prompt at most 1000)",
        "Mostra todas as entradas do log (no prompt do console no máximo 1000)",
    ),
    ("Show the log from this position on instead of its end", "Mostra o log a partir desta posição, em vez do fim"),
    ("How many times slower than real time, 1 to 1000", "Quantas vezes mais lento que o tempo real, de 1 a 1000"),
    (
        "Keep also the messages that change nothing: heartbeats, their answers, repeated acks and commit orders",
        "Retém também as mensagens que nada mudam: heartbeats, as suas respostas, acks e ordens de commit repetidos",
    ),
    ("Start in step mode", "Inicia no modo passo a passo"),
    (
        "Take a snapshot after this many bytes of entries [default: 64 MiB]",
        "Faz um snapshot depois de tantos bytes de entradas [padrão: 64 MiB]",
    ),
    (
        "Take a snapshot after this many entries, and cut the log behind it [default: 100000]",
        "Faz um snapshot depois de tantas entradas e corta o log anterior a ele [padrão: 100000]",
    ),
    (
        "The addresses of one or more nodes, as 127.0.0.1:7101,[::1]:7102. The default is EPOCA_CONNECT, unless \
         --data is given; without both, the cluster that runs on ./epoca-data",
        "Os endereços de um ou mais nós, como 127.0.0.1:7101,[::1]:7102. O padrão é EPOCA_CONNECT, a menos que \
         haja --data; sem ambos, o cluster em execução em ./epoca-data",
    ),
    ("The data folder of a local cluster", "A pasta de dados de um cluster local"),
    (
        "The deadline of each operation, in seconds or with a unit as 500ms",
        "O prazo de cada operação, em segundos ou com unidade, como 500ms",
    ),
    (
        "The duration of chaos in seconds, instead of the one in the text",
        "A duração do caos em segundos, em vez da que está no texto",
    ),
    (
        "The event whose moment an svg shows, as the tape counts them [default: the last one]",
        "O evento cujo momento um svg mostra, como a fita os conta [padrão: o último]",
    ),
    ("The file for the export [default: standard output]", "O arquivo da exportação [padrão: saída padrão]"),
    ("The file to write; it must not exist yet", "O arquivo a gravar; ele ainda não deve existir"),
    (
        "The first port of a temporary cluster; 0 takes any",
        "A primeira porta de um cluster temporário; 0 usa qualquer uma",
    ),
    (
        "The first port; ports in use are skipped; 0 takes any",
        "A primeira porta; portas em uso são puladas; 0 usa qualquer uma",
    ),
    ("The first position of the log to show", "A primeira posição do log a mostrar"),
    (
        "The first revision to show, at most the one after the newest [default: the next one]",
        "A primeira revisão a mostrar, no máximo a seguinte à mais nova [padrão: a próxima]",
    ),
    (
        "The first seed; without --seeds and --seconds the only one [default: from the clock]",
        "A primeira semente; sem --seeds e --seconds a única [padrão: do relógio]",
    ),
    (
        "The folder of this node's intermediate and final data; created if it is missing",
        "A pasta dos dados intermediários e finais deste nó; é criada se falta",
    ),
    ("The greatest number of entries [default: 100]", "O número máximo de entradas [padrão: 100]"),
    ("The greatest number of entries, and of records", "O número máximo de entradas, e de registros"),
    (
        "The greatest number of records [default: all; at the console's prompt 1000]",
        "O número máximo de registros [padrão: todos; no prompt do console 1000]",
    ),
    (
        "The greatest size of that file, as 64MB; the recording ends when it is reached",
        "O tamanho máximo desse arquivo, como 64MB; a gravação termina ao atingi-lo",
    ),
    (
        "The greatest size of the file, as 64MB; the recording ends when it is reached",
        "O tamanho máximo do arquivo, como 64MB; a gravação termina ao atingi-lo",
    ),
    (
        "The greatest size of these entries in bytes [default: 64 MiB]",
        "O tamanho máximo dessas entradas em bytes [padrão: 64 MiB]",
    ),
    (
        "The language of texts; by default that of the locale (LC_ALL, LC_MESSAGES, LANG)",
        "O idioma dos textos; por padrão o do locale (LC_ALL, LC_MESSAGES, LANG)",
    ),
    (
        "The name of a student for the report; may be given several times",
        "O nome de um aluno para o relatório; pode ser dado várias vezes",
    ),
    ("The node, as 3 or n3", "O nó, como 3 ou n3"),
    ("The number of threads", "O número de threads"),
    (
        "The pause before each command, as if a person typed it",
        "A pausa antes de cada comando, como se uma pessoa o digitasse",
    ),
    (
        "The pause before each step, for an audience: seconds, or with a unit as 500ms",
        "A pausa antes de cada passo, para uma plateia: segundos, ou com unidade, como 500ms",
    ),
    ("The recording", "A gravação"),
    ("The seed of all random choices", "A semente de todas as escolhas aleatórias"),
    (
        "The shortest time without a leader before an election, in milliseconds; each attempt waits up to twice \
         as long [default: 1000]",
        "O menor tempo sem líder antes de uma eleição, em milissegundos; cada tentativa espera até o dobro \
         [padrão: 1000]",
    ),
    ("The size of each value", "O tamanho de cada valor"),
    (
        "Their epoch [default: that of the last entry, so that they have the ids that the leader assigns next]",
        "A época delas [padrão: a da última entrada, de modo que tenham os ids que o líder atribuirá a seguir]",
    ),
    (
        "What to log: error, warn, info, debug, trace, or a filter as epoca=debug,h2=info",
        "O que registrar: error, warn, info, debug, trace, ou um filtro como epoca=debug,h2=info",
    ),
    ("What to measure", "O que medir"),
    (
        "Where the other nodes reach this one, as HOST:PORT [default: where it listens]. Needed with 0.0.0.0 or \
         [::]",
        "Onde os outros nós alcançam este, como HOST:PORTA [padrão: onde ele escuta]. Necessário com 0.0.0.0 ou \
         [::]",
    ),
    (
        "Where to listen for nodes, clients and control, as 127.0.0.1:7101; any client that can connect may \
         read and write",
        "Onde escutar nós, clientes e controle, como 127.0.0.1:7101; qualquer cliente que se conecte pode ler e \
         escrever",
    ),
    ("Which node leads when several can", "Qual nó lidera quando vários podem"),
    ("Which node this is: 1, 2, 3, …", "Qual nó é este: 1, 2, 3, …"),
    ("Which writes the read must see", "Que escritas a leitura deve ver"),
    (
        "Who starts elections: the nodes themselves, or a person with `epoca leader transfer N`",
        "Quem inicia eleições: os próprios nós, ou uma pessoa com `epoca leader transfer N`",
    ),
    (
        "Write a report with the evidence: Markdown to FILE.md, or one printable page to FILE.html",
        "Grava um relatório com as evidências: Markdown em FILE.md, ou uma página imprimível em FILE.html",
    ),
    ("Write the recording for another program, and end", "Exporta a gravação para outro programa, e termina"),
    (
        "Write the value's bytes to standard output unchanged, without a newline",
        "Escreve os bytes do valor na saída padrão sem mudá-los, sem quebra de linha",
    ),
    (
        "Write the value's bytes to this file, which is created or replaced",
        "Grava os bytes do valor neste arquivo, que é criado ou substituído",
    ),
];
