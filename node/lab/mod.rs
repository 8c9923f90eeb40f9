//! Faults made on purpose: a gate between the core's outputs and the links, and between the links and the core.
//!
//! ```text
//!   core ── Send ──▶ gate ──▶ links         links ──▶ gate ── Message ──▶ core
//!                                                      │ ▲
//!                                            held, late ▼ │ released, delivered by hand
//!                                                     pending
//! ```
//!
//! Every message passes it as the core means it, before it is bytes. A rule says which messages it is about, by sender,
//! receiver and kind, and what becomes of them. Cutting a link, holding commit orders and step mode are made of nothing
//! but this. The protocol has no code for faults and gets no hint of them.
//!
//! A message is lost at either end, and kept back, delayed or doubled only where it arrives: so each happens once.
//!
//! Absent on purpose: clocks, links, and who may ask for a fault.

mod gate;

mod pending;

mod contents;

mod wrong;

#[cfg(test)]
mod tests;

pub use gate::{Gate, Handled, Handling, Passage};
pub use wrong::{Altered, FaultyNode};
