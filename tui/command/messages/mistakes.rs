//! Mistakes in a line of the prompt.

use std::ops::RangeInclusive;

use crate::lang::{Localized, localized};

pub fn command_expected() -> Localized {
    localized!("expected a command, as put x 1", "esperava um comando, como put x 1")
}

pub fn expected(usage: &str) -> Localized {
    localized!("expected {usage}", "esperava {usage}")
}

pub fn not_expected(word: &str, usage: &str) -> Localized {
    localized!("{word} is not expected here: {usage}", "{word} não cabe aqui: {usage}")
}

pub fn does_not_fit(value: &str, why: &Localized) -> Localized {
    localized!("{value:?} does not fit: {why}", "{value:?} não serve: {why}", with why)
}

pub fn unknown_command(word: &str, names: &str) -> Localized {
    localized!("there is no command {word:?}; there are {names}", "não há comando {word:?}; os comandos são {names}")
}

pub fn unknown_command_like(word: &str, similar: &[String]) -> Localized {
    let (english, portuguese) = (similar.join(" or "), similar.join(" ou "));
    Localized::new(
        format!("there is no command {word:?}; did you mean {english}?"),
        format!("não há comando {word:?}; você quis dizer {portuguese}?"),
    )
}

pub fn one_of_expected(values: &[String]) -> Localized {
    let (english, portuguese) = (values.join(" or "), values.join(" ou "));
    Localized::new(format!("expected {english}"), format!("esperava {portuguese}"))
}

pub fn character_expected() -> Localized {
    localized!("expected a character after \\", "esperava um caractere depois de \\")
}

pub fn open_quote(quote: char) -> Localized {
    localized!("the quote {quote} is not closed", "falta fechar as aspas {quote}")
}

pub fn node_expected() -> Localized {
    localized!("a node is named by its number, as 3 or n3", "um nó é indicado pelo seu número, como 3 ou n3")
}

pub fn message_expected() -> Localized {
    localized!(
        "name a message as 17 or 1-2-17 (the 17th from n1 to n2), or next",
        "indique uma mensagem como 17 ou 1-2-17 (a 17ª de n1 para n2), ou next"
    )
}

pub fn number_expected(range: &RangeInclusive<u64>) -> Localized {
    let (least, most) = (range.start(), range.end());
    match *most {
        u64::MAX => localized!("expected a number from {least} on", "esperava um número a partir de {least}"),
        _ => localized!("expected a number from {least} to {most}", "esperava um número de {least} a {most}"),
    }
}
