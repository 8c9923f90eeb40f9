//! The options that every command of the shell takes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::grammar::address;

#[derive(Args, Clone, Debug)]
pub struct Global {
    /// The addresses of one or more nodes, as 127.0.0.1:7101,[::1]:7102; without it those in EPOCA_CONNECT, unless
    /// --data is given; without all of them the cluster that runs on ./epoca-data
    #[arg(long, value_name = "ADDR,…", value_delimiter = ',', value_parser = address, global = true)]
    pub connect: Vec<String>,
    #[arg(skip)]
    pub named: Named,
    /// The data folder of a local cluster
    #[arg(long, value_name = "DIR", default_value = "./epoca-data", global = true)]
    pub data: PathBuf,
    /// The deadline of each operation: seconds, or with a unit as 500ms
    #[arg(long, value_name = "S", default_value = "5", value_parser = duration, global = true)]
    pub timeout: Duration,
    /// How results and errors are shown
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text, global = true)]
    pub output: Format,
}

/// By what the cluster of a command was named. What is typed beats the environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Named {
    /// `--connect` or `--data`.
    Typed,
    /// `EPOCA_CONNECT`: its addresses are in `connect`, unchecked.
    Environment,
    /// By nothing: the default data folder counts.
    #[default]
    Nothing,
}

/// Where addresses stand when none are typed.
pub const CONNECT_VARIABLE: &str = "EPOCA_CONNECT";

impl Global {
    pub fn settle(&mut self, typed: bool, connect: Option<OsString>) {
        if typed {
            self.named = Named::Typed;
            return;
        }
        let text = connect.map(|text| text.to_string_lossy().into_owned()).unwrap_or_default();
        let addresses = text.split(',').map(str::trim).filter(|address| !address.is_empty());
        self.connect = addresses.map(str::to_owned).collect();
        self.named = if self.connect.is_empty() { Named::Nothing } else { Named::Environment };
    }
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
        _ => Err("a deadline is a number of seconds above 0, as 5, or has a unit, as 500ms".to_owned()),
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
