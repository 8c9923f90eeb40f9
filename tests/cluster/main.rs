//! Real processes, started and used as a person does: the launcher, the command line, its exit codes and its JSON.
//!
//! What the assignment asks for has tests of its own in `tests/assignment`.

mod support;

mod addresses;

mod client;

mod command_line;

mod backups;

mod bad_input;

mod exactly_once;

mod faults;

mod final_data;

mod frozen_leader;

mod full_disk;

mod gate;

mod guests;

mod launcher;

mod leaders;

mod members;

mod damage;

mod other_cluster;

mod outcomes;

mod overload;

mod pace;

mod private_files;

mod services;

mod snapshots;

mod step;

mod streams;

mod tape;

mod versions;

mod watches;

mod wrong;

mod writes;
