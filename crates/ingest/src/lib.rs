//! Feeds in, one snapshot out.
//!
//! | room | does |
//! |---|---|
//! | [`catalog`] | which feeds there are, and what each of them means |
//! | `download` | from a folder of downloads to blocks of lines; [`decode`], from a file to its text |
//! | [`mod@format`] | from lines to entries, one module for each format |
//! | `entry` | the rules for one entry, whatever its format |
//! | [`pipeline`] | reads one download through these rooms, in parallel or in order |
//! | `admission` | the rules for a whole download: take it or hold it |
//! | `sighting` | claims: of downloads, the previous snapshot and the state file |
//! | [`list_feed`] | a feed of one file that no catalogue names |
//! | [`mod@inspect`] | whether a build would refuse a download |
//! | [`mod@build`] | the build: input, order of work, output |
//! | [`report`] | what happened, for a person and for programs |
//!
//! Nothing here reads a clock, prints, or touches the network. `rapsheet_assemble` merges the claims and lays
//! the snapshot out.

mod admission;
pub mod build;
pub mod catalog;
mod download;
mod entry;
pub mod format;
pub mod inspect;
pub mod list_feed;
pub mod pipeline;
pub mod report;
mod sighting;

pub use download::decode;
