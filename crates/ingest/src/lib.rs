//! Feeds in, one snapshot out.
//!
//! The night in order: the catalogue says which feeds there are; each download is decoded and read in
//! parallel by its format; what survives of yesterday is carried over; everything is merged, flattened,
//! interned and written. Nothing here reads a clock, prints, or touches the network.

mod accept;
mod assemble;
mod blocks;
pub mod build;
pub mod canary;
mod carry;
pub mod catalog;
mod claim;
mod compose;
mod coverage;
pub mod decode;
mod door;
mod download;
mod feed;
mod flatten;
pub mod format;
pub mod guard;
mod harvest;
pub mod intake;
mod intern;
pub mod lines;
mod merge;
pub mod options;
pub mod read;
pub mod refused;
pub mod remember;
pub mod report;
pub mod scribe;
pub mod sniff;
pub mod tally;
pub mod timestamp;
pub mod token;
pub mod transcript;
pub mod words;
