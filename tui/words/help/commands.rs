//! What the commands do.

pub const TEXTS: &[(&str, &str)] = &[
    (
        "Data replication by push over gRPC: one leader, replicas, and a console that shows and controls them",
        "Replicação de dados por push sobre gRPC: um líder, réplicas e um console que os mostra e controla",
    ),
    (
        "Data replication by push over gRPC: one leader, replicas, and a console that shows and controls \
         them.\n\nWithout a command, epoca starts a local cluster of four nodes, opens the console, and ends \
         the nodes on quit.",
        "Replicação de dados por push sobre gRPC: um líder, réplicas e um console que os mostra e \
         controla.\n\nSem comando, epoca inicia um cluster local de quatro nós, abre o console e encerra os nós \
         ao sair.",
    ),
    (
        "Exit codes: 0 done, 1 definitely not done, 2 usage, 3 outcome unknown, 4 no node reachable or no \
         leader took it, 5 done but the result could not be written",
        "Códigos de saída: 0 feito, 1 certamente não feito, 2 uso, 3 resultado desconhecido, 4 nenhum nó \
         acessível ou nenhum líder aceitou, 5 feito, mas não foi possível gravar o resultado",
    ),
    ("Start a local cluster; Ctrl-C or SIGTERM ends it", "Inicia um cluster local; Ctrl-C ou SIGTERM o encerra"),
    (
        "Start the demo with the guided tour of a defense: four tests and every graded line, paced by one key",
        "Inicia a demonstração com o roteiro de uma defesa: quatro testes e todos os itens avaliados, por uma tecla",
    ),
    (
        "Show the speaker notes of a defense on another terminal, in the language of its console or that of --lang",
        "Mostra as notas do apresentador de uma defesa em outro terminal, no idioma do console ou no de --lang",
    ),
    (
        "Start a local cluster with faults allowed, open the console, end the nodes on quit",
        "Inicia um cluster local que aceita falhas, abre o console e encerra os nós ao sair",
    ),
    ("Open the console of a running cluster", "Abre o console de um cluster em execução"),
    ("Record everything that happens in a running cluster", "Grava tudo o que acontece em um cluster em execução"),
    (
        "Open a recording in the console, check it, or export it",
        "Abre uma gravação no console, verifica-a ou a exporta",
    ),
    ("Run one node", "Executa um nó"),
    (
        "Show the contents of a node's data folder, intermediate log and final database, without changing it",
        "Mostra o conteúdo da pasta de dados de um nó, log intermediário e banco de dados final, sem mudá-la",
    ),
    (
        "Write a consistent copy of all final data to a file",
        "Grava em um arquivo uma cópia consistente de todos os dados finais",
    ),
    (
        "Create the data folders of a new cluster from a backup",
        "Cria as pastas de dados de um cluster novo a partir de um backup",
    ),
    (
        "Search for a schedule that breaks the protocol, in a simulated cluster with faults of all kinds",
        "Procura uma sequência que quebre o protocolo, em um cluster simulado com falhas de todo tipo",
    ),
    (
        "Run scenarios: texts with commands for a cluster and with what its nodes must then do",
        "Executa cenários: textos com comandos para um cluster e com o que os seus nós devem então fazer",
    ),
    ("Print completions for a shell", "Mostra o script de completação para um shell"),
    ("Print the man page, or that of one command", "Mostra a página de manual, ou a de um comando"),
    (
        "Print this message or the help of the given subcommand(s)",
        "Mostra esta mensagem ou a ajuda do comando indicado",
    ),
    ("List the scenarios with what each shows", "Lista os cenários com o que cada um mostra"),
    ("Print a scenario's text", "Mostra o texto de um cenário"),
    (
        "Run scenarios: by name, from files as ./mine.txt, or all. Without --connect and --data they run on \
         temporary clusters",
        "Executa cenários: pelo nome, de arquivos como ./meu.txt, ou todos (all). Sem --connect e --data, em \
         clusters temporários",
    ),
    ("Write a value under a key", "Escreve um valor em uma chave"),
    ("Read the value of a key", "Lê o valor de uma chave"),
    ("Delete a key", "Apaga uma chave"),
    ("Write a value only if the key is as expected", "Escreve um valor só se a chave está como esperado"),
    (
        "Put and delete several keys as one write, all or nothing",
        "Escreve e apaga várias chaves em uma só escrita, tudo ou nada",
    ),
    (
        "Show committed changes as they happen, each once and in order",
        "Mostra as mudanças efetivadas conforme acontecem, cada uma uma vez e em ordem",
    ),
    ("List the final records, in the order of their keys", "Lista os registros finais, na ordem das chaves"),
    ("Show each node's role, epoch and log", "Mostra papel, época e log de cada nó"),
    (
        "Show the end of a node's log, including intermediate entries",
        "Mostra o fim do log de um nó, inclusive as entradas intermediárias",
    ),
    ("Show or change the members of the cluster", "Mostra ou muda os membros do cluster"),
    ("Choose the leader", "Escolhe o líder"),
    ("Inject a fault", "Injeta uma falha"),
    ("Measure how fast the cluster confirms operations", "Mede quão rápido o cluster confirma operações"),
    (
        "Show the member list: voters, and learners, which receive all data but count in no majority",
        "Mostra a lista de membros: votantes, e aprendizes, que recebem todos os dados mas não contam em \
         maioria alguma",
    ),
    (
        "Add a node: it receives all data, then becomes a voter",
        "Adiciona um nó: ele recebe todos os dados e depois se torna votante",
    ),
    (
        "Remove a node; if the launcher started it, its process ends too",
        "Remove um nó; se o lançador o iniciou, o seu processo também termina",
    ),
    ("Turn a learner that has caught up into a voter", "Torna votante um aprendiz que está em dia"),
    (
        "Transfer leadership to a node, by default to the most up-to-date one; meanwhile writes wait and are \
         not refused",
        "Transfere a liderança a um nó, por padrão ao mais atualizado; enquanto isso as escritas esperam e não \
         são recusadas",
    ),
    (
        "Kill a node's process (SIGKILL); it stays down until it is restarted",
        "Mata o processo de um nó (SIGKILL); ele fica fora do ar até ser reiniciado",
    ),
    ("Start a node's process again", "Inicia de novo o processo de um nó"),
    ("Suspend a node's process (SIGSTOP)", "Suspende o processo de um nó (SIGSTOP)"),
    ("Resume a suspended process", "Retoma um processo suspenso"),
    (
        "Flip one bit of a node's stored log: the process is killed for that and restarted",
        "Inverte um bit do log gravado de um nó: o processo é morto para isso e reiniciado",
    ),
    ("Cut the link between two nodes, in both directions", "Corta o enlace entre dois nós, nos dois sentidos"),
    (
        "Remove all rules from the link between two nodes: cut, drop, delay, double",
        "Remove todas as regras do enlace entre dois nós: cut, drop, delay, double",
    ),
    (
        "Drop the messages of one kind from one node to another, as a link that loses only acks",
        "Perde as mensagens de um tipo de um nó a outro, como um enlace que só perde acks",
    ),
    ("Delay messages from one node to another", "Atrasa mensagens de um nó a outro"),
    ("Duplicate messages from one node to another", "Duplica mensagens de um nó a outro"),
    ("Hold messages to a node, of one kind or all", "Retém mensagens para um nó, de um tipo ou todas"),
    (
        "Deliver the held messages of a kind, or all, and stop holding them",
        "Entrega as mensagens retidas de um tipo, ou todas, e deixa de retê-las",
    ),
    ("Show all faults in force", "Mostra todas as falhas em vigor"),
    (
        "Remove all faults at all nodes; a node that breaks a rule on purpose is restarted without that",
        "Remove todas as falhas em todos os nós; um nó que viola uma regra de propósito é reiniciado sem isso",
    ),
    (
        "Slow motion: timers, messages and flushes take N times longer; 1 is real time",
        "Câmera lenta: temporizadores, mensagens e flushes duram N vezes mais; 1 é o tempo real",
    ),
    (
        "Step mode: timers are stopped, and messages are held until the user delivers them",
        "Modo passo a passo: os temporizadores param, e as mensagens esperam até que uma pessoa as entregue",
    ),
    (
        "Show the waiting messages of all nodes, the oldest first",
        "Mostra as mensagens que esperam em todos os nós, a mais antiga primeiro",
    ),
    ("Deliver a waiting message, by default the oldest", "Entrega uma mensagem que espera, por padrão a mais antiga"),
    ("Discard a waiting message", "Descarta uma mensagem que espera"),
    (
        "Deliver a waiting message automatically after some time",
        "Entrega sozinha, depois de um tempo, uma mensagem que espera",
    ),
    ("Duplicate a waiting message", "Duplica uma mensagem que espera"),
    (
        "Expire a node's timer now: a replica starts an election, a leader sends heartbeats",
        "Esgota já o temporizador de um nó: uma réplica inicia uma eleição, um líder envia heartbeats",
    ),
    (
        "Restart a node so that it breaks a rule on purpose, to test the checks; `off` restores it",
        "Reinicia um nó que viola uma regra de propósito, para testar as verificações; `off` o corrige",
    ),
    (
        "Append forged intermediate entries to a replica's log",
        "Acrescenta entradas intermediárias forjadas ao log de uma réplica",
    ),
];
