//! The integration tests, as one binary: the libraries are linked once.

#![allow(clippy::indexing_slicing, reason = "an index out of bounds fails the test")]

#[cfg(feature = "ingest")]
mod admission;
#[cfg(feature = "ingest")]
mod archives;
#[cfg(feature = "ingest")]
mod build_command;
#[cfg(feature = "ingest")]
mod builds_over_time;
#[cfg(feature = "ingest")]
mod catalog_changes;
mod cli;
#[cfg(feature = "ingest")]
mod compat;
#[cfg(feature = "ingest")]
mod contrib;
#[cfg(feature = "ingest")]
mod corpus;
#[cfg(feature = "ingest")]
mod costs;
#[cfg(feature = "ingest")]
mod damage;
#[cfg(feature = "ingest")]
mod determinism;
#[cfg(feature = "ingest")]
mod diff;
#[cfg(feature = "ingest")]
mod faults;
#[cfg(feature = "ingest")]
mod files;
#[cfg(feature = "ingest")]
mod format_cases;
#[cfg(feature = "ingest")]
mod formats;
#[cfg(feature = "ingest")]
mod hostile_lines;
#[cfg(feature = "ingest")]
mod large_lists;
mod log_kinds;
#[cfg(feature = "ingest")]
mod memory_bounds;
#[cfg(feature = "ingest")]
mod oracle;
#[cfg(any(feature = "ingest", target_os = "linux"))]
mod process;
#[cfg(feature = "ingest")]
mod random;
mod sample;
#[cfg(feature = "ingest")]
mod scale;
mod score_command;
#[cfg(feature = "ingest")]
mod score_inputs;
#[cfg(feature = "ingest")]
mod scorer_reference;
#[cfg(feature = "ingest")]
mod support;
#[cfg(feature = "ingest")]
mod syntaxes;
mod test_dir;
mod tidy;
