//! Real processes, driven through the command line: the launcher, the commands, their exit codes and JSON.
//!
//! The requirements of the assignment have their own tests in `tests/assignment`.

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
