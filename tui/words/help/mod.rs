//! The texts of `--help` in Portuguese, by their English text, which is in the grammar. Names of commands and options
//! are the same in each language.

mod arguments;

mod commands;

mod options;

mod values;

use crate::lang::{Text, text};

pub const USAGE: Text = text("Usage:", "Uso:");
pub const COMMANDS: Text = text("Commands", "Comandos");
pub const ARGUMENTS: Text = text("Arguments", "Argumentos");
pub const OPTIONS: Text = text("Options", "Opções");
pub const HELP: &str = "Mostra a ajuda";
pub const VERSION: &str = "Mostra a versão";
pub const DEFAULT: &str = "padrão";
pub const VALUES: &str = "valores";

/// Words of the usage line.
pub const PLACES: [(&str, &str); 2] = [("[OPTIONS]", "[OPÇÕES]"), ("COMMAND", "COMANDO")];

/// A sentence with one place.
#[derive(Clone, Copy)]
pub struct Place(&'static str);

impl Place {
    pub fn with(self, words: &str) -> String {
        self.0.replace("{}", words)
    }
}

pub const NO_COMMAND: Place = Place("não há comando {}");
pub const NOT_EXPECTED: Place = Place("{} não é esperado aqui");
pub const NEEDS_VALUE: Place = Place("{} precisa de um valor");
pub const DOES_NOT_FIT: Place = Place("{} não serve");
pub const FOR_ARGUMENT: Place = Place(" para {}");
pub const MISSING: Place = Place("falta {}");
pub const CONFLICT: Place = Place("{} não combina");
pub const CONFLICTS_WITH: Place = Place(" com {}");
pub const VALID: Place = Place("; valores: {}");
pub const SIMILAR: Place = Place("; você quis dizer {}?");
pub const SEE_HELP: &str = "`--help` mostra mais";

/// The English texts of commands and options that have a Portuguese one.
#[cfg(test)]
pub fn of_commands_and_options() -> impl Iterator<Item = &'static str> {
    commands::TEXTS.iter().chain(options::TEXTS).chain(arguments::TEXTS).map(|(english, _)| *english)
}

/// The Portuguese text; `None` if there is none.
pub fn portuguese(english: &str) -> Option<&'static str> {
    let tables = [commands::TEXTS, options::TEXTS, arguments::TEXTS, values::TEXTS];
    let found = tables.into_iter().flatten().find(|(known, _)| *known == english);
    found.map(|(_, portuguese)| *portuguese)
}
