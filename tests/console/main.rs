//! The console as a user meets it: real nodes, a real terminal, keys. The screens are compared with the files in
//! `screens/` by the unit tests of `tui/console`.

#[cfg(unix)]
mod session;

#[cfg(unix)]
mod sessions;

#[cfg(target_os = "linux")]
mod terminals;

#[cfg(unix)]
mod typing;
