//! Feeds in, one snapshot out.
//!
//! The night in order: the catalogue says which feeds there are; each download is decoded and read in
//! parallel by its format; what survives of yesterday is carried over; everything is merged, flattened,
//! interned and written. Nothing here reads a clock, prints, or touches the network.

pub mod build;
pub mod catalog;
pub mod decode;
pub mod format;
pub mod guard;
pub mod intake;
pub mod lines;
pub mod moment;
pub mod options;
pub mod read;
pub mod refused;
pub mod report;
pub mod scribe;
pub mod tally;
pub mod token;
pub mod transcript;
