//! How results are printed: one file per output format, and for each command with a choice a table of them.

#[cfg(feature = "ingest")]
pub(crate) mod build;
pub(crate) mod delimited;
mod interned;
pub(crate) mod json;
pub(crate) mod lookup;
pub(crate) mod score;
