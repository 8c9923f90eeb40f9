//! The config file `epoca/config.toml` in the folder that the XDG specification names. Options on the command line take
//! precedence.
//!
//! ```toml
//! theme = "light"          # dark or light
//! ascii = true
//! lang = "pt-BR"           # en or pt-BR
//! mouse = true
//! present = true
//!
//! [keys]                   # a key as the help shows it = the key to use instead
//! k = "ctrl-k"
//! ```
//!
//! The console does not start with an invalid file. The error names line and key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Deserialize;
use toml::Spanned;

use crate::console::Theme;
use crate::console::keys::{self, Binding};
use crate::lang::Lang;

/// The contents of the file. Every setting is optional.
#[derive(Debug, Default)]
pub struct Config {
    pub theme: Option<Theme>,
    pub lang: Option<Lang>,
    pub ascii: bool,
    pub mouse: bool,
    pub present: bool,
    /// All bindings, if the file changes any.
    pub bindings: Option<Vec<Binding>>,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {}: {error}", path.display())]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("{}, line {line}: {what}", path.display())]
    Wrong { path: PathBuf, line: usize, what: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    theme: Option<Spanned<String>>,
    lang: Option<Spanned<String>>,
    #[serde(default)]
    ascii: bool,
    #[serde(default)]
    mouse: bool,
    #[serde(default)]
    present: bool,
    #[serde(default)]
    keys: BTreeMap<String, Spanned<String>>,
}

/// Reads the file. A missing file is an empty one.
pub fn read(path: &Path) -> Result<Config, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, &text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Config::default()),
        Err(error) => Err(ConfigError::Unreadable { path: path.to_owned(), error }),
    }
}

fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
    let wrong = |at: usize, what: String| {
        let line = text.get(..at).unwrap_or(text).matches('\n').count() + 1;
        ConfigError::Wrong { path: path.to_owned(), line, what }
    };
    let written: ConfigFile = toml::from_str(text)
        .map_err(|error| wrong(error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
    let ConfigFile { theme, lang, ascii, mouse, present, keys } = written;
    let theme = theme.map(|theme| parse_value("theme", &theme).map_err(|(at, what)| wrong(at, what))).transpose()?;
    let lang = lang.map(|lang| parse_value("lang", &lang).map_err(|(at, what)| wrong(at, what))).transpose()?;
    let bindings = (!keys.is_empty()).then(|| parse_keys(&keys).map_err(|(at, what)| wrong(at, what))).transpose()?;
    Ok(Config { theme, lang, ascii, mouse, present, bindings })
}

/// Parses an enum value. The error carries the byte offset.
fn parse_value<T: ValueEnum>(key: &str, value: &Spanned<String>) -> Result<T, (usize, String)> {
    T::from_str(value.get_ref(), true).map_err(|_| {
        let names = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<_> = names.map(|value| value.get_name().to_owned()).collect();
        let what = format!("{key}: {:?} is invalid, expected {}", value.get_ref(), names.join(" or "));
        (value.span().start, what)
    })
}

fn parse_keys(wanted: &BTreeMap<String, Spanned<String>>) -> Result<Vec<Binding>, (usize, String)> {
    let mut bindings = keys::BINDINGS.to_vec();
    for (shown, key) in wanted {
        let at = key.span().start;
        keys::remap(&mut bindings, shown, key.get_ref()).map_err(|what| (at, format!("keys.{shown}: {what}")))?;
    }
    match keys::find_conflict(&bindings) {
        None => Ok(bindings),
        Some((first, second)) => {
            let said = wanted.iter().find(|(shown, _)| [first, second].contains(&&shown[..]));
            let at = said.map_or(0, |(_, key)| key.span().start);
            let name = said.map_or("", |(shown, _)| shown);
            Err((at, format!("keys.{name}: {first} and {second} would be the same key")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse(Path::new("config.toml"), text).expect_err(text).to_string()
    }

    #[test]
    fn a_whole_file_is_understood() {
        let text = "theme = \"light\"\nlang = \"pt-BR\"\nmouse = true\n[keys]\nk = \"K\"\n";
        let config = parse(Path::new("config.toml"), text).expect("all is right");
        assert_eq!((config.theme, config.lang, config.mouse), (Some(Theme::Light), Some(Lang::Portuguese), true));
        let bindings = config.bindings.expect("a key is another");
        assert!(bindings.iter().any(|binding| binding.label == "K"));
        assert!(parse(Path::new("config.toml"), "").is_ok_and(|config| config.bindings.is_none()));
    }

    #[test]
    fn a_mistake_is_told_with_its_line_and_key() {
        assert_eq!(
            refused("mouse = true\ntheme = \"green\"\n"),
            "config.toml, line 2: theme: \"green\" is invalid, expected dark or light"
        );
        assert!(refused("a = 1\n").starts_with("config.toml, line 1: unknown field `a`"), "{}", refused("a = 1\n"));
        assert!(refused("mouse = 3\n").contains("line 1: invalid type"), "{}", refused("mouse = 3\n"));
        assert!(refused("[keys]\n\nkk = \"x\"\n").starts_with("config.toml, line 3: keys.kk: there is no key kk"));
        assert!(
            refused("[keys]\nk = \"hyper-x\"\n").starts_with("config.toml, line 2: keys.k: \"hyper-x\" is not a key")
        );
        assert_eq!(refused("[keys]\nk = \"r\"\n"), "config.toml, line 2: keys.k: k and r would be the same key");
    }

    #[test]
    fn two_keys_can_change_places() {
        let text = "[keys]\nk = \"r\"\nr = \"k\"\n";
        assert!(parse(Path::new("config.toml"), text).is_ok());
    }
}
