//! What arguments mean.

pub const TEXTS: &[(&str, &str)] = &[
    ("A file that `epoca backup` has written", "Um arquivo que `epoca backup` gravou"),
    (
        "Names, files as ./mine.txt, or all; `assignment` is the assignment's sheet",
        "Nomes, arquivos como ./meu.txt, ou all; `assignment` é a ficha de avaliação do trabalho",
    ),
    (
        "One change each, as \"put x 1\" or \"delete y\"; without any, or with `-`, the lines of standard input",
        "Uma mudança em cada, como \"put x 1\" ou \"delete y\"; sem nenhuma, ou com `-`, as linhas da entrada \
         padrão",
    ),
    ("Only keys that start with this", "Só chaves que começam assim"),
    (
        "The address of a node that was started with --wait; without it the launcher starts a new node",
        "O endereço de um nó iniciado com --wait; sem ele o lançador inicia um nó novo",
    ),
    (
        "The data folder of one node, as ./epoca-data/n1, or the file of a backup",
        "A pasta de dados de um nó, como ./epoca-data/n1, ou o arquivo de um backup",
    ),
    (
        "The data folder of the new cluster; it must not exist yet",
        "A pasta de dados do cluster novo; ela ainda não deve existir",
    ),
    ("The key that the forged entries write", "A chave que as entradas forjadas escrevem"),
    ("The key to delete; an absent key is no error", "A chave a apagar; uma chave ausente não é erro"),
    ("The key to read", "A chave a ler"),
    ("The key, at most 4 KiB", "A chave, no máximo 4 KiB"),
    ("The learner, as 3 or n3", "O aprendiz, como 3 ou n3"),
    (
        "The new leader, as 3 or n3; without a current leader, this node starts an election",
        "O novo líder, como 3 ou n3; sem líder atual, este nó inicia uma eleição",
    ),
    (
        "The new value, at most 1 MiB; `-` reads it from standard input",
        "O valor novo, no máximo 1 MiB; `-` o lê da entrada padrão",
    ),
    (
        "The node, as 3 or n3; a leader first transfers its leadership",
        "O nó, como 3 ou n3; um líder antes transfere a liderança",
    ),
    ("The replica that receives them", "A réplica que as recebe"),
    ("The value that they write", "O valor que elas escrevem"),
    (
        "The value, at most 1 MiB; `-` reads it from standard input",
        "O valor, no máximo 1 MiB; `-` o lê da entrada padrão",
    ),
    (
        "`next`, or a message as 17 or 1-2-17 (the 17th from n1, to n2)",
        "`next`, ou uma mensagem como 17 ou 1-2-17 (a 17ª de n1, para n2)",
    ),
];
