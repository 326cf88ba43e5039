//! The integration tests, as one binary: the libraries are linked once. `edge.rs` tests the build without
//! parsers.

#![allow(clippy::indexing_slicing, reason = "an index out of bounds fails the test")]

mod admission;
mod archives;
mod build_command;
mod builds_over_time;
mod catalog_changes;
mod cli;
mod compat;
mod contrib;
mod corpus;
mod costs;
mod damage;
mod determinism;
mod diff;
mod faults;
mod files;
mod forged;
mod format_cases;
mod formats;
mod hostile_lines;
mod large_lists;
mod log_kinds;
mod memory_bounds;
mod oracle;
mod process;
mod random;
mod sample;
mod scale;
mod score_command;
mod score_inputs;
mod scorer_reference;
mod signals;
mod support;
mod syntaxes;
mod test_dir;
mod tidy;
