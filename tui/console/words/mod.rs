//! All texts of the screen, in each language. Nothing here knows where a text is drawn.

pub mod checks;

pub mod code;

pub mod commands;

pub mod explain;

pub mod export;

mod facts;

pub mod hand;

mod narration;

pub mod moments;

pub mod node;

pub mod obstacles;

mod reasons;

mod rules;

pub mod scenario;

pub mod screen;

pub mod pace;

pub mod startup;

pub mod step;

pub mod tape;

pub mod tour;

pub use facts::{bytes, content, stepped_down};
