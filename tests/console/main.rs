//! The console as a whole: real nodes, a pseudo-terminal, keys. The unit tests of `tui/console` compare its screens
//! with the files in `screens/`.

#[cfg(unix)]
mod browser;

#[cfg(unix)]
mod by_hand;

#[cfg(unix)]
mod defense;

#[cfg(unix)]
mod session;

#[cfg(unix)]
mod sessions;

#[cfg(target_os = "linux")]
mod terminals;

#[cfg(unix)]
mod typing;
