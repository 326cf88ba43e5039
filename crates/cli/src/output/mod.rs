//! How results are printed: one file per output format, and for each command with a choice a table of them.

#[cfg(feature = "ingest")]
pub(crate) mod build;
#[cfg(feature = "export")]
pub(crate) mod export;
#[cfg(feature = "fetch")]
pub(crate) mod fetch;
pub(crate) mod json;
#[cfg(feature = "ledger")]
pub(crate) mod ledger;
pub(crate) mod lookup;
pub(crate) mod score;

pub(crate) use rapsheet_json::push_number;
