//! The options that every command of the shell takes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::grammar::address;
use crate::lang::Lang;

#[derive(Args, Clone, Debug)]
pub struct Global {
    /// The addresses of one or more nodes, as 127.0.0.1:7101,[::1]:7102. The default is EPOCA_CONNECT, unless --data is
    /// given; without both, the cluster that runs on ./epoca-data
    #[arg(long, value_name = "ADDR,…", value_delimiter = ',', value_parser = address, global = true)]
    pub connect: Vec<String>,
    #[arg(skip)]
    pub source: TargetSource,
    /// The data folder of a local cluster
    #[arg(long, value_name = "DIR", default_value = "./epoca-data", global = true)]
    pub data: PathBuf,
    /// The deadline of each operation, in seconds or with a unit as 500ms
    #[arg(long, value_name = "S", default_value = "5", value_parser = duration, global = true)]
    pub timeout: Duration,
    /// How results and errors are shown
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text, global = true)]
    pub output: Format,
    /// The language of texts; by default that of the locale (LC_ALL, LC_MESSAGES, LANG)
    #[arg(long, value_enum, value_name = "LANG", global = true)]
    pub lang: Option<Lang>,
}

/// Where the name of the cluster comes from. An option takes precedence over the environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetSource {
    /// `--connect` or `--data`.
    Option,
    /// `EPOCA_CONNECT`. Its addresses are in `connect`, unchecked.
    Environment,
    /// The default data folder.
    #[default]
    Default,
}

/// The environment variable with the addresses of a cluster.
pub const CONNECT_VARIABLE: &str = "EPOCA_CONNECT";

impl Global {
    /// The language of the output.
    pub fn lang(&self) -> Lang {
        self.lang.unwrap_or_else(Lang::of_process)
    }

    pub fn shown(&self) -> Shown {
        Shown { format: self.output, lang: self.lang() }
    }

    /// Decides which cluster is meant. `has_option`: `--connect` or `--data` was given. `connect`: the value of
    /// [`CONNECT_VARIABLE`].
    pub fn resolve_target(&mut self, has_option: bool, connect: Option<OsString>) {
        if has_option {
            self.source = TargetSource::Option;
            return;
        }
        let text = connect.map(|text| text.to_string_lossy().into_owned()).unwrap_or_default();
        let addresses = text.split(',').map(str::trim).filter(|address| !address.is_empty());
        self.connect = addresses.map(str::to_owned).collect();
        self.source = if self.connect.is_empty() { TargetSource::Default } else { TargetSource::Environment };
    }
}

/// How results are printed.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    pub format: Format,
    pub lang: Lang,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

/// `5`, `0.5`, `5s` or `500ms`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let seconds = number.trim().parse::<f64>().map(|number| number * unit);
    match seconds {
        Ok(seconds) if (0.001..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected a number of seconds above 0, as 5, or a number with a unit, as 500ms".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_seconds_or_have_a_unit() {
        assert_eq!(duration("5"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("0.25s"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for wrong in ["", "0", "-1", "soon", "nan", "1e99"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
