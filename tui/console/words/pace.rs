//! Texts of slow motion.

use crate::lang::{Text, text};

/// At the top of the screen.
pub const T_SLOW: Text = text("{pace} of real time", "{pace} do tempo real");
pub const T_SLOW_LONG: Text =
    text("{pace} of real time; timers stretched", "{pace} do tempo real; temporizadores esticados");
pub const MARK_SLOW: Text = text("▸ 1/{what} of real time", "▸ 1/{what} do tempo real");
pub const MARK_REAL: Text = text("▸ real time", "▸ tempo real");
pub const SCENARIO_RUNS: Text = text(
    "a scenario runs: it waits in real time, slow motion is possible after it",
    "um cenário está em andamento: ele espera em tempo real; câmera lenta só depois dele",
);
pub const IS_REAL: Text = text("time is real time already", "o tempo já é o real");
pub const IS_SLOWEST: Text = text("slower than {pace} there is nothing", "não há nada mais lento que {pace}");
