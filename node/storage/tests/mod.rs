//! Tests of the storage as a whole: opening, recovering, refusing. Smaller units have tests in their own files.

mod faulty;

mod snapshots;

mod install;

pub mod support;

mod log;

mod damage;

mod quarantine;

mod power;

mod database;

mod killed;

mod sessions;

mod refusals;

mod inspect;

mod lost;

mod kept;

mod restores;

mod versions;

mod benchmark;
