//! Tests of the storage as a whole: opening, surviving, refusing. Small parts are tested where they stand.

mod support;

mod log;
