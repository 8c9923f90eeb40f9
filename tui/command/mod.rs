//! The command line's grammar, and carrying out what it says: the same for the shell and the console's prompt.
