//! The integration tests, one binary: linking once is what keeps them quick.

#[cfg(feature = "ingest")]
mod building;
mod cli;
mod place;
mod sample;
mod scoring;
