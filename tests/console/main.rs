//! The console as a person meets it: real nodes, a real terminal, keys. How its screens look is compared in the unit
//! tests of `tui/console`, against the files in `screens/`.

#[cfg(unix)]
mod session;

#[cfg(unix)]
mod sessions;

#[cfg(target_os = "linux")]
mod terminals;

#[cfg(unix)]
mod typing;
