//! The integration tests, as one binary: the libraries are linked once. `edge.rs` tests the build without
//! parsers.

#![allow(clippy::indexing_slicing, reason = "an index out of bounds fails the test")]

mod admission;
mod analyst;
mod archives;
mod build_command;
mod builds_over_time;
mod catalog_changes;
mod cli;
mod compat;
#[cfg(feature = "export")]
mod consumers;
mod contrib;
mod corpus;
mod costs;
mod damage;
mod detection;
mod determinism;
mod diff;
#[cfg(feature = "export")]
mod export;
#[cfg(feature = "export")]
mod export_formats;
mod faults;
mod fetch;
mod files;
mod forged;
mod format_cases;
mod formats;
mod found_in_text;
mod fresh_logs;
mod hostile_lines;
mod large_lists;
mod ledger;
mod log_kinds;
mod log_records;
mod log_times;
mod lookup_batches;
mod memory_bounds;
mod new_hits;
mod operator;
mod oracle;
mod outputs;
mod process;
mod random;
mod rule_lists;
mod sample;
mod scale;
mod score_command;
mod score_inputs;
mod scorer_fresh_logs;
mod scorer_reference;
#[cfg(all(feature = "serve", unix))]
mod serve;
#[cfg(all(feature = "export", feature = "publish", unix))]
mod ship;
mod signals;
mod small_formats;
mod support;
mod syntaxes;
mod tables;
mod test_dir;
mod tidy;
