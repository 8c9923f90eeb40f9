//! The description of each command in the language of the screen. English comes from the grammar.

use crate::command::CommandHelp;
use crate::lang::Lang;

const PORTUGUESE: &[(&str, &str)] = &[
    ("put", "Escreve um valor em uma chave"),
    ("get", "Lê o valor de uma chave"),
    ("delete", "Apaga uma chave"),
    ("cas", "Escreve um valor só se a chave está como esperado"),
    ("batch", "Escreve e apaga várias chaves em uma só escrita, tudo ou nada"),
    ("watch", "Mostra as mudanças efetivadas conforme chegam, cada uma uma vez e em ordem"),
    ("list", "Lista os registros finais, na ordem das chaves"),
    ("status", "Mostra papel, época e log de cada nó"),
    ("log", "Mostra o log de um nó, também as entradas intermediárias"),
    ("member", "Diz quem pertence ao cluster"),
    ("leader", "Diz quem deve liderar"),
    ("fault", "Faz algo dar errado de propósito"),
    ("bench", "Mede quão rápido o cluster confirma"),
    ("kill", "Termina o processo de um nó na hora (SIGKILL); fica morto até ser reiniciado"),
    ("restart", "Inicia o processo de um nó de novo"),
    ("pause", "Congela o processo de um nó (SIGSTOP)"),
    ("resume", "Deixa um processo congelado seguir"),
    ("damage", "Troca um bit do log gravado de um nó: o processo é morto para isso e iniciado de novo"),
    ("cut", "Corta o enlace entre dois nós, nos dois sentidos"),
    ("heal", "Refaz o enlace entre dois nós: nada mais é cortado, perdido, atrasado ou duplicado ali"),
    ("drop", "Perde as mensagens de um tipo de um nó a outro, como um enlace que só perde acks"),
    ("delay", "Atrasa as mensagens de um nó a outro"),
    ("double", "Duplica as mensagens de um nó a outro"),
    ("hold", "Retém as mensagens de um tipo que chegam a um nó, ou todas"),
    ("release", "Entrega o que foi retido de um tipo, ou tudo, e não retém mais"),
    ("in-force", "Mostra tudo o que está em vigor"),
    ("clear", "Desfaz tudo o que está em vigor, em todos os nós; um nó errado de propósito é reiniciado certo"),
    ("step", "Passo a passo: os temporizadores param e as mensagens esperam até serem entregues à mão"),
    ("pace", "Câmera lenta: temporizadores, mensagens e flushes duram N vezes mais; 1 é o tempo real"),
    ("pending", "Mostra as mensagens que esperam, de todos os nós, a mais antiga primeiro"),
    ("deliver", "Entrega uma mensagem que espera: por padrão a mais antiga"),
    ("discard", "Descarta uma mensagem que espera"),
    ("delay-message", "Faz uma mensagem que espera ser entregue sozinha depois de um tempo"),
    ("duplicate", "Duplica uma mensagem que espera"),
    ("tick", "Esgota o temporizador de um nó: uma réplica se candidata, um líder envia heartbeats"),
    ("wrong", "Reinicia um nó errado de propósito, para ver que as verificações o detectam; `off` o corrige"),
    ("inject", "Acrescenta entradas intermediárias forjadas no fim do log de uma réplica"),
];

/// The description of a command. Without a Portuguese text it is the English one.
pub fn about(word: &CommandHelp, lang: Lang) -> &str {
    let known = PORTUGUESE.iter().find(|(name, _)| *name == word.name).filter(|_| lang == Lang::Portuguese);
    known.map_or(&word.about, |(_, about)| about)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::command_help;

    #[test]
    fn every_command_of_the_prompt_is_told_in_portuguese_too() {
        let words = command_help();
        let untold: Vec<_> = words.iter().filter(|word| about(word, Lang::Portuguese) == word.about).collect();
        assert!(untold.is_empty(), "{untold:?}");
        let gone = PORTUGUESE.iter().filter(|(name, _)| words.iter().all(|word| word.name != *name));
        assert_eq!(gone.count(), 0, "a mentioned command no longer exists");
    }
}
