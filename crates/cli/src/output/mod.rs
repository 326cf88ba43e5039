//! How answers look: one file per output format, and a table of rows for each command that has a choice.

pub(crate) mod lookup;
#[cfg(feature = "ingest")]
pub(crate) mod night;
pub(crate) mod score;
