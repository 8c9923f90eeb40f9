//! Tests of the console as a whole: messages in, the model and whole screens out. Unit tests are in the files that they
//! test.

mod causal_order;

mod claims;

mod closer;

mod code;

mod drawing;

mod exports;

mod final_db;

mod hand;

mod interplay;

mod keys;

mod pace;

mod redraw;

mod sample;

mod scenarios;

mod screens;

mod speed;

mod tape;

mod tour;

mod typing;
