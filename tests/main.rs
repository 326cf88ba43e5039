//! The integration tests, one binary: linking once is what keeps them quick.

#![allow(clippy::indexing_slicing, reason = "a test that is out of bounds has failed, which is its purpose")]

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
