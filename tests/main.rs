//! The integration tests, one binary: linking once is what keeps them quick.

#![allow(clippy::indexing_slicing, reason = "a test that is out of bounds has failed, which is its purpose")]

#[cfg(feature = "ingest")]
mod archives;
#[cfg(feature = "ingest")]
mod bounds;
#[cfg(feature = "ingest")]
mod building;
#[cfg(feature = "ingest")]
mod changes;
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
mod deterministic;
#[cfg(feature = "ingest")]
mod diffs;
#[cfg(feature = "ingest")]
mod doors;
#[cfg(feature = "ingest")]
mod faults;
#[cfg(feature = "ingest")]
mod formats;
#[cfg(feature = "ingest")]
mod hostile;
#[cfg(feature = "ingest")]
mod inputs;
mod kinds;
#[cfg(feature = "ingest")]
mod lists;
#[cfg(feature = "ingest")]
mod nights;
#[cfg(feature = "ingest")]
mod oracle;
mod place;
mod sample;
#[cfg(feature = "ingest")]
mod scale;
#[cfg(feature = "ingest")]
mod scanning;
mod scoring;
#[cfg(feature = "ingest")]
mod support;
#[cfg(feature = "ingest")]
mod syntaxes;
mod tidy;
#[cfg(feature = "ingest")]
mod traps;
